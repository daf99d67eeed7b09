"""Leases: who holds an item, and that nobody does once its run has ended."""

import pytest

from clipcast.ids import new_id
from clipcast.platforms.base import Published
from clipcast.publishing.outcomes import Outcomes
from clipcast.publishing.queue import Lease, LeaseLost, Work, claim, extend, next_due
from clipcast.publishing.timeline import Timeline
from tests.harness import Stage

METADATA = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}


async def leased(stage: Stage) -> tuple[str, Work]:
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", METADATA)
    [work] = await claim(stage.here.database, 10, "a worker")
    return post_id, work


async def test_a_lease_is_extended_while_it_is_held(stage: Stage) -> None:
    _, work = await leased(stage)
    before = work.lease.good_until
    assert await extend(stage.here.database, [work.lease]) == []
    assert work.lease.good_until >= before


async def test_a_heartbeat_that_comes_late_does_not_make_an_ended_item_due_again(stage: Stage) -> None:
    """The item has just been written down as ended when its lease is extended."""
    post_id, work = await leased(stage)
    timeline = Timeline(work.attempt_id)
    await Outcomes(stage.here.database).published(work, timeline, Published("1", "https://example.org/1"))
    assert await extend(stage.here.database, [work.lease]) == [work.lease]
    assert await next_due(stage.here.database) is None
    assert (await stage.item(post_id))["status"] == "published"
    with pytest.raises(LeaseLost):
        await Outcomes(stage.here.database).handed_over(work, timeline)
    assert await next_due(stage.here.database) is None


async def test_a_lease_that_another_worker_has_is_lost(stage: Stage) -> None:
    _, work = await leased(stage)
    stale = Lease(work.lease.item_id, work.lease.fence - 1, work.lease.good_until)
    assert await extend(stage.here.database, [stale]) == [stale]
    late = Work(stale, work.item, new_id(), {}, {})
    with pytest.raises(LeaseLost):
        await Outcomes(stage.here.database).handed_over(late, Timeline(new_id()))
