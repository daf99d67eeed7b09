"""The options that a platform offers an account, such as boards, playlists and quotas."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from clipcast.clock import clock
from clipcast.common.problems import AppError
from clipcast.connections.status import why_unusable
from clipcast.connections.tokens import RefreshUnderWay, TokenKeeper, facts_of
from clipcast.database import Database
from clipcast.database.hot_queries import Statement
from clipcast.database.models.connections import Connection
from clipcast.installation import Installation
from clipcast.jobs.quotas import Meter, MeteredHttp, QuotaOut, Quotas, Usage
from clipcast.platforms.base import Platform, Tokens
from clipcast.platforms.client import account_http, http_of
from clipcast.platforms.errors import PublishError, RateLimited, ReconnectNeeded, TokenRefused
from clipcast.platforms.http import PlatformHttp
from clipcast.platforms.registry import PLATFORMS
from clipcast.platforms.responses import understood
from clipcast.platforms.transport import HttpClient

# A page waits this long for a platform, in seconds. It keeps the response, or the lack of one, for these times.
PATIENCE = 3.0
KEPT = timedelta(minutes=1)
KEPT_FAILED = timedelta(seconds=20)
# Limits judge files for this time; platforms change them. How exact their time is.
LIMITS_COUNT, LIMITS_AT = timedelta(days=1), timedelta(hours=1)
KEEP_LIMITS = Statement("""
    UPDATE connections SET profile = profile
        || jsonb_build_object('limits', CAST(:limits AS jsonb), 'limits_at', CAST(:now AS text))
    WHERE id = :id AND (
        profile -> 'limits' IS DISTINCT FROM CAST(:limits AS jsonb) OR profile ->> 'limits_at' IS NULL
        OR CAST(profile ->> 'limits_at' AS timestamptz) < CAST(:before AS timestamptz))
""")


async def usage_of(installation: Installation, connections: Sequence[Connection]) -> dict[UUID, Usage]:
    """Return what lists show of the quotas of accounts, by the account's id."""
    quotas = Quotas(installation.settings, installation.database)
    return await quotas.usage_of({one.id: _meter_of(quotas, one) for one in connections})


async def quotas_of(installation: Installation, connection: Connection) -> list[QuotaOut]:
    """Return the used and remaining amounts of each quota of the account."""
    return await _meter(installation, connection).show()


def _meter(installation: Installation, connection: Connection) -> Meter:
    return _meter_of(Quotas(installation.settings, installation.database), connection)


def _meter_of(quotas: Quotas, connection: Connection) -> Meter:
    return quotas.meter(PLATFORMS[connection.platform], connection.account_id, connection.profile)


async def options_of(installation: Installation, connection: Connection) -> dict[str, Any]:
    """Return the account's options from the platform.

    Raises AppError: 409 if the account must be reconnected or resumed, 503 if the platform does not respond.
    """
    platform = PLATFORMS[connection.platform]
    in_sandbox = installation.settings.sandbox_url is not None
    if connection.status != "active":
        reason = " ".join(why_unusable(connection.status, connection.status_reason))
        raise AppError(409, "connection_not_usable", reason)
    if connection.sandbox != in_sandbox:
        used, belongs = ("the sandbox", "a real platform") if in_sandbox else ("real platforms", "the sandbox")
        reason = f"This connection belongs to {belongs}, but Clipcast uses {used}. Choose another."
        raise AppError(409, "connection_not_usable", reason)
    if platform.options is None:
        return {}
    row = facts_of(connection)
    async with HttpClient() as client:
        http, meter = http_of(platform, client, installation.settings), _meter(installation, connection)
        database = installation.database
        keeper = TokenKeeper(installation.settings, installation.database, installation.vault)
        try:
            tokens = await keeper.current(platform, http, row)
            try:
                return await _ask(database, platform, http, tokens, connection, meter)
            except TokenRefused:
                tokens = await keeper.replace_refused(platform, http, row)
                return await _ask(database, platform, http, tokens, connection, meter)
        except ReconnectNeeded as error:
            raise AppError(409, "connection_not_usable", f"{error.message} {error.fix}") from error
        except RefreshUnderWay:
            message = "Clipcast is refreshing the account's tokens. Try again in 1 s."
            raise AppError(503, "try_again", message, headers={"Retry-After": "1"}) from None
        except PublishError as error:
            wait = int(error.wait.total_seconds()) if isinstance(error, RateLimited) and error.wait else 5
            raise AppError(
                503, "platform_unavailable", error.message, headers={"Retry-After": str(max(1, wait))}
            ) from error


@dataclass
class OptionsCache:
    """Recent options of accounts, in this process, for pages that request them with every key press."""

    _cached: dict[tuple[UUID, int], tuple[datetime, dict[str, Any] | AppError]] = field(default_factory=dict)

    async def options_of(self, installation: Installation, connection: Connection) -> dict[str, Any]:
        """Return the account's options within PATIENCE seconds. Raises AppError as the function `options_of`."""
        now, key = clock.now(), (connection.id, connection.tokens_version)
        self._cached = {key: entry for key, entry in self._cached.items() if entry[0] > now}
        if key not in self._cached:
            self._cached[key] = await self._request(installation, connection)
        options = self._cached[key][1]
        if isinstance(options, AppError):
            raise options
        return options

    async def _request(
        self, installation: Installation, connection: Connection
    ) -> tuple[datetime, dict[str, Any] | AppError]:
        options: dict[str, Any] | AppError
        try:
            async with asyncio.timeout(PATIENCE):
                options = await options_of(installation, connection)
        except TimeoutError:
            title = PLATFORMS[connection.platform].title
            options = AppError(503, "platform_unavailable", f"{title} did not respond within {PATIENCE:g} s.")
        except AppError as error:
            options = error
        return clock.now() + (KEPT_FAILED if isinstance(options, AppError) else KEPT), options


async def _ask(
    database: Database,
    platform: Platform[Any],
    http: PlatformHttp,
    tokens: Tokens,
    connection: Connection,
    meter: Meter,
) -> dict[str, Any]:
    assert platform.options is not None
    metered = MeteredHttp(account_http(platform, http, tokens), meter)
    with understood():
        options = await platform.options(metered, connection.account_id, connection.profile)
    await keep_limits(database, platform, connection.id, options)
    return options


async def keep_limits(
    database: Database, platform: Platform[Any], connection_id: UUID, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Keep those of an account's options by which Clipcast judges files without a request, and return them."""
    limits = {name: options[name] for name in platform.kept_options if options.get(name) is not None}
    if limits:
        now = clock.now()
        values = {"id": connection_id, "limits": json.dumps(limits), "now": now.isoformat(), "before": now - LIMITS_AT}
        await database.hot_pool.fetch(KEEP_LIMITS, values)
    return limits


def known_limits(profile: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the limits that `keep_limits` kept in an account's profile; None if there are none, or they are old."""
    at = profile.get("limits_at")
    if at is None or datetime.fromisoformat(at) < clock.now() - LIMITS_COUNT:
        return None
    limits: dict[str, Any] = profile["limits"]
    return limits
