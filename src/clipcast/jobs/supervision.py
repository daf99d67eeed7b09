"""Supervision of the tasks that run beside a worker's items.

A task is a loop. If it ends or raises, the supervisor logs and counts that, and restarts the loop after a pause. A
watchdog also observes the lease keeper: without it, the leases of running uploads expire. If the lease keeper does not
return in time, the watchdog ends the process, and the service manager starts another one.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable

import structlog

from clipcast.common.unavailable import Unavailable

log = structlog.get_logger()

# Seconds before a task restarts.
RESTART_PAUSE = 1.0
# The exit code of a process that cannot renew its leases (EX_SOFTWARE of sysexits.h).
CANNOT_KEEP_LEASES = 70


class Supervisor:
    """The supervised tasks of a worker by name, in one task group. `failures` counts the failures of each."""

    def __init__(self, group: asyncio.TaskGroup, failures: Counter[str]) -> None:
        self._group = group
        self._failures = failures
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, name: str, loop: Callable[[], Awaitable[None]], pause: float = RESTART_PAUSE) -> None:
        """Run `loop` until `stop`. After it ends, restart it after `pause` seconds."""
        self._tasks[name] = self._group.create_task(self._keep_running(name, loop, pause), name=name)

    def stop(self, *names: str) -> None:
        """Stop the named tasks, or all tasks if no name is given."""
        for name in names or tuple(self._tasks):
            self._tasks[name].cancel()

    async def _keep_running(self, name: str, loop: Callable[[], Awaitable[None]], pause: float) -> None:
        while True:
            try:
                await loop()
                log.error("task_ended", task=name)
            except Unavailable as error:
                log.error("task_failed", task=name, layer=error.layer, error=str(error))
            except Exception:
                log.exception("task_failed", task=name, failures=self._failures[name] + 1)
            self._failures[name] += 1
            await asyncio.sleep(pause)


class Watchdog:
    """A timer that ends the process if `feed` is not called for `patience` seconds of the process's running time."""

    def __init__(self, patience: float, step: float = 0.5) -> None:
        self._patience = patience
        self._step = step
        self._unfed = 0.0

    def feed(self) -> None:
        self._unfed = 0.0

    async def watch(self) -> None:
        """Count the time in steps, so that the time of a frozen process does not count."""
        while True:
            await asyncio.sleep(self._step)
            self._unfed += self._step
            if self._unfed > self._patience:
                log.critical("leases_not_kept", seconds=self._unfed, exit_code=CANNOT_KEEP_LEASES)
                end_process()
                self.feed()


def end_process() -> None:
    """End the process at once: an orderly shutdown could hang like the lease keeper."""
    os._exit(CANNOT_KEEP_LEASES)
