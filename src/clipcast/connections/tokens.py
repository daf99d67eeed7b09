"""The tokens of connected accounts: decrypted for a run, refreshed by one process at a time, saved before use.

A transaction contains no network call, so a refresh holds a lease instead of a lock. The process that sets
`refreshing_until` refreshes; the others try again later. Only a platform's rejection disconnects an account.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import extract, or_, select, update

from clipcast.clock import clock
from clipcast.common.settings import Settings
from clipcast.common.timestamps import format_timestamp, parse_instant
from clipcast.common.vault import Vault
from clipcast.connections.apps import app_for
from clipcast.database import Database
from clipcast.database.hot_queries import Statement
from clipcast.database.models.connections import Connection
from clipcast.jobs.claimed import ConnectionFacts
from clipcast.platforms.base import Platform, SignIn, Tokens
from clipcast.platforms.client import http_of
from clipcast.platforms.errors import InvalidRequest, PublishError, ReconnectNeeded, TransientError
from clipcast.platforms.http import PlatformHttp
from clipcast.platforms.responses import understood
from clipcast.platforms.transport import HttpClient

log = structlog.get_logger()

# Longer than a refresh request may take.
REFRESH_LEASE = timedelta(seconds=90)
# Clipcast refreshes a token after this share of its lifetime, so that the token outlives a run that starts now
# (docs/platforms/tiktok.md 1.3).
REFRESH_AT = 0.75
# Accounts that were connected together refresh at different times: each up to this share earlier.
REFRESH_SPREAD = 0.1
# Until this share, a due refresh waits for guarded requests: on some platforms a refresh ends the token in use.
REFRESH_WAITS_UNTIL = 0.9
# If a platform rejects a token this soon after its issue, another refresh does not help.
FRESH = timedelta(minutes=1)


SENDING = Statement("""
    SELECT FROM items JOIN jobs ON jobs.id = items.id
    JOIN journal ON journal.item_id = jobs.id AND journal.round = jobs.round
    WHERE items.connection_id = :connection_id AND jobs.state = 'running'
    AND journal.intended_at IS NOT NULL AND journal.finished_at IS NULL
    LIMIT 1
""")

# The maximum number of connections that one `renew_idle` refreshes.
RENEWED_AT_ONCE = 100


class RefreshUnderWay(Exception):
    """Another process is refreshing these tokens. The caller tries again about 1 s later."""


def seal(vault: Vault, tokens: Tokens) -> bytes:
    return vault.seal(as_fields(tokens))


def unseal(vault: Vault, sealed: bytes) -> Tokens:
    return from_fields(vault.open(sealed))


def as_fields(tokens: Tokens) -> dict[str, Any]:
    """Return the tokens as JSON for the vault."""
    return vars(tokens) | {
        "expires_at": format_timestamp(tokens.expires_at),
        "refresh_expires_at": format_timestamp(tokens.refresh_expires_at),
    }


def from_fields(fields: dict[str, Any]) -> Tokens:
    """Return the tokens that `as_fields` stored."""

    def instant(name: str) -> datetime | None:
        return parse_instant(fields[name]) if fields[name] else None

    return Tokens(
        fields["access_token"],
        fields["refresh_token"],
        instant("expires_at"),
        instant("refresh_expires_at"),
        tuple(fields["scopes"]),
        fields.get("extra", {}),
    )


def sign_in_of(platform: Platform[Any], row: ConnectionFacts) -> SignIn:
    """Return the sign-in method of the connection in this row. Its stored key is `way`."""
    return platform.sign_in_method(row.profile.get("way"))


def facts_of(connection: Connection) -> ConnectionFacts:
    """Return a connection as a claim returns it."""
    return ConnectionFacts(**{one.name: getattr(connection, one.name) for one in fields(ConnectionFacts)})


def refresh_due(connection_id: UUID, issued_at: datetime, expires_at: datetime | None) -> bool:
    """Return whether the token has reached its account's share of the lifetime."""
    share = REFRESH_AT - REFRESH_SPREAD * (connection_id.int % 1000) / 1000
    return expires_at is not None and _life_spent(issued_at, expires_at) >= share


def _life_spent(issued_at: datetime, expires_at: datetime) -> float:
    return (clock.now() - issued_at) / max(expires_at - issued_at, timedelta(seconds=1))


def can_refresh(sign_in: SignIn, tokens: Tokens) -> bool:
    """Return whether Clipcast can get new tokens without the account's owner."""
    return sign_in.renews_itself or tokens.refresh_token is not None


def sign_in_columns(vault: Vault, sign_in: SignIn, tokens: Tokens) -> dict[str, Any]:
    """Return the columns of a connection that change with its tokens."""
    renewable = can_refresh(sign_in, tokens)
    return {
        "tokens": seal(vault, tokens),
        "issued_at": clock.now(),
        "expires_at": tokens.expires_at,
        "refreshing_until": None,
        "renewable": renewable,
        "signed_in_until": tokens.refresh_expires_at if renewable and tokens.refresh_token else tokens.expires_at,
    }


class TokenKeeper:
    """Access to the tokens of a connection's row (as read by a claim), refreshed if due."""

    def __init__(self, settings: Settings, database: Database, vault: Vault) -> None:
        self._settings = settings
        self._database = database
        self._vault = vault

    async def current(self, platform: Platform[Any], http: PlatformHttp, row: ConnectionFacts) -> Tokens:
        """Return tokens that are valid for a run.

        Raises RefreshUnderWay, ReconnectNeeded if the platform rejects the refresh, or TransientError if the platform
        does not respond and the stored tokens have expired.
        """
        tokens = unseal(self._vault, row.tokens)
        expires_at = row.expires_at
        if expires_at is None or not refresh_due(row.id, row.issued_at, expires_at):
            return tokens
        if not can_refresh(sign_in_of(platform, row), tokens):
            if expires_at > clock.now():
                return tokens
            error = ReconnectNeeded("sign_in_expired", f"The authorization at {platform.title} has expired.")
            await self.disconnect(row.id, row.tokens_version, error.message)
            raise error
        if _life_spent(row.issued_at, expires_at) < REFRESH_WAITS_UNTIL and await self._sending(row.id):
            return tokens
        try:
            return await self._refresh(platform, http, row)
        except (TransientError, RefreshUnderWay):
            if expires_at > clock.now() + FRESH:
                return tokens
            raise

    async def replace_refused(self, platform: Platform[Any], http: PlatformHttp, row: ConnectionFacts) -> Tokens:
        """Refresh tokens that the platform has rejected, and return the new ones.

        If another process refreshed them in the meantime, return its tokens. Raises as `current`, and ReconnectNeeded
        if the token was issued less than 1 min ago or cannot be refreshed.
        """
        async with self._database.begin() as session:
            found = await session.get_one(Connection, row.id)
        tokens = unseal(self._vault, found.tokens)
        if found.tokens_version == row.tokens_version:
            if clock.now() - found.issued_at < FRESH or not can_refresh(sign_in_of(platform, row), tokens):
                error = ReconnectNeeded("token_refused", f"{platform.title} no longer accepts the access token.")
                await self.disconnect(row.id, row.tokens_version, error.message)
                raise error
            return await self._refresh(platform, http, row)
        return tokens

    async def renew_idle(self, platforms: Mapping[str, Platform[Any]], client: HttpClient) -> int:
        """Refresh the tokens of unused connections before they expire. Return the number of refreshed connections.

        Failures are logged and tried again at the next call.
        """
        now = clock.now()
        life = extract("epoch", Connection.signed_in_until - Connection.issued_at)
        query = select(Connection).where(
            Connection.status == "active",
            Connection.renewable,
            Connection.sandbox == (self._settings.sandbox_base is not None),
            Connection.signed_in_until > now,
            extract("epoch", now - Connection.issued_at) >= life * REFRESH_AT,
        )
        async with self._database.session() as session:
            due = [facts_of(one) for one in (await session.execute(query.limit(RENEWED_AT_ONCE))).scalars()]
        renewed = 0
        for row in due:
            platform = platforms[row.platform]
            try:
                await self._refresh(platform, http_of(platform, client, self._settings), row)
                renewed += 1
            except (PublishError, RefreshUnderWay) as error:
                log.warning("not_renewed", connection_id=str(row.id), error=str(error))
        return renewed

    async def disconnect(self, connection_id: UUID, version: int, reason: str) -> None:
        """Mark the connection as one that its owner must reconnect."""
        async with self._database.begin() as session:
            await session.execute(
                update(Connection)
                .where(
                    Connection.id == connection_id,
                    Connection.tokens_version == version,
                    Connection.status == "active",  # keep the first reason
                )
                .values(status="needs_reconnect", status_reason=reason, refreshing_until=None)
            )

    async def _refresh(self, platform: Platform[Any], http: PlatformHttp, row: ConnectionFacts) -> Tokens:
        sign_in, connection_id, version = sign_in_of(platform, row), row.id, row.tokens_version
        app = app_for(self._settings, self._vault, sign_in)
        if app is None:
            raise InvalidRequest(
                "app_missing", f"No {platform.title} app is configured.", actor="operator",
                fix=f"Set CLIPCAST_{sign_in.app.upper()}_CLIENT_ID and _CLIENT_SECRET.",
            )  # fmt: skip
        tokens, interrupted = await self._begin(connection_id, version)
        try:
            with understood():
                fresh = await sign_in.refresh(http, app, tokens)
        except ReconnectNeeded as error:
            reason = error.message
            if interrupted:
                reason += " An earlier refresh was interrupted and may have used up the refresh token."
            await self.disconnect(connection_id, version, reason)
            raise
        except PublishError:
            await self._end(connection_id, version)
            raise
        async with self._database.begin() as session:
            await session.execute(
                update(Connection)
                .where(Connection.id == connection_id, Connection.tokens_version == version)
                .values(tokens_version=version + 1, **sign_in_columns(self._vault, sign_in, fresh))
            )
        log.info("tokens_refreshed", connection_id=str(connection_id))
        return fresh

    async def _sending(self, connection_id: UUID) -> bool:
        """Return whether a guarded request for this account is running."""
        return bool(await self._database.hot_pool.fetch(SENDING, {"connection_id": connection_id}))

    async def _begin(self, connection_id: UUID, version: int) -> tuple[Tokens, bool]:
        """Claim the refresh. The second value is True if an earlier refresh was interrupted."""
        now = clock.now()
        async with self._database.begin() as session:
            before = (
                await session.execute(
                    select(Connection.refreshing_until).where(Connection.id == connection_id).with_for_update()
                )
            ).scalar_one_or_none()
            sealed = (
                await session.execute(
                    update(Connection)
                    .where(
                        Connection.id == connection_id,
                        Connection.tokens_version == version,
                        or_(Connection.refreshing_until.is_(None), Connection.refreshing_until < now),
                    )
                    .values(refreshing_until=now + REFRESH_LEASE)
                    .returning(Connection.tokens)
                )
            ).scalar_one_or_none()
        if sealed is None:
            raise RefreshUnderWay
        return unseal(self._vault, sealed), before is not None

    async def _end(self, connection_id: UUID, version: int) -> None:
        async with self._database.begin() as session:
            await session.execute(
                update(Connection)
                .where(Connection.id == connection_id, Connection.tokens_version == version)
                .values(refreshing_until=None)
            )
