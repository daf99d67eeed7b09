"""Server-sent events: they signal a change to open pages, which then reload their content."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from sqlalchemy import ARRAY, Uuid, bindparam, text
from starlette.responses import Response, StreamingResponse

from clipcast.common.ids import parse_id
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.web.viewers import Looking, Member

router = APIRouter(include_in_schema=False)

LOOK_EVERY = 1.0
# Proxies close silent connections, so the stream sends a comment at this interval (seconds).
COMMENT_EVERY = 15
# The stream ends after this time (seconds). The browser opens it again, which checks its session.
LIFETIME = 600
POSTS_MAX = 100


@router.get("/w/{workspace_id}/events")
async def events(request: Request, member: Looking, posts: Annotated[str, Query(max_length=4000)] = "") -> Response:
    """Send `changed` when one of these posts changes, or the workspace's list of posts, clips or connections."""
    ids = [id for text in posts.split(",")[:POSTS_MAX] if (id := parse_id(text))]
    return StreamingResponse(
        _changes(request, member, ids),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _changes(request: Request, member: Member, ids: list[UUID]) -> AsyncIterator[str]:
    before = await _state(member, ids)
    yield "retry: 2000\n\n"
    for second in range(1, LIFETIME):
        await asyncio.sleep(LOOK_EVERY)
        if getattr(request.app.state, "stopping", False):
            return
        try:
            now = await _state(member, ids)
        except DatabaseUnavailable:
            continue
        if now != before:
            before = now
            yield "event: changed\ndata:\n\n"
        elif second % COMMENT_EVERY == 0:
            yield ": alive\n\n"


# The newest and the number of each kind of object, and the last change of the posts on the page.
STATE = text("""
    SELECT (SELECT id FROM posts WHERE workspace_id = :workspace_id ORDER BY id DESC LIMIT 1),
           (SELECT row(count(*), max(updated_at)) FROM items WHERE post_id = ANY(:ids)),
           (SELECT max(updated_at) FROM posts WHERE id = ANY(:ids)),
           (SELECT array_agg(row(renditions.status, renditions.progress) ORDER BY items.id)
            FROM items JOIN renditions ON renditions.id = items.rendition_id WHERE items.post_id = ANY(:ids)),
           (SELECT row(count(*), max(updated_at)) FROM connections WHERE workspace_id = :workspace_id),
           (SELECT row(count(*), max(created_at)) FROM clips WHERE workspace_id = :workspace_id AND status = 'ready'),
           (SELECT count(*) FROM renders WHERE workspace_id = :workspace_id),
           (SELECT row(count(*), count(started_at), count(completed_at), max(completed_at), sum(progress))
            FROM renditions WHERE workspace_id = :workspace_id)
""").bindparams(bindparam("ids", type_=ARRAY(Uuid)), bindparam("workspace_id", type_=Uuid()))


async def _state(member: Member, ids: list[UUID]) -> object:
    """Return a value that differs after each change."""
    async with member.installation.database.connect() as connection:
        row = await connection.execute(STATE, {"workspace_id": member.workspace.id, "ids": ids})
        return tuple(row.one())
