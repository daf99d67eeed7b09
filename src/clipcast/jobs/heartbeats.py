"""Heartbeats of workers: each records one every 5 s. Only pages and `clipcast doctor` read them."""

from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.database import Database
from clipcast.database.hot_queries import Statement
from clipcast.database.models.jobs import WorkerHeartbeat

HEARTBEAT_EVERY = timedelta(seconds=5)
# A worker without a heartbeat for this time is dead or has lost the database.
ALIVE_FOR = 4 * HEARTBEAT_EVERY
DELETED_AFTER = timedelta(hours=1)

SAVE_HEARTBEAT = Statement("""
    INSERT INTO workers (name, slots, started_at, seen_at) VALUES (:name, :slots, :now, :now)
    ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, slots = excluded.slots
""")
DELETE_WORKER = Statement("DELETE FROM workers WHERE name = :name")


async def record_heartbeat(database: Database, name: str, slots: int) -> None:
    await database.hot_pool.fetch(SAVE_HEARTBEAT, {"name": name, "slots": slots, "now": clock.now()})


async def record_stop(database: Database, name: str) -> None:
    await database.hot_pool.fetch(DELETE_WORKER, {"name": name})


async def alive(session: AsyncSession) -> list[WorkerHeartbeat]:
    query = (
        select(WorkerHeartbeat).where(WorkerHeartbeat.seen_at > clock.now() - ALIVE_FOR).order_by(WorkerHeartbeat.name)
    )
    return list((await session.execute(query)).scalars())


async def delete_dead(session: AsyncSession) -> None:
    await session.execute(delete(WorkerHeartbeat).where(WorkerHeartbeat.seen_at < clock.now() - DELETED_AFTER))
