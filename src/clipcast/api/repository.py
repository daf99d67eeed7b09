"""Queries for rate limits."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from clipcast.database.hot_queries import Executor, Statement


@dataclass(frozen=True)
class TakenShare:
    """A share of a key's minute: `granted` requests, in all `used` of the minute, `previous` in the minute before."""

    used: int
    previous: int
    granted: int


# If a process's clock is behind, its requests count in the minute of the other processes.
TAKE_SHARE = Statement("""
    INSERT INTO rate_windows AS held (name, minute, used, previous, granted)
    VALUES (:name, :minute, GREATEST(1, CAST(:limit AS int) / :shares), 0, GREATEST(1, CAST(:limit AS int) / :shares))
    ON CONFLICT (name) DO UPDATE SET (minute, used, previous, granted) = (
        SELECT GREATEST(held.minute, excluded.minute), rolled.used + given.count, rolled.previous, given.count
        FROM (
            SELECT CASE WHEN held.minute >= excluded.minute THEN held.used ELSE 0 END AS used,
                   CASE WHEN held.minute >= excluded.minute THEN held.previous
                        WHEN held.minute = excluded.minute - 1 THEN held.used
                        ELSE 0 END AS previous
        ) AS rolled
        CROSS JOIN LATERAL (
            SELECT floor(:limit - rolled.previous * CAST(:weight AS float8) - rolled.used) AS count
        ) AS room
        CROSS JOIN LATERAL (
            SELECT CASE WHEN room.count < 1 THEN 0 ELSE GREATEST(1, floor(room.count / :shares)) END AS count
        ) AS given
    )
    RETURNING used, previous, granted
""")
ADD_ATTEMPT = Statement("""
    INSERT INTO attempt_logs AS held (name, times, expires_at)
    VALUES (:name, ARRAY[CAST(:now AS timestamptz)], :expires_at)
    ON CONFLICT (name) DO UPDATE SET expires_at = excluded.expires_at, times = (
        SELECT array_agg(time ORDER BY time) FROM unnest(held.times || excluded.times) AS time WHERE time > :oldest
    )
    RETURNING times
""")


async def take_share(sender: Executor, name: bytes, minute: int, limit: int, shares: int, weight: float) -> TakenShare:
    """Take a share of the rest of a key's minute. `weight` is the part of the minute before that still counts."""
    values = {"name": name, "minute": minute, "limit": limit, "shares": shares, "weight": weight}
    [row] = await sender.fetch(TAKE_SHARE, values)
    return TakenShare(row["used"], row["previous"], row["granted"])


async def add_attempt(sender: Executor, name: bytes, now: datetime, kept: timedelta) -> list[datetime]:
    """Add an attempt and return all attempts within `kept`, in order.

    Other attempts with the name wait for the end of the transaction.
    """
    values = {"name": name, "now": now, "oldest": now - kept, "expires_at": now + kept}
    [row] = await sender.fetch(ADD_ATTEMPT, values)
    times: list[datetime] = row["times"]
    return times
