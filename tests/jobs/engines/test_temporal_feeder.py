"""The window of the Temporal engine: all feeders together offer a few more jobs than all workers have free slots."""

import asyncio
from types import SimpleNamespace
from typing import Any

from sqlalchemy import text, update

from clipcast.database.models.jobs import Pause, Worker
from clipcast.jobs.claimed import ClaimedJob
from clipcast.jobs.engines.temporal.feeder import OFFERS_PER_SLOT, Feeder
from clipcast.jobs.kinds import NETWORK
from clipcast.jobs.queue import claim, random_place
from clipcast.jobs.slots import WorkerSlots
from clipcast.jobs.workers import WorkerFacts
from clipcast.publishing.programs import runnable_programs
from clipcast.testing.harness import Stage

SLOTS, WORKERS, POSTS = 2, 4, 24
WINDOW = OFFERS_PER_SLOT * SLOTS * WORKERS
METADATA = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}
PROGRAMS = runnable_programs()


async def nothing(job: ClaimedJob) -> None:
    pass


async def start_activity(*about: Any, **more: Any) -> None:
    pass


async def fleet(stage: Stage) -> list[tuple[WorkerSlots, Feeder]]:
    database, client = stage.installation.database, SimpleNamespace(start_activity=start_activity)
    made = []
    for number in range(WORKERS):
        slots = WorkerSlots(database, WorkerFacts(f"{number}", "temporal", "", {NETWORK: SLOTS}, PROGRAMS), nothing)
        await slots.open()
        made.append((slots, Feeder(database, client, slots, "clipcast")))  # type: ignore[arg-type]
    return made


async def post(stage: Stage, number: int) -> None:
    connection, edit = await stage.connect("tiktok"), await stage.caller.upload(stage.clip)
    for _ in range(number):
        await stage.post(connection, "tiktok", METADATA, edit)


async def number_offered(stage: Stage) -> int:
    async with stage.installation.database.connect() as connection:
        return int(await connection.scalar(text("SELECT count(*) FROM jobs WHERE state = 'offered'")) or 0)


async def test_feeders_share_one_window(stage: Stage) -> None:
    """However many feed at once: until a worker takes one, no more are offered."""
    made = await fleet(stage)
    await post(stage, POSTS)
    for _ in range(2):
        await asyncio.gather(*(feeder.feed() for _, feeder in made))
        assert await number_offered(stage) == WINDOW


async def test_running_jobs_of_all_workers_make_the_window_smaller_at_once(stage: Stage) -> None:
    """Not only at their next heartbeats. Slots of a worker that stops do not count."""
    made = await fleet(stage)
    await post(stage, POSTS)
    for slots, _ in made[:2]:
        found = await claim(stage.installation.database, slots.lease, NETWORK, SLOTS, random_place(), PROGRAMS)
        assert len(found.jobs) == SLOTS
    async with stage.installation.database.begin() as session:
        await session.execute(update(Worker).where(Worker.id == made[3][0].lease.id).values(drain=True))
    await asyncio.gather(*(feeder.feed() for _, feeder in made))
    assert await number_offered(stage) == OFFERS_PER_SLOT * SLOTS


async def test_nothing_is_offered_from_a_paused_queue(stage: Stage) -> None:
    made = await fleet(stage)
    await post(stage, 1)
    async with stage.installation.database.begin() as session:
        session.add(Pause(kind="queue", name=NETWORK, paused_by="test"))
    for slots, feeder in made:
        await slots.beat()
        assert await feeder.feed() == 0
    assert await number_offered(stage) == 0
