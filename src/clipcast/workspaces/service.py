"""Workspaces and API keys."""

import hashlib
import secrets
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.database.models.workspaces import ApiKey, ApiKeyWorkspace, Workspace

SCOPES = ("posts:read", "posts:write", "connections:read", "renders:read", "renders:write")
KEY_PREFIX = "clipcast_"


def digest_of(key: str) -> bytes:
    """A key, or a token like it, has 256 random bits: a plain digest is as good as a slow one, and can be looked up."""
    return hashlib.sha256(key.encode()).digest()


def new_secret() -> str:
    return KEY_PREFIX + secrets.token_urlsafe(32)


async def create_workspace(session: AsyncSession, name: str) -> Workspace:
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
) -> tuple[ApiKey, str]:
    """A new key. The second value is the key itself, which is kept nowhere; `secret` is one of `new_secret`."""
    secret = secret or new_secret()
    key = ApiKey(name=name, digest=digest_of(secret), hint=secret[-4:], scopes=list(scopes), expires_at=expires_at)
    session.add(key)
    await session.flush()
    session.add_all(ApiKeyWorkspace(api_key_id=key.id, workspace_id=id) for id in workspace_ids)
    return key, secret


def revoke(key: ApiKey) -> None:
    key.revoked_at = key.revoked_at or clock.now()
