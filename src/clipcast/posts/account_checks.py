"""The part of preflight that asks the platforms for each account's current options and quotas.

Only POST /posts/validate does this, so that a post can be created while a platform is down. POST /posts judges by the
limits of the last response, for a day. An item that the account cannot publish nevertheless shows the platform's error.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from clipcast.clock import clock
from clipcast.common.problems import AppError, Problem
from clipcast.common.timestamps import parse_instant
from clipcast.connections.options import known_limits, options_of, quotas_of
from clipcast.database.models.connections import Connection
from clipcast.installation import Installation
from clipcast.jobs.quotas import QuotaOut
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.preflight import Checked, Target

# The most accounts that are asked at the same time.
AT_ONCE = 20
# A quota that is free again within this time causes no warning.
SOON = timedelta(minutes=5)

Ask = Callable[[Installation, Connection], Awaitable[dict[str, Any]]]
Count = Callable[[Installation, Connection], Awaitable[list[QuotaOut]]]


async def check_accounts(
    installation: Installation,
    checked: Checked,
    connections: Mapping[UUID, Connection],
    ask: Ask = options_of,
    count: Count = quotas_of,
) -> None:
    """Add to `checked` the problems of its targets by the platforms' current options and quotas.

    `ask` returns the same as `options_of`, and `count` the same as `quotas_of`.
    """
    by_account: dict[UUID, list[Target]] = defaultdict(list)
    for target in checked.targets:
        if target.connection.status == "active":
            by_account[target.connection.id].append(target)
    limit = asyncio.Semaphore(AT_ONCE)

    async def check(id: UUID) -> None:
        async with limit:
            await _check_account(installation, connections[id], by_account[id], checked, ask, count)

    await asyncio.gather(*(check(id) for id in by_account if id in connections))


def check_known_limits(checked: Checked) -> None:
    """Add to `checked` the problems of its files by the accounts' own limits, as far as they are known.

    `items` loses those of targets with such a problem.
    """
    found = {target.path: known_limit_problems(target) for target in checked.targets}
    checked.errors += [problem for problems in found.values() for problem in problems]
    checked.items = [item for item in checked.items if not found.get(item.path)]


def known_limit_problems(target: Target) -> list[Problem]:
    """Return the problems of a target's file by its account's own limits, as far as they are known."""
    prefix = f"{target.path}/metadata/{target.connection.platform}"
    problems = target.metadata.check_limits(known_limits(target.connection.profile) or {}, target.media)
    return [problem.under(prefix) for problem in problems]


async def _check_account(
    installation: Installation,
    connection: Connection,
    targets: list[Target],
    checked: Checked,
    ask: Ask,
    count: Count,
) -> None:
    quotas = await count(installation, connection)
    checked.warnings += _used_up_quotas(quotas, connection, targets, checked.scheduled_at or clock.now())
    try:
        options = await ask(installation, connection)
    except AppError as error:
        into, code = (
            (checked.errors, "connection_needs_reconnect") if error.status == 409 else (checked.warnings, "not_asked")
        )
        into += [Problem(f"{target.path}/connectionId", code, error.detail) for target in targets]
        return
    for target in targets:
        errors, warnings = target.metadata.check_options(options, target.media)
        prefix = f"{target.path}/metadata/{connection.platform}"
        # An account's own limit replaces the platform's, so that each problem appears once.
        codes = {problem.code for problem in errors}
        checked.errors = [one for one in checked.errors if one.path != target.path or one.code not in codes]
        checked.errors += [problem.under(prefix) for problem in errors]
        checked.warnings += [problem.under(prefix) for problem in warnings]


def _used_up_quotas(
    quotas: Sequence[QuotaOut], connection: Connection, targets: list[Target], starts_at: datetime
) -> list[Problem]:
    """Return a warning for each quota of the account that is used up when the post starts."""
    warnings = []
    title = PLATFORMS[connection.platform].title
    for quota in quotas:
        until = parse_instant(quota.free_at) if quota.free_at else None
        if quota.remaining == 0 and until and until > max(starts_at, clock.now() + SOON):
            whose = "the app" if quota.scope == "app" else "this account"
            message = (
                f"{title}: quota `{quota.name}` of {whose} is used up until {quota.free_at}. "
                "Items that need it wait until then, or until a caller retries them."
            )
            warnings += [
                Problem(f"{target.path}/connectionId", "limit_used_up", message, limit=quota.limit)
                for target in targets
            ]
    return warnings
