"""The listener of each workspace: the types of events that triggers write because a member wants them."""

from typing import Any
from uuid import UUID

from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.common.settings import Settings
from clipcast.database import Database
from clipcast.database.models.events import EventListener
from clipcast.notices.words import DEFAULT_ROLES, defaults_of
from clipcast.webhooks.events import written_for

# By workspace: what is listened for, and what members have chosen. The listener has the workspace's id.
CHOSEN = text("""
    SELECT workspaces.id, event_listeners.id IS NOT NULL AS listens, event_listeners.types AS types,
           ARRAY(SELECT DISTINCT type
                 FROM notice_channels, unnest(coalesce(events, CAST(:defaults AS varchar[]))) AS type
                 WHERE notice_channels.workspace_id = workspaces.id
                   AND (channel IN ('app', 'push') OR channel = 'email' AND :has_mail
                        OR address IS NOT NULL)) AS chosen,
           EXISTS (SELECT FROM memberships
                   WHERE memberships.workspace_id = workspaces.id AND role = ANY(:default_roles)) AS has_members
    FROM workspaces LEFT JOIN event_listeners ON event_listeners.id = workspaces.id
    WHERE CAST(:workspace_id AS uuid) IS NULL OR workspaces.id = :workspace_id
    ORDER BY workspaces.id
""")


async def refresh_listeners(database: Database, settings: Settings) -> None:
    """Listen in each workspace for what its members want, and for nothing else. Safe to run concurrently."""
    async with database.begin() as session:
        await _refresh(session, settings, None)


async def refresh_listener(session: AsyncSession, settings: Settings, workspace_id: UUID) -> None:
    """Listen in this workspace for what its members want, from the commit on."""
    await session.flush()
    await _refresh(session, settings, workspace_id)


async def _refresh(session: AsyncSession, settings: Settings, workspace_id: UUID | None) -> None:
    values: dict[str, Any] = {
        "workspace_id": workspace_id, "has_mail": settings.smtp is not None, "defaults": defaults_of("owner"),
        "default_roles": list(DEFAULT_ROLES),
    }  # fmt: skip
    for row in await session.execute(CHOSEN, values):
        # By default, members have notices in the app.
        wanted = written_for([*(defaults_of("owner") if row.has_members else ()), *row.chosen])
        if wanted == row.types or not (wanted or row.listens):
            continue
        if not wanted:
            await session.execute(delete(EventListener).where(EventListener.id == row.id))
            continue
        listener = insert(EventListener).values(id=row.id, workspace_id=row.id, types=wanted)
        await session.execute(listener.on_conflict_do_update(index_elements=["id"], set_={"types": wanted}))
