"""An application on a real socket, and the official client of the protocol."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitRequestParams, ElicitResult
from pydantic import AnyHttpUrl

from clipcast.installation import Installation
from clipcast.testing.harness import Caller, free_port
from mcp import Client

Connect = Callable[..., AbstractAsyncContextManager[Client]]


@dataclass
class Person:
    """Somebody at the agent's program, who answers its questions."""

    action: str = "accept"
    questions: list[str] = field(default_factory=list)

    async def answer(self, _: Any, params: ElicitRequestParams) -> ElicitResult:
        self.questions.append(params.message)
        return ElicitResult.model_validate({"action": self.action, "content": {}})


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.fixture(scope="session")
async def port(application: FastAPI) -> AsyncIterator[int]:
    """Serve the application, which shows the installation of each test."""
    port = free_port()
    config = uvicorn.Config(application, port=port, log_level="warning", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.005)
    yield port
    server.should_exit = True
    await serving


@pytest.fixture
async def served(http: httpx2.AsyncClient, application: FastAPI, installation: Installation, port: int) -> str:
    """Return the address of the running application, which is its public address."""
    address = f"http://127.0.0.1:{port}"
    settings = installation.settings.model_copy(update={"public_url": AnyHttpUrl(address)})
    application.state.installation = replace(installation, settings=settings)
    return address


@pytest.fixture
def connect(served: str, caller: Caller) -> Connect:
    """Return a function that connects the client over HTTP. `mode`: "legacy" opens a session."""

    @asynccontextmanager
    async def open_client(mode: str = "auto", person: Person | None = None, **headers: str) -> AsyncIterator[Client]:
        headers = headers or {"Authorization": f"Bearer {caller.key}"}
        async with httpx2.AsyncClient(headers=headers, trust_env=False, timeout=30) as http:
            transport = streamable_http_client(f"{served}/mcp", http_client=http)
            async with Client(transport, mode=mode, elicitation_callback=person and person.answer) as client:
                yield client

    return open_client
