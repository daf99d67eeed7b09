"""What lists of accounts show: a row for each account, with its client."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.database.models.clients import Client
from clipcast.database.models.connections import Connection

# The most accounts of a workspace that lists know.
ROWS_MAX = 2000


@dataclass(frozen=True)
class AccountRow:
    """What lists of accounts show of a connection, and its client."""

    id: UUID
    platform: str
    username: str
    display_name: str
    status: str
    status_reason: str | None
    client_id: UUID | None
    client_name: str | None
    client_color: int | None


async def list_account_rows(session: AsyncSession, workspace_id: UUID, find: str = "") -> list[AccountRow]:
    """Return the accounts whose handle, name or client contains `find`, by handle."""
    query = (
        select(
            Connection.id,
            Connection.platform,
            Connection.username,
            Connection.display_name,
            Connection.status,
            Connection.status_reason,
            Client.id,
            Client.name,
            Client.color,
        )
        .outerjoin(Client, Client.id == Connection.client_id)
        .where(Connection.workspace_id == workspace_id, Connection.removed_at.is_(None))
    )
    if find:
        searched = (Connection.username, Connection.display_name, Client.name)
        named = (one.icontains(find, autoescape=True) for one in searched)
        query = query.where(or_(*named))
    found = await session.execute(query.order_by(Connection.username, Connection.id.desc()).limit(ROWS_MAX))
    return [AccountRow(*row) for row in found]
