"""The slots of a worker, and its heartbeats."""

from datetime import timedelta

import pytest

from clipcast.clock import clock
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.database import Database
from clipcast.database.hot_queries import Statement
from clipcast.jobs import slots as module
from clipcast.jobs import workers
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


def step_clock(monkeypatch: pytest.MonkeyPatch, name: str, seconds: int) -> None:
    """Let a statement see the database's clock after a step."""
    statement = getattr(workers, name)
    stepped = statement.named.replace("clock_timestamp()", f"(clock_timestamp() + interval '{seconds} s')")
    monkeypatch.setattr(workers, name, Statement(stepped))


@pytest.mark.parametrize("step", [30, -30])
async def test_worker_that_has_not_followed_a_step_ends_no_lease(
    database: Database, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """The other has followed a step back: by the time of this one, its new lease ended long ago."""
    other = WorkerSlots(database, WorkerFacts("other:1", "rows", "", {NETWORK: 4}, {}), run)
    await other.open()
    clock.move(LEASE * 2)
    with monkeypatch.context() as stepped:
        step_clock(stepped, "LOCK_EXPIRED", step)
        await workers.reclaim_expired(database)
        assert await workers.heartbeat(database, other.lease, {}, [])
    clock.move(LEASE * 2)
    await workers.reclaim_expired(database)
    assert not await workers.heartbeat(database, other.lease, {}, [])


@pytest.mark.parametrize("step", [30, -30, 20_000])
async def test_step_of_the_databases_clock_ends_no_lease(
    database: Database, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """After a step, such as a fail-over to a host with another time, leases have their end by the former time."""
    one, other = (
        WorkerSlots(database, WorkerFacts(name, "rows", "", {NETWORK: 4}, {}), run) for name in ("one:1", "other:1")
    )
    for slots in (one, other):
        await slots.open()
        await slots.beat()
    clock.move(LEASE / 2)
    await one.beat()
    await other.beat()
    assert one.is_steady()
    for name in ("HEARTBEAT", "LOCK_EXPIRED"):
        step_clock(monkeypatch, name, step)
    before = clock.now()
    await one.beat()
    assert abs(clock.now() - before - timedelta(seconds=step)) < timedelta(seconds=3)
    assert not one.is_steady()
    await other.beat()
    clock.move(LEASE / 2)
    assert one.is_steady()
    assert await workers.reclaim_expired(database) == 0
    ids = one.lease.id, other.lease.id
    await one.beat()
    await other.beat()
    assert (one.lease.id, other.lease.id) == ids
    await one.close()
    await other.close()
    await database.follow_clock()


async def test_worker_that_died_before_a_step_back_is_reclaimed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the new time, its lease would end only in hours."""
    one, dead = (
        WorkerSlots(database, WorkerFacts(name, "rows", "", {NETWORK: 4}, {}), run) for name in ("one:1", "dead:1")
    )
    for slots in (one, dead):
        await slots.open()
    for name in ("HEARTBEAT", "LOCK_EXPIRED"):
        step_clock(monkeypatch, name, -20_000)
    await one.beat()
    clock.move(LEASE / 2)
    await one.beat()
    assert one.is_steady()
    await workers.reclaim_expired(database)
    assert not await workers.heartbeat(database, dead.lease, {}, [])
    assert await workers.heartbeat(database, one.lease, {}, [])
    await one.close()
    await database.follow_clock()
