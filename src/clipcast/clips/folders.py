"""Folders of the clips library, in two levels. Callers of these functions commit."""

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clips.names import FOLDER_MAX
from clipcast.common.ids import parse_id
from clipcast.common.names import name_key, require_name
from clipcast.common.problems import NotFound, Problem, ValidationFailed
from clipcast.database.changes import tell
from clipcast.database.models.clips import Folder, Render
from clipcast.database.models.workspaces import Workspace

FOLDERS_MAX = 500


@dataclass(frozen=True)
class Branch:
    """A folder with the number of its clips, and the folders in it by name."""

    folder: Folder
    count: int
    inner: tuple["Branch", ...] = ()

    @property
    def total(self) -> int:
        """The number of clips in it and in the folders in it."""
        return self.count + sum(one.count for one in self.inner)


async def list_folders(session: AsyncSession, workspace_id: UUID) -> list[Branch]:
    """Return the outer folders of the workspace by name, each with the folders in it."""
    folders = (await session.scalars(select(Folder).where(Folder.workspace_id == workspace_id))).all()
    counting = select(Render.folder_id, func.count()).where(
        Render.workspace_id == workspace_id, Render.folder_id.is_not(None), Render.deleted_at.is_(None)
    )
    rows = await session.execute(counting.group_by(Render.folder_id))
    counts: dict[UUID | None, int] = {id: count for id, count in rows}  # noqa: C416
    inside: dict[UUID | None, list[Folder]] = defaultdict(list)
    for folder in sorted(folders, key=lambda one: (one.name_key, one.id)):
        inside[folder.parent_id].append(folder)
    return [
        Branch(one, counts.get(one.id, 0), tuple(Branch(two, counts.get(two.id, 0)) for two in inside[one.id]))
        for one in inside[None]
    ]


async def find_folder(session: AsyncSession, workspace_id: UUID, folder_id: str) -> Folder | None:
    """Return a folder; None if there is no such folder."""
    query = select(Folder).where(Folder.workspace_id == workspace_id, Folder.id == parse_id(folder_id))
    return (await session.scalars(query)).first()


async def get_folder(session: AsyncSession, workspace_id: UUID, folder_id: str) -> Folder:
    """Return a folder. Raise NotFound."""
    if (found := await find_folder(session, workspace_id, folder_id)) is None:
        raise NotFound("folder", folder_id)
    return found


async def create_folder(session: AsyncSession, workspace_id: UUID, name: str, parent_id: str = "") -> Folder:
    """Create a folder, in an outer one if `parent_id` names it.

    Raise NotFound, or ValidationFailed, also if the workspace has too many.
    """
    await _hold(session, workspace_id)
    parent = await get_folder(session, workspace_id, parent_id) if parent_id else None
    if parent is not None and parent.parent_id is not None:
        message = f"{parent.name!r} is in another folder already, and folders have two levels. Choose an outer folder."
        raise ValidationFailed([Problem("/parent", "invalid", message)])
    count = await session.scalar(select(func.count()).where(Folder.workspace_id == workspace_id))
    if (count or 0) >= FOLDERS_MAX:
        message = f"The workspace has {count} folders, the maximum is {FOLDERS_MAX}. Delete one first."
        raise ValidationFailed([Problem("/name", "too_long", message, FOLDERS_MAX, count)])
    folder = Folder(workspace_id=workspace_id, parent_id=parent and parent.id)
    await _name(session, folder, name)
    session.add(folder)
    await session.flush()
    tell(session, workspace_id)
    return folder


async def rename_folder(session: AsyncSession, workspace_id: UUID, folder_id: str, name: str) -> Folder:
    """Rename a folder. Raise NotFound or ValidationFailed."""
    await _hold(session, workspace_id)
    folder = await get_folder(session, workspace_id, folder_id)
    await _name(session, folder, name)
    tell(session, workspace_id)
    return folder


async def delete_folder(session: AsyncSession, workspace_id: UUID, folder_id: str) -> Folder:
    """Delete a folder and those in it. Their clips stay in the library, without a folder. Raise NotFound."""
    await _hold(session, workspace_id)
    folder = await get_folder(session, workspace_id, folder_id)
    await session.delete(folder)
    tell(session, workspace_id)
    return folder


async def _name(session: AsyncSession, folder: Folder, typed: str) -> None:
    """Give a folder its name. Raise ValidationFailed if it cannot have it."""
    name = require_name(typed, FOLDER_MAX)
    same = select(Folder.id).where(
        Folder.workspace_id == folder.workspace_id,
        Folder.parent_id.is_not_distinct_from(folder.parent_id),
        Folder.name_key == name_key(name),
        Folder.id.is_distinct_from(folder.id),
    )
    with session.no_autoflush:
        if (await session.execute(same)).first():
            message = f"Another folder here is called {name!r}. Choose another name."
            raise ValidationFailed([Problem("/name", "not_unique", message)])
    folder.name, folder.name_key = name, name_key(name)


async def _hold(session: AsyncSession, workspace_id: UUID) -> None:
    """Hold the workspace until the end of the transaction, so that no other one changes its folders."""
    await session.execute(select(Workspace.id).where(Workspace.id == workspace_id).with_for_update(key_share=True))
