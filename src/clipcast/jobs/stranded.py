"""Stranded jobs: those whose program no live worker can run. They go on when such a worker starts.

A deploy that changes a program, without stating how it continues the older one, strands the jobs that the older one
began. So does the removal of a plugin, and the return to an older version of Clipcast.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp
from clipcast.database import Database
from clipcast.database.hot_queries import Statement
from clipcast.database.models.jobs import Job, JobState, KnownProgram
from clipcast.jobs.kinds import PUBLISH
from clipcast.jobs.versions import Program
from clipcast.platforms.errors import TransientError, as_dict

log = structlog.get_logger()

# A deploy takes less. After this time, the item says what it waits for.
PATIENCE = timedelta(minutes=10)
CODE = "program_unknown"

# What the live workers cannot run is stranded, and what they can run again becomes ready. The programs of jobs are read
# from the index one by one, each by one visit: when nothing changes, the cost is independent of the number of jobs.
PROGRAMS = """
    {state}_programs(program) AS (
        (SELECT program FROM jobs WHERE state = '{state}' AND program IS NOT NULL ORDER BY program LIMIT 1)
        UNION ALL
        SELECT (
            SELECT jobs.program FROM jobs
            WHERE state = '{state}' AND jobs.program IS NOT NULL AND jobs.program > before.program
            ORDER BY jobs.program LIMIT 1
        ) FROM {state}_programs AS before WHERE before.program IS NOT NULL
    )
"""
SORT = Statement(f"""
    WITH RECURSIVE live AS (
        SELECT DISTINCT unnest(programs) AS program FROM workers WHERE lease_until > :now
    ), {PROGRAMS.format(state="ready")}, {PROGRAMS.format(state="stranded")}, stranded AS (
        UPDATE jobs SET state = 'stranded', updated_at = :now WHERE id IN (
            SELECT id FROM jobs WHERE state = 'ready' AND program IS NOT NULL AND program = ANY(ARRAY(
                SELECT program FROM ready_programs WHERE EXISTS (SELECT FROM live)
                EXCEPT SELECT program FROM live
            ))
            FOR UPDATE SKIP LOCKED
        )
    ), freed AS (
        UPDATE jobs SET state = 'ready', updated_at = :now, error = NULL WHERE id IN (
            SELECT id FROM jobs WHERE state = 'stranded' AND program IS NOT NULL AND program = ANY(ARRAY(
                SELECT program FROM stranded_programs INTERSECT SELECT program FROM live
            ))
            FOR UPDATE SKIP LOCKED
        )
        RETURNING id
    )
    UPDATE items SET error = NULL, updated_at = :now FROM freed
    WHERE items.id = freed.id AND items.error ->> 'code' = '{CODE}'
""")  # noqa: S608 - a constant of this file
WAITING_LONG = Statement("""
    SELECT jobs.id, jobs.program, known_programs.software FROM jobs
    LEFT JOIN known_programs ON known_programs.name = jobs.program
    WHERE jobs.state = 'stranded' AND jobs.program IS NOT NULL AND jobs.error IS NULL AND jobs.updated_at <= :since
    LIMIT 100
""")
# A live video keeps its item's state: only the job of its remaining steps says that it waits.
SHOW = Statement(f"""
    WITH job AS (
        UPDATE jobs SET error = CAST(:error AS jsonb)
        WHERE id = :id AND state = 'stranded' AND program = :program RETURNING id, kind
    )
    UPDATE items SET error = CAST(:error AS jsonb), updated_at = :now
    FROM job WHERE items.id = job.id AND job.kind = '{PUBLISH}'
""")  # noqa: S608 - a constant of another file


def error_of(program: str, software: str | None) -> TransientError:
    """Return the error of an item whose program no worker can run. `software` is what could run it last."""
    began = Program.parse(program)
    known = f" {software} can." if software else ""
    return TransientError(
        CODE, f"The program {began} began this item, and no running worker can continue it.{known}",
        actor="operator",
        fix=f"Start a worker that can continue {began}. The item then continues by itself, without a second video.",
    )  # fmt: skip


async def sort_stranded(database: Database) -> None:
    """Strand the ready jobs that no live worker can run, and make those ready that one can run now.

    A job that is stranded for PATIENCE says so, on its item, too. Raise DatabaseUnavailable.
    """
    now = clock.now()
    await database.hot_pool.fetch(SORT, {"now": now})
    for row in await database.hot_pool.fetch(WAITING_LONG, {"since": now - PATIENCE}):
        log.error(CODE, program=row["program"], software=row["software"], job_id=str(row["id"]))
        shown = as_dict(error_of(row["program"], row["software"]), format_timestamp(now) or "")
        values = {"id": row["id"], "program": row["program"], "error": json.dumps(shown), "now": now}
        await database.hot_pool.fetch(SHOW, values)


@dataclass(frozen=True)
class ForeignJobs:
    """Unfinished jobs that a program began which is not among given ones."""

    program: str
    # What could run it last, such as `Clipcast 0.1.0`.
    software: str | None
    number: int
    stranded: int


async def foreign_jobs(session: AsyncSession, programs: Collection[str]) -> list[ForeignJobs]:
    """Return the unfinished jobs that these programs cannot run, and all stranded ones, by the program that began them.

    `programs`: as in `jobs.program`.
    """
    stranded = Job.state == JobState.STRANDED
    query = (
        select(Job.program, KnownProgram.software, func.count(), func.count().filter(stranded))
        .join(KnownProgram, KnownProgram.name == Job.program, isouter=True)
        .where(Job.state != JobState.DONE, Job.program.is_not(None), stranded | Job.program.not_in(programs))
        .group_by(Job.program, KnownProgram.software)
        .order_by(Job.program)
    )
    rows = await session.execute(query)
    return [
        ForeignJobs(str(Program.parse(program or "")), software, number, left)
        for program, software, number, left in rows
    ]
