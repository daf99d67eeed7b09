"""Listeners of events, and what was written for them."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from clipcast.common.ids import new_id
from clipcast.database import Database
from clipcast.database.models.events import Event, EventListener


async def listen(database: Database, workspace_id: str, *types: str) -> None:
    """Have events of these types written, or all of them."""
    async with database.begin() as session:
        session.add(EventListener(id=new_id(), workspace_id=UUID(workspace_id), types=list(types) or None))


async def written(database: Database) -> list[Event]:
    """Return all events, in their order."""
    async with database.session() as session:
        return list(await session.scalars(select(Event).order_by(Event.sequence)))


async def written_facts(database: Database) -> list[tuple[str, dict[str, Any]]]:
    """Return the type and facts of all events, in their order."""
    return [(event.type, event.data) for event in await written(database)]
