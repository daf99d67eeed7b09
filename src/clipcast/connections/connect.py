"""Connecting an account: from a one-time link, over the platform's consent page, to a connection.

A link (`clipcast connect`) is signed and short-lived. Opening it starts one attempt, bound to the browser by a cookie
and to the platform's answer by `state`; either is good for one return only.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.connections.models import ConnectAttempt, Connection
from clipcast.connections.repository import find_account
from clipcast.connections.tokens import seal
from clipcast.installation import Installation
from clipcast.platforms.base import Platform, Profile, Tokens
from clipcast.platforms.client import http_of
from clipcast.platforms.errors import PublishError
from clipcast.platforms.http import make_client
from clipcast.platforms.registry import PLATFORMS
from clipcast.settings import PlatformApp

LINK_LIFETIME = timedelta(hours=24)
ATTEMPT_LIFETIME = timedelta(minutes=15)


class ConnectFailed(Exception):
    """The account was not connected; the message tells the person at the browser why and what to do."""


@dataclass(frozen=True)
class Started:
    """Where to send the browser, and the secret that it must bring back in a cookie."""

    authorize_url: str
    cookie: str


def make_link(here: Installation, workspace_id: UUID, platform: str) -> str:
    """An address that lets whoever has it connect one account of `platform` to the workspace, for a day."""
    token = here.vault.sign({"connect": platform, "workspace": str(workspace_id)}, LINK_LIFETIME)
    return f"{here.settings.public_base}/connect/{token}"


def redirect_uri(here: Installation, platform: str) -> str:
    """What the operator registers at the platform."""
    return f"{here.settings.public_base}/connect/{platform}/callback"


def app_of(here: Installation, platform: str) -> PlatformApp:
    app = here.settings.app(platform)
    if app is None:
        name = f"CLIPCAST_{platform.upper()}"
        raise ConnectFailed(
            f"No {PLATFORMS[platform].title} app is configured here. Its operator sets {name}_CLIENT_ID and "
            f"{name}_CLIENT_SECRET."
        )
    return app


async def start(here: Installation, link_token: str) -> Started:
    """Begins an attempt. Raises ConnectFailed for a link that is wrong, expired or cannot be served."""
    claim = here.vault.verify(link_token)
    if claim is None or claim.get("connect") not in PLATFORMS:
        raise ConnectFailed("This link is wrong or has expired. Ask for a new one.")
    platform = PLATFORMS[claim["connect"]]
    app = app_of(here, platform.name)
    state, verifier, cookie = (secrets.token_urlsafe(32) for _ in range(3))
    async with here.database.begin() as session:
        session.add(
            ConnectAttempt(
                state_digest=_digest(state),
                workspace_id=UUID(claim["workspace"]),
                platform=platform.name,
                redirect_uri=redirect_uri(here, platform.name),
                verifier=here.vault.seal({"verifier": verifier, "cookie": cookie}),
                expires_at=clock.now() + ATTEMPT_LIFETIME,
            )
        )
    url = platform.oauth.authorize_url(app, redirect_uri(here, platform.name), state, verifier)
    return Started(_reachable(here, platform, url), cookie)


async def complete(here: Installation, platform_name: str, query: dict[str, str], cookie: str) -> Connection:
    """The platform has sent the browser back. Raises ConnectFailed with what went wrong."""
    attempt = await _take_attempt(here, platform_name, query.get("state", ""))
    kept = here.vault.open(attempt.verifier)
    if not hmac.compare_digest(kept["cookie"].encode(), cookie.encode()):
        raise ConnectFailed("The sign-in was started in another browser. Open the link again in this one.")
    platform = PLATFORMS[platform_name]
    if refusal := query.get("error"):
        said = query.get("error_description", "")
        raise ConnectFailed(f"{platform.title} did not connect the account: {refusal} {said}".strip()[:500])
    if not query.get("code"):
        raise ConnectFailed(f"{platform.title} sent no code. Open the link again.")
    app = app_of(here, platform_name)
    async with make_client() as client:
        http = http_of(platform, client, here.settings)
        try:
            tokens = await platform.oauth.exchange(http, app, attempt.redirect_uri, query["code"], kept["verifier"])
            _require_scopes(platform, tokens)
            profile = await platform.oauth.profile(http, tokens)
        except PublishError as error:
            raise ConnectFailed(f"{error.message} {error.fix}") from error
    async with here.database.begin() as session:
        return await save(here, session, attempt.workspace_id, platform_name, tokens, profile)


async def save(
    here: Installation, session: AsyncSession, workspace_id: UUID, platform: str, tokens: Tokens, profile: Profile
) -> Connection:
    """The workspace's connection of this account: a new one, or the old one made active again under its id."""
    sandbox = here.settings.sandbox_base is not None
    connection = await find_account(session, workspace_id, platform, profile.account_id, sandbox)
    if connection is None:
        connection = Connection(
            workspace_id=workspace_id,
            platform=platform,
            account_id=profile.account_id,
            sandbox=sandbox,
            tokens_version=0,
        )
        session.add(connection)
    connection.username = profile.username
    connection.display_name = profile.display_name
    connection.avatar_url = profile.avatar_url
    connection.profile = dict(profile.details)
    connection.status, connection.status_reason = "active", None
    connection.scopes = list(tokens.scopes)
    connection.tokens = seal(here.vault, tokens)
    connection.tokens_version += 1
    connection.issued_at, connection.expires_at = clock.now(), tokens.expires_at
    connection.refreshing_until = None
    await session.flush()
    return connection


async def _take_attempt(here: Installation, platform: str, state: str) -> ConnectAttempt:
    """The attempt of `state`, which is used up by this."""
    async with here.database.begin() as session:
        found = await session.execute(
            delete(ConnectAttempt)
            .where(ConnectAttempt.state_digest == _digest(state), ConnectAttempt.platform == platform)
            .returning(ConnectAttempt)
        )
        attempt = found.scalar_one_or_none()
    if attempt is None or attempt.expires_at < clock.now():
        raise ConnectFailed("This sign-in is unknown, has expired or was used already. Open the link again.")
    return attempt


def _require_scopes(platform: Platform[Any], tokens: Tokens) -> None:
    if missing := [scope for scope in platform.oauth.required_scopes if scope not in tokens.scopes]:
        raise ConnectFailed(
            f"{platform.title} was not allowed everything that publishing needs. Missing: {', '.join(missing)}. "
            "Open the link again and allow all of it."
        )


def _reachable(here: Installation, platform: Platform[Any], url: str) -> str:
    sandbox = here.settings.sandbox_base
    if sandbox is None:
        return url
    host_and_path = url.removeprefix("https://")
    return f"{sandbox}/{host_and_path}"


def _digest(state: str) -> bytes:
    return hashlib.sha256(state.encode()).digest()
