"""Claims and leases of items."""

import asyncio
from datetime import timedelta

import pytest

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.jobs.outcomes import Outcomes
from clipcast.jobs.queue import ClaimedItem, Lease, LeaseLost, claim, extend, next_due
from clipcast.jobs.timeline import Timeline
from clipcast.platforms.base import Published
from clipcast.testing.harness import Caller, Stage

METADATA = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}


async def leased(stage: Stage) -> tuple[str, ClaimedItem]:
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", METADATA)
    [claimed] = await claim(stage.installation.database, 10, "a worker")
    return post_id, claimed


async def test_extend_renews_a_valid_lease(stage: Stage) -> None:
    _, claimed = await leased(stage)
    before = claimed.lease.good_until
    assert await extend(stage.installation.database, [claimed.lease]) == []
    assert claimed.lease.good_until >= before


async def test_extend_of_an_ended_item_does_not_make_it_due(stage: Stage) -> None:
    """Report the lease as lost if the item has just been published."""
    post_id, claimed = await leased(stage)
    timeline = Timeline(claimed.attempt_id)
    await Outcomes(stage.installation.database).published(claimed, timeline, Published("1", "https://example.org/1"))
    assert await extend(stage.installation.database, [claimed.lease]) == [claimed.lease]
    assert await next_due(stage.installation.database) is None
    assert (await stage.item(post_id))["status"] == "published"
    with pytest.raises(LeaseLost):
        await Outcomes(stage.installation.database).release(claimed, timeline)
    assert await next_due(stage.installation.database) is None


async def test_stale_fencing_token_loses_the_lease(stage: Stage) -> None:
    _, claimed = await leased(stage)
    stale = Lease(claimed.lease.item_id, claimed.lease.fence - 1, claimed.lease.good_until)
    assert await extend(stage.installation.database, [stale]) == [stale]
    late = ClaimedItem(stale, claimed.item, new_id(), {}, {})
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


async def claim_workspaces(stage: Stage, limit: int) -> list[str]:
    """Claim items without releasing them, and return their workspaces."""
    return [
        str(claimed.item["workspace_id"]) for claimed in await claim(stage.installation.database, limit, "a worker")
    ]


async def test_claim_shares_slots_between_workspaces(stage: Stage) -> None:
    other = await of_another_workspace(stage, "Other")
    await post_many(stage, 20)
    await post_many(other, 2)
    mine, others = stage.caller.workspace_id, other.caller.workspace_id
    assert sorted(await claim_workspaces(stage, 4)) == sorted([mine, mine, others, others])
    assert await claim_workspaces(stage, 3) == [mine] * 3
    await other.close()


async def test_claim_prefers_the_workspace_with_the_fewest_running_items(stage: Stage) -> None:
    other = await of_another_workspace(stage, "Other")
    await post_many(stage, 8)
    assert len(await claim_workspaces(stage, 5)) == 5
    await post_many(other, 3)
    # One slot at a time, as they become free.
    assert [(await claim_workspaces(stage, 1))[0] for _ in range(3)] == [other.caller.workspace_id] * 3
    assert await claim_workspaces(stage, 1) == [stage.caller.workspace_id]
    await other.close()


async def test_claim_takes_the_longest_due_items_of_a_workspace_first(stage: Stage) -> None:
    await post_many(stage, 6)
    batches = [
        [claimed.item["id"] for claimed in await claim(stage.installation.database, 2, "a worker")] for _ in range(3)
    ]
    ids = sorted(id for batch in batches for id in batch)  # their ids sort as they were made
    assert [sorted(batch) for batch in batches] == [ids[0:2], ids[2:4], ids[4:6]]
    assert await claim(stage.installation.database, 10, "a worker") == []


async def test_concurrent_claims_take_each_item_once(stage: Stage) -> None:
    await post_many(stage, 12)
    found = await asyncio.gather(*(claim(stage.installation.database, 4, f"worker {n}") for n in range(3)))
    ids = [claimed.item["id"] for batch in found for claimed in batch]
    assert len(ids) == len(set(ids))
