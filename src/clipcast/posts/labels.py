"""Labels of posts. All run in the caller's transaction and never commit."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.audit.service import Actor, record
from clipcast.clock import clock
from clipcast.common.ids import new_id, parse_id
from clipcast.common.labels import LABEL_MAX
from clipcast.common.names import name_key, require_name
from clipcast.common.problems import NotFound, Problem, ValidationFailed
from clipcast.database import among
from clipcast.database.hot_queries import Executor, Statement
from clipcast.database.limits import require_whole
from clipcast.database.models.lists import Label, PostLabel
from clipcast.database.models.posts import Post

# The most labels of a workspace, and of a post.
LABELS_MAX = 500
OF_POST_MAX = 20

PUT_ON = Statement("""
    INSERT INTO post_labels (post_id, label_id) SELECT :post_id, id FROM labels WHERE id = ANY(:label_ids)
    ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True)
class Change:
    """Labels to put on posts, and labels to take off."""

    on: tuple[Label, ...]
    off: tuple[UUID, ...]


async def list_labels(session: AsyncSession, workspace_id: UUID) -> list[Label]:
    """Return the labels of the workspace by name."""
    found = await session.scalars(select(Label).where(Label.workspace_id == workspace_id))
    return sorted(found, key=lambda one: one.name_key)


async def get_label(session: AsyncSession, workspace_id: UUID, label_id: str) -> Label:
    """Return the label. Raise NotFound if the workspace has no such label."""
    found = parse_id(label_id)
    label = await session.get(Label, found) if found else None
    if label is None or label.workspace_id != workspace_id:
        raise NotFound("label", label_id)
    return label


async def create_label(session: AsyncSession, workspace_id: UUID, typed: str, by: Actor) -> Label:
    """Create a label. Raise ValidationFailed, also if another one has the name."""
    name = require_name(typed, LABEL_MAX)
    if await _has_name(session, workspace_id, name):
        raise _taken(name)
    [made] = await named(session, workspace_id, [name], "/name")
    record(session, workspace_id, by, "label.created", made.name, made.id)
    return made


async def rename_label(session: AsyncSession, workspace_id: UUID, label_id: str, typed: str, by: Actor) -> Label:
    """Give a label another name. Raise NotFound, ValidationFailed, or AppError 403 for who sees some clients only."""
    require_whole(session, "rename labels")
    label, name = await get_label(session, workspace_id, label_id), require_name(typed, LABEL_MAX)
    if name == label.name:
        return label
    if name_key(name) != label.name_key and await _has_name(session, workspace_id, name):
        raise _taken(name)
    record(session, workspace_id, by, "label.renamed", name, label.id, before=label.name)
    label.name, label.name_key = name, name_key(name)
    try:
        await session.flush()
    except IntegrityError:
        raise _taken(name) from None
    return label


async def delete_label(session: AsyncSession, workspace_id: UUID, label_id: str, by: Actor) -> None:
    """Delete a label. The posts that have it stay. Raise NotFound, or AppError 403 for who sees some clients only."""
    require_whole(session, "delete labels")
    label = await get_label(session, workspace_id, label_id)
    record(session, workspace_id, by, "label.deleted", label.name)
    await session.delete(label)


async def _has_name(session: AsyncSession, workspace_id: UUID, name: str) -> bool:
    query = select(Label.id).where(Label.workspace_id == workspace_id, Label.name_key == name_key(name))
    return await session.scalar(query) is not None


def _taken(name: str) -> ValidationFailed:
    return ValidationFailed([Problem("/name", "not_unique", f"Another label is called {name!r}. Choose another name.")])


async def named(session: AsyncSession, workspace_id: UUID, typed: Iterable[str], path: str = "/labels") -> list[Label]:
    """Return the labels with these names, each once. Make those that do not exist. Raise ValidationFailed."""
    names: dict[str, str] = {}
    for one in typed:
        name = require_name(one, LABEL_MAX, path)
        names.setdefault(name_key(name), name)
    if len(names) > OF_POST_MAX:
        raise _too_many(path, len(names))
    if not names:
        return []
    rows = [
        {"id": new_id(), "workspace_id": workspace_id, "name": name, "name_key": key, "created_at": clock.now()}
        for key, name in names.items()
    ]
    await session.execute(insert(Label).values(rows).on_conflict_do_nothing())
    number = await session.scalar(select(func.count()).where(Label.workspace_id == workspace_id)) or 0
    if number > LABELS_MAX:
        message = f"The workspace would have {number} labels, maximum {LABELS_MAX}. Delete some."
        raise ValidationFailed([Problem(path, "too_many_labels", message, LABELS_MAX, number)])
    query = select(Label).where(Label.workspace_id == workspace_id, Label.name_key.in_(names))
    found = {one.name_key: one for one in await session.scalars(query)}
    return [found[key] for key in names]


def _too_many(path: str, number: int) -> ValidationFailed:
    message = f"Too many labels for one post: {number}, maximum {OF_POST_MAX}. Remove some."
    return ValidationFailed([Problem(path, "too_long", message, OF_POST_MAX, number)])


async def change(session: AsyncSession, post: Post, wanted: Change, by: Actor) -> Change:
    """Put labels on a locked post and take others off. Return the change that undoes it. Raise ValidationFailed."""
    post_id = post.id
    before = set(await session.scalars(select(PostLabel.label_id).where(PostLabel.post_id == post_id)))
    on = [one for one in wanted.on if one.id not in before]
    off = tuple(id for id in wanted.off if id in before and id not in {one.id for one in wanted.on})
    if (number := len(before) + len(on) - len(off)) > OF_POST_MAX:
        raise _too_many("/labels", number)
    if off:
        await session.execute(delete(PostLabel).where(PostLabel.post_id == post_id, PostLabel.label_id.in_(off)))
    if on:
        rows = [{"post_id": post_id, "label_id": one.id} for one in on]
        await session.execute(insert(PostLabel).values(rows).on_conflict_do_nothing())
    gone = (await session.scalars(select(Label).where(Label.id.in_(off)))).all() if off else ()
    if on or off:
        names = {"on": [one.name for one in on], "off": [one.name for one in gone]}
        record(session, post.workspace_id, by, "post.labelled", f"Post {post_id}", post_id, **names)
    return Change(tuple(gone), tuple(one.id for one in on))


async def put_on(executor: Executor, post_id: UUID, label_ids: Sequence[UUID]) -> None:
    """Put labels that exist on a new post."""
    await executor.fetch(PUT_ON, {"post_id": post_id, "label_ids": list(label_ids)})


async def labels_on(session: AsyncSession, post_id: UUID) -> list[Label]:
    """Return the labels of a post by name."""
    query = select(Label).join(PostLabel, PostLabel.label_id == Label.id).where(PostLabel.post_id == post_id)
    return list(await session.scalars(query.order_by(Label.name_key)))


async def labels_of(session: AsyncSession, post_ids: Collection[UUID]) -> dict[UUID, list[str]]:
    """Return the names of each post's labels, by name. Posts without a label are left out."""
    query: Any = select(PostLabel.post_id, Label.name).join(Label, Label.id == PostLabel.label_id)
    query = query.where(among(PostLabel.post_id, post_ids)).order_by(Label.name_key)
    found: dict[UUID, list[str]] = {}
    for post_id, name in await session.execute(query):
        found.setdefault(post_id, []).append(name)
    return found
