"""The steps of connecting an account: a link, the platform's consent page or Clipcast's form, a connection.

If an authorization gives access to several accounts, the person chooses among them in a further step.
"""

import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.audit.service import Actor, record
from clipcast.common.settings import PlatformApp
from clipcast.connections import attempts
from clipcast.connections.apps import app_for
from clipcast.connections.attempts import Attempt, ConnectFailed, redirect_uri
from clipcast.connections.avatars import order_avatar
from clipcast.connections.client_links import note_used
from clipcast.connections.links import Link, read_link, use_up
from clipcast.connections.repository import find_account
from clipcast.connections.tokens import as_fields, from_fields, sign_in_columns
from clipcast.database.models.clients import Client
from clipcast.database.models.connections import Connection
from clipcast.installation import Installation
from clipcast.jobs.queue import requeue_held
from clipcast.jobs.wake import wake_router
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
from clipcast.platforms.http import PlatformHttp
from clipcast.platforms.registry import PLATFORMS
from clipcast.platforms.responses import understood
from clipcast.platforms.transport import HttpClient


class Refused(ConnectFailed):
    """The values of a form were rejected. The person can correct them and send the form again.

    `problems` maps a field's name to its problem. The empty name stands for problems of no single field.
    """

    def __init__(self, problems: dict[str, str], sign_in: AnySignIn) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems
        self.sign_in = sign_in


@dataclass(frozen=True)
class Started:
    """A new attempt: the URL for the browser (None: Clipcast's form), and the values that it must return."""

    platform: Platform[Any]
    sign_in: AnySignIn
    authorize_url: str | None
    state: str
    cookie: str


@dataclass(frozen=True)
class Choice:
    """An authorization after which the person must choose the accounts to connect, with this `state`.

    It gave access to several accounts, or not to the account to reconnect (`expected`).
    """

    state: str
    accounts: tuple[Profile, ...]
    link: Link
    expected: Connection | None

    @property
    def is_missed(self) -> bool:
        """Whether the account to reconnect is missing."""
        return self.expected is not None and all(one.account_id != self.expected.account_id for one in self.accounts)


@dataclass(frozen=True)
class Connected:
    """The connections that a link created or renewed."""

    connections: list[Connection]
    link: Link


def app_of(installation: Installation, platform: Platform[Any], sign_in: SignIn) -> PlatformApp:
    """Return the app for this sign-in method. Raises ConnectFailed if the operator has not configured it."""
    app = app_for(installation.settings, installation.vault, sign_in)
    if app is None:
        name = f"CLIPCAST_{sign_in.app.upper()}"
        raise ConnectFailed(
            f"No {platform.title} app is configured. The operator must set {name}_CLIENT_ID and {name}_CLIENT_SECRET."
        )
    return app


async def start(installation: Installation, link_token: str) -> Started:
    """Start an attempt. Raises ConnectFailed if the link is invalid, expired or used, or the app is missing."""
    link = await read_link(installation, link_token)
    if link is None:
        raise ConnectFailed("This link is wrong, has expired, was used already or was withdrawn. Ask for a new one.")
    platform = PLATFORMS[link.platform]
    sign_in = platform.sign_in_method(link.sign_in_method)
    app = app_of(installation, platform, sign_in)
    verifier, cookie = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    state = await attempts.save(installation, link, cookie, {"verifier": verifier})
    if not isinstance(sign_in, OAuth):
        return Started(platform, sign_in, None, state, cookie)
    url = sign_in.authorize_url(app, redirect_uri(installation, platform.name), state, verifier)
    return Started(platform, sign_in, _reachable(installation, url), state, cookie)


async def complete(
    installation: Installation, platform: Platform[Any], query: dict[str, str], cookie: str, address: str
) -> Connected | Choice:
    """Continue after the platform has redirected the browser back. Raises ConnectFailed with the reason."""
    attempt = await attempts.consume(installation, platform.name, query.get("state", ""), cookie)
    sign_in = platform.sign_in_method(attempt.link.sign_in_method)
    if isinstance(sign_in, PasswordSignIn):
        raise ConnectFailed(f"{platform.title} has no consent page. Open the link again.")
    if error_code := query.get("error"):
        description = query.get("error_description", "")
        raise ConnectFailed(f"{platform.title} did not connect the account: {error_code} {description}".strip()[:500])
    if not query.get("code"):
        raise ConnectFailed(f"{platform.title} returned no code. Open the link again.")
    app = app_of(installation, platform, sign_in)
    async with HttpClient() as client:
        http = http_of(platform, client, installation.settings)
        try:
            with understood():
                if isinstance(sign_in, FederatedOAuth):
                    tokens = await sign_in.complete(http, app, attempt.redirect_uri, query, attempt.kept["redirect"])
                else:
                    tokens = await sign_in.exchange(
                        http, app, attempt.redirect_uri, query["code"], attempt.kept["verifier"]
                    )
                _require_scopes(platform, sign_in, tokens)
                accounts = await sign_in.accounts(account_http(platform, http, tokens), tokens)
        except PublishError as error:
            raise ConnectFailed(f"{error.message} {error.fix}") from error
    return await _save_or_ask(installation, attempt, accounts, address)


async def enter(
    installation: Installation, platform: Platform[Any], form: dict[str, str], cookie: str, address: str
) -> Connected | Choice | str | Refused:
    """Continue with the values of Clipcast's form.

    Return the result, or the URL of the consent page on which the authorization continues, or Refused for values that
    the person can correct. Raises ConnectFailed if the attempt itself is invalid.
    """
    attempt = await attempts.peek(installation, platform.name, form.get("state", ""), cookie)
    sign_in = platform.sign_in_method(attempt.link.sign_in_method)
    if isinstance(sign_in, OAuth):
        raise ConnectFailed(f"The authorization takes place at {platform.title} itself. Open the link again.")
    if missing := [field for field in sign_in.fields if field.required and not form.get(field.name)]:
        return Refused({field.name: f"Missing: {field.label}." for field in missing}, sign_in)
    async with HttpClient() as client:
        http = http_of(platform, client, installation.settings)
        try:
            if isinstance(sign_in, FederatedOAuth):
                return await _begin(installation, platform, sign_in, http, attempt, form)
            with understood():
                tokens = await sign_in.enter(http, form)
                accounts = await sign_in.accounts(account_http(platform, http, tokens), tokens)
        except PublishError as error:
            field_name = next((field.name for field in sign_in.fields if error.code in field.errors), "")
            return Refused({field_name: f"{error.message} {error.fix}"}, sign_in)
    await attempts.consume(installation, platform.name, form.get("state", ""), cookie)
    return await _save_or_ask(installation, attempt, accounts, address)


async def _begin(
    installation: Installation,
    platform: Platform[Any],
    sign_in: FederatedOAuth,
    http: PlatformHttp,
    attempt: Attempt,
    form: dict[str, str],
) -> str:
    """Start the authorization at the account's own server. Return the URL of its consent page."""
    state = secrets.token_urlsafe(32)
    app = app_of(installation, platform, sign_in)
    with understood():
        redirect = await sign_in.begin(http, app, attempt.redirect_uri, form, state)
    await attempts.save(
        installation, attempt.link, attempt.cookie, attempt.kept | {"redirect": dict(redirect.kept)}, state
    )
    return _reachable(installation, redirect.url)


async def choose(
    installation: Installation, platform: Platform[Any], state: str, account_ids: list[str], cookie: str, address: str
) -> Connected | Choice:
    """Connect the chosen accounts of a Choice. Without a chosen account, return the Choice again.

    Raises ConnectFailed.
    """
    attempt = await attempts.peek(installation, platform.name, state, cookie)
    kept = attempt.kept.get("accounts", ())
    accounts = [Account(Profile(**profile), from_fields(tokens)) for profile, tokens in kept]
    chosen = [one for one in accounts if one.profile.account_id in account_ids]
    if not chosen:
        return await _choice(installation, attempt.link, state, accounts)
    await attempts.consume(installation, platform.name, state, cookie)
    return await _save_all(installation, attempt.link, chosen, address)


async def _save_or_ask(
    installation: Installation, attempt: Attempt, accounts: list[Account], address: str
) -> Connected | Choice:
    """Connect the authorized account. Return a Choice if there are several, or if another account was expected."""
    choice = await _choice(installation, attempt.link, secrets.token_urlsafe(32), accounts)
    if len(accounts) == 1 and not choice.is_missed:
        return await _save_all(installation, attempt.link, accounts, address)
    kept = {"accounts": [[vars(one.profile), as_fields(one.tokens)] for one in accounts]}
    await attempts.save(installation, attempt.link, attempt.cookie, kept, choice.state)
    return choice


async def _choice(installation: Installation, link: Link, state: str, accounts: list[Account]) -> Choice:
    expected = None
    if link.expects:
        async with installation.database.session() as session:
            found = await session.get(Connection, UUID(link.expects))
        if found is not None and str(found.workspace_id) == link.workspace_id:
            expected = found
    return Choice(state, tuple(one.profile for one in accounts), link, expected)


async def _save_all(installation: Installation, link: Link, accounts: list[Account], address: str) -> Connected:
    workspace_id = UUID(link.workspace_id)
    async with installation.database.begin() as session:
        # Before the client's link, as the deletion of a client does.
        client_id = await _client_of(session, link)
        if not await use_up(session, link):
            raise ConnectFailed("This link was used already, or was withdrawn. Ask for a new one.")
        connections = [
            await save_connection(installation, session, workspace_id, link.platform, account, client_id)
            for account in accounts
        ]
        if link.through:
            await note_used(session, UUID(link.through))
        actor = Actor("user", UUID(link.maker[0]), link.maker[1], address) if link.maker else None
        actor = actor or Actor("link", UUID(link.id), "clipcast connect", address)
        for one in connections:
            subject = f"{PLATFORMS[one.platform].title} @{one.username}"
            record(session, workspace_id, actor, "connection.connected", subject, one.id, by_link=not link.in_app)
    return Connected(connections, link)


async def _client_of(session: AsyncSession, link: Link) -> UUID | None:
    """Return the client that gets new accounts of the link, held until the transaction ends; None without one."""
    if link.client is None:
        return None
    query = select(Client.id).where(Client.id == UUID(link.client), Client.workspace_id == UUID(link.workspace_id))
    return (await session.scalars(query.with_for_update(key_share=True))).one_or_none()


async def save_connection(
    installation: Installation,
    session: AsyncSession,
    workspace_id: UUID,
    platform: str,
    account: Account,
    client_id: UUID | None = None,
) -> Connection:
    """Save the workspace's connection of this account. An existing one gets the new tokens and keeps its id.

    A paused account stays paused, and one of another client stays with it: a link must not undo the decision of a
    workspace's member. One that was removed comes back with its client and its posts; for another client, it begins
    anew under another id, so that this client's people do not see the posts of before.
    """
    profile, tokens = account.profile, account.tokens
    sandbox = installation.settings.sandbox_base is not None
    connection = await find_account(session, workspace_id, platform, profile.account_id, sandbox, client_id)
    if connection is None:
        connection = Connection(
            workspace_id=workspace_id,
            platform=platform,
            account_id=profile.account_id,
            sandbox=sandbox,
            tokens_version=0,
        )
        session.add(connection)
    if client_id and connection.client_id is None:
        connection.client_id = client_id
    connection.username = profile.username
    connection.display_name = profile.display_name
    connection.avatar_url = profile.avatar_url
    connection.profile = dict(profile.details)
    if connection.status != "disabled" or connection.removed_at is not None:
        connection.status, connection.status_reason, connection.removed_at = "active", None, None
    connection.scopes = list(tokens.scopes)
    connection.tokens_version += 1
    sign_in = PLATFORMS[platform].sign_in_method(profile.details.get("way"))
    for name, value in sign_in_columns(installation.vault, sign_in, tokens).items():
        setattr(connection, name, value)
    await session.flush()
    wake_router(session)
    if connection.status == "active":
        await requeue_held(session, connection.id)
    await order_avatar(session, connection)
    return connection


def _require_scopes(platform: Platform[Any], sign_in: SignIn, tokens: Tokens) -> None:
    if missing := [scope for scope in sign_in.required_scopes if scope not in tokens.scopes]:
        raise ConnectFailed(
            f"{platform.title} did not grant all permissions that publishing needs. Missing: {', '.join(missing)}. "
            "Open the link again and allow all of them."
        )


def _reachable(installation: Installation, url: str) -> str:
    """Return the URL of the consent page, or of the sandbox's page in its place."""
    sandbox = installation.settings.sandbox_base
    return url if sandbox is None else f"{sandbox}/{url.removeprefix('https://')}"
