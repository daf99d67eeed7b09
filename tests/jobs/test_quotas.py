"""Quotas: items wait until their quota is free and show why, so that no platform has to reject a request."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from clipcast.clock import clock
from clipcast.common.timestamps import parse_instant
from clipcast.installation import Installation
from clipcast.jobs.quota_counters import QuotaExceeded
from clipcast.jobs.quotas import Quotas
from clipcast.platforms.quota import Quota
from clipcast.platforms.registry import PLATFORMS
from clipcast.testing.harness import Stage
from tests.times import move_to

PACIFIC = ZoneInfo("America/Los_Angeles")
METADATA: dict[str, dict[str, Any]] = {
    "tiktok": {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"},
    "youtube": {"title": "Tide", "privacyStatus": "unlisted"},
    "instagram": {"caption": "Tide"},
    "threads": {"text": "Tide"},
    "facebook": {"description": "Tide"},
}


@pytest.fixture
def noon_pacific() -> None:
    """Move the time away from midnight of YouTube's quotas."""
    move_to(12, PACIFIC)


async def post_many(stage: Stage, platform: str, count: int) -> list[str]:
    connection, edit = await stage.connect(platform), await stage.caller.upload(stage.clip)
    return [await stage.post(connection, platform, METADATA[platform], edit) for _ in range(count)]


async def statuses(stage: Stage, posts: list[str]) -> list[str]:
    return sorted([(await stage.item(post))["status"] for post in posts])


async def unfinished(stage: Stage, posts: list[str]) -> list[dict[str, Any]]:
    return [item for post in posts if (item := await stage.item(post))["status"] == "processing"]


def limited(installation: Installation, **limits: int | None) -> Installation:
    quotas = {name.replace("__", "."): limit for name, limit in limits.items()}
    return replace(installation, settings=installation.settings.model_copy(update={"quotas": quotas}))


@pytest.mark.usefixtures("stopped_clock")
async def test_upload_beyond_the_quota_waits_and_shows_its_next_attempt(stage: Stage) -> None:
    await stage.sandbox.settings(tiktok={"rate_limits": True})
    posts = await post_many(stage, "tiktok", 8)
    await stage.run_all()
    assert await statuses(stage, posts) == ["processing"] * 2 + ["published"] * 6
    for item in await unfinished(stage, posts):
        assert (item["error"]["code"], item["error"]["class"], item["error"]["actor"]) == (
            "quota_spent", "rate_limited", "nobody",
        )  # fmt: skip
        shown = re.search(
            r"`uploads` of the account \(6 per minute\) is used up until (\S+)\.$", item["error"]["message"]
        )
        assert shown is not None
        assert timedelta() < parse_instant(shown[1]) - clock.now() <= timedelta(seconds=62)
        assert timedelta(seconds=40) < parse_instant(item["next_attempt_at"]) - clock.now() <= timedelta(seconds=62)
        assert item["attempts"] == 1
    await stage.run_until_ended()
    assert await statuses(stage, posts) == ["published"] * 8
    assert [(await stage.item(post))["error"] for post in posts] == [None] * 8
    assert (await stage.item(posts[0]))["attempts"] == 1


async def test_three_workers_together_never_exceed_a_quota(stage: Stage) -> None:
    """Publish all posts without a 429 from the simulator, which counts by itself."""
    await stage.sandbox.settings(tiktok={"rate_limits": True})
    posts = await post_many(stage, "tiktok", 20)
    workers = [stage.new_worker() for _ in range(3)]
    for _ in range(200):
        if not sum(await asyncio.gather(*(worker.run_due() for worker in workers))):
            due = await stage.next_event()
            if due is None:
                break
            clock.move(max(due - clock.now(), timedelta()) + timedelta(milliseconds=5))
    await asyncio.gather(*(worker.close() for worker in workers))
    assert await statuses(stage, posts) == ["published"] * 20
    statuses_returned = [
        event["http_status"]
        for post in posts
        for attempt in (
            await stage.caller.get(f"/posts/{post}/items/{(await stage.item(post))['id']}/attempts")
        ).json()["attempts"]
        for event in attempt["events"]
    ]
    assert 429 not in statuses_returned


@pytest.mark.usefixtures("noon_pacific")
async def test_concurrent_charges_of_three_processes_consume_exactly_the_limit(installation: Installation) -> None:
    """Charge one app's quota from three processes at once."""
    quotas_by_process = [Quotas(installation.settings, installation.database) for _ in range(3)]
    meters = [quotas.meter(PLATFORMS["youtube"], f"channel {n}", {}) for n, quotas in enumerate(quotas_by_process)]

    async def take(n: int) -> bool:
        try:
            await meters[n % 3].consume("session")
        except QuotaExceeded:
            return False
        return True

    taken = await asyncio.gather(*(take(n) for n in range(150)))
    assert sum(taken) == 100


@pytest.mark.usefixtures("noon_pacific")
async def test_charge_of_a_cached_row_takes_one_statement(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter = Quotas(installation.settings, installation.database).meter(PLATFORMS["youtube"], "channel", {})
    await meter.consume("session")
    await meter.consume("session")

    def no_transaction() -> None:
        pytest.fail("one statement is enough")

    with monkeypatch.context() as patch:
        patch.setattr(installation.database.hot_pool, "transaction", no_transaction)
        for _ in range(3):
            await meter.consume("session")
    assert {quota.used for quota in await meter.show() if quota.name == "uploads"} == {5}


@pytest.mark.usefixtures("noon_pacific")
async def test_charges_of_another_process_count_despite_the_cache(installation: Installation) -> None:
    """Also where this one had been alone so far, and remembers other figures."""
    ours, theirs = (
        Quotas(installation.settings, installation.database).meter(PLATFORMS["youtube"], "channel", {})
        for _ in range(2)
    )
    for _ in range(5):
        await ours.consume("session")
    for _ in range(94):
        await theirs.consume("session")
    await ours.consume("session")
    with pytest.raises(QuotaExceeded):
        await ours.consume("session")
    with pytest.raises(QuotaExceeded):
        await theirs.consume("session")


@pytest.mark.usefixtures("noon_pacific")
async def test_block_by_another_process_applies_despite_the_cache(installation: Installation) -> None:
    ours, theirs = (
        Quotas(installation.settings, installation.database).meter(PLATFORMS["youtube"], "channel", {})
        for _ in range(2)
    )
    for _ in range(3):
        await ours.consume("session")
    await theirs.block_until("uploads", timedelta(hours=1))
    with pytest.raises(QuotaExceeded):
        await ours.consume("session")


@pytest.mark.usefixtures("stopped_clock")
async def test_request_with_one_used_up_quota_consumes_nothing(installation: Installation) -> None:
    """Consume nothing of the one quota if the other quota of the request is used up."""
    two = replace(
        PLATFORMS["tiktok"],
        quotas=(
            Quota("hourly", timedelta(hours=1), {"init": 1}, limit=5),
            Quota("minutely", timedelta(minutes=1), {"init": 1}, limit=2),
        ),
    )
    meter = Quotas(installation.settings, installation.database).meter(two, "me", {})
    await meter.consume("init")
    await meter.consume("init")
    with pytest.raises(QuotaExceeded, match="minutely"):
        await meter.consume("init")
    assert [(quota.name, quota.used, quota.remaining) for quota in await meter.show()] == [
        ("hourly", 2, 3),
        ("minutely", 2, 0),
    ]


async def test_reel_31_of_a_day_waits_until_the_first_is_a_day_old(stage: Stage) -> None:
    posts = await post_many(stage, "facebook", 31)
    started = clock.now()
    await stage.run_all()
    assert await statuses(stage, posts) == ["processing"] + ["published"] * 30
    [waiting] = await unfinished(stage, posts)
    wait = parse_instant(waiting["next_attempt_at"]) - started
    assert timedelta(hours=24) <= wait <= timedelta(hours=24, minutes=2)
    assert len([name for name in await stage.sandbox.requests("facebook") if name == "start"]) == 30
    await stage.run_until_ended()
    assert await statuses(stage, posts) == ["published"] * 31


@pytest.mark.usefixtures("noon_pacific")
async def test_youtube_app_quota_resets_at_midnight_pacific(stage: Stage) -> None:
    await stage.sandbox.settings(youtube={"quotas": True, "upload_quota": 2})
    installation = limited(stage.installation, youtube__uploads=2)
    few = Stage(installation, stage.caller, stage.sandbox, stage.clip)
    posts = await post_many(stage, "youtube", 3)
    await few.run_all()
    assert await statuses(stage, posts) == ["processing", "published", "published"]
    [waiting] = await unfinished(stage, posts)
    then = parse_instant(waiting["next_attempt_at"]).astimezone(PACIFIC)
    assert (then.hour, then.minute) == (0, 0)
    assert "of the app (2 per day (America/Los_Angeles))" in waiting["error"]["message"]
    await few.run_until_ended()
    assert await statuses(stage, posts) == ["published"] * 3
    await few.close()


@pytest.mark.parametrize("platform", ["instagram", "threads"])
async def test_quota_reported_by_the_platform_is_read_before_a_container_is_created(
    stage: Stage, platform: str
) -> None:
    """Wait if the platform's own figure is used up, although Clipcast has not counted so many posts."""
    await stage.sandbox.settings(**{platform: {"publish_quota": 2}})
    first = await post_many(stage, platform, 2)
    await stage.run_until_ended()
    assert await statuses(stage, first) == ["published"] * 2
    [late] = await post_many(stage, platform, 1)
    await stage.sandbox.forget_requests()
    await stage.worker.run_due()
    item = await stage.item(late)
    assert (item["status"], item["error"]["code"]) == ("processing", "quota_spent")
    assert await stage.sandbox.requests(platform) == ["limit"]
    await stage.run_until_ended()
    assert (await stage.item(late))["status"] == "published"


async def test_quota_reported_as_used_up_stops_all_items_of_the_account(stage: Stage) -> None:
    """Send no request for the other items after the platform has rejected one."""
    posts = await post_many(stage, "tiktok", 5)
    rejection = {"data": {}, "error": {"code": "spam_risk_too_many_posts", "message": "", "log_id": "L1"}}
    await stage.sandbox.fault("tiktok", "video_init", "before", "status", status=403, body=rejection)
    few = Stage(
        replace(stage.installation, settings=stage.installation.settings.model_copy(update={"worker_concurrency": 1})),
        stage.caller, stage.sandbox, stage.clip,
    )  # fmt: skip
    await few.run_all()
    assert (await stage.sandbox.requests("tiktok")).count("video_init") == 1
    errors = sorted([(await stage.item(post))["error"]["code"] for post in posts])
    assert errors == ["daily_post_cap"] + ["quota_spent"] * 4
    for post in posts:
        wait = parse_instant((await stage.item(post))["next_attempt_at"]) - clock.now()
        assert timedelta(hours=23) < wait <= timedelta(hours=24)
    await few.run_until_ended()
    assert await statuses(stage, posts) == ["published"] * 5
    await few.close()


async def test_retry_sends_to_a_platform_that_reported_a_used_up_quota(stage: Stage) -> None:
    [post] = await post_many(stage, "tiktok", 1)
    ours = {"data": {}, "error": {"code": "invalid_params", "message": "", "log_id": "L1"}}
    await stage.sandbox.fault("tiktok", "creator_info", "before", "status", status=400, body=ours)
    await stage.worker.run_due()
    item = await stage.item(post)
    assert item["status"] == "failed"
    account = (await stage.sandbox.account("tiktok"))["account_id"]
    meter = Quotas(stage.installation.settings, stage.installation.database).meter(PLATFORMS["tiktok"], account, {})
    await meter.block_until("posts", timedelta(days=90))
    assert (await quotas(stage, "tiktok"))["posts"]["remaining"] == 0
    await stage.caller.post(f"/posts/{post}/items/{item['id']}/retry")
    await stage.run_until_ended()
    assert (await stage.item(post))["status"] == "published"


async def test_rejected_upload_is_refunded(stage: Stage) -> None:
    posts = await post_many(stage, "facebook", 3)
    await stage.sandbox.fault("facebook", "start", "before", "status", status=400, body={}, times=2)
    await stage.run_until_ended()
    assert await statuses(stage, posts) == ["published"] * 3
    reels = (await quotas(stage, "facebook"))["reels"]
    assert (reels["used"], reels["limit"], reels["remaining"], reels["free_at"]) == (3, 30, 27, None)


async def quotas(stage: Stage, platform: str) -> Mapping[str, dict[str, Any]]:
    found = (await stage.caller.get("/connections", params={"platform": platform})).json()["connections"]
    response = (await stage.caller.get(f"/connections/{found[0]['id']}/options")).json()
    return {quota["name"]: quota for quota in response["quotas"]}


@pytest.mark.usefixtures("stopped_clock")
async def test_options_show_the_remaining_units(stage: Stage) -> None:
    posts = await post_many(stage, "tiktok", 6)
    await stage.run_until_ended()
    assert await statuses(stage, posts) == ["published"] * 6
    shown = await quotas(stage, "tiktok")
    uploads = shown["uploads"]
    assert (uploads["scope"], uploads["window"], uploads["limit"], uploads["used"]) == ("account", "minute", 6, 6)
    assert uploads["remaining"] == 0
    assert clock.now() < parse_instant(uploads["free_at"]) < clock.now() + timedelta(seconds=62)
    assert (shown["posts"]["limit"], shown["posts"]["used"], shown["posts"]["remaining"]) == (None, 6, None)
    assert shown["posting_users"]["scope"] == "app"


@pytest.mark.usefixtures("stopped_clock")
async def test_requests_for_options_consume_quota(stage: Stage) -> None:
    await stage.connect("tiktok")
    for _ in range(20):
        await quotas(stage, "tiktok")
    found = (await stage.caller.get("/connections")).json()["connections"]
    response = await stage.caller.get(f"/connections/{found[0]['id']}/options")
    assert (response.status_code, response.json()["code"]) == (503, "platform_unavailable")
    assert 40 < int(response.headers["Retry-After"]) <= 62


async def test_sandbox_and_real_quotas_are_separate(installation: Installation) -> None:
    in_sandbox = Quotas(installation.settings, installation.database).meter(PLATFORMS["facebook"], "1", {})
    real = replace(installation, settings=installation.settings.model_copy(update={"sandbox_url": None}))
    outside_sandbox = Quotas(real.settings, installation.database).meter(PLATFORMS["facebook"], "1", {})
    await in_sandbox.consume("start")
    used = [next(q.used for q in await one.show() if q.name == "reels") for one in (in_sandbox, outside_sandbox)]
    assert used == [1, 0]
