"""Wake-ups: after a commit that makes jobs ready, two workers are notified. A lost one costs 1 s at most.

After a commit that may have written an event, the router of this process is woken, or else those of all workers.
"""

import asyncio
from weakref import WeakKeyDictionary

from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.database.after_commit import after_commit
from clipcast.database.hot_queries import AsyncpgPool, Call, Executor, Statement

CHANNEL = "clipcast_"
EVENTS_CHANNEL = f"{CHANNEL}events"

# Each worker listens on its own channel. A notification to all of them would have all of them claim. Two are notified,
# because one may have ended; workers with free slots come first.
WAKE = Statement(f"""
    SELECT pg_notify('{CHANNEL}' || id, '') FROM (
        SELECT id FROM workers WHERE lease_until > now() AND slots ->> :queue IS NOT NULL
        ORDER BY CAST(free ->> :queue AS int) > 0 DESC NULLS LAST, random() LIMIT 2
    ) AS woken
""")


def wake_workers(session: AsyncSession | Executor, queue: str) -> None:
    """Notify workers, soon after the next commit, that jobs of this queue are ready."""
    if isinstance(session, AsyncSession):
        after_commit(session, WAKE, {"queue": queue})
    else:
        session.after_commit(WAKE, {"queue": queue})


NOTIFY_ROUTERS = Statement(f"SELECT pg_notify('{EVENTS_CHANNEL}', '') WHERE EXISTS (SELECT FROM event_listeners)")
# What wakes the router of this process, by the pool that it uses.
ROUTERS: WeakKeyDictionary[AsyncpgPool, asyncio.Event] = WeakKeyDictionary()


async def _wake_routers(pool: AsyncpgPool) -> None:
    if router := ROUTERS.get(pool):
        router.set()
    else:
        await pool.fetch(NOTIFY_ROUTERS, {})


WAKE_ROUTERS = Call(_wake_routers)


def wake_router(session: AsyncSession | Executor) -> None:
    """Have events routed soon after the next commit. Without this call, they are within 1 s."""
    if isinstance(session, AsyncSession):
        after_commit(session, WAKE_ROUTERS, {})
    else:
        session.after_commit(WAKE_ROUTERS, {})
