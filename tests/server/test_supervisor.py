"""A child that responds no more is replaced; one that an operator has drained is not."""

import asyncio
import os
import signal
from pathlib import Path

import httpx2
import pytest

from clipcast.database import Database
from clipcast.database.embedded import EmbeddedServer
from clipcast.jobs.workers import alive, drain
from clipcast.server import supervisor
from clipcast.server.supervisor import DRAINED, Supervisor
from clipcast.testing.harness import free_port


async def test_hanging_child_is_killed_and_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("LIVE_EVERY", 0.1), ("LIVE_TIMEOUT", 0.3), ("LIVE_FAILURES", 2), ("RESTART_PAUSE", 0.1)):
        monkeypatch.setattr(supervisor, name, value)
    port = free_port()
    url = f"http://127.0.0.1:{port}/__sandbox/settings"
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
        await asyncio.sleep(0.5)  # in which the supervisor has seen it alive
        os.kill(first, signal.SIGSTOP)
        assert await until_alive(other_than=first) != first
    finally:
        await several.stop()


async def test_drained_worker_is_not_restarted(server: EmbeddedServer, database: Database, tmp_path: Path) -> None:
    environ = {"CLIPCAST_DATABASE_URL": server.acquire(), "CLIPCAST_DATA_DIR": str(tmp_path)}
    several = Supervisor(os.environ | environ)
    await several.start("worker", ["worker"])
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
        assert not several.gave_up.is_set()
        assert await names_alive(database) == []
    finally:
        await several.stop()


async def names_alive(database: Database) -> list[str]:
    async with database.session() as session:
        return [one.name for one in await alive(session)]
