"""TikTok's own behaviour: chunks, drafts, withheld ids and uploads that expire."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from clipcast.clock import clock
from clipcast.jobs.claimed import LEASE
from clipcast.testing.crash_injection import Killed, When, killed_at
from clipcast.testing.harness import Stage

PUBLIC = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}
CHUNKS = 4


@pytest.fixture
async def large(stage: Stage, large_clip: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Upload a clip of 4 chunks."""
    monkeypatch.setattr("clipcast.platforms.tiktok.rules.SINGLE_CHUNK_MAX", 6_000_000)
    monkeypatch.setattr("clipcast.platforms.tiktok.rules.CHUNK", 5_000_000)
    return await stage.caller.upload(large_clip)


async def one_whole_video(stage: Stage, path: Path) -> None:
    assert [post["sha256"] for post in await stage.sandbox.posts("tiktok")] == [
        hashlib.sha256(path.read_bytes()).hexdigest()
    ]


async def test_large_clip_is_uploaded_in_chunks(stage: Stage, large: str, large_clip: Path) -> None:
    """A clip of 4 chunks is published with 4 chunk requests."""
    connection = await stage.connect("tiktok")
    await stage.sandbox.forget_requests()
    post_id = await stage.post(connection, "tiktok", PUBLIC, large)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert (await stage.sandbox.requests("tiktok")).count("chunk") == CHUNKS
    await one_whole_video(stage, large_clip)


@pytest.mark.parametrize("nth", range(1, CHUNKS + 1))
@pytest.mark.parametrize("when", ["before", "after"])
async def test_worker_killed_at_chunk_does_not_resend_stored_chunks(
    stage: Stage, large: str, large_clip: Path, nth: int, when: When
) -> None:
    """After a crash at any chunk, the next worker sends only the chunks that TikTok lacks."""
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", PUBLIC, large)
    with killed_at("chunk", when, nth), pytest.raises(Killed):
        await stage.worker.run_due()
    await stage.sandbox.forget_requests()
    clock.move(LEASE + timedelta(seconds=1))
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    await one_whole_video(stage, large_clip)
    # Clipcast does not resend stored chunks.
    stored = nth if when == "after" else nth - 1
    assert (await stage.sandbox.requests("tiktok")).count("chunk") == CHUNKS - stored


@pytest.mark.parametrize("kind", ["reset", "status"])
@pytest.mark.parametrize("when", ["within", "after"])
async def test_lost_response_to_every_chunk_publishes_once(
    stage: Stage, large: str, large_clip: Path, when: str, kind: str
) -> None:
    """A lost response or an error at each chunk still ends in one complete video."""
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", PUBLIC, large)
    for _ in range(CHUNKS):
        await stage.sandbox.fault("tiktok", "chunk", when, kind, status=502, bytes=1_000_000)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    await one_whole_video(stage, large_clip)


async def test_expired_upload_restarts_with_new_task(stage: Stage, large: str, large_clip: Path) -> None:
    """If the upload address expires between chunks, the item starts a new task."""
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", PUBLIC, large)
    with killed_at("chunk", "after", 2), pytest.raises(Killed):
        await stage.worker.run_due()
    clock.move(timedelta(hours=1, minutes=1))
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert (await stage.sandbox.requests("tiktok")).count("video_init") == 2
    await one_whole_video(stage, large_clip)


async def test_chunk_that_always_fails_ends_as_transient(stage: Stage, large: str) -> None:
    """If every chunk fails, the item fails and nothing is published."""
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", PUBLIC, large)
    await stage.sandbox.fault("tiktok", "chunk", "before", "status", status=502, times=1000)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]["class"]) == ("failed", "transient")
    assert await stage.sandbox.posts("tiktok") == []


@pytest.mark.parametrize("privacy", ["SELF_ONLY", "MUTUAL_FOLLOW_FRIENDS"])
async def test_post_that_is_not_public_has_profile_address(stage: Stage, privacy: str) -> None:
    """TikTok returns no id for a private post: the item shows the profile."""
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", {"privacyLevel": privacy})
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], item["platform_post_id"]) == ("published", None)
    assert item["platform_post_url"].endswith("/www.tiktok.com/@harbour.films")
    assert [post["visibility"] for post in await stage.sandbox.posts("tiktok")] == [privacy]


@pytest.mark.parametrize("scalar", [False, True])
async def test_post_id_is_added_after_moderation(stage: Stage, scalar: bool) -> None:
    """The item is published first; its id and address follow after moderation, as list or scalar."""
    await stage.sandbox.settings(tiktok={"moderation_seconds": 600, "scalar_post_id": scalar})
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", PUBLIC)
    await stage.worker.run_due()
    await stage.worker.run_due()
    early = await stage.item(post_id)
    assert (early["status"], early["platform_post_id"]) == ("published", None)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    [post] = await stage.sandbox.posts("tiktok")
    assert (item["platform_post_id"], item["platform_post_url"]) == (post["post_id"], post["url"])
    assert item["published_at"] == early["published_at"]


async def test_status_errors_after_publishing_leave_item_published(stage: Stage) -> None:
    """If every status request fails after publishing, the item stays published without an error."""
    await stage.sandbox.settings(tiktok={"moderation_seconds": 600})
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", PUBLIC)
    await stage.worker.run_due()
    await stage.sandbox.fault("tiktok", "status", "before", "status", status=500, times=1000)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]) == ("published", None)
    assert len(await stage.sandbox.posts("tiktok")) == 1


async def test_draft_is_delivered_to_inbox(stage: Stage) -> None:
    """A draft carries the file alone: preflight warns about the title, and creator_info is not requested."""
    metadata = PUBLIC | {"postMode": "MEDIA_UPLOAD"}
    connection = await stage.connect("tiktok")
    edit = await stage.caller.upload(stage.clip)
    body = {"videos": [{"editId": edit, "targets": [{"connectionId": connection, "metadata": {"tiktok": metadata}}]}]}
    warnings = (await stage.caller.post("/posts/validate", body)).json()["warnings"]
    assert [(w["path"].rsplit("/", 1)[-1], w["code"]) for w in warnings] == [("title", "ignored")]
    await stage.sandbox.forget_requests()
    post_id = await stage.post(connection, "tiktok", metadata, edit)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert [post["visibility"] for post in await stage.sandbox.posts("tiktok")] == ["DRAFT"]
    assert "creator_info" not in await stage.sandbox.requests("tiktok")


async def test_privacy_level_no_longer_offered_fails_item(stage: Stage) -> None:
    """The item fails before init and names the offered levels. Clipcast substitutes none."""
    connection = await stage.connect("tiktok")
    await stage.sandbox.change_account("tiktok", private=True)
    post_id = await stage.post(connection, "tiktok", PUBLIC)
    await stage.run_until_ended()
    error = (await stage.item(post_id))["error"]
    assert (error["class"], error["code"], error["actor"]) == ("invalid", "privacy_level_not_offered", "caller")
    assert "FOLLOWER_OF_CREATOR" in error["message"]
    assert "video_init" not in await stage.sandbox.requests("tiktok")


async def test_app_without_audit_fails_item(stage: Stage) -> None:
    """An app that TikTok has not audited ends the item as `app_not_audited`."""
    await stage.sandbox.settings(tiktok={"audited": False})
    connection = await stage.connect("tiktok")
    post_id = await stage.post(connection, "tiktok", {"privacyLevel": "SELF_ONLY"})
    await stage.run_until_ended()
    error = (await stage.item(post_id))["error"]
    assert (error["class"], error["code"]) == ("policy", "app_not_audited")


async def test_json_requests_have_content_type_and_body(stage: Stage) -> None:
    """Every JSON request names its charset; creator_info sends an empty object, which TikTok requires."""
    await stage.post(await stage.connect("tiktok"), "tiktok", PUBLIC)
    await stage.run_until_ended()
    sent = (await stage.sandbox.client.get("/__sandbox/requests", params={"platform": "tiktok"})).json()
    calls = {
        one["request"]: one["headers"] for one in sent if one["request"] in ("creator_info", "video_init", "status")
    }
    assert set(calls) == {"creator_info", "video_init", "status"}
    assert {headers["content-type"] for headers in calls.values()} == {"application/json; charset=UTF-8"}
    assert calls["creator_info"]["content-length"] == "2"


async def test_clip_over_600_seconds_is_valid_only_as_direct_post(stage: Stage) -> None:
    """A draft lasts at most 600 s; a direct post may use the account's own maximum."""
    connection, edit = await stage.connect("tiktok"), await stage.caller.upload(stage.clip)
    async with stage.installation.database.begin() as session:
        await session.execute(text("UPDATE clips SET media = media || '{\"duration\": 660}'"))

    async def problems(metadata: dict[str, str]) -> list[str]:
        target = {"connectionId": connection, "metadata": {"tiktok": metadata}}
        body = {"videos": [{"editId": edit, "targets": [target]}]}
        found = (await stage.caller.post("/posts/validate", body)).json()
        return [error["code"] for error in found["errors"]]

    draft = {"privacyLevel": "SELF_ONLY", "postMode": "MEDIA_UPLOAD"}
    await stage.sandbox.change_account("tiktok", max_duration=3600)
    assert await problems(PUBLIC) == []
    assert await problems(draft) == ["video_too_long"]
    await stage.sandbox.change_account("tiktok", max_duration=660)
    async with stage.installation.database.begin() as session:
        await session.execute(text("UPDATE clips SET media = media || '{\"duration\": 660.03}'"))
    assert await problems(PUBLIC) == []
    await stage.sandbox.change_account("tiktok", max_duration=300)
    assert await problems(PUBLIC) == ["video_too_long"]
    assert await problems(draft) == ["video_too_long"]


async def test_clip_longer_than_creator_limit_fails_item(stage: Stage) -> None:
    """The worker checks the creator's maximum duration before init."""
    connection = await stage.connect("tiktok")
    await stage.sandbox.change_account("tiktok", max_duration=2)
    post_id = await stage.post(connection, "tiktok", PUBLIC)
    await stage.run_until_ended()
    error = (await stage.item(post_id))["error"]
    assert (error["class"], error["code"]) == ("media", "video_too_long")


async def test_lost_refresh_response_needs_reconnect(stage: Stage) -> None:
    """TikTok rotates refresh tokens: a lost response loses the account (docs/platforms/tiktok.md 1.3)."""
    connection = await stage.connect("tiktok")
    clock.move(timedelta(hours=3))
    post_id = await stage.post(connection, "tiktok", PUBLIC)
    with killed_at("refresh", "after"), pytest.raises(Killed):
        await stage.worker.run_due()
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]["class"]) == ("processing", "reconnect")
    async with stage.installation.database.connect() as database:
        reason = (await database.exec_driver_sql("SELECT status_reason FROM connections")).scalar_one()
    assert "interrupted" in reason


async def test_oauth_error_with_status_200_is_recognised(stage: Stage) -> None:
    """The body of a token response decides, not its HTTP status (docs/platforms/tiktok.md 1.5)."""
    await stage.sandbox.settings(tiktok={"oauth_error_status": 200})
    connection = await stage.connect("tiktok")
    await stage.sandbox.change_account("tiktok", revoked=True)
    clock.move(timedelta(hours=3))
    post_id = await stage.post(connection, "tiktok", PUBLIC)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["error"]["code"] == "grant_refused"
