"""Queries about workspaces and API keys."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.common.ids import parse_id
from clipcast.database import Database, page_of
from clipcast.database.hot_queries import Statement
from clipcast.database.models.workspaces import ApiKey, ApiKeyWorkspace, Workspace


@dataclass(frozen=True)
class FoundKey:
    """An API key with its workspaces: names by id."""

    key_id: UUID
    name: str
    scopes: frozenset[str]
    expires_at: datetime | None
    revoked_at: datetime | None
    workspaces: dict[UUID, str]
    # The clients that it is limited to; None for all.
    client_ids: tuple[UUID, ...] | None = None

    def usable_at(self, now: datetime) -> bool:
        """Return whether the key is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


KEY = Statement("""
    SELECT api_keys.id, api_keys.name AS key_name, scopes, expires_at, revoked_at, workspaces.id AS workspace_id,
           workspaces.name, client_ids
    FROM api_keys
    JOIN api_key_workspaces ON api_key_workspaces.api_key_id = api_keys.id
    JOIN workspaces ON workspaces.id = api_key_workspaces.workspace_id
    WHERE api_keys.digest = :digest
""")


async def find_key(database: Database, digest: bytes) -> FoundKey | None:
    """Return the key with this digest, or None. Every API request needs this query, so it uses the hot pool."""
    rows = await database.hot_pool.fetch(KEY, {"digest": digest})
    if not rows:
        return None
    key_id, name, scopes, expires_at, revoked_at = rows[0][:5]
    workspaces, clients = {row["workspace_id"]: row["name"] for row in rows}, rows[0]["client_ids"]
    limited_to = None if clients is None else tuple(clients)
    return FoundKey(key_id, name, frozenset(scopes), expires_at, revoked_at, workspaces, limited_to)


async def get_workspace(session: AsyncSession, workspace_id: UUID) -> Workspace:
    return await session.get_one(Workspace, workspace_id)


async def find_workspaces(session: AsyncSession, name_or_id: str) -> list[Workspace]:
    """Return the workspaces with this id or name."""
    rows = await session.execute(
        select(Workspace).where((Workspace.name == name_or_id) | (Workspace.id == parse_id(name_or_id)))
    )
    return list(rows.scalars())


async def list_workspaces(session: AsyncSession) -> list[Workspace]:
    return list((await session.execute(select(Workspace).order_by(Workspace.id))).scalars())


async def list_keys(session: AsyncSession) -> list[tuple[ApiKey, list[str]]]:
    """Return every key with the names of its workspaces."""
    rows = (
        await session.execute(
            select(ApiKey, Workspace.name)
            .join(ApiKeyWorkspace, ApiKeyWorkspace.api_key_id == ApiKey.id)
            .join(Workspace, Workspace.id == ApiKeyWorkspace.workspace_id)
            .order_by(ApiKey.id, Workspace.id)
        )
    ).all()
    found: dict[UUID, tuple[ApiKey, list[str]]] = {}
    for key, name in rows:
        found.setdefault(key.id, (key, []))[1].append(name)
    return list(found.values())


async def get_key(session: AsyncSession, key_id: str) -> ApiKey | None:
    return await session.get(ApiKey, parse_id(key_id)) if parse_id(key_id) else None


def _keys_of(workspace_id: UUID) -> Select[ApiKey]:
    query = select(ApiKey).join(ApiKeyWorkspace, ApiKeyWorkspace.api_key_id == ApiKey.id)
    return query.where(ApiKeyWorkspace.workspace_id == workspace_id)


async def list_keys_of(session: AsyncSession, workspace_id: UUID, offset: int, limit: int) -> tuple[list[ApiKey], int]:
    """Return a page of the keys that have access to a workspace, newest first, and the number of all of them."""
    return await page_of(session, _keys_of(workspace_id).order_by(ApiKey.id.desc()), offset, limit)


async def get_key_of(session: AsyncSession, workspace_id: UUID, key_id: str) -> ApiKey | None:
    """Return the key with this id if it has access to the workspace, else None."""
    return (await session.execute(_keys_of(workspace_id).where(ApiKey.id == parse_id(key_id)))).scalar_one_or_none()
