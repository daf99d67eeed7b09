"""An item that ends the process of its run, beside many that do not."""

import asyncio

import pytest

from clipcast.database.models.jobs import JobState
from clipcast.jobs.kinds import QUARANTINE
from clipcast.testing.harness import Stage
from tests.crash.processes import FATAL, OTHER_ITEMS, SLOW, SLOW_ITEMS, until, worker_process

# Seconds. A worker whose heartbeats come too late on a busy machine counts as dead, too.
LEASE = 4.0
ENDS_WITHIN = 170.0


@pytest.mark.timeout(500)
async def test_item_that_ends_its_worker_is_dead_alone(stage: Stage) -> None:
    """The 31 other items are published once each, those included that were running whenever a worker died."""
    connection, edit = await stage.connect("youtube"), await stage.caller.upload(stage.clip)
    others = [f"Tide {number:02}" for number in range(OTHER_ITEMS)]
    titles = [FATAL, *(f"{SLOW} {number}" for number in range(SLOW_ITEMS)), *others]
    posts = [
        await stage.post(connection, "youtube", {"title": title, "privacyStatus": "public"}, edit) for title in titles
    ]
    for _ in range(2):
        async with worker_process(stage, LEASE, mutant="with a fatal item") as process:
            await asyncio.to_thread(process.join, 120)
            assert process.exitcode == -9

    async def ended() -> bool:
        return await stage.next_event() is None

    async with worker_process(stage, LEASE, mutant="with a fatal item") as process:
        await until(ended, ENDS_WITHIN)
        assert process.is_alive()
    videos = await stage.sandbox.posts("youtube")
    assert [sum(title in str(video) for video in videos) for title in titles] == [0] + [1] * (len(titles) - 1)
    dead = await stage.job(posts[0])
    assert (dead.state, dead.crash_count) == (JobState.DEAD, 3)
    assert dead.error is not None
    assert (dead.error["code"], dead.error["signal"]) == ("run_kills_worker", "SIGKILL")
    assert dead.error["peak_memory_bytes"] > 10_000_000
    slow = [await stage.job(post) for post in posts[1:3]]
    assert [(one.state, one.queue, one.crash_count) for one in slow] == [(JobState.DONE, QUARANTINE, 2)] * 2
    shown = [(await stage.item(post))["status"] for post in posts]
    assert shown == ["failed"] + ["published"] * (len(titles) - 1)
