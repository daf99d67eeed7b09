"""Workers and their leases: one row per worker, whose lease covers all jobs that it runs.

A worker renews its lease with each heartbeat. If it does not, any other worker deletes its row and makes its jobs
ready. The row's lock excludes both at once: a worker whose heartbeat finds no row has lost all of its jobs.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import STEP, clock
from clipcast.common.ids import new_id, parse_id
from clipcast.database import Database
from clipcast.database.hot_queries import Statement
from clipcast.database.models.jobs import JobState, Worker
from clipcast.jobs.claimed import LEASE, WorkerLease
from clipcast.jobs.dead_letter import CRASHES_MAX, QUARANTINED_FROM, bury, lock_dying
from clipcast.jobs.kinds import ITEM_KINDS, NETWORK, QUARANTINE, UNDYING
from clipcast.jobs.pauses import Pauses

# Seconds; less than the time between two heartbeats.
HEARTBEAT_TIMEOUT = 2.0
# No lease and no offer ends later from now, in any release.
LONGEST = timedelta(minutes=1)

# Every worker adds its programs in one order, so that two never wait for each other.
REGISTER = Statement("""
    WITH known AS (
        INSERT INTO known_programs (name, software)
        SELECT * FROM unnest(CAST(:programs AS text[]), CAST(:software AS text[])) AS own(name, software)
        EXCEPT SELECT name, software FROM known_programs
        ORDER BY name
        ON CONFLICT (name) DO UPDATE SET software = excluded.software
    )
    INSERT INTO workers (id, name, engine, version, slots, free, programs, started_at, lease_until, drain)
    VALUES (:id, :name, :engine, :version, CAST(:slots AS jsonb), CAST(:slots AS jsonb), :programs, :now, :until,
            EXISTS (SELECT FROM drained_workers WHERE id = :former))
""")

# A job that runs on this worker without its knowledge is a stray: its claim's response was lost, or its outcome could
# not be saved.
HEARTBEAT = Statement(
    """
    WITH renewed AS (
        UPDATE workers SET lease_until = :until, free = CAST(:free AS jsonb) WHERE id = :id RETURNING id, drain
    ), strays AS (
        SELECT jobs.id FROM jobs JOIN renewed ON renewed.id = jobs.worker_id
        WHERE jobs.state = 'running' AND jobs.updated_at < :stray_before AND jobs.id <> ALL(:running)
        FOR UPDATE OF jobs SKIP LOCKED
    ), released AS (
        UPDATE jobs SET state = 'ready', worker_id = NULL, updated_at = :now FROM strays
        WHERE jobs.id = strays.id
    )
    SELECT drain, clock_timestamp() AS database_now,
           (SELECT coalesce(jsonb_agg(jsonb_build_array(kind, name)), '[]') FROM pauses) AS pauses FROM renewed
    """,
    HEARTBEAT_TIMEOUT,
)

# Workers to end: one that stops or whose process was seen to end, or those whose lease has ended. They are locked by a
# statement of their own, so that the next one sees what a claim committed while it held the row.
LOCK_WORKER = Statement("SELECT id FROM workers WHERE id = :id FOR UPDATE")
#
# After a step of the database's clock that this process has not followed yet, its `now` says nothing about leases.
FOLLOWS = f"abs(extract(epoch FROM clock_timestamp() - CAST(:expected AS timestamptz))) <= {STEP.total_seconds()}"
# A lease that ends later than any could is of before a step back, and its worker has not renewed it since. Workers of
# other releases may have longer leases than this one.
LOCK_EXPIRED = Statement(f"""
    SELECT id FROM workers WHERE (lease_until < :now OR lease_until > :longest) AND {FOLLOWS} FOR UPDATE SKIP LOCKED
""")

# The jobs keep their `due_at`, and with it their place before those of the same workspace that are due later.
#
# Jobs are locked in the order of their ids, like by the API. Two transactions then do not deadlock.
END_WORKERS = """
    WITH gone AS (
        DELETE FROM workers WHERE id = ANY(:ids) RETURNING id, name, drain
    ), left_behind AS (
        SELECT jobs.id, gone.name FROM jobs JOIN gone ON gone.id = jobs.worker_id
        WHERE jobs.state = 'running' ORDER BY jobs.id FOR UPDATE OF jobs
    )
"""
STOP = Statement(
    END_WORKERS
    + """
    UPDATE jobs SET state = 'ready', worker_id = NULL, updated_at = :now
    FROM left_behind WHERE jobs.id = left_behind.id
    """
)
RECLAIM = Statement(
    END_WORKERS
    + """
    , orders AS (
        INSERT INTO drained_workers (id, ended_at) SELECT id, :now FROM gone WHERE drain
    )
    UPDATE jobs SET
        crash_count = crash_count + 1, worker_id = NULL, updated_at = :now, continues_attempt = false,
        queue = CASE WHEN crash_count + 1 >= :quarantined_from AND kind = ANY(:quarantined) THEN :quarantine
                     ELSE queue END,
        state = CASE WHEN crash_count + 1 >= :crashes_max AND kind <> ALL(:undying) THEN 'dead' ELSE 'ready' END,
        error = CASE WHEN crash_count + 1 < :crashes_max OR kind = ANY(:undying) THEN error END
    FROM left_behind WHERE jobs.id = left_behind.id
    RETURNING jobs.*, left_behind.name AS worker
    """
)

EXPIRED_OFFERS = Statement(f"""
    WITH expired AS (
        SELECT id FROM jobs
        WHERE state = 'offered' AND (offered_until < :now OR offered_until > :longest) AND {FOLLOWS}
        FOR UPDATE SKIP LOCKED
    )
    UPDATE jobs SET state = 'ready', offered_until = NULL FROM expired WHERE jobs.id = expired.id
""")


@dataclass(frozen=True)
class WorkerFacts:
    """What a worker says about itself."""

    name: str
    engine: str
    version: str
    # By queue.
    slots: Mapping[str, int]
    # What `jobs.program` holds for the jobs that it can run, and the software that brings each program.
    programs: Mapping[str, str]


async def register(
    database: Database, facts: WorkerFacts, id: UUID | None = None, former: UUID | None = None
) -> WorkerLease:
    """Add a worker and return its lease. Raise DatabaseUnavailable.

    `former` is its id before it was declared dead: an order to drain that it has not read goes on.
    """
    lease = WorkerLease(id or new_id(), clock.monotonic() + LEASE.total_seconds())
    now = clock.now()
    values = vars(facts) | {"slots": json.dumps(dict(facts.slots)), "programs": list(facts.programs)}
    values["software"] = list(facts.programs.values())
    await database.hot_pool.fetch(
        REGISTER, values | {"id": lease.id, "former": former, "now": now, "until": now + LEASE}
    )
    return lease


@dataclass(frozen=True)
class Orders:
    """What operators want of a worker: that it leaves paused jobs alone, and whether it shall stop."""

    pauses: Pauses = field(default_factory=Pauses)
    drain: bool = False


async def heartbeat(
    database: Database, lease: WorkerLease, free: Mapping[str, int], running: Collection[UUID]
) -> Orders | None:
    """Renew the lease for LEASE from now, and release strays: jobs of this worker that are not among `running`.

    Follow a step of the database's clock at once: by that of before, the lease may have ended for other workers.

    Return None if the worker was declared dead: it then has no job any more. Raise DatabaseUnavailable.
    """
    good_until, now = clock.monotonic() + LEASE.total_seconds(), clock.now()
    values = {
        "id": lease.id,
        "now": now,
        "until": now + LEASE,
        "free": json.dumps(dict(free)),
        "running": list(running),
        "stray_before": now - LEASE,
    }
    rows = await database.hot_pool.fetch(HEARTBEAT, values)
    if not rows:
        return None
    lease.good_until = good_until
    if clock.follow(rows[0]["database_now"], steps_only=True):
        return await heartbeat(database, lease, free, running)
    return Orders(Pauses.of(rows[0]["pauses"]), rows[0]["drain"])


async def stop(database: Database, lease: WorkerLease) -> None:
    """Delete the worker and make ready what it still runs. Raise DatabaseUnavailable."""
    async with database.hot_pool.transaction() as transaction:
        await transaction.fetch(LOCK_WORKER, {"id": lease.id})
        await transaction.fetch(STOP, {"ids": [lease.id], "now": clock.now()})


async def reclaim_expired(
    database: Database, worker_id: UUID | None = None, evidence: Mapping[str, Any] | None = None
) -> int:
    """Declare the workers dead whose lease has ended, or the given one, and make their jobs ready. Return their number.

    A job of an item that was running when workers died runs alone from the second time on (QUARANTINE). After the third
    a job is dead, with the `evidence` of its end. Also end the offers that no worker has taken.

    Raise DatabaseUnavailable.
    """
    now = clock.now()
    times = {"now": now, "longest": now + LONGEST, "expected": clock.expected()}
    values = {
        "now": now,
        "quarantine": QUARANTINE,
        "quarantined_from": QUARANTINED_FROM,
        "quarantined": list(ITEM_KINDS),
        "undying": list(UNDYING),
        "crashes_max": CRASHES_MAX,
    }
    async with database.hot_pool.transaction() as transaction:
        ended = await transaction.fetch(LOCK_WORKER if worker_id else LOCK_EXPIRED, {"id": worker_id} | times)
        ids = [row["id"] for row in ended]
        if ended:
            await lock_dying(transaction, ids)
        lost = await transaction.fetch(RECLAIM, values | {"ids": ids}) if ended else []
        for job in lost:
            if job["state"] == JobState.DEAD:
                await bury(transaction, job, evidence or {})
    await database.hot_pool.fetch(EXPIRED_OFFERS, times)
    return len(lost)


async def alive(session: AsyncSession) -> list[Worker]:
    """Return the workers whose lease is valid, by name."""
    query = select(Worker).where(Worker.lease_until > clock.now()).order_by(Worker.name)
    return list(await session.scalars(query))


async def count_slots(session: AsyncSession, usual: Mapping[str, int]) -> int:
    """Return the slots of these queues in all live workers that do not stop.

    Without such a worker, return those of a worker that starts with the `usual` slots.
    """
    slots: list[Mapping[str, int]] = [
        one.slots for one in await alive(session) if not one.drain and usual.keys() & one.slots.keys()
    ]
    return sum(one.get(queue, 0) for one in slots or [usual] for queue in usual)


def is_publishing_sql() -> ColumnElement[bool]:
    """Return whether a worker that starts publications is alive. Renderers, and workers that stop, start none."""
    serves = Worker.slots.has_key(NETWORK)
    return exists().where(Worker.lease_until > clock.now(), serves, ~Worker.drain)


async def drain(session: AsyncSession, name_or_id: str | None = None) -> list[Worker]:
    """Have the live workers stop, or the one of this name or id, and return them.

    A worker learns it with its next heartbeat. It then claims nothing more, ends its guarded requests and hands its
    jobs over. The process of a quarantined job belongs to a worker, which stops it.
    """
    chosen = update(Worker).where(Worker.lease_until > clock.now(), ~Worker.slots.has_key(QUARANTINE))
    if name_or_id is not None:
        chosen = chosen.where((Worker.name == name_or_id) | (Worker.id == parse_id(name_or_id)))
    return list(await session.scalars(chosen.values(drain=True).returning(Worker)))
