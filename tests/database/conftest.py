"""Fixtures: PostgreSQL servers that are reached over TCP."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.database.servers import TcpServer, new_server


@pytest.fixture
def folder() -> Iterator[Path]:
    """Create a folder that the servers' user can reach: pytest's own folders are closed to it."""
    with tempfile.TemporaryDirectory(prefix="clipcast-servers-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
async def primary(folder: Path) -> AsyncIterator[TcpServer]:
    server = await new_server(folder / "primary")
    yield server
    await server.stop()
