"""What is special about YouTube: the resumable session, two-phase publishing, and what follows it."""

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from clipcast.clock import clock
from clipcast.jobs.queue import LEASE
from tests.crash.crash_injection import Killed, When, killed_at
from tests.harness import Stage

TITLE = {"title": "Tide"}
CHUNKS = 2


@pytest.fixture
async def large(stage: Stage, large_clip: Path) -> str:
    """A clip that goes in two chunks."""
    return await stage.caller.upload(large_clip)


async def publish(stage: Stage, metadata: dict[str, Any] = TITLE, edit: str | None = None) -> str:
    return await stage.post(await stage.connect("youtube"), "youtube", metadata, edit)


async def one_whole_video(stage: Stage, path: Path) -> dict[str, Any]:
    [post] = await stage.sandbox.posts("youtube")
    assert post["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    return post


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("final", [200, 201])
async def test_a_large_clip_goes_in_chunks(stage: Stage, large: str, large_clip: Path, final: int, moved: bool) -> None:
    await stage.sandbox.settings(youtube={"final_status": final, "moved_location": moved})
    post_id = await publish(stage, edit=large)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert (await stage.sandbox.requests("youtube")).count("bytes") == CHUNKS
    await one_whole_video(stage, large_clip)


@pytest.mark.parametrize("nth", range(1, CHUNKS + 1))
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_worker_killed_between_chunks(stage: Stage, large: str, large_clip: Path, nth: int, when: When) -> None:
    post_id = await publish(stage, edit=large)
    with killed_at("bytes", when, nth), pytest.raises(Killed):
        await stage.worker.run_due()
    await stage.sandbox.forget_requests()
    clock.move(LEASE + timedelta(seconds=1))
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    await one_whole_video(stage, large_clip)
    stored = nth if when == "after" else nth - 1
    assert (await stage.sandbox.requests("youtube")).count("bytes") == CHUNKS - stored


@pytest.mark.parametrize("kind", ["reset", "status"])
@pytest.mark.parametrize("gap", [308, 400])
async def test_bytes_are_kept_only_in_part(stage: Stage, large: str, large_clip: Path, kind: str, gap: int) -> None:
    """What was stored is asked for, and never assumed: here it ends in the middle of a block."""
    await stage.sandbox.settings(youtube={"gap_status": gap})
    post_id = await publish(stage, edit=large)
    for size in (1_234_567, 5_000_001, 77):
        await stage.sandbox.fault("youtube", "bytes", "within", kind, status=503, bytes=size)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    await one_whole_video(stage, large_clip)


@pytest.mark.parametrize("gap", [308, 400])
async def test_the_last_bytes_are_kept_only_in_part(stage: Stage, gap: int) -> None:
    await stage.sandbox.settings(youtube={"gap_status": gap})
    post_id = await publish(stage)
    await stage.sandbox.fault("youtube", "bytes", "within", "reset", bytes=100_000)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    await one_whole_video(stage, stage.clip)


@pytest.mark.parametrize("status", [404, 410])
async def test_a_session_that_expired_before_its_last_byte_starts_over(
    stage: Stage, large: str, large_clip: Path, status: int
) -> None:
    await stage.sandbox.settings(youtube={"session_seconds": 3600, "session_gone_status": status})
    post_id = await publish(stage, edit=large)
    with killed_at("bytes", "after", 1), pytest.raises(Killed):
        await stage.worker.run_due()
    clock.move(timedelta(hours=2))
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert (await stage.sandbox.requests("youtube")).count("session") == 2
    await one_whole_video(stage, large_clip)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_session_that_is_gone_after_its_last_byte(stage: Stage, when: When) -> None:
    """The ambiguous case: the channel is searched for our file name, and nothing is ever sent again unseen."""
    await stage.sandbox.settings(youtube={"session_seconds": 3600})
    post_id = await publish(stage)
    with killed_at("bytes", when), pytest.raises(Killed):
        await stage.worker.run_due()
    clock.move(timedelta(hours=2))
    await stage.run_until_ended()
    item = await stage.item(post_id)
    if when == "after":
        assert item["status"] == "published"
        await one_whole_video(stage, stage.clip)
    else:
        assert (item["status"], item["error"]["class"]) == ("failed", "outcome_unknown")
        assert item["error"]["actor"] == "account_owner"
        assert await stage.sandbox.posts("youtube") == []
    assert (await stage.sandbox.requests("youtube")).count("session") == 1


async def test_an_unknown_outcome_is_looked_for_again_and_forced_only_on_order(stage: Stage) -> None:
    await stage.sandbox.settings(youtube={"session_seconds": 3600})
    post_id = await publish(stage)
    with killed_at("bytes", "before"), pytest.raises(Killed):
        await stage.worker.run_due()
    clock.move(timedelta(hours=2))
    await stage.run_until_ended()
    item = await stage.item(post_id)
    path = f"/posts/{post_id}/items/{item['id']}/retry"
    await stage.caller.post(path)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["error"]["class"] == "outcome_unknown"
    assert await stage.sandbox.posts("youtube") == []
    forced = await stage.caller.post(path, params={"force": "true"})
    assert forced.status_code == 202
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    await one_whole_video(stage, stage.clip)


async def test_a_list_that_lags_is_asked_again(stage: Stage) -> None:
    await stage.sandbox.settings(youtube={"session_seconds": 3600, "uploads_delay_seconds": 7500})
    post_id = await publish(stage)
    with killed_at("bytes", "after"), pytest.raises(Killed):
        await stage.worker.run_due()
    clock.move(timedelta(hours=2))
    await stage.worker.run_due()
    assert (await stage.item(post_id))["error"]["class"] == "outcome_unknown"
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    await one_whole_video(stage, stage.clip)


async def test_it_is_private_until_it_is_processed(stage: Stage) -> None:
    await stage.sandbox.settings(youtube={"processing_seconds": 300})
    post_id = await publish(stage)
    await stage.worker.run_due()
    assert [post["visibility"] for post in await stage.sandbox.posts("youtube")] == ["private"]
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert [post["visibility"] for post in await stage.sandbox.posts("youtube")] == ["public"]


async def test_private_stays_private_without_another_call(stage: Stage) -> None:
    await publish(stage, TITLE | {"privacyStatus": "private"})
    await stage.run_until_ended()
    assert [post["visibility"] for post in await stage.sandbox.posts("youtube")] == ["private"]
    assert "videos_update" not in await stage.sandbox.requests("youtube")


async def test_publish_at_is_youtubes_to_keep(stage: Stage) -> None:
    at = clock.now() + timedelta(hours=5)
    post_id = await publish(stage, TITLE | {"publishAt": at.isoformat()})
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert [post["visibility"] for post in await stage.sandbox.posts("youtube")] == ["private"]
    clock.move(timedelta(hours=5))
    assert [post["visibility"] for post in await stage.sandbox.posts("youtube")] == ["public"]


async def test_publish_at_that_has_passed_is_public_now(stage: Stage) -> None:
    at = clock.now() + timedelta(minutes=5)
    post_id = await publish(stage, TITLE | {"publishAt": at.isoformat()})
    clock.move(timedelta(minutes=10))
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert [post["visibility"] for post in await stage.sandbox.posts("youtube")] == ["public"]


async def test_publish_at_must_follow_the_posts_own_time(stage: Stage) -> None:
    at = clock.now() + timedelta(days=1)
    connection, edit = await stage.connect("youtube"), await stage.caller.upload(stage.clip)
    target = {"connectionId": connection, "metadata": {"youtube": TITLE | {"publishAt": at.isoformat()}}}
    body = {"videos": [{"editId": edit, "targets": [target]}], "scheduled_at": (at + timedelta(hours=1)).isoformat()}
    errors = (await stage.caller.post("/posts/validate", body)).json()["errors"]
    assert [(e["path"].rsplit("/", 1)[-1], e["code"]) for e in errors] == [("publishAt", "in_the_past")]


async def test_a_channel_that_forces_private_is_told(stage: Stage) -> None:
    await stage.sandbox.settings(youtube={"forced_private": True})
    post_id = await publish(stage)
    await stage.run_until_ended()
    error = (await stage.item(post_id))["error"]
    assert (error["class"], error["code"]) == ("policy", "privacy_not_applied")
    assert len(await stage.sandbox.posts("youtube")) == 1


async def test_a_sign_in_for_another_channel_sends_nothing(stage: Stage) -> None:
    connection = await stage.connect("youtube")
    await stage.sandbox.change_account("youtube", other_channel="UCsomebodyelse")
    post_id = await stage.post(connection, "youtube", TITLE)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["error"]["code"] == "wrong_account"
    assert "session" not in await stage.sandbox.requests("youtube")


async def test_an_account_without_a_channel_is_not_connected(stage: Stage) -> None:
    await stage.sandbox.change_account("youtube", no_channel=True)
    with pytest.raises(AssertionError, match="no YouTube channel"):
        await stage.connect("youtube")


async def test_thumbnail_and_playlist_follow(stage: Stage, sandbox_image: str) -> None:
    connection = await stage.connect("youtube")
    playlist = next(iter(stage.sandbox.simulators["youtube"].playlists))
    metadata = TITLE | {"thumbnailUrl": sandbox_image, "playlistId": playlist}
    post_id = await stage.post(connection, "youtube", metadata)
    await stage.sandbox.fault("youtube", "playlist_insert", "after", "reset")
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]) == ("published", None)
    post = await one_whole_video(stage, stage.clip)
    assert post["metadata"]["thumbnail"]
    # Its answer was lost, so it was looked for and not added twice.
    assert stage.sandbox.simulators["youtube"].playlists[playlist][1] == [item["platform_post_id"]]


async def test_a_thumbnail_that_is_refused_never_fails_the_video(stage: Stage, sandbox_image: str) -> None:
    connection = await stage.connect("youtube")
    await stage.sandbox.change_account("youtube", phone_verified=False)
    metadata = TITLE | {"thumbnailUrl": sandbox_image}
    post_id = await stage.post(connection, "youtube", metadata)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]) == ("published", None)


async def test_a_thumbnail_inside_the_network_is_not_fetched(stage: Stage) -> None:
    post_id = await publish(stage, TITLE | {"thumbnailUrl": "http://127.0.0.1:1/secret.png"})
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert "thumbnail" not in await stage.sandbox.requests("youtube")


@pytest.fixture
def sandbox_image(stage: Stage) -> str:
    """The address of a picture that the sandbox serves."""
    return f"{stage.sandbox.url}/__sandbox/picture.png"
