"""Which workers are alive: each says so now and then. Nothing depends on it but what people are shown."""

from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.database import Database
from clipcast.database.hot_queries import Statement
from clipcast.database.models.jobs import WorkerHeartbeat

SAY_EVERY = timedelta(seconds=5)
# A worker that has said nothing for so long is dead or cut off.
ALIVE_FOR = 4 * SAY_EVERY
FORGOTTEN_AFTER = timedelta(hours=1)

ALIVE = Statement("""
    INSERT INTO workers (name, slots, started_at, seen_at) VALUES (:name, :slots, :now, :now)
    ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, slots = excluded.slots
""")
STOPPED = Statement("DELETE FROM workers WHERE name = :name")


async def record_heartbeat(database: Database, name: str, slots: int) -> None:
    await database.hot_pool.fetch(ALIVE, {"name": name, "slots": slots, "now": clock.now()})


async def record_stop(database: Database, name: str) -> None:
    await database.hot_pool.fetch(STOPPED, {"name": name})


async def alive(session: AsyncSession) -> list[WorkerHeartbeat]:
    query = (
        select(WorkerHeartbeat).where(WorkerHeartbeat.seen_at > clock.now() - ALIVE_FOR).order_by(WorkerHeartbeat.name)
    )
    return list((await session.execute(query)).scalars())


async def forget_dead(session: AsyncSession) -> None:
    await session.execute(delete(WorkerHeartbeat).where(WorkerHeartbeat.seen_at < clock.now() - FORGOTTEN_AFTER))
