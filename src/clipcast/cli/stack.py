"""The processes that `serve` and `demo` run on this machine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

import structlog

from clipcast.cli.support import WRONG_SETTINGS, fail
from clipcast.common.settings import PREFIX, Settings
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

    async def start_sandbox(self, port: int) -> None:
        await self.supervisor.start("sandbox", ["sandbox", "--port", str(port)])
        await self._until_ready("The sandbox", f"http://127.0.0.1:{port}/__sandbox/settings")

    async def start_clipcast(self, host: str, port: int, *api_flags: str) -> None:
        # The API starts slowest, so it starts first. The database starts meanwhile.
        base = f"http://{_reachable(host)}:{port}"
        arguments = ["api", "--host", host, "--port", str(port), *api_flags]
        await self.supervisor.start("api", arguments, f"{base}/livez")
        await self._hold_database()
        await self._until_ready("The API", f"{base}/livez")
        await self._start_worker("worker", self._settings.worker_health_port or free_port())
        if any(self._settings.renderer_slots.values()):
            await self._start_worker("renderer", free_port())

    async def _start_worker(self, name: str, health_port: int) -> None:
        await self.supervisor.start(
            name, [name], f"http://{_reachable(self._settings.worker_health_host)}:{health_port}/livez",
            {f"{PREFIX}WORKER_HEALTH_PORT": str(health_port)},
        )  # fmt: skip

    async def _until_ready(self, name: str, url: str) -> None:
        """Wait until `url` returns 200. Raises typer.Exit after READY_TIMEOUT seconds."""
        import httpx2

        deadline = asyncio.get_running_loop().time() + READY_TIMEOUT
        async with httpx2.AsyncClient(trust_env=False) as client:
            while asyncio.get_running_loop().time() < deadline:
                if self.supervisor.gave_up.is_set():
                    raise fail(f"{name} cannot start. The line above states the reason.", WRONG_SETTINGS)
                try:
                    if (await client.get(url)).status_code == 200:
                        return
                except httpx2.TransportError:
                    pass
                await asyncio.sleep(0.05)
        raise fail(f"{name} did not start within {READY_TIMEOUT:.0f} s. Its log lines above state the reason.")

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


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not listened on
