"""The client against the API on a real port, with a worker that runs beside the test."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import AnyHttpUrl

from clipcast.installation import Installation
from clipcast.sdk import AsyncClipcast, Clipcast, Retries
from clipcast.testing.harness import Stage, free_port, running

AT_ONCE = Retries(first=0, longest=0)


@dataclass
class Served:
    """A served installation, with clients of both kinds."""

    stage: Stage
    port: int
    blocking: Clipcast
    client: AsyncClipcast
    server: uvicorn.Server

    def at(self, port: int) -> AsyncClipcast:
        """Return a client that reaches the API by another port, such as a proxy's."""
        return AsyncClipcast(self.stage.caller.key, f"http://127.0.0.1:{port}", retries=AT_ONCE)

    async def call(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Call a method of the blocking client in a thread: the server runs in this one."""
        return await asyncio.to_thread(method, *arguments, **named)

    async def until_idle(self) -> None:
        """Wait until the server has ended every request, also those whose connection is cut."""
        while running := self.server.server_state.tasks:
            await asyncio.wait(running)

    @asynccontextmanager
    async def publishing(self) -> AsyncIterator[None]:
        """Run a worker during the block."""
        async with running(self.stage.worker):
            yield


@pytest.fixture
async def port(installation: Installation) -> int:
    """Choose the port of the API. Addresses that the API returns have it."""
    port = free_port()
    settings = installation.settings.model_copy(update={"public_url": AnyHttpUrl(f"http://127.0.0.1:{port}")})
    object.__setattr__(installation, "settings", settings)
    return port


@pytest.fixture
async def served(port: int, application: FastAPI, stage: Stage) -> AsyncIterator[Served]:
    config = uvicorn.Config(application, port=port, log_level="warning", lifespan="off", http="httptools")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.005)
    key, url = stage.caller.key, f"http://127.0.0.1:{port}"
    async with AsyncClipcast(key, url, retries=AT_ONCE) as client:
        with Clipcast(key, url, retries=AT_ONCE) as blocking:
            yield Served(stage, port, blocking, client, server)
    # Uvicorn's own shutdown would sleep.
    for listening in server.servers:
        listening.close()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
