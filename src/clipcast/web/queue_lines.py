"""The lines of a client's queue: posting times with their posts, and which posts can exchange their times."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clients.slots import Slot
from clipcast.database import among
from clipcast.database.models.posts import Item, Post
from clipcast.posts.lines import PostLine, lines_of


@dataclass(frozen=True)
class QueuedPost:
    """A post in a posting time, and the queued posts before and after it, with which it can exchange its time."""

    line: PostLine
    before: UUID | None
    after: UUID | None


@dataclass(frozen=True)
class QueueLine:
    """A posting time. Without posts, it is free."""

    slot_at: datetime
    at: datetime
    posts: tuple[QueuedPost, ...]


async def queue_lines(session: AsyncSession, slots: Sequence[Slot]) -> list[QueueLine]:
    """Return the lines of these posting times, in order. Those that only unseen posts take are left out."""
    ids = [id for slot in slots for id in slot.post_ids]
    posts = list(await session.scalars(select(Post).where(among(Post.id, ids))))
    lines = {line.id: line for line in await lines_of(session, posts)}
    queued = select(Item.post_id).where(among(Item.post_id, ids), Item.slot_at.is_not(None), Item.status == "pending")
    in_queue = set(await session.scalars(queued))
    order = [id for id in dict.fromkeys(ids) if id in in_queue]
    places = {id: place for place, id in enumerate(order)}

    def show(id: UUID) -> QueuedPost:
        place = places.get(id)
        if place is None:
            return QueuedPost(lines[id], None, None)
        return QueuedPost(lines[id], order[place - 1] if place else None, next(iter(order[place + 1 :]), None))

    shown = [slot for slot in slots if not slot.post_ids or any(id in lines for id in slot.post_ids)]
    return [QueueLine(slot.slot_at, slot.at, tuple(show(id) for id in slot.post_ids if id in lines)) for slot in shown]
