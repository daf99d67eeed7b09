"""Wake-ups: after a commit that makes jobs ready, two workers are notified. A lost one costs 1 s at most."""

from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.database.after_commit import after_commit
from clipcast.database.hot_queries import Executor, Statement

CHANNEL = "clipcast_"

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
