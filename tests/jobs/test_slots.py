"""The slots of a worker, and its heartbeats."""

import pytest

from clipcast.clock import clock
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.database import Database
from clipcast.jobs import slots as module
from clipcast.jobs.claimed import LEASE, ClaimedJob
from clipcast.jobs.kinds import NETWORK
from clipcast.jobs.slots import WorkerSlots
from clipcast.jobs.workers import WorkerFacts


async def run(job: ClaimedJob) -> None:
    raise AssertionError("no job is claimed")


async def test_worker_is_steady_after_heartbeats_without_a_failure(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker declares no other dead right after an outage: the other's heartbeat may be under way."""
    slots = WorkerSlots(database, WorkerFacts("one:1", "rows", "", {NETWORK: 4}, {}), run)
    await slots.open()
    assert not slots.is_steady()
    await slots.beat()
    assert not slots.is_steady()
    clock.move(LEASE / 2)
    await slots.beat()
    assert slots.is_steady()

    async def away(*_: object) -> None:
        raise DatabaseUnavailable("away")

    with monkeypatch.context() as outage:
        outage.setattr(module, "heartbeat", away)
        with pytest.raises(DatabaseUnavailable):
            await slots.beat()
    clock.move(LEASE)
    assert not slots.is_steady()
    await slots.beat()
    assert not slots.is_steady()
    clock.move(LEASE / 2)
    assert slots.is_steady()
    await slots.close()


async def test_worker_whose_machine_has_slept_is_not_steady(database: Database) -> None:
    """No heartbeat failed while it slept. It must not declare itself dead when it wakes."""
    slots = WorkerSlots(database, WorkerFacts("one:1", "rows", "", {NETWORK: 4}, {}), run)
    await slots.open()
    await slots.beat()
    clock.move(LEASE / 2)
    await slots.beat()
    assert slots.is_steady()
    clock.move(LEASE * 2)
    assert not slots.is_steady()
    await slots.close()
