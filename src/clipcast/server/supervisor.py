"""A supervisor of Clipcast's processes: it starts them together, restarts those that die, and stops them together.

Each child holds the reading end of a pipe; only the supervisor holds the writing end. However the supervisor ends, the
child reads the end of the pipe and stops. So no child outlives the supervisor.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from clipcast.server.sockets import SOCKETS, close

log = structlog.get_logger()

PIPE = "CLIPCAST_SUPERVISED"
STOP_TIMEOUT = 30.0
# Seconds before a restart, so that a child that dies at once does not restart in a tight loop.
RESTART_PAUSE = 1.0
# The supervisor checks a child at this interval, with this timeout (seconds), and kills it after so many failures.
LIVE_EVERY = 5.0
LIVE_TIMEOUT = 5.0
LIVE_FAILURES = 6
# The exit code of a child whose settings are invalid. A restart would not help.
CANNOT_START = 2
# The exit code of a child that an operator has told to stop. It starts again with the supervisor. No library that a
# child uses ends a process with it: uvicorn ends with 3 if it cannot start.
DRAINED = 90


@dataclass
class Child:
    """A supervised process."""

    name: str
    arguments: list[str]
    # An address that returns 200 while the child works; None for a child without a check.
    live_url: str | None = None
    # Sockets that listen, and that it inherits.
    sockets: Sequence[socket.socket] = ()
    process: asyncio.subprocess.Process | None = None


@dataclass
class Supervisor:
    """A runner of `clipcast ARGUMENTS`, once for each child."""

    environ: Mapping[str, str]
    # Called after each start of a process, with all process ids by name.
    changed: Callable[[dict[str, int]], None] = lambda pids: None
    children: list[Child] = field(default_factory=list)
    # Set if a child cannot start with these settings. Its output contains the reason.
    gave_up: asyncio.Event = field(default_factory=asyncio.Event)
    _watchers: list[asyncio.Task[None]] = field(default_factory=list)
    _stopping: bool = False
    _ends: tuple[int, int] | None = None

    async def start(
        self,
        name: str,
        arguments: list[str],
        live_url: str | None = None,
        sockets: Sequence[socket.socket] = (),
    ) -> None:
        """Start a child, and restart it when it dies, or when `live_url` stops returning 200, unless it was drained.

        It inherits the listening `sockets`. The supervisor keeps them for the next start, and closes them when there is
        none.
        """
        if self._ends is None:
            self._ends = os.pipe()
        child = Child(name, arguments, live_url, sockets)
        self.children.append(child)
        await self._spawn(child)
        self._watchers.append(asyncio.create_task(self._watch(child)))
        if live_url:
            self._watchers.append(asyncio.create_task(self._check_life(child, live_url)))

    def pids(self) -> dict[str, int]:
        return {child.name: child.process.pid for child in self.children if child.process}

    async def stop(self) -> None:
        """Stop the children, the last started first. Kill those that have not ended after STOP_TIMEOUT."""
        self._stopping = True
        for child in reversed(self.children):
            close(child.sockets)  # the child closes its own: then connections are refused rather than left waiting
            process = child.process
            if process is None or process.returncode is not None:
                continue
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), STOP_TIMEOUT)
            except TimeoutError:
                log.error("child_killed", name=child.name)
                process.kill()
                await process.wait()
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        if self._ends:
            for end in self._ends:
                os.close(end)
            self._ends = None

    async def _spawn(self, child: Child) -> None:
        assert self._ends is not None
        reading, _ = self._ends
        numbers = [one.fileno() for one in child.sockets]
        environ = {**self.environ, PIPE: str(reading)}
        if numbers:
            environ[SOCKETS] = " ".join(map(str, numbers))
        child.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "clipcast", *child.arguments,
            env=environ,
            stdin=subprocess.DEVNULL,
            pass_fds=[reading, *numbers],
            start_new_session=True,  # Ctrl-C in the terminal signals the supervisor alone
        )  # fmt: skip
        self.changed(self.pids())

    async def _watch(self, child: Child) -> None:
        while not self._stopping:
            assert child.process is not None
            code = await child.process.wait()
            if self._stopping:
                return
            if code == CANNOT_START:
                close(child.sockets)
                self.gave_up.set()
                return
            if code == DRAINED:
                close(child.sockets)
                log.warning("child_drained", name=child.name)
                return
            log.warning("child_died", name=child.name, exit_code=code)
            await asyncio.sleep(RESTART_PAUSE)
            if not self._stopping:
                await self._spawn(child)

    async def _check_life(self, child: Child, url: str) -> None:
        """Kill the child if it stops responding; `_watch` starts it again."""
        import httpx2

        seen, failures = None, 0
        async with httpx2.AsyncClient(trust_env=False, timeout=LIVE_TIMEOUT) as client:
            while not self._stopping:
                await asyncio.sleep(LIVE_EVERY)
                process = child.process
                try:
                    alive = (await client.get(url)).status_code == 200
                except httpx2.HTTPError:
                    alive = False
                if alive:
                    seen, failures = process, 0
                elif process is not None and process is seen and process.returncode is None:
                    failures += 1
                    if failures >= LIVE_FAILURES:
                        log.error("child_does_not_respond", name=child.name, pid=process.pid)
                        process.kill()
                        seen = None


async def wait_for_stop(stop: asyncio.Event) -> None:
    """Wait until `stop` is set. SIGTERM, SIGINT and the end of the supervisor set it."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    if pipe := os.environ.get(PIPE):
        end = int(pipe)
        os.set_blocking(end, False)
        loop.add_reader(end, _supervisor_gone, loop, end, stop)
    await stop.wait()


def _supervisor_gone(loop: asyncio.AbstractEventLoop, end: int, stop: asyncio.Event) -> None:
    loop.remove_reader(end)
    log.warning("supervisor_gone")
    stop.set()
