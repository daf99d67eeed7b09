"""Scheduled posts start at their instant, over daylight saving changes and clock corrections."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from clipcast.clock import clock
from clipcast.common.timestamps import parse_instant
from clipcast.testing.harness import Stage
from tests.times import next_change

METADATA = {"description": "Tide"}


async def schedule(stage: Stage, connection: str, at: datetime) -> str:
    edit = await stage.caller.upload(stage.clip)
    target = {"connectionId": connection, "metadata": {"facebook": METADATA}}
    body = {"videos": [{"editId": edit, "targets": [target]}], "scheduled_at": at.isoformat()}
    response = await stage.caller.post("/posts", body)
    assert response.status_code == 201, response.text
    return str(response.json()["post_id"])


async def published_at(stage: Stage, post_id: str) -> datetime:
    await stage.run_until_ended(timedelta(days=400))
    return parse_instant((await stage.item(post_id))["published_at"])


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Los_Angeles", "Australia/Lord_Howe"])
async def test_posts_around_a_daylight_saving_change_start_at_their_instants(stage: Stage, zone: str) -> None:
    """Treat a time with an offset as one instant, also in an hour that is repeated or skipped."""
    change = next_change(ZoneInfo(zone))
    connection = await stage.connect("facebook")
    wanted = [change + step for step in (timedelta(minutes=-30), timedelta(minutes=1), timedelta(minutes=45))]
    posts = [await schedule(stage, connection, at.astimezone(ZoneInfo(zone))) for at in wanted]
    for post_id, at in zip(posts, wanted, strict=True):
        assert parse_instant((await stage.show(post_id))["scheduled_at"]) == at
    found = [await published_at(stage, post_id) for post_id in posts]
    assert all(at <= begun < at + timedelta(seconds=30) for at, begun in zip(wanted, found, strict=True))


async def test_same_local_time_twice_publishes_an_hour_apart(stage: Stage) -> None:
    """Publish two posts for the same local time, before and after the clocks go back, an hour apart."""
    zone = ZoneInfo("Europe/Berlin")
    year = clock.now().year if clock.now() < datetime(clock.now().year, 10, 20, tzinfo=UTC) else clock.now().year + 1
    last_sunday = max(day for day in range(25, 32) if datetime(year, 10, day, tzinfo=UTC).weekday() == 6)
    wall = datetime(year, 10, last_sunday, 2, 30, tzinfo=zone)
    twice = [wall.replace(fold=0), wall.replace(fold=1)]
    assert twice[1].astimezone(UTC) - twice[0].astimezone(UTC) == timedelta(hours=1)
    connection = await stage.connect("facebook")
    if twice[1].astimezone(UTC) > clock.now() + timedelta(days=364):
        pytest.skip("posts are scheduled at most a year ahead")
    posts = [await schedule(stage, connection, at) for at in twice]
    found = [await published_at(stage, post_id) for post_id in posts]
    assert timedelta(minutes=59) < found[1] - found[0] < timedelta(minutes=61)


async def test_database_clock_set_forward_publishes_items_due_by_then(stage: Stage) -> None:
    post_id = await schedule(stage, await stage.connect("facebook"), clock.now() + timedelta(hours=1))
    assert await stage.worker.run_due() == 0
    clock.follow(clock.now() + timedelta(hours=2))
    try:
        await stage.run_until_ended()
        assert (await stage.item(post_id))["status"] == "published"
    finally:
        await stage.installation.database.follow_clock()


async def test_clock_set_back_within_a_publication_publishes_once(stage: Stage) -> None:
    """Wait a little longer and continue if the clock is set back in the middle of a publication."""
    await stage.sandbox.settings(facebook={"processing_seconds": 20})
    post_id = await stage.post(await stage.connect("facebook"), "facebook", METADATA)
    await stage.worker.run_due()
    before = await stage.next_event()
    clock.move(timedelta(minutes=-30))
    assert await stage.worker.run_due() == 0
    assert await stage.next_event() == before
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert len(await stage.sandbox.posts("facebook")) == 1
