"""Labels of posts. All run in the caller's transaction and never commit."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.ids import new_id, parse_id
from clipcast.common.labels import LABEL_MAX
from clipcast.common.names import NotAName, clean_name, name_key
from clipcast.common.problems import NotFound, Problem, ValidationFailed
from clipcast.database.hot_queries import Executor, Statement
from clipcast.database.models.lists import Label, PostLabel

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


async def named(session: AsyncSession, workspace_id: UUID, typed: Iterable[str], path: str = "/labels") -> list[Label]:
    """Return the labels with these names, each once. Make those that do not exist. Raise ValidationFailed."""
    names: dict[str, str] = {}
    for one in typed:
        try:
            name = clean_name(one, LABEL_MAX)
        except NotAName as error:
            raise ValidationFailed([Problem(path, "invalid", str(error))]) from None
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


async def change(session: AsyncSession, post_id: UUID, wanted: Change) -> Change:
    """Put labels on a post and take others off. Return the change that undoes it. Raise ValidationFailed."""
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
    gone = await session.scalars(select(Label).where(Label.id.in_(off))) if off else ()
    return Change(tuple(gone), tuple(one.id for one in on))


async def put_on(executor: Executor, post_id: UUID, label_ids: Sequence[UUID]) -> None:
    """Put labels that exist on a new post."""
    await executor.fetch(PUT_ON, {"post_id": post_id, "label_ids": list(label_ids)})


async def labels_of(session: AsyncSession, post_ids: Collection[UUID]) -> dict[UUID, list[str]]:
    """Return the names of each post's labels, by name. Posts without a label are left out."""
    query: Any = select(PostLabel.post_id, Label.name).join(Label, Label.id == PostLabel.label_id)
    found: dict[UUID, list[str]] = {}
    for post_id, name in await session.execute(query.where(PostLabel.post_id.in_(post_ids)).order_by(Label.name_key)):
        found.setdefault(post_id, []).append(name)
    return found
