"""A child that responds no more is replaced."""

import asyncio
import os
import signal

import httpx2
import pytest

from clipcast.server import supervisor
from clipcast.server.supervisor import Supervisor
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
