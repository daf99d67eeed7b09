"""Engines: how ready jobs get to free slots. The rows in `jobs` are the truth with every engine."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from clipcast.clock import clock
from clipcast.database import Database
from clipcast.database.hot_queries import Statement
from clipcast.jobs.slots import WorkerSlots

# The longest pause of an idle worker, and so the longest delay by a lost notification.
POLL = timedelta(seconds=1)

# A job that a worker gave back is ready since then.
BACKLOG = Statement("""
    SELECT count(*) AS number, min(greatest(due_at, updated_at)) AS oldest FROM jobs WHERE state IN ('ready', 'offered')
""")


@dataclass(frozen=True)
class EngineHealth:
    """The state of an engine."""

    reachable: bool
    # Jobs that are ready or offered, and how long the oldest of them has been due.
    backlog: int
    oldest: timedelta
    # What the engine is, or why it is not reachable: part of a sentence.
    detail: str
    # What would improve it, each with its fix.
    advice: Sequence[tuple[str, str]] = ()


class Engine(Protocol):
    """It brings ready jobs to free slots. It may lose, repeat or delay anything: only time is lost by that."""

    name: str
    # When the engine last looked for jobs, on the monotonic clock.
    looked_at: float

    async def serve(self, slots: WorkerSlots, stop: asyncio.Event) -> None:
        """Fill free slots until `stop` is set. Never raise for trouble that may pass."""

    async def close(self) -> None:
        """Release what `serve` has used, within a few seconds. The worker calls this after its last run."""

    async def health(self) -> EngineHealth:
        """Return the engine's state. Raise DatabaseUnavailable."""


async def backlog(database: Database) -> tuple[int, timedelta]:
    """Return the number of jobs that are ready or offered, and how long the oldest of them has been due."""
    [row] = await database.hot_pool.fetch(BACKLOG, {})
    return row["number"], max(timedelta(), clock.now() - row["oldest"]) if row["oldest"] else timedelta()
