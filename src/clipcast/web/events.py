"""Server-sent events: they signal a change to open pages, which then reload their content."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import select
from starlette.responses import Response, StreamingResponse

from clipcast.common.ids import parse_id
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.database.hot_queries import Statement
from clipcast.database.limits import SEES_ALL
from clipcast.database.models.posts import Draft, Post
from clipcast.database.watchers import Kind
from clipcast.notices import inbox
from clipcast.posts.watching import DRAFT, POST
from clipcast.web.viewers import Looking, Member

router = APIRouter(include_in_schema=False)

# Proxies close silent connections, so the stream sends a comment at this interval (seconds).
COMMENT_EVERY = 15.0
# The stream ends after this time (seconds). The browser opens it again, which checks its session.
LIFETIME = 600.0
# Seconds between two events: a page reloads its content with each.
PAUSE = 1.0
POSTS_MAX = 100

# The newest and the number of each kind of object that pages list. The newest audit entry tells of posts that were
# moved into a page's days, or out of them.
OF_WORKSPACE = """
    (SELECT id FROM posts WHERE workspace_id = workspaces.id ORDER BY id DESC LIMIT 1),
    (SELECT id FROM audit_entries WHERE workspace_id = workspaces.id ORDER BY id DESC LIMIT 1),
    (SELECT row(count(*), max(updated_at)) FROM connections WHERE workspace_id = workspaces.id),
    (SELECT row(count(*), max(created_at)) FROM clips WHERE workspace_id = workspaces.id AND status = 'ready'),
    (SELECT count(*) FROM renders WHERE workspace_id = workspaces.id),
    (SELECT row(count(*), count(started_at), count(completed_at), max(completed_at), sum(progress))
     FROM renditions WHERE workspace_id = workspaces.id)"""
# Only their own page follows the requests of programs: there may be many in each second.
OF_REQUESTS = ", (SELECT id FROM logged_requests WHERE workspace_id = workspaces.id ORDER BY id DESC LIMIT 1)"


def _kind(name: str, shown: str) -> Kind:
    return Kind(
        name,
        Statement(f"""
            SELECT id, id AS workspace_id, '' AS state, false AS is_final, CAST('{{}}' AS uuid[]) AS names,
                   hashtextextended(concat_ws(' ', {shown}), 0) AS detail
            FROM workspaces WHERE id = ANY(:ids)
        """),  # noqa: S608 - constants
    )


WORKSPACE = _kind("workspace", OF_WORKSPACE)
WITH_REQUESTS = _kind("workspace with requests", OF_WORKSPACE + OF_REQUESTS)


@router.get("/w/{workspace_id}/events")
async def events(
    member: Looking,
    posts: Annotated[str, Query(max_length=4000)] = "",
    draft: Annotated[str, Query(max_length=40)] = "",
    requests: bool = False,
) -> Response:
    """Send `ready` at the beginning, and `changed` for each change that open pages show.

    That is a change of one of these posts, of the draft, of the workspace's list of posts, clips or connections, of a
    notice, or with `requests` of the list of requests. Its data holds the ids of the changed posts and draft, the
    workspace's id if a list has changed, and that of the member's notices.
    """
    member.installation.database.watchers.require_place(member.workspace.id)
    ids = [id for text in posts.split(",")[:POSTS_MAX] if (id := parse_id(text))]
    drafts = [id for text in (draft,) if (id := parse_id(text))]
    async with member.installation.database.begin() as session:
        notices = await inbox.inbox_of(session, member.user.id, member.workspace.id)
        if member.is_limited:
            seen = set(await session.scalars(select(Post.id).where(Post.id.in_(ids))))
            ids = [id for id in ids if id in seen]
            # A new draft is followed before it is stored.
            exist = select(Draft.id).where(Draft.id.in_(drafts))
            hidden = set(await session.scalars(exist.execution_options(**SEES_ALL))) - set(await session.scalars(exist))
            drafts = [id for id in drafts if id not in hidden]
    rows = [(inbox.WATCHED, notices), *((POST, id) for id in ids), *((DRAFT, id) for id in drafts)]
    return StreamingResponse(
        _changes(member, rows, WITH_REQUESTS if requests else WORKSPACE),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _changes(member: Member, rows: list[tuple[Kind, UUID]], of_workspace: Kind = WORKSPACE) -> AsyncIterator[str]:
    watchers, workspace_id = member.installation.database.watchers, member.workspace.id
    now = asyncio.get_running_loop().time
    ends_at = now() + LIFETIME
    # A database that does not respond ends the stream, and the browser opens it again.
    with suppress(DatabaseUnavailable):
        async with watchers.watch(workspace_id, [(of_workspace, workspace_id), *rows]) as watch:
            # From here on no change is missed. So the page, which may be older, is loaded again.
            yield "retry: 2000\nevent: ready\ndata: yes\n\n"
            while not watch.is_over and (left := ends_at - now()) > 0:
                if changed := await watch.next(min(COMMENT_EVERY, left)):
                    yield f"event: changed\ndata: {','.join(map(str, changed))}\n\n"
                    await asyncio.sleep(PAUSE)
                elif not watch.is_over:
                    yield ": alive\n\n"
