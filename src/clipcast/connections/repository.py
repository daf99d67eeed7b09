"""Queries about connections, always within one workspace."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import load_only

from clipcast.common.ids import parse_id
from clipcast.database import among, page_of
from clipcast.database.models.clients import Client
from clipcast.database.models.connections import Connection

# The maximum length of a list of accounts to choose from.
CHOICES = 500
# The value of a filter by client for what has no client.
NO_CLIENT = "none"


async def get_connection(
    session: AsyncSession, workspace_id: UUID, connection_id: str, lock: bool = False
) -> Connection | None:
    query = select(Connection).where(
        Connection.workspace_id == workspace_id,
        Connection.id == parse_id(connection_id),
        Connection.removed_at.is_(None),
    )
    return (await session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()


async def list_connections(
    session: AsyncSession, workspace_id: UUID, platform: str | None, offset: int, limit: int, client: str | None = None
) -> tuple[list[Connection], int]:
    """Return a page of connections, newest first, and the number of all connections.

    `client` is the id of a client, or NO_CLIENT for those without one.
    """
    query = select(Connection).where(Connection.workspace_id == workspace_id, Connection.removed_at.is_(None))
    if platform:
        query = query.where(Connection.platform == platform)
    if client:
        query = query.where(of_client(client))
    return await page_of(session, query.order_by(Connection.id.desc()), offset, limit)


async def list_by_client(
    session: AsyncSession, workspace_id: UUID, wanted: Sequence[ColumnElement[bool]], offset: int, limit: int
) -> tuple[list[Connection], int]:
    """Return a page of connections by client, platform and name, those without a client last; and the number of all.

    `wanted` are conditions on connections and their clients.
    """
    query = select(Connection).outerjoin(Client, Client.id == Connection.client_id)
    query = query.where(Connection.workspace_id == workspace_id, Connection.removed_at.is_(None), *wanted)
    by_client = (Client.name_key.asc().nulls_last(), Connection.platform, Connection.username, Connection.id)
    return await page_of(session, query.order_by(*by_client), offset, limit)


def named(words: str) -> ColumnElement[bool]:
    """Return the condition that an account's handle, name, label or client contains the words."""
    labels = func.array_to_string(Connection.labels, "\n")
    places = (Connection.username, Connection.display_name, labels, Client.name)
    return or_(*(place.icontains(words, autoescape=True) for place in places))


async def list_metered(session: AsyncSession, workspace_id: UUID, limit: int) -> list[Connection]:
    """Return the newest accounts that can publish, with the columns that name their quotas."""
    query = select(Connection).where(
        Connection.workspace_id == workspace_id, Connection.status == "active", Connection.removed_at.is_(None)
    )
    columns = load_only(Connection.platform, Connection.account_id, Connection.profile)
    return list(await session.scalars(query.options(columns).order_by(Connection.id.desc()).limit(limit)))


def of_client(client: str) -> ColumnElement[bool]:
    """Return the condition of a filter by client: the id of one, or NO_CLIENT."""
    return Connection.client_id.is_(None) if client == NO_CLIENT else Connection.client_id == parse_id(client)


async def list_choices(session: AsyncSession, workspace_id: UUID) -> list[Connection]:
    """Return the newest connections, for lists without pages from which people choose."""
    return list(await session.scalars(_choices(workspace_id)))


async def list_names(session: AsyncSession, workspace_id: UUID) -> list[Connection]:
    """Return `list_choices`, of which only ids, platforms and usernames are read."""
    names = load_only(Connection.platform, Connection.username, raiseload=True)
    return list(await session.scalars(_choices(workspace_id).options(names)))


def _choices(workspace_id: UUID) -> Select[Connection]:
    query = select(Connection).where(Connection.workspace_id == workspace_id, Connection.removed_at.is_(None))
    return query.order_by(Connection.id.desc()).limit(CHOICES)


async def platforms_of(session: AsyncSession, workspace_id: UUID) -> set[str]:
    """Return the platforms of the workspace's connections."""
    query = select(Connection.platform).where(Connection.workspace_id == workspace_id, Connection.removed_at.is_(None))
    return set(await session.scalars(query.distinct()))


async def search_connections(session: AsyncSession, workspace_id: UUID, text: str, limit: int) -> list[Connection]:
    """Return the first connections by name whose name holds the text."""
    query = select(Connection).where(Connection.workspace_id == workspace_id, Connection.removed_at.is_(None))
    if text:
        query = query.where(Connection.username.icontains(text, autoescape=True))
    return list(await session.scalars(query.order_by(Connection.username, Connection.id).limit(limit)))


async def connections_by_id(session: AsyncSession, workspace_id: UUID, ids: list[UUID]) -> dict[UUID, Connection]:
    query = select(Connection).where(
        Connection.workspace_id == workspace_id, among(Connection.id, ids), Connection.removed_at.is_(None)
    )
    rows = await session.execute(query)
    return {connection.id: connection for connection in rows.scalars()}


async def find_account(
    session: AsyncSession, workspace_id: UUID, platform: str, account_id: str, sandbox: bool, client_id: UUID | None
) -> Connection | None:
    """Lock and return the workspace's connection of this account that goes on when it is connected for a client.

    That is the one that was not removed, else the one that was removed last; with a client, of this client.
    """
    query = (
        select(Connection)
        .where(
            Connection.workspace_id == workspace_id,
            Connection.platform == platform,
            Connection.account_id == account_id,
            Connection.sandbox == sandbox,
        )
        .order_by(Connection.removed_at.desc().nulls_first(), Connection.id)
        .with_for_update()
    )
    found = list(await session.scalars(query))
    return next((one for one in found if not (client_id and one.removed_at and one.client_id != client_id)), None)
