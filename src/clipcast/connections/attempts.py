"""Authorizations in progress: stored encrypted, bound to the browser by a cookie. Each step works once."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select

from clipcast.clock import clock
from clipcast.connections.links import Link
from clipcast.database.models.connections import ConnectAttempt
from clipcast.installation import Installation
from clipcast.workspaces.service import digest_of

ATTEMPT_LIFETIME = timedelta(minutes=15)
UNKNOWN = "This authorization is unknown, has expired or was used already. Open the link again."


class ConnectFailed(Exception):
    """The account was not connected. The message is for the person at the browser: the reason and the fix."""


@dataclass(frozen=True)
class Attempt:
    """One step of an authorization: the link that started it, and the values for the next step."""

    link: Link
    cookie: str
    redirect_uri: str
    kept: dict[str, Any]


def redirect_uri(installation: Installation, platform: str) -> str:
    """Return the redirect URI that the operator registers at the platform."""
    return f"{installation.settings.public_base}/connect/{platform}/callback"


async def save(
    installation: Installation, link: Link, cookie: str, kept: dict[str, Any], state: str | None = None
) -> str:
    """Save a step of an authorization. The returned state and the cookie together give access to it."""
    state = state or secrets.token_urlsafe(32)
    async with installation.database.begin() as session:
        session.add(
            ConnectAttempt(
                state_digest=digest_of(state),
                workspace_id=UUID(link.workspace_id),
                platform=link.platform,
                redirect_uri=redirect_uri(installation, link.platform),
                sealed=installation.vault.seal({"link": link.as_json(), "cookie": cookie, "kept": kept}),
                expires_at=clock.now() + ATTEMPT_LIFETIME,
            )
        )
    return state


async def consume(installation: Installation, platform: str, state: str, cookie: str) -> Attempt:
    """Return the attempt of `state` and delete it. Raises ConnectFailed.

    Only the browser that started the attempt can use it up. Another browser with the state changes nothing.
    """
    attempt = await peek(installation, platform, state, cookie)
    statement = delete(ConnectAttempt).where(ConnectAttempt.state_digest == digest_of(state))
    async with installation.database.begin() as session:
        deleted = (await session.execute(statement.returning(ConnectAttempt.state_digest))).first()
    if deleted is None:
        raise ConnectFailed(UNKNOWN)
    return attempt


async def peek(installation: Installation, platform: str, state: str, cookie: str) -> Attempt:
    """Return the attempt of `state` without using it up. Raises ConnectFailed."""
    query = select(ConnectAttempt).where(
        ConnectAttempt.state_digest == digest_of(state), ConnectAttempt.platform == platform
    )
    async with installation.database.session() as session:
        row = (await session.execute(query)).scalar_one_or_none()
    if row is None or row.expires_at < clock.now():
        raise ConnectFailed(UNKNOWN)
    opened = installation.vault.open(row.sealed)
    if not hmac.compare_digest(opened["cookie"].encode(), cookie.encode()):
        raise ConnectFailed("The authorization was started in another browser. Open the link again in this one.")
    return Attempt(Link.from_json(opened["link"]), cookie, row.redirect_uri, opened["kept"])
