"""Queries about clients, always within one workspace."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.common.ids import parse_id
from clipcast.common.problems import NotFound
from clipcast.database import page_of
from clipcast.database.limits import SEES_ALL
from clipcast.database.models.clients import Client
from clipcast.database.models.connections import Connection


async def get_client(session: AsyncSession, workspace_id: UUID, id: str, lock: bool = False) -> Client:
    """Return a client. Raise NotFound if the workspace has no such client."""
    query = select(Client).where(Client.workspace_id == workspace_id, Client.id == parse_id(id))
    client = (await session.scalars(query.with_for_update(key_share=True) if lock else query)).one_or_none()
    if client is None:
        raise NotFound("client", id)
    return client


async def list_clients(session: AsyncSession, workspace_id: UUID, offset: int, limit: int) -> tuple[list[Client], int]:
    """Return a page of the workspace's clients by name, and the number of all."""
    query = select(Client).where(Client.workspace_id == workspace_id)
    return await page_of(session, query.order_by(Client.name_key), offset, limit)


async def all_clients(session: AsyncSession, workspace_id: UUID) -> list[Client]:
    """Return all clients of the workspace by name, at most service.CLIENTS_MAX."""
    query = select(Client).where(Client.workspace_id == workspace_id)
    return list(await session.scalars(query.order_by(Client.name_key)))


async def find_client(session: AsyncSession, workspace_id: UUID, name_key: str) -> Client | None:
    """Return the client with this key of a name, also to those who do not see it: names are unique."""
    query = select(Client).where(Client.workspace_id == workspace_id, Client.name_key == name_key)
    return (await session.scalars(query.execution_options(**SEES_ALL))).one_or_none()


async def colors_of(session: AsyncSession, workspace_id: UUID) -> list[int]:
    """Return the colours of all clients, the number of which is the length of the list."""
    return list(await session.scalars(select(Client.color).where(Client.workspace_id == workspace_id)))


async def count_accounts(session: AsyncSession, client_ids: Collection[UUID]) -> dict[UUID, int]:
    """Return the number of accounts of each client; those without accounts are left out."""
    query = (
        select(Connection.client_id, func.count())
        .where(Connection.client_id.in_(client_ids), Connection.removed_at.is_(None))
        .group_by(Connection.client_id)
    )
    return {id: number for id, number in await session.execute(query) if id is not None}


async def accounts_of(session: AsyncSession, workspace_id: UUID, client_id: UUID) -> list[Connection]:
    """Return the accounts of a client, by platform and name."""
    query = select(Connection).where(
        Connection.workspace_id == workspace_id, Connection.client_id == client_id, Connection.removed_at.is_(None)
    )
    return list(await session.scalars(query.order_by(Connection.platform, Connection.username)))


async def count_loose_accounts(session: AsyncSession, workspace_id: UUID) -> int:
    """Return the number of accounts without a client."""
    query = select(func.count()).where(
        Connection.workspace_id == workspace_id, Connection.client_id.is_(None), Connection.removed_at.is_(None)
    )
    return (await session.execute(query.select_from(Connection))).scalar_one()
