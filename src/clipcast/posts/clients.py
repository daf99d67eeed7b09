"""The client of a post: that of all its accounts. A post over several clients has none."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.database import among
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Item


def only_client(client_ids: Collection[UUID | None]) -> UUID | None:
    """Return the client of a post from those of its accounts: None if one has none, or another one."""
    first, *others = set(client_ids)
    return None if others else first


async def clients_of(session: AsyncSession, post_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Return the client of each of these posts that has one."""
    found: dict[UUID, set[UUID | None]] = {}
    query = select(Item.post_id, Connection.client_id).join(Connection, Connection.id == Item.connection_id)
    for post_id, client_id in await session.execute(query.where(among(Item.post_id, post_ids)).distinct()):
        found.setdefault(post_id, set()).add(client_id)
    return {id: client for id, of_items in found.items() if (client := only_client(of_items))}
