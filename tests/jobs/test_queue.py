"""Leases: who holds an item, and that nobody does once its run has ended."""

import asyncio
from datetime import timedelta

import pytest

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.jobs.outcomes import Outcomes
from clipcast.jobs.queue import ClaimedItem, Lease, LeaseLost, claim, extend, next_due
from clipcast.jobs.timeline import Timeline
from clipcast.platforms.base import Published
from tests.harness import Caller, Stage

METADATA = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}


async def leased(stage: Stage) -> tuple[str, ClaimedItem]:
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", METADATA)
    [work] = await claim(stage.installation.database, 10, "a worker")
    return post_id, work


async def test_a_lease_is_extended_while_it_is_held(stage: Stage) -> None:
    _, work = await leased(stage)
    before = work.lease.good_until
    assert await extend(stage.installation.database, [work.lease]) == []
    assert work.lease.good_until >= before


async def test_a_heartbeat_that_comes_late_does_not_make_an_ended_item_due_again(stage: Stage) -> None:
    """The item has just been written down as ended when its lease is extended."""
    post_id, work = await leased(stage)
    timeline = Timeline(work.attempt_id)
    await Outcomes(stage.installation.database).published(work, timeline, Published("1", "https://example.org/1"))
    assert await extend(stage.installation.database, [work.lease]) == [work.lease]
    assert await next_due(stage.installation.database) is None
    assert (await stage.item(post_id))["status"] == "published"
    with pytest.raises(LeaseLost):
        await Outcomes(stage.installation.database).release(work, timeline)
    assert await next_due(stage.installation.database) is None


async def test_a_lease_that_another_worker_has_is_lost(stage: Stage) -> None:
    _, work = await leased(stage)
    stale = Lease(work.lease.item_id, work.lease.fence - 1, work.lease.good_until)
    assert await extend(stage.installation.database, [stale]) == [stale]
    late = ClaimedItem(stale, work.item, new_id(), {}, {})
    with pytest.raises(LeaseLost):
        await Outcomes(stage.installation.database).release(late, Timeline(new_id()))


async def of_another_workspace(stage: Stage, name: str) -> Stage:
    return Stage(
        stage.installation, await Caller.create(stage.installation, stage.caller.http, name), stage.sandbox, stage.clip
    )


async def post_many(stage: Stage, count: int) -> None:
    edit = await stage.caller.upload(stage.clip)
    connection = await stage.connect("tiktok")
    for _ in range(count):
        await stage.post(connection, "tiktok", METADATA, edit)
    clock.move(timedelta(seconds=1))


async def claimed(stage: Stage, limit: int) -> list[str]:
    """The workspaces of the next items that are claimed, and stay claimed."""
    return [str(work.item["workspace_id"]) for work in await claim(stage.installation.database, limit, "a worker")]


async def test_a_workspace_with_many_items_does_not_delay_another(stage: Stage) -> None:
    other = await of_another_workspace(stage, "Other")
    await post_many(stage, 20)
    await post_many(other, 2)
    mine, others = stage.caller.workspace_id, other.caller.workspace_id
    assert sorted(await claimed(stage, 4)) == sorted([mine, mine, others, others])
    assert await claimed(stage, 3) == [mine] * 3
    await other.close()


async def test_whoever_has_least_running_is_next(stage: Stage) -> None:
    other = await of_another_workspace(stage, "Other")
    await post_many(stage, 8)
    assert len(await claimed(stage, 5)) == 5
    await post_many(other, 3)
    # One slot at a time, as they become free.
    assert [(await claimed(stage, 1))[0] for _ in range(3)] == [other.caller.workspace_id] * 3
    assert await claimed(stage, 1) == [stage.caller.workspace_id]
    await other.close()


async def test_within_a_workspace_the_longest_due_is_first(stage: Stage) -> None:
    await post_many(stage, 6)
    batches = [[work.item["id"] for work in await claim(stage.installation.database, 2, "a worker")] for _ in range(3)]
    ids = sorted(id for batch in batches for id in batch)  # their ids sort as they were made
    assert [sorted(batch) for batch in batches] == [ids[0:2], ids[2:4], ids[4:6]]
    assert await claim(stage.installation.database, 10, "a worker") == []


async def test_nothing_is_claimed_twice_by_workers_at_once(stage: Stage) -> None:
    await post_many(stage, 12)
    found = await asyncio.gather(*(claim(stage.installation.database, 4, f"worker {n}") for n in range(3)))
    ids = [work.item["id"] for works in found for work in works]
    assert len(ids) == len(set(ids))
