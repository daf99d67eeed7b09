"""The request log, as developers read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.database.models.requests import LoggedRequest
from clipcast.database.models.workspaces import Workspace

LIFETIME = timedelta(days=30)
# The most requests of a workspace that are kept.
KEPT_MAX = 20_000
PAGE = 50


@dataclass(frozen=True)
class RequestFilter:
    """Which requests are listed. `search` is a request's id or a part of its path; `before` is the id of a request.

    `key_id` is an API key's.
    """

    refused: bool = False
    search: str = ""
    before: UUID | None = None
    key_id: UUID | None = None


async def list_requests(
    session: AsyncSession, workspace_id: UUID, wanted: RequestFilter
) -> tuple[Sequence[LoggedRequest], UUID | None]:
    """Return a page of requests, the newest first, and the `before` of the next page; None if there is none."""
    query = select(LoggedRequest).where(LoggedRequest.workspace_id == workspace_id)
    if wanted.refused:
        query = query.where(LoggedRequest.status >= 400)
    if request_id := parse_id(wanted.search):
        query = query.where(LoggedRequest.id == request_id)
    elif wanted.search:
        query = query.where(LoggedRequest.path.icontains(wanted.search, autoescape=True))
    if wanted.key_id:
        query = query.where(LoggedRequest.key_id == wanted.key_id)
    if wanted.before:
        query = query.where(LoggedRequest.id < wanted.before)
    found = (await session.scalars(query.order_by(LoggedRequest.id.desc()).limit(PAGE + 1))).all()
    return found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else None


async def find_request(session: AsyncSession, workspace_id: UUID, request_id: str) -> LoggedRequest | None:
    """Return a request of this workspace."""
    found = await session.get(LoggedRequest, parse_id(request_id)) if parse_id(request_id) else None
    return found if found and found.workspace_id == workspace_id else None


async def delete_old_requests(session: AsyncSession) -> None:
    """Delete requests that are older than LIFETIME, and those that a workspace has beyond KEPT_MAX."""
    await session.execute(delete(LoggedRequest).where(LoggedRequest.created_at < clock.now() - LIFETIME))
    oldest_kept = (
        select(LoggedRequest.id)
        .where(LoggedRequest.workspace_id == Workspace.id)
        .order_by(LoggedRequest.id.desc())
        .offset(KEPT_MAX - 1)
        .limit(1)
        .scalar_subquery()
    )
    full = select(Workspace.id, oldest_kept.label("oldest")).subquery()
    await session.execute(
        delete(LoggedRequest).where(LoggedRequest.workspace_id == full.c.id, LoggedRequest.id < full.c.oldest)
    )
