"""Connecting an account: from a link, over the platform's consent page or a form of ours, to a connection.

Where a sign-in gives access to several accounts, the choice among them is one more step of it.
"""

import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.audit.service import Actor, record
from clipcast.common.settings import PlatformApp
from clipcast.connections import attempts
from clipcast.connections.apps import app_for
from clipcast.connections.attempts import Attempt, ConnectFailed, redirect_uri
from clipcast.connections.links import Link, read_link, use_up
from clipcast.connections.repository import find_account
from clipcast.connections.tokens import as_fields, from_fields, sign_in_columns
from clipcast.database.models.connections import Connection
from clipcast.installation import Installation
from clipcast.jobs.queue import requeue_waiting
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
from clipcast.platforms.responses import understood


class Refused(ConnectFailed):
    """What was typed into a form was refused; it may be corrected and sent again.

    `problems` says what is wrong with which field; under an empty name, what is about no single one.
    """

    def __init__(self, problems: dict[str, str], sign_in: AnySignIn) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems
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
    """A sign-in after which somebody must still say, with this `state`, which accounts to connect.

    It gave access to several, or not to the one that was to be reconnected (`expected`).
    """

    state: str
    accounts: tuple[Profile, ...]
    link: Link
    expected: Connection | None

    @property
    def is_missed(self) -> bool:
        """Whether the account that was to be reconnected is not among these."""
        return self.expected is not None and all(one.account_id != self.expected.account_id for one in self.accounts)


@dataclass(frozen=True)
class Connected:
    """What came of the link."""

    connections: list[Connection]
    link: Link


def app_of(installation: Installation, platform: Platform[Any], sign_in: SignIn) -> PlatformApp:
    """The operator's app for this. Raises ConnectFailed when there is none."""
    app = app_for(installation.settings, installation.vault, sign_in)
    if app is None:
        name = f"CLIPCAST_{sign_in.app.upper()}"
        raise ConnectFailed(
            f"No {platform.title} app is configured here. Its operator sets {name}_CLIENT_ID and {name}_CLIENT_SECRET."
        )
    return app


async def start(installation: Installation, link_token: str) -> Started:
    """Begins an attempt. Raises ConnectFailed for a link that is wrong, expired, used or cannot be served."""
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
    """The platform has sent the browser back. Raises ConnectFailed with what went wrong."""
    attempt = await attempts.consume(installation, platform.name, query.get("state", ""), cookie)
    sign_in = platform.sign_in_method(attempt.link.sign_in_method)
    if isinstance(sign_in, PasswordSignIn):
        raise ConnectFailed(f"{platform.title} has no consent page.")
    if refusal := query.get("error"):
        said = query.get("error_description", "")
        raise ConnectFailed(f"{platform.title} did not connect the account: {refusal} {said}".strip()[:500])
    if not query.get("code"):
        raise ConnectFailed(f"{platform.title} sent no code. Open the link again.")
    app = app_of(installation, platform, sign_in)
    async with make_client() as client:
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
    """Somebody has filled in our form: what came of it, or the address where the sign-in goes on.

    What the platform refuses of it is returned, too: the form may be sent again.

    Raises ConnectFailed when the attempt itself is no good.
    """
    attempt = await attempts.peek(installation, platform.name, form.get("state", ""), cookie)
    sign_in = platform.sign_in_method(attempt.link.sign_in_method)
    if isinstance(sign_in, OAuth):
        raise ConnectFailed(f"People sign in at {platform.title} itself.")
    if missing := [field for field in sign_in.fields if field.required and not form.get(field.name)]:
        return Refused({field.name: f"Missing: {field.label}." for field in missing}, sign_in)
    async with make_client() as client:
        http = http_of(platform, client, installation.settings)
        try:
            if isinstance(sign_in, FederatedOAuth):
                return await _begin(installation, platform, sign_in, http, attempt, form)
            with understood():
                tokens = await sign_in.enter(http, form)
                accounts = await sign_in.accounts(account_http(platform, http, tokens), tokens)
        except PublishError as error:
            about = next((field.name for field in sign_in.fields if error.code in field.errors), "")
            return Refused({about: f"{error.message} {error.fix}"}, sign_in)
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
    """Starts the part of the sign-in that is on the account's own server; the address of its consent page."""
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
    """Connects the chosen accounts of a Choice; the same Choice again when none was chosen. Raises ConnectFailed."""
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
    """Connect the account that the person signed in as. Ask first where there are several, or it is another one."""
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
        if not await use_up(session, link):
            raise ConnectFailed("This link was used already, or was withdrawn. Ask for a new one.")
        connections = [
            await save_connection(installation, session, workspace_id, link.platform, account) for account in accounts
        ]
        actor = Actor("user", UUID(link.maker[0]), link.maker[1], address) if link.maker else None
        actor = actor or Actor("link", UUID(link.id), "clipcast connect", address)
        for one in connections:
            subject = f"{PLATFORMS[one.platform].title} @{one.username}"
            record(session, workspace_id, actor, "connection.connected", subject, one.id, by_link=not link.in_app)
    return Connected(connections, link)


async def save_connection(
    installation: Installation, session: AsyncSession, workspace_id: UUID, platform: str, account: Account
) -> Connection:
    """The workspace's connection of this account: a new one, or the old one made active again under its id.

    A paused account gets its new tokens and stays paused: only who may pause it resumes it.
    """
    profile, tokens = account.profile, account.tokens
    sandbox = installation.settings.sandbox_base is not None
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
    if connection.status != "disabled" or connection.removed_at is not None:
        connection.status, connection.status_reason, connection.removed_at = "active", None, None
    connection.scopes = list(tokens.scopes)
    connection.tokens_version += 1
    sign_in = PLATFORMS[platform].sign_in_method(profile.details.get("way"))
    for name, value in sign_in_columns(installation.vault, sign_in, tokens).items():
        setattr(connection, name, value)
    await session.flush()
    if connection.status == "active":
        await requeue_waiting(session, connection.id)
    return connection


def _require_scopes(platform: Platform[Any], sign_in: SignIn, tokens: Tokens) -> None:
    if missing := [scope for scope in sign_in.required_scopes if scope not in tokens.scopes]:
        raise ConnectFailed(
            f"{platform.title} was not allowed everything that publishing needs. Missing: {', '.join(missing)}. "
            "Open the link again and allow all of it."
        )


def _reachable(installation: Installation, url: str) -> str:
    """The consent page, or the sandbox's that stands in for it."""
    sandbox = installation.settings.sandbox_base
    return url if sandbox is None else f"{sandbox}/{url.removeprefix('https://')}"
