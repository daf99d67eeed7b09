"""Limits of rate that hold over all API processes. The database is what they share.

Sign-ins are counted one by one. Requests of an API key are too many for that, so a process takes a part of what is
left of the key's minute and counts within it. The parts get smaller as the minute is used up; the sum never exceeds it.
What a process took and did not use is lost to the others until the next minute.
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
# A process takes at most this part of what is left.
SHARES = 20
# How long a process refuses by itself before it asks again (seconds), and how many keys it knows at a time.
REFUSAL = 1.0
KEYS_MAX = 10_000


@dataclass(frozen=True)
class Rate:
    """At most `count` within `period`, whenever that begins."""

    count: int
    period: timedelta


@dataclass
class _Share:
    """What this process may use of a key's minute."""

    minute: int = 0
    left: int = 0
    refused_until: float = 0.0
    wait: float = 0.0
    limit: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class KeyLimiter:
    """Counts the requests of API keys in this process. One per application."""

    def __init__(self) -> None:
        self._shares: dict[bytes, _Share] = {}

    async def take(self, sender: Executor, key: bytes, limit: int) -> int | None:
        """Count a request of `key` and return None, or return after how many seconds the next is allowed.

        Over any minute, the previous minute counts by the part of it that is not yet 60 seconds ago.
        """
        now = clock.now().timestamp()
        share = self._shares.get(key) or self._add(key, now)
        if share.left and share.minute == int(now // MINUTE) and share.limit == limit:
            share.left -= 1
            return None
        async with share.lock:
            if not share.left or share.minute != int(now // MINUTE) or share.limit != limit:
                if now < share.refused_until:
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
            share.refused_until = now + min(REFUSAL, share.wait)

    def _add(self, key: bytes, now: float) -> _Share:
        if len(self._shares) >= KEYS_MAX:
            self._shares = {key: one for key, one in self._shares.items() if one.minute == int(now // MINUTE)}
        return self._shares.setdefault(key, _Share())


def _wait(limit: int, used: int, previous: int, elapsed: float) -> float:
    """Return in how many seconds there is room for one more, if nothing else is asked for until then."""
    if used < limit and previous:
        free_at = 1 - (limit - 1 - used) / previous
        if free_at <= 1:
            return (free_at - elapsed) * MINUTE
    return (1 - elapsed + max(0.0, 1 - (limit - 1) / used)) * MINUTE


class _TooMany(Exception):
    """Rolls back what was counted."""


async def count_attempts(database: Database, attempts: Sequence[tuple[str, tuple[Rate, ...]]]) -> int | None:
    """Count an attempt for each name, exactly, and return None.

    When it is one too many for any of them, count it for none and return after how many seconds to try again.
    """
    now = clock.now()
    named = sorted((hashlib.sha256(name.encode()).digest(), rates) for name, rates in attempts)
    waits: list[float] = []
    try:
        async with database.hot_pool.transaction() as transaction:
            for name, rates in named:  # in one order always, so that two that count at once never block each other
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
    """Return what attempts from an address are counted by: a household has a whole /64 of IPv6 addresses."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else address
