"""A child that responds no more is replaced; one that an operator has drained is not."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import httpx2
import pytest
from uvicorn.config import STARTUP_FAILURE

from clipcast.database import Database
from clipcast.database.embedded import EmbeddedServer
from clipcast.jobs.workers import alive, drain
from clipcast.server import supervisor
from clipcast.server.sockets import listen, url_of
from clipcast.server.supervisor import DRAINED, Supervisor
from clipcast.testing.harness import free_port

# sysexits.h; a shell's codes begin at 126.
CODES_OF_THE_SYSTEM = range(64, 79)


async def test_hanging_child_is_killed_and_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("LIVE_EVERY", 0.1), ("LIVE_TIMEOUT", 3.0), ("LIVE_FAILURES", 2), ("RESTART_PAUSE", 0.1)):
        monkeypatch.setattr(supervisor, name, value)
    port = free_port()
    url = f"http://127.0.0.1:{port}/__sandbox/settings"
    looked, get = asyncio.Event(), httpx2.AsyncClient.get

    async def watched(client: httpx2.AsyncClient, *arguments: Any, **options: Any) -> httpx2.Response:
        response = await get(client, *arguments, **options)
        looked.set()
        return response

    monkeypatch.setattr(httpx2.AsyncClient, "get", watched)
    several = Supervisor(os.environ)

    async def until_alive(other_than: int = 0) -> int:
        async with asyncio.timeout(90), httpx2.AsyncClient(trust_env=False, timeout=1) as client:
            while True:
                try:
                    if several.pids()["sandbox"] != other_than and (await client.get(url)).status_code == 200:
                        return several.pids()["sandbox"]
                except httpx2.HTTPError:
                    pass
                await asyncio.sleep(0.05)

    await several.start("sandbox", ["sandbox", "--port", str(port)], url)
    try:
        first = await until_alive()
        looked.clear()
        await asyncio.wait_for(looked.wait(), 60)  # the supervisor has seen it alive
        os.kill(first, signal.SIGSTOP)
        assert await until_alive(other_than=first) != first
    finally:
        await several.stop()


async def test_drained_worker_is_not_restarted(server: EmbeddedServer, database: Database, tmp_path: Path) -> None:
    environ = {"CLIPCAST_DATABASE_URL": server.acquire(), "CLIPCAST_DATA_DIR": str(tmp_path)}
    several = Supervisor(os.environ | environ)
    health = listen("127.0.0.1", 0)
    url = url_of(health)
    await several.start("worker", ["worker"], sockets=health)
    try:
        async with asyncio.timeout(90):
            while not await names_alive(database):
                await asyncio.sleep(0.1)
            async with database.begin() as session:
                assert len(await drain(session)) == 1
            await asyncio.gather(*several._watchers)  # each ends when its child is not to be restarted
        [child] = several.children
        assert child.process is not None
        assert child.process.returncode == DRAINED
        with pytest.raises(httpx2.ConnectError):  # at once: nobody would respond
            httpx2.get(url, trust_env=False)
        assert not several.gave_up.is_set()
        assert await names_alive(database) == []
    finally:
        await several.stop()


async def names_alive(database: Database) -> list[str]:
    async with database.session() as session:
        return [one.name for one in await alive(session)]


def test_no_library_ends_a_process_by_the_code_of_a_drained_one() -> None:
    """A server that cannot start must be started again."""
    assert DRAINED not in (0, 1, supervisor.CANNOT_START, STARTUP_FAILURE, *CODES_OF_THE_SYSTEM)


@pytest.mark.parametrize("command", ["api", "worker", "sandbox"])
async def test_request_waits_while_a_child_starts_or_restarts(
    server: EmbeddedServer,
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    monkeypatch.setattr(supervisor, "RESTART_PAUSE", 0.1)
    environ = {"CLIPCAST_DATABASE_URL": server.acquire(), "CLIPCAST_DATA_DIR": str(tmp_path)}
    several, sockets = Supervisor(os.environ | environ), listen("127.0.0.1", 0)
    url = url_of(sockets) + ("/__sandbox/settings" if command == "sandbox" else "/livez")
    await several.start(command, [command], sockets=sockets)
    try:
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as client:
            assert (await client.get(url)).status_code == 200
            [child] = several.children
            first = child.process
            assert first is not None
            os.kill(first.pid, signal.SIGKILL)
            await first.wait()
            assert (await client.get(url)).status_code == 200
            assert several.pids()[command] != first.pid
    finally:
        await several.stop()
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(url, trust_env=False)
