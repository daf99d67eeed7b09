"""The tokens of connected accounts: opened for a run, refreshed by one process at a time, saved before use.

No network call happens inside a transaction, so the lock of a refresh is a lease: whoever sets `refreshing_until`
refreshes, and everybody else comes back a moment later. Only the platform's own verdict disconnects an account.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
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
from clipcast.platforms.base import Platform, SignIn, Tokens
from clipcast.platforms.client import http_of
from clipcast.platforms.errors import InvalidRequest, PublishError, ReconnectNeeded, TransientError
from clipcast.platforms.http import PlatformHttp
from clipcast.platforms.responses import understood

log = structlog.get_logger()

# Longer than a refresh call may take.
REFRESH_LEASE = timedelta(seconds=90)
# A token is refreshed once this share of its life is over (TikTok sheet 1.3), so that the running job outlives it.
REFRESH_AT = 0.75
# Accounts that were connected together are not all refreshed together: each has its own share, this much earlier.
REFRESH_SPREAD = 0.1
# Until then, a refresh that is due lets calls end that cannot be taken back: some platforms end the token in use.
REFRESH_WAITS_UNTIL = 0.9
# A token that is refused this soon after it was issued will not get better by another refresh.
FRESH = timedelta(minutes=1)


SENDING = Statement("""
    SELECT FROM items JOIN journal ON journal.item_id = items.id AND journal.round = items.round
    WHERE items.connection_id = :connection_id AND items.lease_until > :now
    AND journal.intended_at IS NOT NULL AND journal.finished_at IS NULL
    LIMIT 1
""")

# Sign-ins that are renewed in one go.
RENEWED_AT_ONCE = 100


class RefreshUnderWay(Exception):
    """Another process is refreshing these tokens; they will be there in a moment."""


def seal(vault: Vault, tokens: Tokens) -> bytes:
    return vault.seal(as_fields(tokens))


def unseal(vault: Vault, sealed: bytes) -> Tokens:
    return from_fields(vault.open(sealed))


def as_fields(tokens: Tokens) -> dict[str, Any]:
    """The tokens as JSON, for the vault."""
    return vars(tokens) | {
        "expires_at": format_timestamp(tokens.expires_at),
        "refresh_expires_at": format_timestamp(tokens.refresh_expires_at),
    }


def from_fields(fields: dict[str, Any]) -> Tokens:
    """The tokens of `as_fields`."""

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


def way_of(platform: Platform[Any], row: Mapping[str, Any]) -> SignIn:
    """The way in which the connection of this row was signed in."""
    return platform.sign_in_method(row["profile"].get("way"))


def columns_of(connection: Connection) -> dict[str, Any]:
    """A connection as the row of a claim is."""
    return {column.key: getattr(connection, column.key) for column in Connection.__table__.columns}


def refresh_due(connection_id: UUID, issued_at: datetime, expires_at: datetime | None) -> bool:
    """Whether most of the token's life is over."""
    share = REFRESH_AT - REFRESH_SPREAD * (connection_id.int % 1000) / 1000
    return expires_at is not None and _life_spent(issued_at, expires_at) >= share


def _life_spent(issued_at: datetime, expires_at: datetime) -> float:
    return (clock.now() - issued_at) / max(expires_at - issued_at, timedelta(seconds=1))


def can_refresh(sign_in: SignIn, tokens: Tokens) -> bool:
    """Whether there is a way to new tokens without the account's owner."""
    return sign_in.renews_itself or tokens.refresh_token is not None


def sign_in_columns(vault: Vault, sign_in: SignIn, tokens: Tokens) -> dict[str, Any]:
    """The columns of a connection that change with its tokens."""
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
    """Hands out the tokens of a connection row (as read by a claim), refreshed where that is due."""

    def __init__(self, settings: Settings, database: Database, vault: Vault) -> None:
        self._settings = settings
        self._database = database
        self._vault = vault

    async def current(self, platform: Platform[Any], http: PlatformHttp, row: dict[str, Any]) -> Tokens:
        """Tokens good for a run.

        Raises RefreshUnderWay, ReconnectNeeded on the platform's verdict, or TransientError when the platform does
        not answer and the tokens at hand have expired.
        """
        tokens = unseal(self._vault, row["tokens"])
        if not refresh_due(row["id"], row["issued_at"], row["expires_at"]):
            return tokens
        if not can_refresh(way_of(platform, row), tokens):
            if row["expires_at"] > clock.now():
                return tokens
            error = ReconnectNeeded("sign_in_expired", f"The sign-in at {platform.title} has expired.")
            await self.disconnect(row["id"], row["tokens_version"], error.message)
            raise error
        if _life_spent(row["issued_at"], row["expires_at"]) < REFRESH_WAITS_UNTIL and await self._sending(row["id"]):
            return tokens
        try:
            return await self._refresh(platform, http, row)
        except (TransientError, RefreshUnderWay):
            if row["expires_at"] > clock.now() + FRESH:
                return tokens
            raise

    async def replace_refused(self, platform: Platform[Any], http: PlatformHttp, row: dict[str, Any]) -> Tokens:
        """Refreshes tokens that the platform has refused, unless somebody did so meanwhile; the ones to use now.

        Raises as `current`; also ReconnectNeeded when the token had just been issued, or cannot be refreshed.
        """
        async with self._database.begin() as session:
            found = await session.get_one(Connection, row["id"])
        tokens = unseal(self._vault, found.tokens)
        if found.tokens_version == row["tokens_version"]:
            if clock.now() - found.issued_at < FRESH or not can_refresh(way_of(platform, row), tokens):
                error = ReconnectNeeded("token_refused", f"{platform.title} no longer accepts the access token.")
                await self.disconnect(row["id"], row["tokens_version"], error.message)
                raise error
            return await self._refresh(platform, http, row)
        return tokens

    async def renew_idle(self, platforms: Mapping[str, Platform[Any]], client: httpx2.AsyncClient) -> int:
        """Refreshes sign-ins that nobody uses before they end; returns how many. Trouble waits for the next time."""
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
            due = [columns_of(one) for one in (await session.execute(query.limit(RENEWED_AT_ONCE))).scalars()]
        renewed = 0
        for row in due:
            platform = platforms[row["platform"]]
            try:
                await self._refresh(platform, http_of(platform, client, self._settings), row)
                renewed += 1
            except (PublishError, RefreshUnderWay) as error:
                log.warning("not_renewed", connection_id=str(row["id"]), error=str(error))
        return renewed

    async def disconnect(self, connection_id: UUID, version: int, reason: str) -> None:
        """Marks the connection as one that its owner must connect again."""
        async with self._database.begin() as session:
            await session.execute(
                update(Connection)
                .where(
                    Connection.id == connection_id,
                    Connection.tokens_version == version,
                    Connection.status == "active",  # the first reason is the one to tell
                )
                .values(status="needs_reconnect", status_reason=reason, refreshing_until=None)
            )

    async def _refresh(self, platform: Platform[Any], http: PlatformHttp, row: dict[str, Any]) -> Tokens:
        sign_in, connection_id, version = way_of(platform, row), row["id"], row["tokens_version"]
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
                reason += " An earlier refresh was interrupted, which may have used up the refresh token."
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
        """Whether a call is under way, for this account, that cannot be taken back."""
        now = clock.now()
        return bool(await self._database.hot_pool.fetch(SENDING, {"connection_id": connection_id, "now": now}))

    async def _begin(self, connection_id: UUID, version: int) -> tuple[Tokens, bool]:
        """Takes the right to refresh. The second value tells that an earlier refresh never ended."""
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
