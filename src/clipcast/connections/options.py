"""Asking a platform what an account offers now."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from clipcast.clock import clock
from clipcast.common.problems import AppError
from clipcast.connections.status import why_unusable
from clipcast.connections.tokens import RefreshUnderWay, TokenKeeper, columns_of
from clipcast.database.models.connections import Connection
from clipcast.installation import Installation
from clipcast.jobs.quotas import Meter, MeteredHttp, Quotas
from clipcast.platforms.base import Platform, Tokens
from clipcast.platforms.client import account_http, http_of
from clipcast.platforms.errors import PublishError, RateLimited, ReconnectNeeded, TokenRefused
from clipcast.platforms.http import PlatformHttp, make_client
from clipcast.platforms.registry import PLATFORMS
from clipcast.platforms.responses import understood

# How long a page waits for a platform, and for how long it goes by the answer, or by there being none.
PATIENCE = 3.0
KEPT = timedelta(minutes=1)
KEPT_FAILED = timedelta(seconds=20)


async def quotas_of(installation: Installation, connection: Connection) -> list[dict[str, Any]]:
    """What is used and left of each quota that holds for the account."""
    return await _meter(installation, connection).show()


def _meter(installation: Installation, connection: Connection) -> Meter:
    quotas = Quotas(installation.settings, installation.database)
    return quotas.meter(PLATFORMS[connection.platform], connection.account_id, connection.profile)


async def options_of(installation: Installation, connection: Connection) -> dict[str, Any]:
    """The platform's answer. Raises AppError 409 when the account must be connected again, 503 when none came."""
    platform = PLATFORMS[connection.platform]
    if connection.status != "active" or connection.sandbox != (installation.settings.sandbox_url is not None):
        reason = " ".join(why_unusable(connection.status, connection.status_reason))
        raise AppError(
            409,
            "connection_not_usable",
            reason if connection.status != "active" else "The connection cannot be used now.",
        )
    if platform.options is None:
        return {}
    row = columns_of(connection)
    async with make_client() as client:
        http, meter = http_of(platform, client, installation.settings), _meter(installation, connection)
        keeper = TokenKeeper(installation.settings, installation.database, installation.vault)
        try:
            tokens = await keeper.current(platform, http, row)
            try:
                return await _ask(platform, http, tokens, connection, meter)
            except TokenRefused:
                tokens = await keeper.replace_refused(platform, http, row)
                return await _ask(platform, http, tokens, connection, meter)
        except ReconnectNeeded as error:
            raise AppError(409, "connection_not_usable", f"{error.message} {error.fix}") from error
        except RefreshUnderWay:
            raise AppError(503, "try_again", "The tokens are being refreshed.", headers={"Retry-After": "1"}) from None
        except PublishError as error:
            wait = int(error.wait.total_seconds()) if isinstance(error, RateLimited) and error.wait else 5
            raise AppError(
                503, "platform_unavailable", error.message, headers={"Retry-After": str(max(1, wait))}
            ) from error


@dataclass
class OptionsCache:
    """Answers of a moment ago, for pages that ask with every key that is pressed. Of one process."""

    _answers: dict[tuple[UUID, int], tuple[datetime, dict[str, Any] | AppError]] = field(default_factory=dict)

    async def options_of(self, installation: Installation, connection: Connection) -> dict[str, Any]:
        """As the function of this name, but no platform is waited for longer than a moment. Raises AppError."""
        now, key = clock.now(), (connection.id, connection.tokens_version)
        self._answers = {key: answer for key, answer in self._answers.items() if answer[0] > now}
        if key not in self._answers:
            self._answers[key] = await self._asked(installation, connection)
        answer = self._answers[key][1]
        if isinstance(answer, AppError):
            raise answer
        return answer

    async def _asked(
        self, installation: Installation, connection: Connection
    ) -> tuple[datetime, dict[str, Any] | AppError]:
        answer: dict[str, Any] | AppError
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await options_of(installation, connection)
        except TimeoutError:
            title = PLATFORMS[connection.platform].title
            answer = AppError(503, "platform_unavailable", f"{title} did not answer within {PATIENCE:g} s.")
        except AppError as error:
            answer = error
        return clock.now() + (KEPT_FAILED if isinstance(answer, AppError) else KEPT), answer


async def _ask(
    platform: Platform[Any], http: PlatformHttp, tokens: Tokens, connection: Connection, meter: Meter
) -> dict[str, Any]:
    assert platform.options is not None
    mine = MeteredHttp(account_http(platform, http, tokens), meter)
    with understood():
        return await platform.options(mine, connection.account_id, connection.profile)
