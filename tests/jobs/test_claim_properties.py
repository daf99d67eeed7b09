"""Properties of claims for any number of workers, workspaces and jobs: none twice, none lost, all fair, all cheap."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Database
from clipcast.database.embedded import EmbeddedServer
from clipcast.database.hot_queries import Statement
from clipcast.jobs import queue, workers
from clipcast.jobs.claimed import LEASE, ClaimedItem, LeaseLost, WorkerLease
from clipcast.jobs.kinds import ITEM_KINDS, NETWORK, QUARANTINE, UNDYING
from clipcast.jobs.outcomes import ItemOutcomes
from clipcast.jobs.queue import claim, offer, promote, random_place, take
from clipcast.jobs.stranded import sort_stranded
from clipcast.jobs.timeline import Timeline
from clipcast.jobs.workers import WorkerFacts, heartbeat, reclaim_expired, register, stop
from clipcast.platforms.base import Published
from clipcast.publishing.programs import runnable_programs
from clipcast.testing.harness import Stage
from tests.database.databases import new_database

PROVING = "PROVE_EXAMPLES" in os.environ
PROGRAMS = runnable_programs()
FACTS = WorkerFacts("one:1", "rows", "", {NETWORK: 32}, PROGRAMS)
FOREIGN = "kelp.publish@1"
# Of one large workspace; of 50 claims at once.
BACKLOG = 5000 if PROVING else 1200
MANY = 30_000 if PROVING else 3000

WORKSPACES = """
    INSERT INTO workspaces (id, name, plan, seats, created_at)
    SELECT gen_random_uuid(), 'of claims ' || n, 'self-hosted', 1, now() FROM generate_series(0, $1 - 1) AS n
"""
# Items of one job each. The first $2 are of the first workspace, the others of $3 workspaces in turn.
JOBS = """
    WITH new AS (
        SELECT gen_random_uuid() AS item_id, gen_random_uuid() AS post_id, workspaces.id AS workspace_id,
               CAST($6 AS timestamptz) AS due_at
        FROM generate_series(0, $1 - 1) AS n
        JOIN workspaces ON workspaces.name = 'of claims ' || CASE WHEN n < $2 THEN 0 ELSE (n - $2) % $3 END
    ), new_posts AS (
        INSERT INTO posts (id, workspace_id, created_at, updated_at) SELECT post_id, workspace_id, now(), now() FROM new
    ), new_items AS (
        INSERT INTO items (id, workspace_id, post_id, position, edit_id, connection_id, platform, details, status,
                           progress, attempts, created_at, updated_at)
        SELECT item_id, workspace_id, post_id, 0, $4, $5, 'tiktok', '{}', 'processing', 0, 0, now(), now() FROM new
    )
    INSERT INTO jobs (id, workspace_id, kind, subject_id, platform, queue, priority, state, due_at, created_at,
                      updated_at)
    SELECT item_id, workspace_id, 'publish', item_id, 'tiktok', 'network', 5, $7, due_at, now(), now() FROM new
"""


@pytest.fixture
async def database(server: EmbeddedServer) -> AsyncIterator[Database]:
    """Make a database for the test alone: it is faster to drop than to empty."""
    async with new_database(server) as database:
        yield database


class Jobs:
    """A database with many jobs of one clip and account."""

    def __init__(self, database: Database, raw: Any, edit: UUID, connection: UUID) -> None:
        self.database, self.raw = database, raw
        self._source = (edit, connection)

    async def add(self, number: int, workspaces: int, of_first: int = 0, after: timedelta = timedelta()) -> None:
        """Add jobs, ready or due `after` some time. The first `of_first` of them are of one workspace."""
        state = "waiting" if after else "ready"
        await self.raw.execute(JOBS, number, of_first, workspaces, *self._source, clock.now() + after, state)

    async def vacuum(self) -> None:
        await self.raw.execute("VACUUM ANALYZE")

    async def empty(self) -> None:
        await self.raw.execute("TRUNCATE posts, jobs, workers CASCADE")


@pytest.fixture
async def jobs(stage: Stage, database: Database) -> AsyncIterator[Jobs]:
    edit, connection = await stage.caller.upload(stage.clip), await stage.connect("tiktok")
    raw = await database.connector.connect()
    await raw.execute(WORKSPACES, MANY)
    yield Jobs(database, raw, UUID(edit), UUID(connection))
    await raw.close()


# One action of each of several workers at the same time: (worker, action, number).
ACTIONS = st.sampled_from(
    ["claim", "claim", "publish", "release", "wait", "beat", "lose", "expire", "stop", "promote", "offer", "take"]
)
STEPS = st.lists(
    st.lists(st.tuples(st.integers(0, 3), ACTIONS, st.integers(1, 5)), min_size=1, max_size=5), min_size=3, max_size=12
)


class Fleet:
    """Workers that claim and end jobs as they like, and what they were given."""

    def __init__(self, database: Database) -> None:
        self._database, self._outcomes = database, ItemOutcomes(database)
        self._workers: dict[int, WorkerLease] = {}
        self._held: dict[UUID, list[ClaimedItem]] = {}
        self._offers: list[tuple[UUID, int]] = []
        self.claims: Counter[tuple[UUID, int]] = Counter()
        self.ended: Counter[UUID] = Counter()

    async def act(self, number: int, action: str, count: int) -> None:
        if number not in self._workers:
            self._workers[number] = await register(self._database, FACTS)
        worker = self._workers[number]
        held = self._held.setdefault(worker.id, [])
        match action:
            case "claim":
                found = await claim(self._database, worker, NETWORK, count, random_place(), PROGRAMS)
                alone = await claim(self._database, worker, QUARANTINE, 1, random_place(), PROGRAMS)
                self._keep(held, found.jobs + alone.jobs)
            case "take" if self._offers:
                taken = await take(self._database, worker, *self._offers.pop(), PROGRAMS)
                self._keep(held, [taken] if taken else [])
            case "offer":
                offers, _ = await offer(self._database, NETWORK, count, random_place(), PROGRAMS)
                self._offers += [(one.job_id, one.number) for one in offers]
            case "publish" | "release" | "wait" if held:
                await self._end(held.pop(), action)
            case "beat":
                if not await heartbeat(self._database, worker, {}, [one.id for one in held]):
                    del self._workers[number]
            case "lose":  # it forgets its jobs, as if the responses of its claims had been lost
                held.clear()
            case "expire":
                clock.move(LEASE / 2)
                await reclaim_expired(self._database)
            case "stop":
                del self._workers[number]
                await stop(self._database, worker)
            case "promote":
                await promote(self._database, count)

    def _keep(self, held: list[ClaimedItem], found: list[Any]) -> None:
        self.claims.update((one.id, one.lease.fence) for one in found)
        held += found

    async def _end(self, claimed: ClaimedItem, action: str) -> None:
        timeline = Timeline(claimed.attempt_id)
        try:
            match action:
                case "publish":
                    await self._outcomes.published(claimed, timeline, Published("1", "https://example.org/1"))
                    self.ended[claimed.id] += 1
                case "release":
                    await self._outcomes.release(claimed, timeline)
                case "wait":
                    await self._outcomes.reschedule(claimed, timeline, None, 0, timedelta(seconds=1), "later")
        except LeaseLost:
            pass

    async def end_all(self) -> None:
        """End every job with a worker that lives."""
        clock.move(LEASE * 3)
        await reclaim_expired(self._database)
        while await promote(self._database):
            pass
        last, held = await register(self._database, FACTS), []
        for name in (NETWORK, QUARANTINE):
            while found := (await claim(self._database, last, name, 32, random_place(), PROGRAMS)).jobs:
                self._keep(held, found)
        for one in held:
            await self._end(one, "publish")


@settings(
    max_examples=int(os.environ.get("PROVE_EXAMPLES", "12")),
    deadline=None,
    derandomize=not PROVING,
    database=None,
    print_blob=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS, spaces=st.integers(1, 6))
async def test_no_claim_is_given_twice_and_no_job_is_lost(
    jobs: Jobs, steps: list[list[tuple[int, str, int]]], spaces: int
) -> None:
    await jobs.empty()
    await jobs.add(14, spaces, of_first=4)
    fleet = Fleet(jobs.database)
    for step in steps:
        # At the same time, but each worker does one thing after the other.
        of_worker: dict[int, list[tuple[int, str, int]]] = {}
        for action in step:
            of_worker.setdefault(action[0], []).append(action)
        await asyncio.gather(*(_each(fleet, actions) for actions in of_worker.values()))
    await fleet.end_all()
    assert max(fleet.claims.values()) == 1
    assert max(fleet.ended.values()) == 1
    ended = await jobs.raw.fetch("SELECT id FROM jobs WHERE state = 'done'")
    assert {row["id"] for row in ended} == set(fleet.ended)
    left = await jobs.raw.fetch("SELECT state, crash_count FROM jobs WHERE state <> 'done'")
    assert {row["state"] for row in left} <= {"dead"}
    assert len(ended) + len(left) == 14


async def _each(fleet: Fleet, actions: list[tuple[int, str, int]]) -> None:
    for action in actions:
        await fleet.act(*action)


@pytest.mark.parametrize(("slots", "most"), [(1, 105), (32, 130)])
async def test_small_workspaces_begin_beside_a_large_one(jobs: Jobs, slots: int, most: int) -> None:
    """Begin a job of each of 99 workspaces within about 100 claims, although another one has thousands due."""
    await jobs.add(BACKLOG + 99, 100, of_first=BACKLOG)
    worker, place, begun, number = await register(jobs.database, FACTS), random_place(), set[UUID](), 0
    while len(begun) < 99:
        found = await claim(jobs.database, worker, NETWORK, slots, place, PROGRAMS)
        place, number = found.next_place, number + len(found.jobs)
        begun |= {one.workspace_id for one in found.jobs}
        assert number <= most + slots
    assert number <= most


@pytest.mark.parametrize("spaces", [1, 50, 1000])
async def test_claims_at_the_same_time_fill_all_slots(jobs: Jobs, spaces: int) -> None:
    """Have 50 workers claim 32 jobs each at the same time: no two of them look at the same ones.

    On a busy machine some claims come late, when others hold their rows. One round of three must fill the slots.
    """
    await jobs.add(5000, spaces)
    database = Database(jobs.database.url, hot_pool_size=50)
    registered = await asyncio.gather(*(register(database, FACTS) for _ in range(50)))
    taken: list[UUID] = []
    for _ in range(3):
        claims = (claim(database, worker, NETWORK, 32, random_place(), PROGRAMS) for worker in registered)
        found = [one.id for claimed in await asyncio.gather(*claims) for one in claimed.jobs]
        taken += found
        if len(found) >= 1550:
            break
    assert len(found) >= 1550
    assert len(taken) == len(set(taken))
    await database.close()


def literal(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case list():
            return "'{" + ",".join(f'"{one}"' for one in value) + "}'"
        case datetime():
            return f"'{value.isoformat()}'"
    return f"'{value}'"


class Costs:
    """A database whose hot statements report the buffers that they use, with the plans of the hot pool."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.hot_pool = self
        self.buffers = 0

    async def fetch(self, statement: Statement, values: dict[str, Any]) -> list[Any]:
        arguments = ", ".join(literal(value) for value in statement.arguments(values))
        name = f"costs_{new_id().hex}"
        async with self._database.hot_pool.transaction() as transaction:
            connection = transaction._connection
            await connection.execute(f"PREPARE {name} AS {statement.sql}")
            execute = f"EXECUTE {name}({arguments})" if arguments else f"EXECUTE {name}"
            [[plan]] = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {execute}")
        top = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
        self.buffers += top["Shared Hit Blocks"] + top["Shared Read Blocks"]
        return []


async def buffers(database: Database, call: Any) -> int:
    costs: Any = Costs(database)
    await call(costs)
    return int(costs.buffers)


async def costs_of(jobs: Jobs, workspaces: int, state: str) -> dict[str, int]:
    """Return the buffers that each statement uses beside a job of each of so many workspaces."""
    await jobs.empty()
    await jobs.add(200, 100, after=timedelta(seconds=1))
    worker, dying = await register(jobs.database, FACTS), await register(jobs.database, FACTS)
    clock.move(timedelta(seconds=2))
    await promote(jobs.database, 150)
    running = (await claim(jobs.database, worker, NETWORK, 32, 0, PROGRAMS)).jobs
    await claim(jobs.database, dying, NETWORK, 32, 0, PROGRAMS)
    await jobs.add(workspaces, workspaces, after=timedelta(days=1) if state == "waiting" else timedelta())
    await jobs.vacuum()
    dead = {"now": clock.now(), "expected": clock.expected(), "longest": clock.now() + LEASE * 2, "ids": [dying.id]}
    dead |= {"quarantine": QUARANTINE, "quarantined": list(ITEM_KINDS), "quarantined_from": 2, "crashes_max": 3}
    dead |= {"undying": list(UNDYING)}
    calls: dict[str, Any] = {
        "next_due": queue.next_due,
        "promote": lambda one: promote(one, 50),
        "heartbeat": lambda one: heartbeat(one, worker, {}, [job.id for job in running]),
        "expired": lambda one: one.fetch(workers.LOCK_EXPIRED, dead),
        "reclaim": lambda one: one.fetch(workers.RECLAIM, dead),
        "claim": lambda one: claim(one, worker, NETWORK, 32, 0, PROGRAMS),
    }
    return {name: await buffers(jobs.database, call) for name, call in calls.items()}


async def costs_beside(jobs: Jobs, number: int, live: bool) -> dict[str, int]:
    """Return the buffers of a claim and a sort beside so many ready jobs of a foreign program, in one workspace.

    `live`: a worker can run them. The claim finds ten others.
    """
    await jobs.empty()
    await jobs.add(number, 1)
    await jobs.raw.execute("UPDATE jobs SET program = $1", FOREIGN if live else next(iter(PROGRAMS)))
    await jobs.add(10, 1)
    await jobs.vacuum()
    worker = await register(jobs.database, FACTS)
    await register(jobs.database, replace(FACTS, programs={FOREIGN: ""}))
    costs = {"sort": await buffers(jobs.database, sort_stranded)}
    if live:
        costs["claim"] = await buffers(jobs.database, lambda one: claim(one, worker, NETWORK, 32, 0, PROGRAMS))
        assert await jobs.raw.fetchval("SELECT count(*) FROM jobs WHERE state = 'running'") == 10
    return costs


@pytest.mark.parametrize("live", [True, False])
async def test_costs_are_independent_of_the_number_of_begun_jobs(jobs: Jobs, live: bool) -> None:
    few, many = await costs_beside(jobs, 100, live), await costs_beside(jobs, MANY, live)
    assert {name: (few[name], many[name]) for name in few if many[name] > 1.5 * few[name] + 8} == {}


async def test_claims_during_a_deploy_give_each_known_job_once(jobs: Jobs) -> None:
    """Claim by program and by place, with jobs of two known programs, without one, and of a foreign one."""
    await jobs.add(400, 4)
    programs = [*list(PROGRAMS)[:2], FOREIGN, None]
    for number, program in enumerate(programs):
        await jobs.raw.execute(
            "UPDATE jobs SET program = $1 WHERE id IN (SELECT id FROM jobs ORDER BY id LIMIT 100 OFFSET $2)",
            program, 100 * number,
        )  # fmt: skip
    workers = await asyncio.gather(*(register(jobs.database, FACTS) for _ in range(4)))
    found: Counter[str | None] = Counter()
    while claims := [
        one
        for claimed in await asyncio.gather(
            *(claim(jobs.database, worker, NETWORK, 8, random_place(), PROGRAMS) for worker in workers)
        )
        for one in claimed.jobs
    ]:
        found.update(one.program for one in claims)
    assert found == Counter(dict.fromkeys([*programs[:2], None], 100))


@pytest.mark.parametrize("state", ["waiting", "ready"])
async def test_costs_are_independent_of_the_number_of_workspaces(jobs: Jobs, state: str) -> None:
    few, many = await costs_of(jobs, 100, state), await costs_of(jobs, MANY, state)
    # Of a few pages, one more is a large part: an index may have another level.
    assert {name: (few[name], many[name]) for name in few if many[name] > 1.5 * few[name] + 8} == {}
    assert few["claim"] > 32
