"""Runs tell of what they change, so that those who wait need no poll."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from uuid import UUID

import pytest
from sqlalchemy import select

from clipcast.database import Database
from clipcast.database.changes import CHANNEL
from clipcast.database.models.renditions import Rendition
from clipcast.jobs.journal import Journal
from clipcast.jobs.outcomes import ItemOutcomes
from clipcast.jobs.timeline import Timeline
from clipcast.jobs.versions import Program
from clipcast.platforms.base import Published
from clipcast.platforms.registry import PLATFORMS
from clipcast.testing.harness import Stage
from tests.conformance import tiktok

PATIENCE = 60.0


class Told:
    """The ids of which others are told."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._heard = asyncio.Event()

    def hear(self, *heard: object) -> None:
        self._ids += str(heard[-1]).split(",")
        self._heard.set()

    async def of(self, id: UUID, change: Awaitable[object]) -> None:
        """Make a change, and wait until this id is told."""
        self._ids.clear()
        await change
        async with asyncio.timeout(PATIENCE):
            while id.hex not in self._ids:
                self._heard.clear()
                await self._heard.wait()


@pytest.fixture
async def told(database: Database) -> AsyncIterator[Told]:
    listening, told = await database.connect_for_notifications(), Told()
    await listening.add_listener(CHANNEL, told.hear)
    yield told
    listening.terminate()


async def test_claim_each_stage_and_the_outcome_of_an_item_are_told(stage: Stage, told: Told) -> None:
    post_id = await stage.post(await tiktok.CASE.connect(stage), "tiktok", tiktok.CASE.metadata)
    await stage.installation.database.hot_pool.following.close()
    item_id = (await stage.row(post_id)).id
    claims = asyncio.create_task(stage.claim())
    await told.of(item_id, claims)
    [claimed] = claims.result()
    timeline, program = Timeline(claimed.attempt_id), Program.of(PLATFORMS["tiktok"])
    journal = Journal(stage.installation.database, stage.installation.vault, claimed, timeline, program)
    journal.stage = "uploading"
    await told.of(item_id, journal.touch())
    journal.progress = 7
    await told.of(item_id, journal.finish("init", {}))
    published = ItemOutcomes(stage.installation.database).published(claimed, timeline, Published("1", None))
    await told.of(item_id, published)


async def test_start_and_end_of_a_conversion_are_told(stage: Stage, told: Told) -> None:
    await stage.caller.upload(stage.clip)
    video_id = (await stage.caller.get("/renders")).json()["renders"][0]["video_id"]
    assert (await stage.caller.post("/renders", {"video_id": video_id, "speed": 2})).status_code == 202
    await stage.installation.database.hot_pool.following.close()
    async with stage.installation.database.session() as session:
        rendition_id = (await session.scalars(select(Rendition.id))).one()
    await told.of(rendition_id, stage.run_due())
    path = f"/renders/{(await stage.caller.get('/renders')).json()['renders'][0]['render_id']}"
    assert (await stage.caller.get(path)).json()["state_tag"] == "completed"
