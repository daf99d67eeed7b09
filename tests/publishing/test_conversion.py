"""Items whose file a platform does not accept: it is converted, pinned, and sent."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, select, update

from clipcast.clock import clock
from clipcast.database.models.clips import Clip
from clipcast.database.models.connections import Connection
from clipcast.database.models.jobs import Job, JobState
from clipcast.database.models.posts import Item, Post
from clipcast.database.models.renditions import Rendition
from clipcast.jobs.claimed import LEASE
from clipcast.jobs.dead_letter import CRASHES_MAX
from clipcast.jobs.outcomes import ItemOutcomes
from clipcast.jobs.timeline import Timeline
from clipcast.platforms.errors import MediaRejected
from clipcast.platforms.registry import PLATFORMS
from clipcast.publishing import conversion
from clipcast.rendering import recipe
from clipcast.rendering.errors import ConversionError
from clipcast.renders import runner
from clipcast.renders.conforming import order_conversions, plan_for
from clipcast.testing.case import Case
from clipcast.testing.crash_injection import Killed, killed_at
from clipcast.testing.harness import Stage, some_day
from tests.publishing.files import as_mpeg4, in_mov, posted, renditions
from tests.rendering.corpus import Recipe, make
from tests.renders.orders import kill_renderer
from tests.renders.videos import upload_video

LINKEDIN: dict[str, Any] = dict(PLATFORMS["linkedin"].metadata.example)
# Its pictures have more bits than they need.
ONE_KEY_FRAME = Recipe(
    "one-key-frame.mp4", size=(360, 640), seconds=4.2,
    video={"g": "250", "b": "1M", "maxrate": "1M", "bufsize": "500k", "x264-params": "log-level=none:nal-hrd=cbr"},
)  # fmt: skip
TIKTOK = {"privacyLevel": "SELF_ONLY"}


async def waiting(stage: Stage) -> str:
    """Post a file that LinkedIn does not accept, and run the item until it waits for its conversion."""
    post_id = await posted(stage, await stage.connect("linkedin"), "linkedin", LINKEDIN, in_mov(stage.clip))
    assert await stage.worker.run_due() == 1
    return post_id


async def sent(stage: Stage) -> list[str]:
    return [post["sha256"] for post in await stage.sandbox.posts()]


async def test_file_that_breaks_a_rule_is_converted_and_sent(stage: Stage) -> None:
    post_id = await waiting(stage)
    item, job = await stage.item(post_id), await stage.job(post_id)
    [ordered] = await renditions(stage)
    assert (item["status"], item["stage"], item["next_attempt_at"], item["error"]) == (
        "processing", "preparing", None, None
    )  # fmt: skip
    assert (job.state, job.after_id, ordered.action, ordered.status) == (
        JobState.BLOCKED, ordered.id, "remux", "queued"
    )  # fmt: skip
    assert item["stage_text"] == "Waits to be converted for LinkedIn: H.264 540x960"
    async with stage.installation.database.begin() as session:
        await session.execute(update(Rendition).values(status="active", progress=42))
    text = (await stage.item(post_id))["stage_text"]
    assert text == "Being converted for LinkedIn: H.264 540x960 (42 %)"
    assert await stage.worker.run_due() == 0
    await stage.renderer.run_due()
    assert (await stage.job(post_id)).state == JobState.READY
    await stage.run_all()
    [made] = await renditions(stage)
    item = await stage.item(post_id)
    assert (item["status"], item["attempts"], await sent(stage)) == ("published", 1, [made.sha256])
    assert made.sha256 != hashlib.sha256(in_mov(stage.clip).read_bytes()).hexdigest()


async def test_file_that_keeps_the_rules_is_sent_bit_for_bit(stage: Stage) -> None:
    await stage.post(await stage.connect("linkedin"), "linkedin", LINKEDIN)
    await stage.run_all()
    assert await renditions(stage) == []
    assert await sent(stage) == [hashlib.sha256(stage.clip.read_bytes()).hexdigest()]


async def know_limit(stage: Stage, longest: int, age: timedelta) -> None:
    """Say that all accounts stated their longest video in seconds so long ago."""
    kept = {"limits": {"maxVideoPostDurationSec": longest}, "limits_at": (clock.now() - age).isoformat()}
    async with stage.installation.database.begin() as session:
        for connection in await session.scalars(select(Connection)):
            connection.profile = connection.profile | kept


@pytest.mark.parametrize("longest", [1, 600])
async def test_limit_of_the_account_is_read_before_a_conversion_is_ordered(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, longest: int
) -> None:
    """Some account might not allow the clip, and what this one allowed a day ago does not count."""
    some_allow_less = replace(PLATFORMS["tiktok"], kept_options={"maxVideoPostDurationSec": 2})
    monkeypatch.setitem(PLATFORMS, "tiktok", some_allow_less)
    await stage.sandbox.change_account("tiktok", max_duration=longest)
    post_id = await posted(stage, await stage.connect("tiktok"), "tiktok", TIKTOK, as_mpeg4(stage.clip))
    await know_limit(stage, 300, timedelta(hours=25))
    await order_conversions(stage.installation.database.hot_pool, UUID(post_id))
    assert await renditions(stage) == []
    await stage.worker.run_due()
    item, ordered = await stage.item(post_id), await renditions(stage)
    if longest == 1:
        assert (item["status"], item["error"]["code"], ordered) == ("failed", "video_too_long", [])
    else:
        assert (item["status"], item["stage"], len(ordered)) == ("processing", "preparing", 1)


@pytest.mark.parametrize(("hours", "ordered"), [(23, 0), (25, 1)])
async def test_only_a_recent_limit_keeps_a_short_clip_from_being_converted_ahead(
    stage: Stage, hours: int, ordered: int
) -> None:
    """Every account allows the clip, unless this one says otherwise. The worker asks it again."""
    post_id = await posted(stage, await stage.connect("tiktok"), "tiktok", TIKTOK, as_mpeg4(stage.clip))
    await know_limit(stage, 1, timedelta(hours=hours))
    await order_conversions(stage.installation.database.hot_pool, UUID(post_id))
    assert len(await renditions(stage)) == ordered
    await stage.worker.run_due()
    assert ((await stage.item(post_id))["stage"], len(await renditions(stage))) == ("preparing", 1)
    assert (await stage.sandbox.requests("tiktok")).count("creator_info") == (0 if ordered else 1)


async def test_platform_that_does_not_respond_delays_no_conversion(stage: Stage) -> None:
    await stage.sandbox.fault("tiktok", "creator_info", "before", "status", status=502, times=9)
    post_id = await posted(stage, await stage.connect("tiktok"), "tiktok", TIKTOK, as_mpeg4(stage.clip))
    await know_limit(stage, 1, timedelta(hours=1))
    await stage.worker.run_due()
    assert ((await stage.item(post_id))["stage"], len(await renditions(stage))) == ("preparing", 1)


async def test_item_that_forbids_conversion_sends_the_file_as_it_is(stage: Stage) -> None:
    post_id = await posted(stage, await stage.connect("linkedin"), "linkedin", LINKEDIN, in_mov(stage.clip))
    async with stage.installation.database.begin() as session:
        await session.execute(update(Item).values(conform="never"))
    await stage.run_all()
    assert await renditions(stage) == []
    assert (await stage.item(post_id))["status"] in ("published", "failed")  # as the platform decides


async def test_one_file_for_all_platforms_is_encoded_twice_at_most(stage: Stage, cases: list[Case]) -> None:
    file = as_mpeg4(stage.clip)
    posts = [await posted(stage, await case.connect(stage), case.platform, case.metadata, file) for case in cases]
    await stage.run_until_ended(timedelta(hours=2))
    assert [(await stage.item(post))["status"] for post in posts] == ["published"] * len(cases)
    made = await renditions(stage)
    assert 1 <= sum(one.action == "video" for one in made) <= 2
    original = hashlib.sha256(file.read_bytes()).hexdigest()
    assert {post["sha256"] for post in await stage.sandbox.posts()} <= {one.sha256 for one in made} | {original}


async def test_second_item_uses_the_file_of_the_first(stage: Stage) -> None:
    await waiting(stage)
    await stage.run_all()
    await waiting(stage)
    await stage.run_all()
    [made] = await renditions(stage)
    assert await sent(stage) == [made.sha256, made.sha256]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_item_never_sends_other_bytes_in_one_round(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Kill the worker between the pin and the upload, and change the rules before the next run."""
    post_id = await waiting(stage)
    await stage.renderer.run_due()
    [made] = await renditions(stage)
    with killed_at("initialize", when), pytest.raises(Killed):  # type: ignore[arg-type]
        await stage.worker.run_due()
    monkeypatch.setattr(conversion, "plan_for", other_plan)
    clock.move(LEASE + timedelta(seconds=1))
    await stage.run_all()
    assert (await stage.item(post_id))["status"] == "published"
    assert await sent(stage) == [made.sha256]
    assert len(await renditions(stage)) == 1


def other_plan(*about: Any) -> Any:
    return replace(plan_for(*about), recipe=recipe.Recipe(min_bytes=2_000_000))


async def test_new_round_follows_the_rules_of_its_time(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    post_id = await waiting(stage)
    await stage.renderer.run_due()
    with killed_at("initialize", "before"), pytest.raises(Killed):
        await stage.worker.run_due()
    monkeypatch.setattr(conversion, "plan_for", other_plan)
    clock.move(LEASE + timedelta(seconds=1))
    async with stage.installation.database.begin() as session:
        await session.execute(update(Job).where(Job.kind == "publish").values(round=1, program=None))
    await stage.run_all()
    first, second = await renditions(stage)
    assert ((await stage.item(post_id))["status"], await sent(stage)) == ("published", [second.sha256])
    assert first.sha256 != second.sha256


def failing(monkeypatch: pytest.MonkeyPatch, code: str, times: int = 100) -> Callable[[], None]:
    """Have conversions fail, until the returned function is called."""

    async def convert(*about: object, **more: object) -> None:
        raise ConversionError(code, "It does not work.")

    real = runner.convert
    monkeypatch.setattr(runner, "convert", convert)
    return lambda: monkeypatch.setattr(runner, "convert", real)


@pytest.mark.parametrize("code", ["conversion_failed", "conversion_timeout", "conversion_crashed"])
async def test_failed_conversion_fails_the_item_and_retry_converts_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    mend = failing(monkeypatch, code)
    post_id = await waiting(stage)
    await stage.run_all()
    item = await stage.item(post_id)
    error = item["error"]
    assert (item["status"], error["code"], error["class"], error["actor"]) == ("failed", code, "media", "caller")
    mend()
    clock.move(timedelta(seconds=1))
    retried = await stage.caller.post(f"/posts/{post_id}/items/{item['id']}/retry")
    assert retried.status_code == 202, retried.text
    await stage.run_all()
    assert (await stage.item(post_id))["status"] == "published"


async def test_rendition_that_failed_before_is_made_for_a_new_item(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    mend = failing(monkeypatch, "conversion_failed")
    await waiting(stage)
    await stage.run_all()
    mend()
    clock.move(timedelta(seconds=1))
    post_id = await waiting(stage)
    await stage.run_all()
    assert (await stage.item(post_id))["status"] == "published"


async def test_cancelled_conversion_fails_the_item(stage: Stage) -> None:
    post_id = await waiting(stage)
    async with stage.installation.database.begin() as session:
        await session.execute(update(Rendition).values(status="cancelled", completed_at=clock.now()))
    await stage.run_all()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]["code"]) == ("failed", "conversion_cancelled")


async def test_conversion_that_kills_renderers_fails_the_item(stage: Stage) -> None:
    post_id = await waiting(stage)
    for _ in range(CRASHES_MAX):
        await kill_renderer(stage, "remux")
    assert (await stage.job(post_id)).state == JobState.READY
    await stage.run_all()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]["code"]) == ("failed", "conversion_crashed")


async def test_deleted_job_of_a_rendition_does_not_hold_the_item(stage: Stage) -> None:
    post_id = await waiting(stage)
    async with stage.installation.database.begin() as session:
        await session.execute(update(Item).values(rendition_id=None))
        await session.execute(delete(Rendition))
    await stage.run_all()
    assert (await stage.item(post_id))["status"] == "published"


async def test_conversion_that_ends_before_the_item_waits_does_not_hold_it(stage: Stage) -> None:
    """The rendition ends between the order and the block."""
    post_id = await posted(stage, await stage.connect("linkedin"), "linkedin", LINKEDIN, in_mov(stage.clip))
    [claimed] = await stage.claim()
    await order_conversions_of(stage, post_id)
    await stage.renderer.run_due()
    [made] = await renditions(stage)
    outcomes = ItemOutcomes(stage.installation.database)
    await outcomes.block(claimed, Timeline(claimed.attempt_id), 0, made.id, True, "The clip is converted")
    assert (await stage.job(post_id)).state == JobState.READY
    await stage.run_all()
    assert (await stage.item(post_id))["status"] == "published"


async def order_conversions_of(stage: Stage, post_id: str) -> None:
    async with stage.installation.database.begin() as session:  # as if no worker had begun it
        await session.execute(update(Item).values(attempts=0))
    await order_conversions(stage.installation.database.hot_pool, (await stage.row(post_id)).post_id)


@pytest.mark.parametrize("how", ["expired", "missing"])
async def test_file_that_is_gone_before_the_item_runs_is_made_again(stage: Stage, how: str) -> None:
    await waiting(stage)
    await stage.run_all()
    [made] = await renditions(stage)
    await stage.installation.storage.delete(made.storage_key or "")
    if how == "expired":
        async with stage.installation.database.begin() as session:
            await session.execute(update(Rendition).values(status="expired", storage_key=None))
    post_id = await waiting(stage)
    assert (await stage.job(post_id)).state == JobState.BLOCKED
    await stage.run_all()
    assert (await stage.item(post_id))["status"] == "published"


async def test_retry_of_an_item_tries_its_waiting_conversion_at_once(stage: Stage) -> None:
    """The conversion waits for space on the disk, up to 10 minutes."""
    post_id = await waiting(stage)
    [made] = await renditions(stage)
    path = f"/posts/{post_id}/items/{(await stage.item(post_id))['id']}/retry"
    assert (await stage.caller.post(path, {})).status_code == 409
    waits = {"state": "waiting", "due_at": clock.now() + timedelta(minutes=10), "error": {"code": "disk_full"}}
    async with stage.installation.database.begin() as session:
        await session.execute(update(Job).where(Job.id == made.id).values(waits))
    assert (await stage.caller.post(path, {})).status_code == 202
    assert (await stage.job(post_id)).state == JobState.BLOCKED
    await stage.run_all()
    assert (await stage.item(post_id))["status"] == "published"


async def lost(stage: Stage) -> None:
    """Lose the file of a rendition, which is made anew with other bytes."""
    [made] = await renditions(stage)
    await stage.installation.storage.delete(made.storage_key or "")
    async with stage.installation.database.begin() as session:
        recipe = made.recipe | {"min_bytes": 2_000_000}
        await session.execute(update(Rendition).values(status="expired", storage_key=None, recipe=recipe))
    clock.move(LEASE + timedelta(seconds=1))


async def test_lost_pinned_file_begins_a_new_round_while_nothing_is_visible(stage: Stage) -> None:
    post_id = await waiting(stage)
    await stage.renderer.run_due()
    with killed_at("initialize", "after"), pytest.raises(Killed):
        await stage.worker.run_due()
    await lost(stage)
    await stage.run_all()
    [made] = await renditions(stage)
    assert ((await stage.item(post_id))["status"], (await stage.job(post_id)).round) == ("published", 1)
    assert await sent(stage) == [made.sha256]


async def test_lost_pinned_file_is_not_replaced_once_the_post_may_be_visible(stage: Stage, cases: list[Case]) -> None:
    [case] = [one for one in cases if one.platform == "tiktok"]
    connection = await case.connect(stage)
    post_id = await posted(stage, connection, "tiktok", case.metadata, as_mpeg4(stage.clip))
    await stage.worker.run_due()
    await stage.renderer.run_due()
    [made] = await renditions(stage)
    with killed_at(case.irreversible, "after"), pytest.raises(Killed):
        await stage.worker.run_due()
    await lost(stage)
    await stage.run_until_ended(timedelta(days=2))
    assert ((await stage.item(post_id))["status"], (await stage.job(post_id)).round) == ("published", 0)
    assert await sent(stage) == [made.sha256]


async def test_post_that_may_be_visible_never_waits_for_another_conversion(
    stage: Stage, cases: list[Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A conversion that fails then would show a live video as failed."""
    [case] = [one for one in cases if one.platform == "tiktok"]
    connection = await case.connect(stage)
    post_id = await posted(stage, connection, "tiktok", case.metadata, as_mpeg4(stage.clip))
    await stage.worker.run_due()
    await stage.renderer.run_due()
    [made] = await renditions(stage)
    with killed_at(case.irreversible, "after"), pytest.raises(Killed):
        await stage.worker.run_due()
    await stage.installation.storage.delete(made.storage_key or "")
    clock.move(LEASE + timedelta(seconds=1))
    failing(monkeypatch, "conversion_timeout")
    await stage.run_until_ended(timedelta(days=2))
    assert ((await stage.item(post_id))["status"], await sent(stage)) == ("published", [made.sha256])


async def test_lost_file_is_made_again_once_the_platform_denies_the_post(stage: Stage, cases: list[Case]) -> None:
    """The worker dies before the request that publishes: the platform lists no post, and no file is left."""
    [case] = [one for one in cases if one.platform == "tiktok"]
    connection = await case.connect(stage)
    post_id = await posted(stage, connection, "tiktok", case.metadata, as_mpeg4(stage.clip))
    await stage.worker.run_due()
    await stage.renderer.run_due()
    [made] = await renditions(stage)
    with killed_at(case.irreversible, "before"), pytest.raises(Killed):
        await stage.worker.run_due()
    await stage.installation.storage.delete(made.storage_key or "")
    clock.move(LEASE + timedelta(seconds=1))
    await stage.run_until_ended(timedelta(days=2))
    [made] = await renditions(stage)
    assert ((await stage.item(post_id))["status"], await sent(stage)) == ("published", [made.sha256])


async def test_error_of_a_conversion_does_not_fail_a_post_that_may_be_visible(
    stage: Stage, cases: list[Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    [case] = [one for one in cases if one.platform == "tiktok"]
    post_id = await stage.post(await case.connect(stage), "tiktok", case.metadata)
    with killed_at(case.irreversible, "after"), pytest.raises(Killed):
        await stage.worker.run_due()
    clock.move(LEASE + timedelta(seconds=1))

    async def choose(*about: object) -> None:
        raise MediaRejected("conversion_failed", "It does not work.")

    monkeypatch.setattr(conversion.Conversions, "choose", choose)
    await stage.run_until_ended(timedelta(days=2))
    error = (await stage.item(post_id))["error"]
    assert (error["code"], error["class"]) == ("outcome_unknown", "outcome_unknown")


async def test_file_that_still_breaks_a_rule_is_not_sent(stage: Stage) -> None:
    post_id = await waiting(stage)
    await stage.renderer.run_due()
    [made] = await renditions(stage)
    async with stage.installation.database.begin() as session:
        media = (made.media or {}) | {"video_codec": "av1"}
        await session.execute(update(Rendition).values(media=media))
    await stage.run_all()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]["code"]) == ("failed", "conversion_failed")
    assert "av1" in item["error"]["message"]
    assert await sent(stage) == []


async def test_file_that_no_conversion_cures_is_not_sent(stage: Stage) -> None:
    """Preflight expected another length: a trim at a keyframe starts earlier."""
    post_id = await stage.post(await stage.connect("linkedin"), "linkedin", LINKEDIN)
    async with stage.installation.database.begin() as session:
        for clip in await session.scalars(select(Clip)):
            clip.media = (clip.media or {}) | {"duration": 1.0}
    await stage.run_all()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]["code"]) == ("failed", "conversion_failed")
    assert "too short" in item["error"]["message"]
    assert await sent(stage) == []


async def test_conversions_of_a_scheduled_post_begin_a_day_before(stage: Stage) -> None:
    post_id = await posted(stage, await stage.connect("linkedin"), "linkedin", LINKEDIN, in_mov(stage.clip))
    at = clock.now() + timedelta(days=3)
    async with stage.installation.database.begin() as session:
        await session.execute(update(Post).values(scheduled_at=at))
    await order_conversions_of(stage, post_id)
    [ordered] = await renditions(stage)
    async with stage.installation.database.session() as session:
        job = await session.get_one(Job, ordered.id)
    assert (job.state, job.due_at, job.priority) == (JobState.WAITING, at - timedelta(days=1), 5)
    assert (await stage.row(post_id)).rendition_id == ordered.id


async def test_post_orders_its_conversions_after_its_commit(stage: Stage) -> None:
    connection = await stage.connect("linkedin")
    edit = await stage.caller.upload(in_mov(stage.clip), "clip.mov")
    target = {"connectionId": connection, "metadata": {"linkedin": LINKEDIN}}
    body = {"videos": [{"editId": edit, "targets": [target]}], "scheduled_at": some_day() + "T12:00:00Z"}
    made = await stage.caller.post("/posts", body)
    assert made.status_code == 201, made.text
    await stage.installation.database.hot_pool.following.close()
    [ordered] = await renditions(stage)
    assert (await stage.row(made.json()["post_id"])).rendition_id == ordered.id


async def test_conversion_is_ordered_by_the_file_of_a_render_as_soon_as_it_is_made(
    stage: Stage, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trim at the only key frame copies the whole clip: more than the platform takes, and than was expected."""
    clip = make(ONE_KEY_FRAME, corpus)
    size = clip.stat().st_size
    linkedin = PLATFORMS["linkedin"]
    limited = replace(linkedin.media, min_bytes=None, min_duration=None, max_bytes=size * 2 // 3)
    monkeypatch.setitem(PLATFORMS, "linkedin", replace(linkedin, media=limited))
    trim = {"start": 2, "precision": "keyframe"}
    body = {"video_id": await upload_video(stage.caller, clip), "trim": trim}
    render = (await stage.caller.post("/renders", body)).json()
    post_id = await stage.post(await stage.connect("linkedin"), "linkedin", LINKEDIN, render["edit_setting_id"])
    async with stage.installation.database.begin() as session:
        await session.execute(update(Post).values(scheduled_at=clock.now() + timedelta(days=3)))
    await order_conversions_of(stage, post_id)
    assert (await stage.row(post_id)).rendition_id is None
    await stage.renderer.run_due()
    made, conversion = await renditions(stage)
    assert (made.action, made.status, conversion.action, conversion.source_id) == (
        "remux", "completed", "video", made.id
    )  # fmt: skip
    assert (await stage.row(post_id)).rendition_id == conversion.id
