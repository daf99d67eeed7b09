"""Connecting an account: from a link, over the platform's consent page or a form of ours, to a connection.

A link (`clipcast connect`) is signed and short-lived. Opening it starts one attempt, bound to the browser by a cookie
and to the next step by `state`; either is good for one return only. Where a sign-in gives access to several accounts,
the choice among them is an attempt of the same kind.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.connections.apps import app_for
from clipcast.connections.models import ConnectAttempt, Connection
from clipcast.connections.repository import find_account
from clipcast.connections.tokens import as_fields, from_fields, sign_in_columns
from clipcast.installation import Installation
from clipcast.platforms.base import (
    Account,
    AnySignIn,
    FederatedOAuth,
    OAuth,
    PasswordSignIn,
    Platform,
    Profile,
    SignIn,
    Tokens,
)
from clipcast.platforms.client import account_http, http_of
from clipcast.platforms.errors import PublishError
from clipcast.platforms.http import PlatformHttp, make_client
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.models import Item
from clipcast.publishing.queue import wake_workers
from clipcast.settings import PlatformApp

LINK_LIFETIME = timedelta(hours=24)
ATTEMPT_LIFETIME = timedelta(minutes=15)


class ConnectFailed(Exception):
    """The account was not connected; the message tells the person at the browser why and what to do."""


class Refused(ConnectFailed):
    """What was typed into a form was refused; it may be corrected and sent again."""

    def __init__(self, message: str, sign_in: AnySignIn) -> None:
        super().__init__(message)
        self.sign_in = sign_in


@dataclass(frozen=True)
class Started:
    """An attempt: where to send the browser (None: to a form of ours), and what it must bring back."""

    platform: Platform[Any]
    sign_in: AnySignIn
    authorize_url: str | None
    state: str
    cookie: str


@dataclass(frozen=True)
class Choice:
    """A sign-in for several accounts: which of them are to be connected is still to be said, with this `state`."""

    state: str
    accounts: tuple[Profile, ...]


def make_link(here: Installation, workspace_id: UUID, platform: str, way: str | None = None) -> str:
    """An address that lets whoever has it connect accounts of `platform` to the workspace, for a day.

    `way` is one of the platform's other ways to sign in.
    """
    claim = {"connect": platform, "workspace": str(workspace_id), "way": way}
    token = here.vault.sign(claim, LINK_LIFETIME)
    return f"{here.settings.public_base}/connect/{token}"


def redirect_uri(here: Installation, platform: str) -> str:
    """What the operator registers at the platform."""
    return f"{here.settings.public_base}/connect/{platform}/callback"


def app_of(here: Installation, platform: Platform[Any], sign_in: SignIn) -> PlatformApp:
    """The operator's app for this. Raises ConnectFailed when there is none."""
    app = app_for(here.settings, here.vault, sign_in)
    if app is None:
        name = f"CLIPCAST_{sign_in.app.upper()}"
        raise ConnectFailed(
            f"No {platform.title} app is configured here. Its operator sets {name}_CLIENT_ID and {name}_CLIENT_SECRET."
        )
    return app


async def start(here: Installation, link_token: str) -> Started:
    """Begins an attempt. Raises ConnectFailed for a link that is wrong, expired or cannot be served."""
    claim = here.vault.verify(link_token)
    if claim is None or claim.get("connect") not in PLATFORMS:
        raise ConnectFailed("This link is wrong or has expired. Ask for a new one.")
    platform = PLATFORMS[claim["connect"]]
    sign_in = platform.way(claim.get("way"))
    app = app_of(here, platform, sign_in)
    verifier, cookie = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    kept = {"verifier": verifier, "cookie": cookie, "way": claim.get("way")}
    state = await _keep(here, platform.name, UUID(claim["workspace"]), kept)
    if not isinstance(sign_in, OAuth):
        return Started(platform, sign_in, None, state, cookie)
    url = sign_in.authorize_url(app, redirect_uri(here, platform.name), state, verifier)
    return Started(platform, sign_in, _reachable(here, url), state, cookie)


async def complete(
    here: Installation, platform: Platform[Any], query: dict[str, str], cookie: str
) -> list[Connection] | Choice:
    """The platform has sent the browser back. Raises ConnectFailed with what went wrong."""
    attempt, kept = await _take(here, platform.name, query.get("state", ""), cookie)
    sign_in = platform.way(kept.get("way"))
    if isinstance(sign_in, PasswordSignIn):
        raise ConnectFailed(f"{platform.title} has no consent page.")
    if refusal := query.get("error"):
        said = query.get("error_description", "")
        raise ConnectFailed(f"{platform.title} did not connect the account: {refusal} {said}".strip()[:500])
    if not query.get("code"):
        raise ConnectFailed(f"{platform.title} sent no code. Open the link again.")
    app = app_of(here, platform, sign_in)
    async with make_client() as client:
        http = http_of(platform, client, here.settings)
        try:
            if isinstance(sign_in, FederatedOAuth):
                tokens = await sign_in.complete(http, app, attempt.redirect_uri, query, kept["redirect"])
            else:
                tokens = await sign_in.exchange(http, app, attempt.redirect_uri, query["code"], kept["verifier"])
            _require_scopes(platform, sign_in, tokens)
            accounts = await sign_in.accounts(account_http(platform, http, tokens), tokens)
        except PublishError as error:
            raise ConnectFailed(f"{error.message} {error.fix}") from error
    if len(accounts) > 1:
        kept = {"cookie": cookie, "accounts": [[vars(one.profile), as_fields(one.tokens)] for one in accounts]}
        state = await _keep(here, platform.name, attempt.workspace_id, kept)
        return Choice(state, tuple(one.profile for one in accounts))
    return await _save_all(here, attempt.workspace_id, platform.name, accounts)


async def enter(
    here: Installation, platform: Platform[Any], form: dict[str, str], cookie: str
) -> list[Connection] | str | Refused:
    """Somebody has filled in our form: the connections, or the address where the sign-in goes on.

    What the platform refuses of it is returned, too: the form may be sent again.

    Raises ConnectFailed when the attempt itself is no good.
    """
    attempt, kept = await _look_at(here, platform.name, form.get("state", ""), cookie)
    sign_in = platform.way(kept.get("way"))
    if isinstance(sign_in, OAuth):
        raise ConnectFailed(f"People sign in at {platform.title} itself.")
    if missing := [field.label for field in sign_in.fields if field.required and not form.get(field.name)]:
        return Refused(f"Missing: {', '.join(missing)}.", sign_in)
    async with make_client() as client:
        http = http_of(platform, client, here.settings)
        try:
            if isinstance(sign_in, FederatedOAuth):
                return await _begin(here, platform, sign_in, http, attempt, kept, form)
            tokens = await sign_in.enter(http, form)
            accounts = await sign_in.accounts(account_http(platform, http, tokens), tokens)
        except PublishError as error:
            return Refused(f"{error.message} {error.fix}", sign_in)
    await _take(here, platform.name, form.get("state", ""), cookie)
    return await _save_all(here, attempt.workspace_id, platform.name, accounts)


async def _begin(
    here: Installation,
    platform: Platform[Any],
    sign_in: FederatedOAuth,
    http: PlatformHttp,
    attempt: ConnectAttempt,
    kept: dict[str, Any],
    form: dict[str, str],
) -> str:
    """Starts the part of the sign-in that is on the account's own server; the address of its consent page."""
    state = secrets.token_urlsafe(32)
    app = app_of(here, platform, sign_in)
    redirect = await sign_in.begin(http, app, attempt.redirect_uri, form, state)
    await _keep(here, platform.name, attempt.workspace_id, kept | {"redirect": dict(redirect.kept)}, state)
    return _reachable(here, redirect.url)


async def choose(
    here: Installation, platform: Platform[Any], state: str, account_ids: list[str], cookie: str
) -> list[Connection] | Choice:
    """Connects the chosen accounts of a Choice; the same Choice again when none was chosen. Raises ConnectFailed."""
    attempt, kept = await _look_at(here, platform.name, state, cookie)
    accounts = [Account(Profile(**profile), from_fields(tokens)) for profile, tokens in kept.get("accounts", ())]
    chosen = [one for one in accounts if one.profile.account_id in account_ids]
    if not chosen:
        return Choice(state, tuple(one.profile for one in accounts))
    await _take(here, platform.name, state, cookie)
    return await _save_all(here, attempt.workspace_id, platform.name, chosen)


async def _save_all(here: Installation, workspace_id: UUID, platform: str, accounts: list[Account]) -> list[Connection]:
    async with here.database.begin() as session:
        return [await save(here, session, workspace_id, platform, account) for account in accounts]


async def save(
    here: Installation, session: AsyncSession, workspace_id: UUID, platform: str, account: Account
) -> Connection:
    """The workspace's connection of this account: a new one, or the old one made active again under its id."""
    profile, tokens = account.profile, account.tokens
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
    connection.tokens_version += 1
    sign_in = PLATFORMS[platform].way(profile.details.get("way"))
    for name, value in sign_in_columns(here.vault, sign_in, tokens).items():
        setattr(connection, name, value)
    await session.flush()
    # What waited for this goes on.
    waiting = (Item.connection_id == connection.id, Item.reconnect_by.is_not(None), Item.lease_until.is_(None))
    await session.execute(update(Item).where(*waiting).values(due_at=clock.now(), reconnect_by=None))
    await wake_workers(session)
    return connection


async def _keep(
    here: Installation, platform: str, workspace_id: UUID, kept: dict[str, Any], state: str | None = None
) -> str:
    """Begins an attempt that keeps `kept`, and a cookie among it, for whoever has the state that is returned."""
    state = state or secrets.token_urlsafe(32)
    async with here.database.begin() as session:
        session.add(
            ConnectAttempt(
                state_digest=_digest(state),
                workspace_id=workspace_id,
                platform=platform,
                redirect_uri=redirect_uri(here, platform),
                sealed=here.vault.seal(kept),
                expires_at=clock.now() + ATTEMPT_LIFETIME,
            )
        )
    return state


async def _take(here: Installation, platform: str, state: str, cookie: str) -> tuple[ConnectAttempt, dict[str, Any]]:
    """The attempt of `state`, which is used up by this, and what it keeps. Raises ConnectFailed."""
    return await _found(here, delete(ConnectAttempt).returning(ConnectAttempt), platform, state, cookie)


async def _look_at(here: Installation, platform: str, state: str, cookie: str) -> tuple[ConnectAttempt, dict[str, Any]]:
    """As `_take`, but the attempt may be used again."""
    return await _found(here, select(ConnectAttempt), platform, state, cookie)


async def _found(
    here: Installation, query: Any, platform: str, state: str, cookie: str
) -> tuple[ConnectAttempt, dict[str, Any]]:
    query = query.where(ConnectAttempt.state_digest == _digest(state), ConnectAttempt.platform == platform)
    async with here.database.begin() as session:
        attempt: ConnectAttempt | None = (await session.execute(query)).scalar_one_or_none()
    if attempt is None or attempt.expires_at < clock.now():
        raise ConnectFailed("This sign-in is unknown, has expired or was used already. Open the link again.")
    kept = here.vault.open(attempt.sealed)
    if not hmac.compare_digest(kept["cookie"].encode(), cookie.encode()):
        raise ConnectFailed("The sign-in was started in another browser. Open the link again in this one.")
    return attempt, kept


def _require_scopes(platform: Platform[Any], sign_in: SignIn, tokens: Tokens) -> None:
    if missing := [scope for scope in sign_in.required_scopes if scope not in tokens.scopes]:
        raise ConnectFailed(
            f"{platform.title} was not allowed everything that publishing needs. Missing: {', '.join(missing)}. "
            "Open the link again and allow all of it."
        )


def _reachable(here: Installation, url: str) -> str:
    """The consent page, or the sandbox's that stands in for it."""
    sandbox = here.settings.sandbox_base
    return url if sandbox is None else f"{sandbox}/{url.removeprefix('https://')}"


def _digest(state: str) -> bytes:
    return hashlib.sha256(state.encode()).digest()
