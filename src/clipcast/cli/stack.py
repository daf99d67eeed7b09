"""The processes that `serve` and `demo` run on this machine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

import structlog

from clipcast.cli.support import WRONG_SETTINGS, fail
from clipcast.common.settings import Settings
from clipcast.server.sockets import listen, url_of
from clipcast.server.supervisor import Supervisor

if TYPE_CHECKING:
    from clipcast.database.embedded import EmbeddedServer

log = structlog.get_logger()
READY_TIMEOUT = 60.0
WATCH_DATABASE_EVERY = 1.0


class Stack:
    """The child processes and the embedded database that they need. The stack restarts both after a crash."""

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        changed: Callable[[dict[str, int]], None] = lambda pids: None,
    ) -> None:
        self._settings = settings
        self.supervisor = Supervisor(environ, changed)
        self.server: EmbeddedServer | None = None
        self._watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if not self._settings.database_url:
            from clipcast.database.embedded import EmbeddedServer

            EmbeddedServer(self._settings.data_dir).check_owner()
        self._settings.make_data_dir()
        return self

    async def _hold_database(self) -> None:
        """Start the embedded server, unless another process did, and keep it running until `__aexit__`."""
        if self._settings.database_url:
            return
        from clipcast.database.embedded import EmbeddedServer

        self.server = EmbeddedServer(self._settings.data_dir)
        await asyncio.to_thread(self.server.acquire)
        self._watcher = asyncio.create_task(self._watch_database(self.server))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watcher:
            self._watcher.cancel()
        await self.supervisor.stop()
        if self.server:
            await asyncio.to_thread(self.server.release)

    async def start_sandbox(self, sockets: Sequence[socket.socket]) -> None:
        """Start the sandbox on `sockets`, which listen, and wait until it responds."""
        await self.supervisor.start("sandbox", ["sandbox", *_place(sockets)], sockets=sockets)
        await self._until_ready("The sandbox", f"{url_of(sockets)}/__sandbox/settings")

    async def start_clipcast(
        self, sockets: Sequence[socket.socket], health: Sequence[socket.socket] | None, *api_flags: str
    ) -> None:
        """Start the API on `sockets`, and wait until it responds. Then start a worker and a renderer.

        The worker's health checks are served on `health`, or on a port that nobody chose.
        """
        # The API starts slowest, so it starts first. The database starts meanwhile.
        live_url = f"{url_of(sockets)}/livez"
        await self.supervisor.start("api", ["api", *_place(sockets), *api_flags], live_url, sockets)
        await self._hold_database()
        await self._until_ready("The API", live_url)
        await self._start_jobs("worker", health or listen("127.0.0.1", 0))
        if any(self._settings.renderer_slots.values()):
            await self._start_jobs("renderer", listen("127.0.0.1", 0))

    async def _start_jobs(self, name: str, health: Sequence[socket.socket]) -> None:
        await self.supervisor.start(name, [name], f"{url_of(health)}/livez", health)

    async def _until_ready(self, name: str, url: str) -> None:
        """Wait until `url` returns 200. Raises typer.Exit if a process cannot start, or after READY_TIMEOUT seconds."""
        ready = asyncio.create_task(_respond(url))
        gave_up = asyncio.create_task(self.supervisor.gave_up.wait())
        try:
            await asyncio.wait([ready, gave_up], timeout=READY_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
            if gave_up.done():
                raise fail(f"{name} cannot start. The line above states the reason.", WRONG_SETTINGS)
            if not ready.done():
                raise fail(f"{name} did not start within {READY_TIMEOUT:.0f} s. Its log lines above state the reason.")
            ready.result()
        finally:
            ready.cancel()
            gave_up.cancel()

    async def _watch_database(self, server: EmbeddedServer) -> None:
        while True:
            await asyncio.sleep(WATCH_DATABASE_EVERY)
            if server.pid() is None:
                log.error("database_died")
                await asyncio.to_thread(server.ensure_running)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _place(sockets: Sequence[socket.socket]) -> list[str]:
    host, port = sockets[0].getsockname()[:2]
    return ["--host", host, "--port", str(port)]


async def _respond(url: str) -> None:
    """Return when `url` returns 200. A request waits in the socket's queue until the process has started."""
    import httpx2

    async with httpx2.AsyncClient(trust_env=False, timeout=None) as client:  # the caller has one
        while True:
            try:
                if (await client.get(url)).status_code == 200:
                    return
            except httpx2.TransportError:
                pass  # the process accepted the connection, and died
            await asyncio.sleep(0.05)
