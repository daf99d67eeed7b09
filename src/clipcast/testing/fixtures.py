"""Fixtures: a real PostgreSQL, a sandbox on a real socket, the API, and a worker that tests run step by step.

They serve the suite and Clipcast's own tests.
"""

import asyncio
import functools
import os
import random
import re
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from socket import create_server

import httpx2
import httpx2._transports.default as transports
import pytest
import structlog
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import PoolProxiedConnection

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
from clipcast.people import passwords
from clipcast.platforms import registry
from clipcast.platforms.registry import PLATFORMS
from clipcast.sandbox import platforms as simulators
from clipcast.sandbox.app import create_sandbox
from clipcast.sandbox.server import make_server
from clipcast.server.app import create_app
from clipcast.storage import Storage
from clipcast.testing.case import Case
from clipcast.testing.cases import find_cases
from clipcast.testing.harness import Caller, Sandbox, Stage
from clipcast.testing.probes import RememberingChildren
from clipcast.testing.programs import all_crash_points

for name in list(os.environ):
    if name.startswith("CLIPCAST_"):
        del os.environ[name]  # settings of the environment must not change the tests

# A TLS context takes 20 ms to create. The tests create thousands of clients, which use plain text on this machine.
transports.create_ssl_context = functools.cache(transports.create_ssl_context)  # type: ignore[attr-defined]

CASES = pytest.StashKey[list[Case]]()

# As a replica, PostgreSQL checks no references, so the order of the tables does not matter.
EMPTY = "\n".join(
    (
        "BEGIN; SET LOCAL session_replication_role = replica;",
        *(f"DELETE FROM {table.name};" for table in Base.metadata.sorted_tables),
        "COMMIT",
    )
)

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))


@pytest.fixture(scope="session")
def session_dir() -> Iterator[Path]:
    """Make a folder that the embedded database's user can traverse, unlike pytest's folders."""
    with tempfile.TemporaryDirectory(prefix="clipcast-tests-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture
def tmp_path(session_dir: Path) -> Iterator[Path]:
    """Make the test's own folder, in place of pytest's. It is deleted after the test: clips are large."""
    folder = Path(tempfile.mkdtemp(dir=session_dir))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


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
        # The data must survive the server, which tests kill, but not the machine.
        for setting in ("fsync", "full_page_writes"):
            await _execute(raw, f"ALTER SYSTEM SET {setting} = off")
        await _execute(raw, "SELECT pg_reload_conf()")
    yield database
    await database.close()


async def _execute(connection: PoolProxiedConnection, statement: str) -> None:
    assert connection.driver_connection is not None
    await connection.driver_connection.execute(statement)


@pytest.fixture
async def database(shared_database: Database) -> Database:
    """Empty the database, which has the current schema.

    DELETE takes 1 ms. TRUNCATE creates the files of all tables and indexes anew, which takes 100 ms.
    """
    async with shared_database.connect() as connection:
        await _execute(await connection.get_raw_connection(), EMPTY)
    return shared_database


@pytest.fixture(autouse=True)
def still_clock() -> Iterator[None]:
    """Reset the clock after each test."""
    yield
    clock.reset()


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords with the least work: a hash is meant to take 0.1 s of CPU."""
    monkeypatch.setattr(passwords, "_hasher", functools.cache(lambda: PasswordHasher(1, 8, 1)))


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Start a new sandbox without delays, on its own port."""
    socket = create_server(("127.0.0.1", 0))
    port = socket.getsockname()[1]
    app = create_sandbox(f"http://127.0.0.1:{port}")
    server = make_server(app, "127.0.0.1", port)
    serving = asyncio.create_task(server._serve([socket]))
    while not server.started:
        await asyncio.sleep(0.005)
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        sandbox = Sandbox(client, app.state.sandbox, app.state.simulators)
        await sandbox.settings(**{name: one.quick_settings for name, one in sandbox.simulators.items()})
        yield sandbox
    # Uvicorn's own shutdown would sleep 0.2 s, which is half the time of a test.
    for listening in server.servers:
        listening.close()
    await server.lifespan.shutdown()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


@pytest.fixture
def installation(database: Database, server: EmbeddedServer, sandbox: Sandbox, tmp_path: Path) -> Installation:
    settings = load({}, data_dir=tmp_path, sandbox_url=sandbox.url, public_url="http://127.0.0.1:8000")
    return Installation(settings, database, Storage(None, tmp_path), Vault(["k" * 32]), server, RememberingChildren())


@pytest.fixture(scope="session")
def application() -> FastAPI:
    """Create the application once, because that is slow. Each test sets the installation that it serves."""
    return create_app()


@pytest.fixture
async def http(application: FastAPI, installation: Installation) -> AsyncIterator[httpx2.AsyncClient]:
    """Connect a client without a key to the application."""
    application.state.installation, application.state.rate_limiter = installation, KeyLimiter()
    transport = httpx2.ASGITransport(application)
    async with httpx2.AsyncClient(transport=transport, base_url=installation.settings.public_base) as client:
        yield client
    await application.state.request_log.close(installation.database.hot_pool)


@pytest.fixture
async def caller(installation: Installation, http: httpx2.AsyncClient) -> Caller:
    """Create a workspace with a key that has all scopes."""
    return await Caller.create(installation, http, "Workspace")


@pytest.fixture
async def stage(installation: Installation, caller: Caller, sandbox: Sandbox, clip: Path) -> AsyncIterator[Stage]:
    """Set up the caller, the sandbox and a worker for publishing."""
    stage = Stage(installation, caller, sandbox, clip)
    # Platforms that fetch clips reach the application by its public URL.
    mounts = {installation.settings.public_base: caller.http._transport}
    sandbox.state.client = httpx2.AsyncClient(mounts=mounts, trust_env=False)
    yield stage
    await stage.close()


@pytest.fixture(scope="session")
def large_clip(session_dir: Path, clip: Path) -> Path:
    """Pad the clip to 20 MB, with bytes that players skip. Platforms receive it in several parts."""
    content = clip.read_bytes()
    padding = 20_000_000 - len(content)
    path = session_dir / "large.mp4"
    path.write_bytes(content + padding.to_bytes(4, "big") + b"free" + random.Random(1).randbytes(padding - 8))
    return path


@pytest.fixture(scope="session")
def clip(session_dir: Path) -> Path:
    """Make a vertical clip of 4.2 s with sound, which every platform accepts."""
    return make_clip(session_dir / "clip.mp4", seconds=4.2, width=540, height=960)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test with a `case` for every case, and for each of its rows if the test has a parameter for one."""
    names = metafunc.fixturenames
    if "platform_name" in names:
        metafunc.parametrize("platform_name", platforms_of(metafunc.config))
    of_its_own = [_parameters(mark) for mark in metafunc.definition.iter_markers("parametrize")]
    if "case" not in names or any("case" in parameters for parameters in of_its_own):
        return
    rows: dict[str, Callable[[Case], Sequence[object]]] = {
        "limit": lambda case: case.limits,
        "refused": lambda case: case.refused,
        "refusal": lambda case: case.refusals,
        "media_failure": lambda case: case.media_failures,
        "aside": lambda case: case.asides,
        "request_name": lambda case: tuple(dict.fromkeys(case.requests)),
        "crash_point": all_crash_points,
    }
    usual = metafunc.definition.get_closest_marker("default_methods") is not None and "PROVE_EXAMPLES" not in os.environ
    cases = [case for case in cases_of(metafunc.config) if not (usual and case.sign_in_method)]
    wanted = next((name for name in rows if name in names), None)
    if wanted:
        pairs = [(case, row) for case in cases for row in rows[wanted](case)]
        metafunc.parametrize(["case", wanted], pairs, ids=[f"{c.name}-{_name(row)}" for c, row in pairs])
    else:
        metafunc.parametrize("case", cases, ids=[case.name for case in cases])


def _parameters(mark: pytest.Mark) -> Sequence[str]:
    names: str | Sequence[str] = mark.args[0]
    return [name.strip() for name in names.split(",")] if isinstance(names, str) else names


def platforms_of(config: pytest.Config) -> list[str]:
    """Return the names of the platforms that the suite runs for: also of those that cannot be used."""
    chosen: list[str] = config.getoption("--conformance")
    return chosen or sorted({*PLATFORMS, *(one.name for one in (*registry.SKIPPED, *simulators.SKIPPED))})


def cases_of(config: pytest.Config) -> list[Case]:
    """Return the cases of the platforms that the suite runs for."""
    if CASES not in config.stash:
        config.stash[CASES] = find_cases(config.getini("clipcast_cases"))
    return [case for case in config.stash[CASES] if case.platform in platforms_of(config)]


@pytest.fixture
def cases(request: pytest.FixtureRequest) -> list[Case]:
    """Return the cases with the default sign-in method of each platform."""
    return [case for case in cases_of(request.config) if not case.sign_in_method]


def _name(row: object) -> str:
    if isinstance(row, str):
        return row
    if isinstance(row, tuple):
        return f"{row[1].strip('/') or 'whole'}-{row[2]}"
    return "-".join(str(getattr(row, name)) for name in ("name", "request", "code") if hasattr(row, name))


@pytest.fixture
async def connection(stage: Stage, case: Case) -> str:
    """Connect an account of the case's platform through its consent page. Return the connection's id."""
    connection = await case.connect(stage)
    await stage.sandbox.forget_requests()
    return connection


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the passed and failed cases of each test for each platform."""
    if not config.getoption("--table"):
        return
    counts: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            name, _, case = report.nodeid.rpartition("::")[2].partition("[")
            platform = next((one for one in PLATFORMS if one in re.split("[-_]", case.rstrip("]"))), None)
            if platform:
                counts[name][platform, outcome] += 1
    terminalreporter.section("results by platform")
    width = max(map(len, counts), default=0)
    terminalreporter.write_line(" " * width + "".join(f"{platform:>11}" for platform in PLATFORMS))
    for name, found in sorted(counts.items()):
        cells = []
        for platform in PLATFORMS:
            passed, failed = found[platform, "passed"], found[platform, "failed"]
            cells.append(f"{passed}/{passed + failed}" if passed + failed else "-")
        terminalreporter.write_line(f"{name:<{width}}" + "".join(f"{cell:>11}" for cell in cells))
