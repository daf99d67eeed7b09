"""Notices in the app: one for each post and type of event. The callers of these functions commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ScalarSelect, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database.hot_queries import Statement
from clipcast.database.models.notices import InboxNotice, NoticeChannel
from clipcast.database.watchers import Kind
from clipcast.notices.channels import APP
from clipcast.notices.digest import Notice, about_items, notice_of
from clipcast.notices.repository import INBOX
from clipcast.notices.words import URGENT, button_of, headline

PAGE = 30
# Unread notices are counted up to here, and shown as "99+".
COUNTED = 100
# A member's notices as a row that pages watch.
WATCHED = Kind(
    "inbox",
    Statement("""
        SELECT id, workspace_id, '' AS state, false AS is_final, CAST('{}' AS uuid[]) AS names,
               hashtextextended(concat_ws(' ',
                   (SELECT row(changed_at, event_id) FROM inbox_notices
                    WHERE channel_id = notice_channels.id ORDER BY changed_at DESC, id DESC LIMIT 1),
                   (SELECT count(*) FROM (
                        SELECT FROM inbox_notices
                        WHERE channel_id = notice_channels.id AND read_at IS NULL LIMIT 100) AS unread)
               ), 0) AS detail
        FROM notice_channels WHERE id = ANY(:ids)
    """),
)


@dataclass(frozen=True)
class Shown:
    """A notice as the page shows it. `about` names the thing, `path` is its page, and `button` leads there.

    `title` has the words of the post with `post_id`; it is empty if the post is gone, or has none.
    """

    id: UUID
    headline: str
    about: str
    why: str
    path: str
    button: str
    urgent: bool
    changed_at: datetime
    is_read: bool
    post_id: UUID | None
    title: str


async def inbox_of(session: AsyncSession, user_id: UUID, workspace_id: UUID) -> UUID:
    """Return the id of the member's channel `app`, which is created if it is missing."""
    own = {"user_id": user_id, "workspace_id": workspace_id, "channel": APP}
    query = select(NoticeChannel.id).filter_by(**own)
    if found := await session.scalar(query):
        return found
    await session.execute(insert(NoticeChannel).values(id=new_id(), **own).on_conflict_do_nothing())
    return (await session.execute(query)).scalar_one()


def unread_sql(user_id: UUID, workspace_id: UUID) -> ScalarSelect[int]:
    """Return `unread` as an SQL expression."""
    query = select(InboxNotice.id).join(NoticeChannel, NoticeChannel.id == InboxNotice.channel_id)
    query = query.where(
        NoticeChannel.user_id == user_id, NoticeChannel.workspace_id == workspace_id, NoticeChannel.channel == APP,
        InboxNotice.read_at.is_(None),
    )  # fmt: skip
    return select(func.count()).select_from(query.limit(COUNTED).subquery()).scalar_subquery()


async def unread(session: AsyncSession, user_id: UUID, workspace_id: UUID) -> int:
    """Return the number of the member's unread notices, at most COUNTED."""
    return (await session.execute(select(unread_sql(user_id, workspace_id)))).scalar_one()


async def list_notices(
    session: AsyncSession, channel_id: UUID, only_unread: bool = False, before: UUID | None = None
) -> list[Shown]:
    """Return the newest notices, or those before one of them: a page of them, and one more if there are more."""
    values = {"channel_id": channel_id, "unread": only_unread, "before": before, "limit": PAGE + 1}
    rows = (await session.execute(INBOX, values)).mappings()
    return [
        _shown(notice_of(row), row["id"], row["number"], row["changed_at"], row["read_at"] is not None) for row in rows
    ]


def _shown(notice: Notice, id: UUID, number: int, changed_at: datetime, is_read: bool) -> Shown:
    about, path = notice.about, notice.path
    if number > 1 and notice.post_id:
        about, path = about_items(notice.title, "", 0), path.partition("#")[0]
    return Shown(
        id, headline(notice.type, number), about, notice.why, path, button_of(notice.type), notice.type in URGENT,
        changed_at, is_read, notice.post_id, notice.title,
    )  # fmt: skip


async def mark_read(session: AsyncSession, channel_id: UUID, ids: Sequence[UUID] | None = None) -> None:
    """Mark notices as read: these, or all."""
    wanted = update(InboxNotice).where(InboxNotice.channel_id == channel_id, InboxNotice.read_at.is_(None))
    await session.execute(
        (wanted if ids is None else wanted.where(InboxNotice.id.in_(ids))).values(read_at=clock.now())
    )
