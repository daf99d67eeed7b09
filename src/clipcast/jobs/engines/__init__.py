"""Engines: how ready jobs get to free slots. The rows in `jobs` are the truth with every engine."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from clipcast.jobs.slots import WorkerSlots


@dataclass(frozen=True)
class EngineHealth:
    """The state of an engine."""

    reachable: bool
    # Jobs that are ready or offered, and how long the oldest of them has been due.
    backlog: int
    oldest: timedelta
    detail: str = ""


class Engine(Protocol):
    """It brings ready jobs to free slots. It may lose, repeat or delay anything: only time is lost by that."""

    name: str

    async def serve(self, slots: WorkerSlots, stop: asyncio.Event) -> None:
        """Fill free slots until `stop` is set. Never raise for trouble that may pass."""

    async def health(self) -> EngineHealth:
        """Return the engine's state. Raise DatabaseUnavailable."""
