"""YouTube's own behaviour: resumable sessions, upload as private, thumbnails and playlists."""

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from clipcast.clock import clock
from clipcast.connections.attempts import ConnectFailed
from clipcast.jobs.claimed import LEASE
from clipcast.testing.crash_injection import Killed, When, killed_at
from clipcast.testing.harness import Stage

TITLE = {"title": "Tide"}
CHUNKS = 2


@pytest.fixture
async def large(stage: Stage, large_clip: Path) -> str:
    """Upload a clip of 2 chunks."""
    return await stage.caller.upload(large_clip)


async def publish(stage: Stage, metadata: dict[str, Any] = TITLE, edit: str | None = None) -> str:
    return await stage.post(await stage.connect("youtube"), "youtube", metadata, edit)


async def one_whole_video(stage: Stage, path: Path) -> dict[str, Any]:
    [post] = await stage.sandbox.posts("youtube")
    assert post["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    return post


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("final", [200, 201])
async def test_large_clip_is_uploaded_in_chunks(
    stage: Stage, large: str, large_clip: Path, final: int, moved: bool
) -> None:
    """A clip of 2 chunks is published, for both final statuses and for a session that moves."""
    await stage.sandbox.settings(youtube={"final_status": final, "moved_location": moved})
    post_id = await publish(stage, edit=large)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert (await stage.sandbox.requests("youtube")).count("bytes") == CHUNKS
    await one_whole_video(stage, large_clip)


@pytest.mark.parametrize("nth", range(1, CHUNKS + 1))
@pytest.mark.parametrize("when", ["before", "after"])
async def test_worker_killed_at_chunk_does_not_resend_stored_chunks(
    stage: Stage, large: str, large_clip: Path, nth: int, when: When
) -> None:
    """After a crash at any chunk, the next worker sends only the chunks that YouTube lacks."""
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
async def test_chunk_stored_in_part_is_completed(
    stage: Stage, large: str, large_clip: Path, kind: str, gap: int
) -> None:
    """Clipcast reads the stored bytes and never assumes them, even if they end inside a block."""
    await stage.sandbox.settings(youtube={"gap_status": gap})
    post_id = await publish(stage, edit=large)
    for size in (1_234_567, 5_000_001, 77):
        await stage.sandbox.fault("youtube", "bytes", "within", kind, status=503, bytes=size)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    await one_whole_video(stage, large_clip)


@pytest.mark.parametrize("gap", [308, 400])
async def test_last_chunk_stored_in_part_is_completed(stage: Stage, gap: int) -> None:
    """If YouTube stores only part of the last chunk, Clipcast sends the rest."""
    await stage.sandbox.settings(youtube={"gap_status": gap})
    post_id = await publish(stage)
    await stage.sandbox.fault("youtube", "bytes", "within", "reset", bytes=100_000)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    await one_whole_video(stage, stage.clip)


@pytest.mark.parametrize("status", [404, 410])
async def test_session_expired_before_last_byte_restarts(
    stage: Stage, large: str, large_clip: Path, status: int
) -> None:
    """An expired session without its last byte has published nothing: the item opens another."""
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
async def test_session_gone_after_last_byte_searches_channel(stage: Stage, when: When) -> None:
    """Clipcast searches the channel for its file name. It sends nothing again without a match."""
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


async def test_retry_of_unknown_outcome_resends_only_with_force(stage: Stage) -> None:
    """A retry searches again; only `force=true` uploads again."""
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


async def test_lagging_upload_list_is_searched_again(stage: Stage) -> None:
    """An item with an unknown outcome is published once the list shows its video."""
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


async def test_video_is_private_until_processed(stage: Stage) -> None:
    """Clipcast makes a video public only after its processing."""
    await stage.sandbox.settings(youtube={"processing_seconds": 300})
    post_id = await publish(stage)
    await stage.worker.run_due()
    assert [post["visibility"] for post in await stage.sandbox.posts("youtube")] == ["private"]
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert [post["visibility"] for post in await stage.sandbox.posts("youtube")] == ["public"]


async def test_private_video_needs_no_update(stage: Stage) -> None:
    """A video that stays private is not updated."""
    await publish(stage, TITLE | {"privacyStatus": "private"})
    await stage.run_until_ended()
    assert [post["visibility"] for post in await stage.sandbox.posts("youtube")] == ["private"]
    assert "videos_update" not in await stage.sandbox.requests("youtube")


async def test_publish_at_is_left_to_youtube(stage: Stage) -> None:
    """The item ends as published; YouTube makes the video public at publishAt."""
    at = clock.now() + timedelta(hours=5)
    post_id = await publish(stage, TITLE | {"publishAt": at.isoformat()})
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert [post["visibility"] for post in await stage.sandbox.posts("youtube")] == ["private"]
    clock.move(timedelta(hours=5))
    assert [post["visibility"] for post in await stage.sandbox.posts("youtube")] == ["public"]


async def test_publish_at_that_has_passed_publishes_now(stage: Stage) -> None:
    """If the item is later than publishAt, the video becomes public at once."""
    at = clock.now() + timedelta(minutes=5)
    post_id = await publish(stage, TITLE | {"publishAt": at.isoformat()})
    clock.move(timedelta(minutes=10))
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert [post["visibility"] for post in await stage.sandbox.posts("youtube")] == ["public"]


async def test_publish_at_before_scheduled_at_is_an_error(stage: Stage) -> None:
    """Preflight rejects a publishAt that is not after the post's own time."""
    at = clock.now() + timedelta(days=1)
    connection, edit = await stage.connect("youtube"), await stage.caller.upload(stage.clip)
    target = {"connectionId": connection, "metadata": {"youtube": TITLE | {"publishAt": at.isoformat()}}}
    body = {"videos": [{"editId": edit, "targets": [target]}], "scheduled_at": (at + timedelta(hours=1)).isoformat()}
    errors = (await stage.caller.post("/posts/validate", body)).json()["errors"]
    assert [(e["path"].rsplit("/", 1)[-1], e["code"]) for e in errors] == [("publishAt", "in_the_past")]


async def test_forced_private_video_fails_as_privacy_not_applied(stage: Stage) -> None:
    """The item fails if YouTube does not apply the visibility."""
    await stage.sandbox.settings(youtube={"forced_private": True})
    post_id = await publish(stage)
    await stage.run_until_ended()
    error = (await stage.item(post_id))["error"]
    assert (error["class"], error["code"]) == ("policy", "privacy_not_applied")
    assert len(await stage.sandbox.posts("youtube")) == 1


async def test_authorization_of_other_channel_opens_no_session(stage: Stage) -> None:
    """An authorization that belongs to another channel ends as `wrong_account`."""
    connection = await stage.connect("youtube")
    await stage.sandbox.change_account("youtube", other_channel="UCsomebodyelse")
    post_id = await stage.post(connection, "youtube", TITLE)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["error"]["code"] == "wrong_account"
    assert "session" not in await stage.sandbox.requests("youtube")


async def test_google_account_without_channel_is_not_connected(stage: Stage) -> None:
    """Connecting a Google account without a channel fails with the reason."""
    await stage.sandbox.change_account("youtube", no_channel=True)
    with pytest.raises(ConnectFailed, match="no YouTube channel"):
        await stage.connect("youtube")


async def test_thumbnail_and_playlist_are_set_after_publishing(stage: Stage, sandbox_image: str) -> None:
    """A lost response to the insertion does not add the video twice."""
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
    # The response was lost, so Clipcast looked first and did not add it twice.
    assert stage.sandbox.simulators["youtube"].playlists[playlist][1] == [item["platform_post_id"]]


async def test_rejected_thumbnail_leaves_video_published(stage: Stage, sandbox_image: str) -> None:
    """A rejected thumbnail is no error of the item."""
    connection = await stage.connect("youtube")
    await stage.sandbox.change_account("youtube", phone_verified=False)
    metadata = TITLE | {"thumbnailUrl": sandbox_image}
    post_id = await stage.post(connection, "youtube", metadata)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]) == ("published", None)


async def test_thumbnail_in_private_network_is_not_fetched(stage: Stage) -> None:
    """Clipcast fetches no private address."""
    post_id = await publish(stage, TITLE | {"thumbnailUrl": "http://127.0.0.1:1/secret.png"})
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert "thumbnail" not in await stage.sandbox.requests("youtube")


@pytest.fixture
def sandbox_image(stage: Stage) -> str:
    """Return the URL of a picture that the sandbox serves."""
    return f"{stage.sandbox.url}/__sandbox/picture.png"
