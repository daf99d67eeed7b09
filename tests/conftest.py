"""Fixtures: a real PostgreSQL, a sandbox on a real socket, the API, and a worker that tests step by hand."""

import asyncio
import functools
import os
import random
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import httpx2._transports.default as transports
import pytest
import structlog
from fastapi import FastAPI

from clipcast.api.rate_limits import KeyLimiter
from clipcast.clips.sample import make_clip
from clipcast.clock import clock
from clipcast.common.settings import load
from clipcast.common.vault import Vault
from clipcast.database import Database
from clipcast.database.embedded import EmbeddedServer
from clipcast.database.migrate import upgrade
from clipcast.database.models import Base
from clipcast.installation import Installation
from clipcast.platforms.registry import PLATFORMS
from clipcast.sandbox.app import create_sandbox
from clipcast.sandbox.server import make_server
from clipcast.server.app import create_app
from clipcast.storage import Storage
from tests.harness import Caller, Sandbox, Stage, free_port

for name in list(os.environ):
    if name.startswith("CLIPCAST_"):
        del os.environ[name]  # the tests' settings are their own

# A TLS context takes 20 ms to make; the tests make clients by the thousand, and speak plain text to this machine.
transports.create_ssl_context = functools.cache(transports.create_ssl_context)  # type: ignore[attr-defined]

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))


@pytest.fixture(scope="session")
def session_dir() -> Iterator[Path]:
    """A folder that the embedded database's user may traverse: pytest's own are closed to it."""
    with tempfile.TemporaryDirectory(prefix="clipcast-tests-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture
def tmp_path(session_dir: Path) -> Path:
    """The test's own folder, in place of pytest's."""
    folder = Path(tempfile.mkdtemp(dir=session_dir))
    folder.chmod(0o711)
    return folder


@pytest.fixture(scope="session")
def server(session_dir: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(session_dir / "shared")
    server.acquire()
    yield server
    server.release()


@pytest.fixture(scope="session")
async def shared_database(server: EmbeddedServer) -> AsyncIterator[Database]:
    database = Database(server.acquire())
    await upgrade(database)
    async with database.connect() as connection:
        raw = await connection.get_raw_connection()
        # Nothing here outlives the machine. It does outlive the server, which tests kill.
        for setting in ("fsync", "full_page_writes"):
            await raw.driver_connection.execute(f"ALTER SYSTEM SET {setting} = off")
        await raw.driver_connection.execute("SELECT pg_reload_conf()")
    yield database
    await database.close()


@pytest.fixture
async def database(shared_database: Database) -> Database:
    """An empty database with the current schema."""
    tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
    async with shared_database.connect() as connection:
        await connection.exec_driver_sql(f"TRUNCATE {tables} CASCADE")
    return shared_database


@pytest.fixture(autouse=True)
def still_clock() -> Iterator[None]:
    """Whatever a test moves, the next one starts in the present."""
    yield
    clock.reset()


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A fresh sandbox that needs no time, on a port of its own."""
    port = free_port()
    app = create_sandbox(f"http://127.0.0.1:{port}")
    server = make_server(app, "127.0.0.1", port)
    serving = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.005)
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        sandbox = Sandbox(client, app.state.sandbox, app.state.simulators)
        await sandbox.settings(**{name: one.quick_settings for name, one in sandbox.simulators.items()})
        yield sandbox
    # By hand: uvicorn's own shutdown sleeps two tenths of a second, which is half of what a test takes.
    for listening in server.servers:
        listening.close()
    await server.lifespan.shutdown()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


@pytest.fixture
def installation(database: Database, server: EmbeddedServer, sandbox: Sandbox, tmp_path: Path) -> Installation:
    settings = load({}, data_dir=tmp_path, sandbox_url=sandbox.url, public_url="http://127.0.0.1:8000")
    return Installation(settings, database, Storage(None, tmp_path), Vault(["k" * 32]), server)


@pytest.fixture(scope="session")
def application() -> FastAPI:
    """Made once, as it takes a while; whose installation it serves, each test says."""
    return create_app()


@pytest.fixture
async def http(application: FastAPI, installation: Installation) -> AsyncIterator[httpx2.AsyncClient]:
    """The application, without a key."""
    application.state.installation, application.state.rate_limiter = installation, KeyLimiter()
    transport = httpx2.ASGITransport(application)
    async with httpx2.AsyncClient(transport=transport, base_url=installation.settings.public_base) as client:
        yield client


@pytest.fixture
async def caller(installation: Installation, http: httpx2.AsyncClient) -> Caller:
    """A workspace with a key of all scopes."""
    return await Caller.create(installation, http, "Workspace")


@pytest.fixture
async def stage(installation: Installation, caller: Caller, sandbox: Sandbox, clip: Path) -> AsyncIterator[Stage]:
    """Everything that publishing needs."""
    stage = Stage(installation, caller, sandbox, clip)
    # Platforms that fetch reach the application as everybody else does.
    mounts = {installation.settings.public_base: caller.http._transport}
    sandbox.state.client = httpx2.AsyncClient(mounts=mounts, trust_env=False)
    yield stage
    await stage.close()


@pytest.fixture(scope="session")
def large_clip(session_dir: Path, clip: Path) -> Path:
    """The clip with padding that players skip: 20 MB, which platforms receive in several pieces."""
    content = clip.read_bytes()
    padding = 20_000_000 - len(content)
    path = session_dir / "large.mp4"
    path.write_bytes(content + padding.to_bytes(4, "big") + b"free" + random.Random(1).randbytes(padding - 8))
    return path


@pytest.fixture(scope="session")
def clip(session_dir: Path) -> Path:
    """A vertical clip of four seconds, with sound, which every platform takes."""
    return make_clip(session_dir / "clip.mp4", seconds=4.2, width=540, height=960)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--table", action="store_true", help="print what ran for which platform")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """How many cases of each test passed and failed on each platform."""
    if not config.getoption("--table"):
        return
    counts: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            name, _, case = report.nodeid.rpartition("::")[2].partition("[")
            platform = next((one for one in PLATFORMS if one in re.split("[-_]", case.rstrip("]"))), None)
            if platform:
                counts[name][platform, outcome] += 1
    terminalreporter.section("what ran for which platform")
    width = max(map(len, counts), default=0)
    terminalreporter.write_line(" " * width + "".join(f"{platform:>11}" for platform in PLATFORMS))
    for name, found in sorted(counts.items()):
        cells = []
        for platform in PLATFORMS:
            passed, failed = found[platform, "passed"], found[platform, "failed"]
            cells.append(f"{passed}/{passed + failed}" if passed + failed else "-")
        terminalreporter.write_line(f"{name:<{width}}" + "".join(f"{cell:>11}" for cell in cells))
