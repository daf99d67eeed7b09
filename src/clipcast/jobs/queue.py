"""The queue: jobs that are ready, claimed by workers, fair by workspace.

A job waits until `due_at`; `promote` makes it ready then. Claims see ready jobs only, so that their cost is independent
of the number of waiting ones. A claim goes around a ring of workspaces from where the one before ended, and takes from
each in turn. It raises the fencing token (`fence`), which every write of the run requires.
"""

import secrets
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Database
from clipcast.database.changes import tell
from clipcast.database.hot_queries import Executor, Statement
from clipcast.database.models.jobs import Job, JobState
from clipcast.jobs.claimed import FACT_COLUMNS, ClaimedItem, ClaimedJob, WorkerLease, claimed_from
from clipcast.jobs.kinds import ITEM_KINDS, KINDS, NETWORK
from clipcast.jobs.wake import wake_workers

# Seconds; less than a lease. A claim that takes longer may have been committed: the next heartbeat releases its jobs
# (jobs/workers.py).
CLAIM_TIMEOUT = 5.0
# The fewest workspaces that a claim looks at.
LOOK = 16
# The most jobs that one `promote` makes ready.
PROMOTED_AT_ONCE = 500
LONG_AGO = datetime.min.replace(tzinfo=UTC)
# An offer to an outside engine is open for this time.
OFFER_LIFETIME = timedelta(seconds=15)
# A job that a worker refused, because it cannot run its program, is offered again after this time.
REFUSED_PAUSE = timedelta(seconds=5)

OF_ITEM = f"kind IN ({', '.join(repr(kind) for kind in ITEM_KINDS)})"

# How many jobs each workspace of a claim gives.
SHARE = "SELECT greatest(1, (:limit + count(*) - 1) / greatest(count(*), 1)) FROM spaces"
# Up to `look` workspaces with ready jobs, from `after` on and around the ring. Each step is one visit of the index.
# The workspaces with the fewest running jobs come first, and each gives an equal share. The jobs are locked while they
# are chosen, so that concurrent claims choose different ones.
#
# While ready jobs of foreign programs exist, as during a deploy, an index brings those of each known program. Otherwise
# the claim would read all foreign ones of its workspaces. It then locks some jobs that it does not claim.
CHOOSE = f"""
    WITH RECURSIVE ahead(ring, n) AS (
        (SELECT ring, 1 FROM jobs WHERE state = 'ready' AND queue = :queue AND ring > :after ORDER BY ring LIMIT 1)
        UNION ALL
        SELECT (
            SELECT jobs.ring FROM jobs WHERE state = 'ready' AND queue = :queue AND jobs.ring > ahead.ring
            ORDER BY jobs.ring LIMIT 1
        ), n + 1 FROM ahead WHERE ahead.ring IS NOT NULL AND n < :look
    ), behind(ring, n) AS (
        (SELECT ring, (SELECT count(ahead.ring) FROM ahead) + 1 FROM jobs
         WHERE state = 'ready' AND queue = :queue AND ring <= :after AND (SELECT count(ahead.ring) FROM ahead) < :look
         ORDER BY ring LIMIT 1)
        UNION ALL
        SELECT (
            SELECT jobs.ring FROM jobs
            WHERE state = 'ready' AND queue = :queue AND jobs.ring > behind.ring AND jobs.ring <= :after
            ORDER BY jobs.ring LIMIT 1
        ), n + 1 FROM behind WHERE behind.ring IS NOT NULL AND n < :look
    ), spaces AS (
        SELECT ring, n, (
            SELECT count(*) FROM jobs
            WHERE jobs.state = 'running' AND jobs.queue = :queue AND jobs.ring = places.ring
        ) AS running
        FROM (SELECT * FROM ahead UNION ALL SELECT * FROM behind) AS places
        WHERE ring IS NOT NULL
        ORDER BY running, n
    ), ready_programs(program) AS (
        (SELECT program FROM jobs WHERE state = 'ready' AND program IS NOT NULL ORDER BY program LIMIT 1)
        UNION ALL
        SELECT (
            SELECT jobs.program FROM jobs
            WHERE state = 'ready' AND jobs.program IS NOT NULL AND jobs.program > before.program
            ORDER BY jobs.program LIMIT 1
        ) FROM ready_programs AS before WHERE before.program IS NOT NULL
    ), deploy AS (
        SELECT EXISTS (SELECT FROM ready_programs WHERE program <> ALL(:programs)) AS under_way
    ), first_ones AS (
        SELECT free.* FROM spaces CROSS JOIN LATERAL (
            SELECT id, continues_attempt, spaces.ring, spaces.n FROM jobs
            WHERE state = 'ready' AND queue = :queue AND jobs.ring = spaces.ring
              AND kind = ANY(:kinds) AND (program IS NULL OR program = ANY(:programs))
              AND NOT (SELECT under_way FROM deploy)
            ORDER BY priority, due_at LIMIT ({SHARE})
            FOR UPDATE SKIP LOCKED
        ) AS free
        LIMIT :limit
    ), first_ones_by_program AS (
        SELECT free.* FROM spaces CROSS JOIN LATERAL (
            SELECT one.id, one.continues_attempt, spaces.ring, spaces.n
            FROM (
                SELECT '' AS program UNION ALL SELECT program FROM ready_programs WHERE program = ANY(:programs)
            ) AS known CROSS JOIN LATERAL (
                SELECT id, continues_attempt, priority, due_at FROM jobs
                WHERE state = 'ready' AND queue = :queue AND jobs.ring = spaces.ring
                  AND coalesce(program, '') = known.program AND kind = ANY(:kinds)
                  AND (SELECT under_way FROM deploy)
                ORDER BY priority, due_at LIMIT ({SHARE})
                FOR UPDATE SKIP LOCKED
            ) AS one
            ORDER BY priority, due_at LIMIT ({SHARE})
        ) AS free
        LIMIT :limit
    ), chosen AS (
        SELECT * FROM first_ones UNION ALL SELECT * FROM first_ones_by_program
    )
"""
# One offered job. Another offer, or a change of the job, makes this one stale.
CHOOSE_OFFERED = """
    WITH chosen AS (
        SELECT id, continues_attempt, CAST(0 AS bigint) AS ring, 0 AS n FROM jobs
        WHERE id = :id AND state = 'offered' AND offers = :offers
          AND kind = ANY(:kinds) AND (program IS NULL OR program = ANY(:programs))
        FOR UPDATE
    )
"""
# The worker's row is locked against its deletion: a worker that was declared dead meanwhile claims nothing, because
# nobody would reclaim its jobs.
#
# A claim is one round trip: it returns the jobs, their attempts, and the rows that a run needs. LIMIT 1 makes
# PostgreSQL look up the rows of other tables by index, job by job.
RUN = f"""
    , claimer AS (
        SELECT FROM workers WHERE id = :worker_id FOR KEY SHARE
    ), claimed AS (
        UPDATE jobs SET
            state = 'running', worker_id = :worker_id, fence = fence + 1, updated_at = :now, offered_until = NULL,
            continues_attempt = false, attempts = attempts + CASE WHEN continues_attempt THEN 0 ELSE 1 END
        WHERE jobs.id = ANY(ARRAY(SELECT id FROM chosen)) AND EXISTS (SELECT FROM claimer)
        RETURNING jobs.*
    ), shown AS (
        UPDATE items SET
            status = CASE WHEN status = 'pending' THEN 'processing' ELSE status END, attempts = claimed.attempts,
            updated_at = :now
        FROM claimed
        WHERE items.id = claimed.subject_id AND claimed.{OF_ITEM}
          AND (items.status = 'pending' OR items.attempts <> claimed.attempts)
    ), new_attempts AS (
        INSERT INTO attempts (id, item_id, number, worker, started_at)
        SELECT (CAST(:attempt_ids AS uuid[]))[row_number() OVER ()], subject_id, attempts, :worker, :now
        FROM claimed WHERE {OF_ITEM}
        ON CONFLICT (item_id, number) DO UPDATE
        SET worker = excluded.worker, ended_at = NULL, decision = NULL, reason = NULL
        RETURNING item_id, id
    )
    SELECT claimed.*, chosen.continues_attempt AS continued, chosen.ring AS place, chosen.n,
           new_attempts.id AS attempt_id, context.*
    FROM claimed
    JOIN chosen ON chosen.id = claimed.id
    LEFT JOIN new_attempts ON new_attempts.item_id = claimed.subject_id
    LEFT JOIN LATERAL (
        SELECT posts.scheduled_at, {FACT_COLUMNS},
               (SELECT jsonb_object_agg(quotas.name, quotas.spent_until) FROM quotas
                WHERE quotas.subject IN (
                    :quotas_of || connections.platform,
                    :quotas_of || connections.platform || ' ' || connections.account_id
                ) AND quotas.spent_until > :now) AS closed
        FROM items
        JOIN connections ON connections.id = items.connection_id
        JOIN posts ON posts.id = items.post_id
        JOIN renders ON renders.edit_setting_id = items.edit_id
        JOIN clips ON clips.id = renders.clip_id
        LEFT JOIN renditions ON renditions.id = renders.rendition_id
        WHERE items.id = claimed.subject_id AND claimed.{OF_ITEM}
        LIMIT 1
    ) AS context ON true
    ORDER BY chosen.n
"""
CLAIM = Statement(CHOOSE + RUN, CLAIM_TIMEOUT)
TAKE = Statement(CHOOSE_OFFERED + RUN, CLAIM_TIMEOUT)
OFFER = Statement(
    CHOOSE
    + """
    UPDATE jobs SET state = 'offered', offers = offers + 1, offered_until = :until
    FROM chosen WHERE jobs.id = chosen.id
    RETURNING jobs.id, jobs.fence, jobs.offers, jobs.workspace_id, jobs.kind, jobs.platform, jobs.priority,
              chosen.ring AS place, chosen.n
    """,
    CLAIM_TIMEOUT,
)

REFUSE = Statement("""
    UPDATE jobs SET offered_until = least(offered_until, :until)
    WHERE id = :id AND state = 'offered' AND offers = :offers
""")

WITHDRAW = Statement("""
    UPDATE jobs SET state = 'ready', offered_until = NULL
    FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS int[])) AS mine(id, number)
    WHERE jobs.id = mine.id AND jobs.state = 'offered' AND jobs.offers = mine.number
""")

LOST_ATTEMPTS = Statement("""
    UPDATE attempts SET ended_at = :now, decision = 'lost', reason = 'The worker stopped or lost its lease.'
    FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS int[])) AS mine(item_id, number)
    WHERE attempts.item_id = mine.item_id AND attempts.number < mine.number AND attempts.ended_at IS NULL
""")

JOURNALS = Statement("""
    SELECT jobs.id AS of, journal.* FROM jobs JOIN journal
      ON journal.item_id IN (jobs.id, jobs.after_id) AND journal.round = jobs.round
    WHERE jobs.id = ANY(:ids)
    ORDER BY journal.item_id = jobs.id
""")

PROMOTE = Statement("""
    WITH due AS (
        SELECT id FROM jobs WHERE state IN ('waiting', 'held') AND due_at <= :now
        ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    UPDATE jobs SET state = 'ready' FROM due WHERE jobs.id = due.id RETURNING jobs.queue
""")

NEXT_DUE = Statement("""
    SELECT due_at FROM jobs WHERE state IN ('waiting', 'held') AND due_at > :after ORDER BY due_at LIMIT 1
""")


def random_place() -> int:
    """Return a random place in the ring of workspaces."""
    return secrets.randbits(64) - 2**63


@dataclass(frozen=True)
class Claim:
    """The jobs of a claim, and the place in the ring from which the next one goes on."""

    jobs: list[ClaimedJob]
    next_place: int


async def claim(
    database: Database,
    worker: WorkerLease,
    queue: str,
    limit: int,
    place: int,
    programs: Collection[str],
    worker_name: str = "",
    quotas_of: str = "",
) -> Claim:
    """Claim up to `limit` ready jobs of a queue, fair by workspace, each with a new or continued attempt.

    `place` is the `next_place` of the claim before. `programs` are those that the worker can run. `quotas_of` is the
    prefix of the subjects of their quotas.

    A worker that was declared dead claims nothing.

    Raise DatabaseUnavailable. The jobs may be claimed even then: a heartbeat releases them.
    """
    values = {"queue": queue, "limit": limit, "look": max(limit, LOOK), "after": place} | _can_run(programs)
    rows = await _run(database, CLAIM, values, worker, limit, worker_name, quotas_of)
    jobs = [claimed_from(row, worker) for row in rows]
    await _read_journals(database, jobs)
    return Claim(jobs, max(rows, key=lambda row: row["n"])["place"] if rows else random_place())


async def take(
    database: Database,
    worker: WorkerLease,
    job_id: UUID,
    offers: int,
    programs: Collection[str],
    worker_name: str = "",
    quotas_of: str = "",
) -> ClaimedJob | None:
    """Claim one offered job by the number of its offer.

    Return None if the offer is stale, or if the worker cannot run the job's program: then it is offered again.

    Raise DatabaseUnavailable, like `claim`.
    """
    values = {"id": job_id, "offers": offers} | _can_run(programs)
    rows = await _run(database, TAKE, values, worker, 1, worker_name, quotas_of)
    if not rows:
        refused = {"id": job_id, "offers": offers, "until": clock.now() + REFUSED_PAUSE}
        await database.hot_pool.fetch(REFUSE, refused)
    jobs = [claimed_from(row, worker) for row in rows]
    await _read_journals(database, jobs)
    return jobs[0] if jobs else None


def _can_run(programs: Collection[str]) -> dict[str, object]:
    return {"kinds": list(KINDS), "programs": list(programs)}


async def _run(
    database: Database,
    statement: Statement,
    values: dict[str, object],
    worker: WorkerLease,
    limit: int,
    worker_name: str,
    quotas_of: str,
) -> list[asyncpg.Record]:
    of_run = {
        "now": clock.now(),
        "worker_id": worker.id,
        "worker": worker_name,
        "attempt_ids": [new_id() for _ in range(limit)],
        "quotas_of": quotas_of,
    }
    rows = await database.hot_pool.fetch(statement, values | of_run)
    if rows:
        tell(database.hot_pool, *(row["subject_id"] for row in rows))
    return rows


async def _read_journals(database: Database, jobs: Sequence[ClaimedJob]) -> None:
    """Read the journals of claimed jobs that ran before, and end the attempts that their workers did not end.

    The journal is read after the claim, not by it: the claim sees the database as of its start, and a worker whose
    lease has just ended may write until the claim locks the row. After that, its fencing token is stale.
    """
    begun = {job.id: job for job in jobs if isinstance(job, ClaimedItem) and (job.lease.fence > 1 or job.after_id)}
    if not begun:
        return
    for row in await database.hot_pool.fetch(JOURNALS, {"ids": list(begun)}):
        begun[row["of"]].journal[row["name"]] = row
    ids, numbers = [job.subject_id for job in begun.values()], [job.attempts for job in begun.values()]
    await database.hot_pool.fetch(LOST_ATTEMPTS, {"now": clock.now(), "ids": ids, "numbers": numbers})


@dataclass(frozen=True)
class Offer:
    """An offered job: what an outside engine needs to know about it."""

    job_id: UUID
    fence: int
    number: int
    workspace_id: UUID
    kind: str
    platform: str | None
    priority: int


async def offer(
    database: Database,
    queue: str,
    limit: int,
    place: int,
    programs: Collection[str],
    lifetime: timedelta = OFFER_LIFETIME,
    executor: Executor | None = None,
) -> tuple[list[Offer], int]:
    """Offer up to `limit` ready jobs of a queue to an outside engine or process, in the order of a claim.

    Return them and the next place in the ring. An offer that no worker takes within `lifetime` ends. `executor`: the
    transaction of the offers, if they have one.
    """
    values = {
        "queue": queue,
        "limit": limit,
        "look": max(limit, LOOK),
        "after": place,
        "until": clock.now() + lifetime,
    } | _can_run(programs)
    rows = sorted(await (executor or database.hot_pool).fetch(OFFER, values), key=lambda row: row["n"])
    offers = [
        Offer(
            row["id"], row["fence"], row["offers"], row["workspace_id"], row["kind"], row["platform"], row["priority"]
        )
        for row in rows
    ]
    return offers, rows[-1]["place"] if rows else random_place()


async def withdraw(database: Database, offers: Collection[Offer]) -> None:
    """Make offered jobs ready again, unless a worker has taken them. Raise DatabaseUnavailable."""
    values = {"ids": [one.job_id for one in offers], "numbers": [one.number for one in offers]}
    await database.hot_pool.fetch(WITHDRAW, values)


async def promote(database: Database, limit: int = PROMOTED_AT_ONCE) -> Counter[str]:
    """Make up to `limit` jobs ready that are due, the longest due first. Return their number by queue.

    Jobs that another transaction locks are skipped.
    """
    rows = await database.hot_pool.fetch(PROMOTE, {"now": clock.now(), "limit": limit})
    return Counter(row["queue"] for row in rows)


async def next_due(database: Database, after: datetime = LONG_AGO) -> datetime | None:
    """Return the earliest due time after `after` of all waiting and held jobs; None if there is none."""
    rows = await database.hot_pool.fetch(NEXT_DUE, {"after": after})
    return rows[0]["due_at"] if rows else None


def reschedule(job: Job, due_at: datetime) -> None:
    """Have a locked job that does not run start at `due_at`. The caller wakes the workers after the commit.

    A job in review stays in review, and only remembers the time.
    """
    now = clock.now()
    if job.state != JobState.REVIEW:
        job.state = JobState.READY if due_at <= now else JobState.WAITING
    job.due_at, job.hold_until, job.error, job.updated_at = due_at, None, None, now
    job.offers += 1  # an earlier offer is stale


def hold_for_review(job: Job) -> None:
    """Have a locked job that does not run wait for the approval of its post. Nothing else makes it ready."""
    job.state, job.updated_at = JobState.REVIEW, clock.now()
    job.offers += 1  # an earlier offer is stale


def end_review(job: Job) -> None:
    """Let a locked job go that is in review. The caller reschedules it in the same transaction."""
    if job.state == JobState.REVIEW:
        job.state = JobState.WAITING


def begin_round(job: Job) -> None:
    """Have the next run of a locked job start its program over."""
    job.round, job.program = job.round + 1, None
    job.failures, job.continues_attempt = 0, False


def restart(job: Job, due_at: datetime) -> None:
    """Have a locked job start at `due_at` as if it had never failed. The caller wakes the workers after the commit."""
    reschedule(job, due_at)
    job.queue = KINDS[job.kind].queue
    job.failures, job.crash_count, job.continues_attempt = 0, 0, False


REQUEUE_HELD = text("""
    WITH held AS (
        SELECT jobs.id FROM jobs
        JOIN items ON items.id = jobs.subject_id
        JOIN connections ON connections.id = items.connection_id
        WHERE jobs.state = 'held' AND jobs.workspace_id = connections.workspace_id
          AND (connections.id = :connection_id
               OR (CAST(:connection_id AS uuid) IS NULL AND connections.status = 'active'))
        ORDER BY jobs.id FOR UPDATE OF jobs
    )
    UPDATE jobs SET state = 'ready', due_at = :now, hold_until = NULL FROM held WHERE jobs.id = held.id
""")


async def requeue_held(session: AsyncSession, connection_id: UUID | None) -> None:
    """Make the jobs ready that wait for this connection, or for any that is active again if None is given."""
    await session.execute(REQUEUE_HELD, {"connection_id": connection_id, "now": clock.now()})
    wake_workers(session, NETWORK)


# The other items of an account become due this long after the one that a caller retries. If the platform rejects that
# one, they see the renewed limit first.
FOLLOW_AFTER = timedelta(seconds=15)

# Locked jobs are skipped: another transaction runs, changes or deletes them. Waiting for them could deadlock two
# requests.
RELEASE_RATE_LIMITED = text("""
    UPDATE jobs SET due_at = :at WHERE id IN (
        SELECT jobs.id FROM connections AS retried
        JOIN connections AS of USING (platform, account_id, sandbox)
        JOIN items ON items.connection_id = of.id
        JOIN jobs ON jobs.id = items.id
        WHERE retried.id = ANY(:connection_ids) AND items.status = 'processing' AND jobs.state = 'waiting'
          AND jobs.due_at > :at AND items.error ->> 'class' = 'rate_limited'
        FOR UPDATE OF jobs SKIP LOCKED
    )
""")


async def release_rate_limited(session: AsyncSession, connection_ids: Collection[UUID]) -> None:
    """Make due the items, of all workspaces, that wait for a limit of these connections' accounts."""
    values = {"connection_ids": list(connection_ids), "at": clock.now() + FOLLOW_AFTER}
    await session.execute(RELEASE_RATE_LIMITED, values)
