"""Sign-ins under way: kept encrypted, bound to the browser by a cookie, and each step good for one return only."""

import hmac
import secrets
from dataclasses import asdict, dataclass
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
UNKNOWN = "This sign-in is unknown, has expired or was used already. Open the link again."


class ConnectFailed(Exception):
    """The account was not connected; the message tells the person at the browser why and what to do."""


@dataclass(frozen=True)
class Attempt:
    """One step of a sign-in: the link that began it, and what the step after it needs."""

    link: Link
    cookie: str
    redirect_uri: str
    kept: dict[str, Any]


def redirect_uri(here: Installation, platform: str) -> str:
    """What the operator registers at the platform."""
    return f"{here.settings.public_base}/connect/{platform}/callback"


async def keep(here: Installation, link: Link, cookie: str, kept: dict[str, Any], state: str | None = None) -> str:
    """Begins a step that whoever has the returned state, and the cookie, may take."""
    state = state or secrets.token_urlsafe(32)
    async with here.database.begin() as session:
        session.add(
            ConnectAttempt(
                state_digest=digest_of(state),
                workspace_id=UUID(link.workspace_id),
                platform=link.platform,
                redirect_uri=redirect_uri(here, link.platform),
                sealed=here.vault.seal({"link": asdict(link), "cookie": cookie, "kept": kept}),
                expires_at=clock.now() + ATTEMPT_LIFETIME,
            )
        )
    return state


async def take(here: Installation, platform: str, state: str, cookie: str) -> Attempt:
    """Return the attempt of `state`, and use it up. Raises ConnectFailed.

    Only the browser that began the attempt uses it up: another one that has learnt the state changes nothing.
    """
    attempt = await look_at(here, platform, state, cookie)
    statement = delete(ConnectAttempt).where(ConnectAttempt.state_digest == digest_of(state))
    async with here.database.begin() as session:
        taken = (await session.execute(statement.returning(ConnectAttempt.state_digest))).first()
    if taken is None:
        raise ConnectFailed(UNKNOWN)
    return attempt


async def look_at(here: Installation, platform: str, state: str, cookie: str) -> Attempt:
    """As `take`, but the attempt may be used again."""
    query = select(ConnectAttempt).where(
        ConnectAttempt.state_digest == digest_of(state), ConnectAttempt.platform == platform
    )
    async with here.database.session() as session:
        row = (await session.execute(query)).scalar_one_or_none()
    if row is None or row.expires_at < clock.now():
        raise ConnectFailed(UNKNOWN)
    opened = here.vault.open(row.sealed)
    if not hmac.compare_digest(opened["cookie"].encode(), cookie.encode()):
        raise ConnectFailed("The sign-in was started in another browser. Open the link again in this one.")
    return Attempt(Link(**opened["link"]), cookie, row.redirect_uri, opened["kept"])
