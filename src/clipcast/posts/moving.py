"""Moving a scheduled post or a draft to another time, as long as nothing of it has begun."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.audit.service import Actor
from clipcast.clock import clock
from clipcast.common.problems import AppError
from clipcast.common.settings import Settings
from clipcast.common.timestamps import format_timestamp
from clipcast.common.versions import IfMatch
from clipcast.database.changes import tell
from clipcast.database.limits import saver_of
from clipcast.database.models.posts import Item
from clipcast.posts import service
from clipcast.posts.draft_lines import planned_at
from clipcast.posts.drafts import get_draft, read
from clipcast.posts.editing import update_post
from clipcast.posts.schemas import UpdatePost

# The code of the error for a post or draft that cannot move any more.
BEGUN = "post_begun"
# Returns the new time for the former one. None: without a time.
Choice = Callable[[datetime | None], datetime | None]


@dataclass(frozen=True)
class Moved:
    """A move that was made: the former and the new time, the version after it, and the posting time that it left."""

    before: datetime | None
    at: datetime | None
    version: int
    slot_at: datetime | None = None


async def move_post(
    session: AsyncSession,
    workspace_id: UUID,
    post_id: str,
    choose: Choice,
    settings: Settings,
    if_match: IfMatch | None = None,
) -> Moved:
    """Move a pending post to the time that `choose` returns for its present one.

    The post is locked first: no worker begins it meanwhile. Raise NotFound, AppError 409 `post_begun` if it is not
    pending, VersionMismatch, AppError 422 `in_the_past`, or ValidationFailed if an item cannot go out then.
    """
    post, items = await service.get_pending(session, workspace_id, post_id, BEGUN)
    service.check_version(post, if_match)
    before, slot_at = post.scheduled_at, slot_of(items)
    at = choose(before)
    if at is None:
        raise AppError(422, "time_missing", "A scheduled post needs a time. Choose one.")
    _require_future(at)
    body = UpdatePost.model_validate({"scheduled_at": format_timestamp(at)})
    await update_post(session, workspace_id, post_id, body, settings)
    return Moved(before, post.scheduled_at, post.version, slot_at)


def slot_of(items: Iterable[Item]) -> datetime | None:
    """Return the posting time of a post with these items; None if it is in none."""
    return next((item.slot_at for item in items if item.slot_at), None)


async def move_draft(
    session: AsyncSession,
    workspace_id: UUID,
    draft_id: str,
    choose: Choice,
    zone: ZoneInfo,
    author: Actor,
    if_match: IfMatch | None = None,
) -> Moved:
    """Plan a draft for the time that `choose` returns for its present one. `zone` is that of the draft's local time.

    A page that edits the draft finds the change of `author` when it saves. Raise NotFound, AppError 409 `post_begun` if
    the draft was sent, VersionMismatch, or AppError 422 `in_the_past`.
    """
    draft = await get_draft(session, workspace_id, draft_id, lock=True)
    if draft.post_id is not None:
        raise AppError(409, BEGUN, "The draft was sent. Open its post instead.")
    if if_match:
        if_match.check("draft", draft.version)
    content = read(draft.content)
    before = planned_at(content)
    at = choose(before)
    if at is not None:
        _require_future(at)
    local = at.astimezone(zone) if at else None
    draft.content = content | {
        "later": at is not None,
        "at": local.replace(tzinfo=None).isoformat(timespec="minutes") if local else "",
        "zone": zone.key if local else content["zone"],
        "second": local is not None and local.fold == 1,
        "scheduled_at": format_timestamp(at),
    }
    draft.version += 1
    draft.saved_by, draft.author_id = author.name, author.id
    draft.saved_by_id, draft.saved_from = saver_of(session), ""
    tell(session, workspace_id)
    return Moved(before, at, draft.version)


def _require_future(at: datetime) -> None:
    if at <= clock.now():
        raise AppError(422, "in_the_past", f"{format_timestamp(at)} has passed. Choose a later time.")
