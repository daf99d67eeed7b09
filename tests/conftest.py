"""Fixtures of several rooms: a Temporal server, one for all tests of a process, and the folder of the corpus."""

import gc
import itertools
import os
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from clipcast.cli.temporal_server import MISSING, TemporalServer, find_program
from clipcast.clock import BOOT_CLOCK
from clipcast.platforms.names import LOOKUPS
from clipcast.server.gc_tuning import freeze_startup_objects
from clipcast.testing.harness import free_port

numbers = itertools.count()

# The same examples in every run, which may take any time. `make prove` draws others by its seed.
settings.register_profile(
    "tests", deadline=None, derandomize="PROVE_EXAMPLES" not in os.environ, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine", choices=("rows", "temporal"), default="rows", help="the engine of the crash matrix's workers"
    )


def pytest_collection_finish() -> None:
    """Collect garbage among what the tests make, as servers do: all modules and tests took a sixth of the CPU time."""
    gc.collect()
    freeze_startup_objects()


@pytest.fixture(autouse=True)
def unchanged_scheduling() -> Iterator[None]:
    """Fail a test that leaves its process with another scheduling policy: a real-time one starves the machine."""
    yield
    if hasattr(os, "sched_getscheduler") and (policy := os.sched_getscheduler(0)) != os.SCHED_OTHER:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        pytest.fail(f"The test changed the scheduling policy of its process to {policy}.")


@pytest.fixture(autouse=True)
def forgotten_names() -> Iterator[None]:
    """Forget which names could not be looked up in the tests before."""
    yield
    LOOKUPS._failed.clear()


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let time pass by `clock.move` alone."""
    now = time.clock_gettime(BOOT_CLOCK)
    monkeypatch.setattr("clipcast.clock._since_boot", lambda: now)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the corpus, which the processes of a test run share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "corpus"
    folder.mkdir(exist_ok=True)
    return folder


@dataclass
class Temporal:
    """A Temporal server, and the prefix of one test's queues there."""

    server: TemporalServer
    prefix: str

    @property
    def engine(self) -> str:
        return f"{self.server.engine}?prefix={self.prefix}"

    def engine_at(self, port: int) -> str:
        """Return the engine for the same server behind a proxy."""
        return self.engine.replace(f":{self.server.port}/", f":{port}/")


@pytest.fixture(scope="session")
async def shared_temporal_server(session_dir: Path) -> AsyncIterator[TemporalServer]:
    if find_program() is None:
        pytest.skip(MISSING)
    folder = session_dir / "temporal"
    folder.mkdir()
    server = TemporalServer(folder, free_port())
    await server.start()
    yield server
    server.kill()


@pytest.fixture
async def temporal(shared_temporal_server: TemporalServer) -> Temporal:
    """Return the shared server with queues of the test's own."""
    return Temporal(shared_temporal_server, f"test-{next(numbers)}-{secrets.token_hex(4)}")


@pytest.fixture
async def own_temporal(tmp_path: Path) -> AsyncIterator[Temporal]:
    """Start a server for a test that kills it or wipes its data."""
    if find_program() is None:
        pytest.skip(MISSING)
    server = TemporalServer(tmp_path, free_port())
    await server.start()
    yield Temporal(server, "own")
    server.kill()


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """Return the value of CLIPCAST_ENGINE for the workers of the crash matrix."""
    if request.config.getoption("--engine") == "rows":
        return "rows"
    temporal: Temporal = request.getfixturevalue("temporal")
    return temporal.engine
