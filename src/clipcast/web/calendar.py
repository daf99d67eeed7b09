"""The calendar: scheduled and published posts by day, in the viewer's zone. A drag moves a pending post."""

from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from clipcast.common.problems import AppError
from clipcast.common.timestamps import Instant, format_timestamp, parse_instant
from clipcast.database.models.posts import Post
from clipcast.posts import repository
from clipcast.posts.repository import ItemHead
from clipcast.web.post_actions import move
from clipcast.web.viewers import Editing, Looking

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

SPAN_MAX = timedelta(days=100)
# An entry names this many of its post's accounts.
HEADS_SHOWN = 3


@router.get("/calendar")
async def calendar_page(member: Looking) -> Response:
    """Return the calendar page, which fetches its posts."""
    return member.render("calendar.html", section="calendar")


@router.get("/calendar/posts")
async def posts_between(member: Looking, start: str, end: str) -> Response:
    """Return the posts of a span in FullCalendar's format. On a crowded day, one entry counts the further posts."""
    try:
        since, until = parse_instant(start), parse_instant(end)
    except ValueError as error:
        raise AppError(422, "invalid_time", str(error)) from None
    if until - since > SPAN_MAX:
        message = f"The span is too long: {(until - since).days} days, maximum {SPAN_MAX.days}. Request a shorter one."
        raise AppError(422, "too_far", message)
    async with member.installation.database.session() as session:
        rows, more = await repository.posts_between(session, member.workspace.id, since, until, member.zone.key)
        heads = await repository.heads_of(session, [post.id for post, _ in rows])
    events = [_event(member.base, post, status, heads[post.id]) for post, status in rows]
    return JSONResponse(events + [_more(member.base, day, count) for day, count in more.items()])


def _event(base: str, post: Post, status: str, heads: list[ItemHead]) -> dict[str, Any]:
    names = ", ".join(f"{head.platform} @{head.username}" for head in heads[:HEADS_SHOWN])
    more = f" and {len(heads) - HEADS_SHOWN} more" if len(heads) > HEADS_SHOWN else ""
    return {
        "id": str(post.id),
        "title": names + more,
        "start": format_timestamp(post.scheduled_at or post.created_at),
        "url": f"{base}/posts/{post.id}",
        "editable": status == "pending",
        "status": status,
        "version": post.version,
    }


def _more(base: str, day: date, count: int) -> dict[str, Any]:
    """Return an entry for a whole day, with a link to all of its posts."""
    return {
        "id": f"more-{day}",
        "title": f"{count} more {'post' if count == 1 else 'posts'}: show all of this day",
        "start": str(day),
        "allDay": True,
        "url": f"{base}/posts?since={day}&until={day}",
        "editable": False,
        "status": "more",
    }


class Moved(BaseModel):
    """The body of a drag."""

    scheduled_at: Instant
    # The version of the post that the calendar shows.
    version: int | None = None


@router.post("/calendar/posts/{post_id}")
async def move_post(member: Editing, post_id: str, body: Moved) -> Response:
    """Move a pending post to the time to which a person dragged it."""
    post = await move(member, post_id, format_timestamp(body.scheduled_at), body.version)
    return JSONResponse({"scheduled_at": format_timestamp(post.scheduled_at), "version": post.version})
