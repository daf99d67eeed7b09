"""The cost of claims by the number of workspaces, of claims at the same time, and their order.

The comparison is the claim of the release before the table `jobs`, on the same items.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import asyncpg

from benchmarks import previous_claim
from benchmarks.figures import Figure, percentile
from benchmarks.stage import Stage, open_stage, small_clip
from clipcast.database import Database
from clipcast.database.hot_queries import AsyncpgPool
from clipcast.jobs.claimed import WorkerLease
from clipcast.jobs.kinds import NETWORK
from clipcast.jobs.queue import claim, next_due, promote, random_place
from clipcast.jobs.workers import WorkerFacts, register

LABEL = "the previous release"
LIMIT, CALLS, WARM, AT_ONCE = 32, 50, 5, 50
# As many that the steps of 10 ms in which CPU time grows are small beside it.
READY_CALLS = 200
# A program that another worker can run, and this one cannot.
FOREIGN = "kelp.publish@1"
WORKSPACES, BACKLOG, DUE = (100, 10_000, 30_000), 5000, 10_000
TODAY, TOMORROW = "now() - interval '1 second'", "now() + interval '1 day'"

MAKE_WORKSPACES = """
    INSERT INTO workspaces (id, name, plan, seats, created_at)
    SELECT gen_random_uuid(), 'claim ' || n, 'self-hosted', 1, now() FROM generate_series(0, $1 - 1) AS n
"""
# Posts with one item and one job each. The first `extra` are of the first workspace, all others of each in turn.
FILL = """
    WITH new AS (
        SELECT gen_random_uuid() AS item_id, gen_random_uuid() AS post_id, workspaces.id AS workspace_id,
               {due} + n * interval '1 microsecond' AS due_at
        FROM generate_series(0, $1 - 1) AS n
        JOIN workspaces ON workspaces.name = 'claim ' || CASE WHEN n < $2 THEN 0 ELSE (n - $2) % $3 END
    ), new_posts AS (
        INSERT INTO posts (id, workspace_id, scheduled_at, created_at, updated_at)
        SELECT post_id, workspace_id, due_at, now(), now() FROM new
    ), new_items AS (
        INSERT INTO items (id, workspace_id, post_id, position, edit_id, connection_id, platform, details, status,
                           progress, attempts, created_at, updated_at)
        SELECT item_id, workspace_id, post_id, 0, $4, $5, 'tiktok', '{{}}', 'pending', 0, 0, now(), now() FROM new
    )
    INSERT INTO jobs (id, workspace_id, kind, subject_id, platform, queue, priority, state, due_at, created_at,
                      updated_at)
    SELECT item_id, workspace_id, 'publish', item_id, 'tiktok', 'network', 5, '{state}', due_at, now(), now() FROM new
"""


class Queue:
    """The queues of both releases, filled with the same items."""

    def __init__(
        self,
        stage: Stage,
        database: Database,
        admin: asyncpg.Connection,
        worker: WorkerLease,
        edit: str,
        connection: str,
    ) -> None:
        self.stage = stage
        self.database = database
        self.pool = database.hot_pool
        self._admin = admin
        self._source = (edit, connection)
        self._worker = worker
        self._place = random_place()

    async def fill(self, number: int, workspaces: int, state: str, due: str, extra: int = 0, both: bool = True) -> None:
        """Replace all jobs by `number` in so many workspaces, `extra` of them in the first.

        `both`: also those of the previous release.
        """
        await self._admin.execute("TRUNCATE posts, jobs CASCADE")
        statement = FILL.format(state=state, due=due)
        await self._admin.execute(statement, number, extra, workspaces, *self._source, timeout=120)
        if both:
            await self._admin.execute(previous_claim.FILL, timeout=120)
        for table in ("posts", "items", "jobs", "attempts", "previous.items", "previous.attempts"):
            await self._admin.execute(f"VACUUM ANALYZE {table}", timeout=120)

    async def make_foreign(self, number: int) -> None:
        """Have a foreign program begin so many jobs, those first due."""
        first = "SELECT id FROM jobs ORDER BY due_at LIMIT $2"
        await self._admin.execute(f"UPDATE jobs SET program = $1 WHERE id IN ({first})", FOREIGN, number, timeout=120)
        await self._admin.execute("VACUUM ANALYZE jobs", timeout=120)

    async def claim(self, limit: int) -> list[UUID]:
        """Claim as one worker does, each claim from where the one before ended. Return the workspaces."""
        found = await claim(self.database, self._worker, NETWORK, limit, self._place, ())
        self._place = found.next_place
        return [job.workspace_id for job in found.jobs]

    async def claim_anywhere(self, limit: int) -> list[UUID]:
        """Claim as a worker of its own does."""
        found = await claim(self.database, self._worker, NETWORK, limit, random_place(), ())
        return [job.workspace_id for job in found.jobs]

    async def claim_before(self, limit: int) -> list[UUID]:
        return [row["workspace_id"] for row in await previous_claim.claim(self.pool, limit)]


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        async with open_stage() as stage:
            edit = await stage.upload(small_clip(Path(folder)))
            connection = await stage.connect("tiktok", "account0")
            admin = await asyncpg.connect(stage.installation.database.url)
            await admin.execute(MAKE_WORKSPACES, max(WORKSPACES))
            await admin.execute(previous_claim.TABLES)
            database = Database(stage.installation.database.url, hot_pool_size=AT_ONCE)
            await _open_connections(database.hot_pool)
            worker = await register(database, WorkerFacts("bench", "rows", "", {NETWORK: LIMIT}, {}))
            queue = Queue(stage, database, admin, worker, edit, connection)
            parts = (nothing_due, many_ready, beside_foreign, at_once, fair, promoted)
            figures = [figure for part in parts for figure in await part(queue)]
            await database.close()
            await admin.close()
            return figures


async def nothing_due(queue: Queue) -> list[Figure]:
    figures = []
    for number in WORKSPACES:
        await queue.fill(number, number, "waiting", TOMORROW)
        ours, before = await _median(queue.claim_anywhere), await _median(queue.claim_before)
        figures.append(Figure(f"{number:,} workspaces with a future post: claim({LIMIT})", ours, "ms", LABEL, before))
        ours = await _median(lambda _: next_due(queue.database))
        before = await _median(lambda _: previous_claim.next_due(queue.pool))
        figures.append(Figure("  next_due", ours, "ms", LABEL, before))
        figures.append(Figure("  promote", await _median(lambda _: promote(queue.database)), "ms"))
    return figures


async def many_ready(queue: Queue) -> list[Figure]:
    """Measure claims that find jobs in as many workspaces as they look at."""
    figures, medians = [], []
    for number in WORKSPACES:
        await queue.fill(max(number, 2 * READY_CALLS * LIMIT), number, "ready", TODAY)
        found = []
        for call in (queue.claim, queue.claim_before):
            cpu, median = queue.stage.database_cpu(), await _median(call, READY_CALLS)
            found.append((median, 1000 * (queue.stage.database_cpu() - cpu) / (WARM + READY_CALLS)))
        (ours, cpu), (before, cpu_before) = found
        medians.append(ours)
        figures.append(Figure(f"{number:,} workspaces with a ready post: claim({LIMIT})", ours, "ms", LABEL, before))
        figures.append(Figure("  CPU time of PostgreSQL for a claim", cpu, "ms", LABEL, cpu_before))
    title = f"aim: a ratio of at most 1.5. {WORKSPACES[-1]:,} workspaces with a ready post: claim({LIMIT})"
    return [*figures, Figure(title, medians[-1], "ms", f"{WORKSPACES[0]} workspaces", medians[0])]


async def beside_foreign(queue: Queue) -> list[Figure]:
    """Measure claims in a workspace whose first jobs are of a program that the worker cannot run."""
    found = []
    for number in WORKSPACES:
        await queue.fill(number + CALLS * LIMIT, 1, "ready", TODAY, both=False)
        await queue.make_foreign(number)
        found.append(await _median(queue.claim, CALLS - WARM))
    title = f"{WORKSPACES[-1]:,} ready jobs of another program before the own ones: claim({LIMIT})"
    return [Figure(title, found[-1], "ms", f"{WORKSPACES[0]} such jobs", found[0])]


async def at_once(queue: Queue) -> list[Figure]:
    figures = []
    for number in (1, 50, 1000):
        found = []
        for call in (queue.claim_anywhere, queue.claim_before):
            await queue.fill(BACKLOG, number, "ready", TODAY)
            await asyncio.gather(*(call(1) for _ in range(AT_ONCE)))  # prepares the statement in each connection
            cpu, start = queue.stage.database_cpu(), time.perf_counter()
            claims = await asyncio.gather(*(call(LIMIT) for _ in range(AT_ONCE)))
            taken, cpu = time.perf_counter() - start, queue.stage.database_cpu() - cpu
            number_claimed = sum(map(len, claims))
            found.append((number_claimed, 1000 * taken, 1000 * cpu / number_claimed))
        (ours, seconds, cpu), (before, seconds_before, cpu_before) = found
        title = f"{AT_ONCE} x claim({LIMIT}) at once, {BACKLOG} due, {number} workspaces: claimed (aim: at least 1,550)"
        figures.append(Figure(title, ours, "jobs", LABEL, before))
        figures.append(Figure("  until the last one ends", seconds, "ms", LABEL, seconds_before))
        figures.append(Figure("  CPU time of PostgreSQL for a claimed job", cpu, "ms", LABEL, cpu_before))
    return figures


async def fair(queue: Queue) -> list[Figure]:
    """Measure after how many jobs each of 99 small workspaces has begun, while a large one has thousands due."""
    figures = []
    for free in (1, 4, LIMIT):
        needed = []
        for call in (queue.claim, queue.claim_before):
            await queue.fill(BACKLOG + 100, 100, "ready", TODAY, extra=BACKLOG)
            begun, claimed = set[UUID](), 0
            while len(begun) < 100:
                workspaces = await call(free)
                begun |= set(workspaces)
                claimed += len(workspaces)
            needed.append(claimed)
        name = f"claimed jobs until 99 small workspaces have begun beside {BACKLOG} of a large one, {free} at once"
        figures.append(Figure(name, needed[0], "jobs", LABEL, needed[1]))
    return figures


async def promoted(queue: Queue) -> list[Figure]:
    await queue.fill(DUE, 100, "waiting", TODAY)
    start = time.perf_counter()
    number = 0
    while batch := await promote(queue.database):
        number += batch.total()
    assert number == DUE
    return [Figure(f"promote {DUE:,} due jobs", 1000 * (time.perf_counter() - start), "ms")]


async def _median(call: Callable[[int], Awaitable[object]], calls: int = CALLS) -> float:
    """Return the median milliseconds of one call, after some that fill caches."""
    seconds = []
    for _ in range(WARM + calls):
        start = time.perf_counter()
        await call(LIMIT)
        seconds.append(time.perf_counter() - start)
    return 1000 * percentile(seconds[WARM:], 0.5)


async def _open_connections(pool: AsyncpgPool) -> None:
    await asyncio.gather(*(previous_claim.claim(pool, 1) for _ in range(AT_ONCE)))
