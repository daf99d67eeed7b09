"""The tasks that run beside a worker's items. None of them ends in silence.

A helper is a loop. When it ends or raises, that is logged and counted, and it starts again after a pause. Only the
lease keeper is watched as well: without it the leases end under running uploads, so when it is not back in time the
process ends, and the supervisor starts another one.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable

import structlog

from clipcast.common.unavailable import Unavailable

log = structlog.get_logger()

# Seconds before a helper starts again.
RESTART_PAUSE = 1.0
# The exit code of a process that cannot keep its leases (EX_SOFTWARE of sysexits.h).
CANNOT_KEEP_LEASES = 70


class Helpers:
    """A worker's helpers by name, in one task group. `failures` counts how often each has failed."""

    def __init__(self, group: asyncio.TaskGroup, failures: Counter[str]) -> None:
        self._group = group
        self._failures = failures
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, name: str, loop: Callable[[], Awaitable[None]], pause: float = RESTART_PAUSE) -> None:
        """Run `loop` until `stop`; `pause` seconds lie between its end and its next start."""
        self._tasks[name] = self._group.create_task(self._keep_running(name, loop, pause), name=name)

    def stop(self, *names: str) -> None:
        """Stop these helpers; all of them without names."""
        for name in names or tuple(self._tasks):
            self._tasks[name].cancel()

    async def _keep_running(self, name: str, loop: Callable[[], Awaitable[None]], pause: float) -> None:
        while True:
            try:
                await loop()
                log.error("helper_ended", helper=name)
            except Unavailable as error:
                log.error("helper_failed", helper=name, layer=error.layer, error=str(error))
            except Exception:
                log.exception("helper_failed", helper=name, failures=self._failures[name] + 1)
            self._failures[name] += 1
            await asyncio.sleep(pause)


class Watchdog:
    """Ends the process when nobody has called `feed` for `patience` seconds in which it could have."""

    def __init__(self, patience: float, step: float = 0.5) -> None:
        self._patience = patience
        self._step = step
        self._unfed = 0.0

    def feed(self) -> None:
        self._unfed = 0.0

    async def watch(self) -> None:
        """Count the time in steps of its own, so that a process that was frozen as a whole is not blamed for it."""
        while True:
            await asyncio.sleep(self._step)
            self._unfed += self._step
            if self._unfed > self._patience:
                log.critical("leases_not_kept", seconds=self._unfed, exit_code=CANNOT_KEEP_LEASES)
                end_process()
                self.feed()


def end_process() -> None:
    """End at once: closing down in good order could hang as the lease keeper does."""
    os._exit(CANNOT_KEEP_LEASES)
