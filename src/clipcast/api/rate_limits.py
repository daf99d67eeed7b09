"""Rate limits over all API processes, which share the database.

The database counts each sign-in. It cannot count each request of an API key at that cost, so a process takes a share of
the requests that the key's minute still allows, and counts within the share. Shares get smaller as the minute is used
up; their sum never exceeds the limit. Other processes cannot use the rest of a share before the next minute.
"""

import asyncio
import hashlib
import ipaddress
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from clipcast.api import repository
from clipcast.clock import clock
from clipcast.database import Database
from clipcast.database.hot_queries import Executor

MINUTE = 60.0
# A process takes 1/20 of the rest of a key's minute, at least one request.
SHARES = 20
# A process rejects a key's requests for this many seconds before it queries the database again. It tracks so many keys.
REJECT_FOR = 1.0
KEYS_MAX = 10_000


@dataclass(frozen=True)
class Rate:
    """A limit of `count` attempts within any `period`."""

    count: int
    period: timedelta


@dataclass
class _Share:
    """This process's share of a key's minute."""

    minute: int = 0
    left: int = 0
    rejected_until: float = 0.0
    wait: float = 0.0
    limit: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class KeyLimiter:
    """The counter of API keys' requests in this process. One per application."""

    def __init__(self) -> None:
        self._shares: dict[bytes, _Share] = {}

    async def take(self, sender: Executor, key: bytes, limit: int) -> int | None:
        """Count a request of `key` and return None, or return the seconds until the next one is allowed.

        The previous minute counts by the part of it that lies within the last 60 s.
        """
        now = clock.now().timestamp()
        share = self._shares.get(key) or self._add(key, now)
        if share.left and share.minute == int(now // MINUTE) and share.limit == limit:
            share.left -= 1
            return None
        async with share.lock:
            if not share.left or share.minute != int(now // MINUTE) or share.limit != limit:
                if now < share.rejected_until:
                    return math.ceil(share.wait)
                await self._take_share(sender, key, share, limit, now)
            if not share.left:
                return math.ceil(share.wait)
            share.left -= 1
            return None

    async def _take_share(self, sender: Executor, key: bytes, share: _Share, limit: int, now: float) -> None:
        minute, elapsed = divmod(now, MINUTE)
        elapsed /= MINUTE
        row = await repository.take_share(sender, key, int(minute), limit, SHARES, 1 - elapsed)
        share.minute, share.limit, share.left = int(minute), limit, row.granted
        if not row.granted:
            share.wait = max(1.0, _wait(limit, row.used, row.previous, elapsed))
            share.rejected_until = now + min(REJECT_FOR, share.wait)

    def _add(self, key: bytes, now: float) -> _Share:
        if len(self._shares) >= KEYS_MAX:
            self._shares = {key: one for key, one in self._shares.items() if one.minute == int(now // MINUTE)}
        return self._shares.setdefault(key, _Share())


def _wait(limit: int, used: int, previous: int, elapsed: float) -> float:
    """Return the seconds until one more request is allowed, if no other request comes before."""
    if used < limit and previous:
        free_at = 1 - (limit - 1 - used) / previous
        if free_at <= 1:
            return (free_at - elapsed) * MINUTE
    return (1 - elapsed + max(0.0, 1 - (limit - 1) / used)) * MINUTE


class _TooMany(Exception):
    """An exception that rolls the counted attempts back."""


async def count_attempts(database: Database, attempts: Sequence[tuple[str, tuple[Rate, ...]]]) -> int | None:
    """Count an attempt for each name, exactly, and return None.

    If it exceeds the rate of any name, count it for no name and return the seconds to wait.
    """
    now = clock.now()
    named = sorted((hashlib.sha256(name.encode()).digest(), rates) for name, rates in attempts)
    waits: list[float] = []
    try:
        async with database.hot_pool.transaction() as transaction:
            for name, rates in named:  # always in the same order, so that two transactions never deadlock
                kept = max(rate.period for rate in rates)
                times = await repository.add_attempt(transaction, name, now, kept)
                for rate in rates:
                    recent = [time for time in times if time > now - rate.period]
                    if len(recent) > rate.count:
                        waits.append((recent[-rate.count - 1] + rate.period - now).total_seconds())
            if waits:
                raise _TooMany
    except _TooMany:
        return max(1, math.ceil(max(waits)))
    return None


def network_of(address: str) -> str:
    """Return the network by which attempts from an address are counted: for IPv6 the /64, which one household has."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else address
