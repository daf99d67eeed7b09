"""Wake-ups of workers after a commit."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from clipcast.clock import clock
from clipcast.database import Database
from clipcast.jobs.claimed import LEASE, WorkerLease
from clipcast.jobs.kinds import NETWORK
from clipcast.jobs.wake import CHANNEL, wake_workers
from clipcast.jobs.workers import WorkerFacts, heartbeat, register


class Listener:
    """The notifications that some workers received."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connections: list[object] = []
        self.heard: list[UUID] = []

    async def worker(self, *queues: str) -> WorkerLease:
        """Register a worker and listen on its channel."""
        slots = dict.fromkeys(queues or (NETWORK,), 4)
        worker = await register(self._database, WorkerFacts("w:1", "rows", "", slots, {}))
        connection = await self._database.connect_for_notifications()
        await connection.add_listener(f"{CHANNEL}{worker.id}", lambda *_: self.heard.append(worker.id))
        self._connections.append(connection)
        return worker

    async def woken(self, number: int) -> list[UUID]:
        """Wake workers and return those that were notified, `number` of them at least."""
        self.heard.clear()
        wake_workers(self._database.hot_pool, NETWORK)
        await self._database.hot_pool.following.close()
        async with asyncio.timeout(30):
            while len(self.heard) < number:
                await asyncio.sleep(0.01)
        return self.heard

    async def close(self) -> None:
        for connection in self._connections:
            connection.terminate()  # type: ignore[attr-defined]


@pytest.fixture
async def listener(database: Database) -> AsyncIterator[Listener]:
    listener = Listener(database)
    yield listener
    await listener.close()


async def test_two_workers_with_free_slots_are_notified(listener: Listener, database: Database) -> None:
    busy = [await listener.worker() for _ in range(3)]
    for worker in busy:
        await heartbeat(database, worker, {NETWORK: 0}, [])
    free = [await listener.worker() for _ in range(2)]
    for _ in range(5):
        assert sorted(await listener.woken(2)) == sorted(worker.id for worker in free)


async def test_worker_of_another_queue_or_without_a_lease_is_not_notified(
    listener: Listener, database: Database
) -> None:
    expired = await listener.worker()
    await listener.worker("background")
    clock.move(-LEASE - timedelta(hours=1))
    await heartbeat(database, expired, {NETWORK: 4}, [])
    clock.reset()
    worker = await listener.worker()
    for _ in range(5):
        assert await listener.woken(1) == [worker.id]


async def test_busy_workers_are_notified_if_none_is_free(listener: Listener, database: Database) -> None:
    """Their slots may have become free since their last heartbeat."""
    worker = await listener.worker()
    await heartbeat(database, worker, {NETWORK: 0}, [])
    assert await listener.woken(1) == [worker.id]
