"""Fixtures: the application on a real socket."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from fastapi import FastAPI

from clipcast.server.protocol import limits
from clipcast.testing.harness import Caller, free_port


@pytest.fixture
async def port(application: FastAPI, caller: Caller) -> AsyncIterator[int]:
    """Serve the application that the caller calls, and return the port."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="error", lifespan="off", **limits()))
    serving = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.005)
    yield port
    server.should_exit = True
    await serving
