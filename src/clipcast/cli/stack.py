"""An installation's processes on this machine, as `serve` and `demo` run them."""

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
    """Holds the embedded database for as long as the children run, and starts it again when it is killed."""

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
        """Keeps the embedded server up for as long as this lasts. Whoever comes first starts it."""
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
        await self._until_ready("the sandbox", f"http://127.0.0.1:{port}/__sandbox/settings")

    async def start_clipcast(self, host: str, port: int, *api_flags: str) -> None:
        # It takes longest, so it is started first; the database meanwhile.
        base = f"http://{_reachable(host)}:{port}"
        arguments = ["api", "--host", host, "--port", str(port), *api_flags]
        await self.supervisor.start("api", arguments, f"{base}/livez")
        await self._hold_database()
        await self._until_ready("the API", f"{base}/livez")
        health_port = self._settings.worker_health_port or _free_port()
        await self.supervisor.start(
            "worker", ["worker"], f"http://{_reachable(self._settings.worker_health_host)}:{health_port}/livez",
            {f"{PREFIX}WORKER_HEALTH_PORT": str(health_port)},
        )  # fmt: skip

    async def _until_ready(self, what: str, url: str) -> None:
        """Raises typer.Exit when it does not come up."""
        import httpx2

        deadline = asyncio.get_running_loop().time() + READY_TIMEOUT
        async with httpx2.AsyncClient(trust_env=False) as client:
            while asyncio.get_running_loop().time() < deadline:
                if self.supervisor.gave_up.is_set():
                    raise fail(f"{what} cannot start; the line above says why.", WRONG_SETTINGS)
                try:
                    if (await client.get(url)).status_code == 200:
                        return
                except httpx2.TransportError:
                    pass
                await asyncio.sleep(0.05)
        raise fail(f"{what} did not start within {READY_TIMEOUT:.0f} s; its log lines above say why.")

    async def _watch_database(self, server: EmbeddedServer) -> None:
        while True:
            await asyncio.sleep(WATCH_DATABASE_EVERY)
            if server.pid() is None:
                log.error("database_died")
                await asyncio.to_thread(server.ensure_running)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not listened on
