"""Workspaces and API keys."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database.models.workspaces import ApiKey, ApiKeyWorkspace, Workspace

SCOPES = (
    "posts:read",
    "posts:write",
    "reviews:decide",
    "connections:read",
    "renders:read",
    "renders:write",
    "webhooks:read",
    "webhooks:write",
)
KEY_PREFIX = "clipcast_"


def digest_of(key: str) -> bytes:
    """Return the digest under which a key or token is stored. With 256 random bits it needs no slow hash."""
    return hashlib.sha256(key.encode()).digest()


def new_secret() -> str:
    """Return a new API key."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


async def create_workspace(session: AsyncSession, name: str) -> Workspace:
    """Create a workspace without members."""
    workspace = Workspace(name=name)
    session.add(workspace)
    await session.flush()
    return workspace


async def create_key(
    session: AsyncSession,
    name: str,
    workspace_ids: list[UUID],
    scopes: tuple[str, ...] = SCOPES,
    expires_at: datetime | None = None,
    secret: str | None = None,
    key_id: UUID | None = None,
    client_ids: Collection[UUID] | None = None,
) -> tuple[ApiKey, str]:
    """Create an API key for these workspaces. The second value is the key itself, of which only a digest is stored.

    `secret` is a value of `new_secret`, and `key_id` an id, that the caller chose before. `client_ids` are the clients
    that the key is limited to; None for all.
    """
    secret = secret or new_secret()
    key = ApiKey(
        id=key_id or new_id(), name=name, digest=digest_of(secret), hint=secret[-4:], scopes=list(scopes),
        expires_at=expires_at, client_ids=None if client_ids is None else sorted(client_ids),
    )  # fmt: skip
    session.add(key)
    await session.flush()
    session.add_all(ApiKeyWorkspace(api_key_id=key.id, workspace_id=id) for id in workspace_ids)
    return key, secret


def revoke(key: ApiKey) -> None:
    """Make the key invalid from now on."""
    key.revoked_at = key.revoked_at or clock.now()
