"""Warnings of live videos: each names the missing part and a fix."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from clipcast.clock import clock
from clipcast.database.models.connections import Connection
from clipcast.testing.harness import Stage

TITLE = {"title": "Tide"}
NOWHERE = "/__sandbox/nothing.png"
PICTURE = "/__sandbox/picture.png"


async def published(stage: Stage, platform: str, metadata: dict[str, Any], connection: str = "") -> dict[str, Any]:
    """Post the clip, run until nothing is due, and return the item, which must be live."""
    post_id = await stage.post(connection or await stage.connect(platform), platform, metadata)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], item["error"], (await stage.show(post_id))["status"]) == ("published", None, "completed")
    return item


def codes(item: dict[str, Any]) -> list[str]:
    for warning in item["warnings"]:
        assert set(warning) == {"code", "message", "fix"}
        assert all(warning.values())
    return [warning["code"] for warning in item["warnings"]]


async def test_rejected_thumbnail_and_unknown_playlist_are_two_warnings(stage: Stage) -> None:
    """Try every optional step, and quote the platform's message in the warning of each that fails."""
    connection = await stage.connect("youtube")
    await stage.sandbox.change_account("youtube", phone_verified=False)
    metadata = TITLE | {"thumbnailUrl": stage.sandbox.url + PICTURE, "playlistId": "PLnone"}
    item = await published(stage, "youtube", metadata, connection)
    assert codes(item) == ["not_in_playlist", "thumbnail_not_set"]
    assert "The platform responded:" in item["warnings"][0]["message"]
    assert "YouTube Studio" in item["warnings"][1]["fix"]


async def test_full_playlist_is_a_warning(stage: Stage) -> None:
    await stage.sandbox.settings(youtube={"playlist_size": 0})
    connection = await stage.connect("youtube")
    playlist = next(iter(stage.sandbox.simulators["youtube"].playlists))
    item = await published(stage, "youtube", TITLE | {"playlistId": playlist}, connection)
    assert codes(item) == ["not_in_playlist"]


async def test_thumbnail_limit_that_lasts_becomes_a_warning(stage: Stage) -> None:
    connection = await stage.connect("youtube")
    await stage.sandbox.change_account("youtube", thumbnail_limit_reached=True)
    item = await published(stage, "youtube", TITLE | {"thumbnailUrl": stage.sandbox.url + PICTURE}, connection)
    assert codes(item) == ["thumbnail_not_set"]


async def test_thumbnail_waits_until_the_video_is_processed(stage: Stage) -> None:
    """Send a Short's thumbnail after processing only: YouTube accepts an earlier one and does not show it."""
    body = {"items": [{"id": "x", "processingDetails": {"processingStatus": "processing"}}]}
    metadata = TITLE | {"thumbnailUrl": stage.sandbox.url + PICTURE}
    post_id = await stage.post(await stage.connect("youtube"), "youtube", metadata)
    await stage.worker.run_due()
    await stage.sandbox.fault("youtube", "videos", "before", "status", status=200, body=body, times=2)
    await stage.run_all()
    assert "thumbnail" not in await stage.sandbox.requests("youtube")
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], codes(item)) == ("published", [])
    assert (await stage.sandbox.requests("youtube")).count("thumbnail") == 1


async def test_missing_cover_does_not_prevent_invitations(stage: Stage) -> None:
    metadata = {"description": "Tide", "thumbnailUrl": stage.sandbox.url + NOWHERE, "collaborators": ["123", "456"]}
    item = await published(stage, "facebook", metadata)
    assert codes(item) == ["thumbnail_not_set"]
    assert "404" in item["warnings"][0]["message"]
    [post] = await stage.sandbox.posts("facebook")
    assert post["metadata"]["collaborators"] == ["123", "456"]


async def test_warning_of_a_rejected_invitation_names_its_page(stage: Stage) -> None:
    error = {"error": {"code": 100, "message": "told by a test"}}
    await stage.sandbox.fault("facebook", "collaborator", "before", "status", status=400, body=error)
    item = await published(stage, "facebook", {"description": "Tide", "collaborators": ["123", "456"]})
    assert codes(item) == ["collaborator_not_invited"]
    assert "123" in item["warnings"][0]["message"]
    [post] = await stage.sandbox.posts("facebook")
    assert post["metadata"]["collaborators"] == ["456"]


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/secret.png", "http://no.such.host.invalid/a.png"])
async def test_thumbnail_that_cannot_be_fetched_is_a_warning(stage: Stage, address: str) -> None:
    assert codes(await published(stage, "youtube", TITLE | {"thumbnailUrl": address})) == ["thumbnail_not_set"]


async def test_thumbnail_that_is_not_a_picture_is_not_sent(stage: Stage) -> None:
    metadata = TITLE | {"thumbnailUrl": stage.sandbox.url + "/__sandbox/subtitles.vtt"}
    item = await published(stage, "youtube", metadata)
    assert codes(item) == ["thumbnail_not_set"]
    assert "Not a JPEG or PNG picture" in item["warnings"][0]["message"]
    assert "thumbnail" not in await stage.sandbox.requests("youtube")


async def test_transient_error_of_one_step_delays_no_other_step(stage: Stage) -> None:
    connection = await stage.connect("youtube")
    playlist = next(iter(stage.sandbox.simulators["youtube"].playlists))
    metadata = TITLE | {"thumbnailUrl": stage.sandbox.url + PICTURE, "playlistId": playlist}
    await stage.sandbox.fault("youtube", "thumbnail", "before", "status", status=503, times=3)
    post_id = await stage.post(connection, "youtube", metadata)
    await stage.worker.run_due()
    await stage.worker.run_due()
    requests = await stage.sandbox.requests("youtube")
    assert requests.count("thumbnail") == 1
    assert requests.count("playlist_insert") == 1
    await stage.run_until_ended()
    assert codes(await stage.item(post_id)) == []
    requests = await stage.sandbox.requests("youtube")
    assert (requests.count("thumbnail"), requests.count("playlist_insert")) == (4, 1)


async def test_transient_error_that_lasts_becomes_a_warning(stage: Stage) -> None:
    await stage.sandbox.fault("youtube", "thumbnail", "before", "status", status=503, times=1000)
    item = await published(stage, "youtube", TITLE | {"thumbnailUrl": stage.sandbox.url + PICTURE})
    assert codes(item) == ["thumbnail_not_set"]
    assert (await stage.sandbox.requests("youtube")).count("thumbnail") == 11


async def test_account_lost_after_publishing_becomes_a_warning(stage: Stage) -> None:
    post_id = await stage.post(
        await stage.connect("youtube"), "youtube", TITLE | {"thumbnailUrl": stage.sandbox.url + PICTURE}
    )
    await stage.worker.run_due()
    async with stage.installation.database.begin() as session:
        await session.execute(update(Connection).values(status="needs_reconnect", status_reason="It was revoked."))
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], codes(item)) == ("published", ["unfinished"])
    assert "It was revoked." in item["warnings"][0]["message"]


@pytest.mark.parametrize(("platform", "metadata"), [("instagram", {"caption": "Tide"}), ("threads", {"text": "Tide"})])
async def test_missing_permalink_becomes_a_warning(stage: Stage, platform: str, metadata: dict[str, Any]) -> None:
    await stage.sandbox.fault(platform, "permalink", "before", "status", status=200, body={"id": "1"}, times=1000)
    item = await published(stage, platform, metadata)
    assert codes(item) == ["address_unknown"]
    assert item["platform_post_id"] is not None
    assert item["platform_post_url"].rstrip("/").endswith("harbour.films")


@pytest.mark.parametrize("late", [0, 1, 3])
@pytest.mark.parametrize(("platform", "metadata"), [("instagram", {"caption": "Tide"}), ("threads", {"text": "Tide"})])
async def test_late_permalink_leaves_no_warning(
    stage: Stage, platform: str, metadata: dict[str, Any], late: int
) -> None:
    await stage.sandbox.fault(platform, "permalink", "before", "status", status=200, body={"id": "1"}, times=late)
    item = await published(stage, platform, metadata)
    [post] = await stage.sandbox.posts(platform)
    assert (codes(item), item["platform_post_url"]) == ([], post["url"])


@pytest.mark.parametrize(("platform", "metadata"), [("instagram", {"caption": "Tide"}), ("threads", {"text": "Tide"})])
async def test_published_item_has_its_own_address_at_once(
    stage: Stage, platform: str, metadata: dict[str, Any]
) -> None:
    """Whoever waits for `published`, or receives `item.published`, reads the address then."""
    post_id = await stage.post(await stage.connect(platform), platform, metadata)
    while (item := await stage.item(post_id))["status"] != "published":
        if not await stage.worker.run_due():
            clock.move(timedelta(seconds=5))
    [post] = await stage.sandbox.posts(platform)
    assert item["platform_post_url"] == post["url"]


async def test_review_longer_than_a_day_becomes_a_warning(stage: Stage) -> None:
    await stage.sandbox.settings(tiktok={"moderation_seconds": 3 * 86_400})
    item = await published(stage, "tiktok", {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"})
    assert (codes(item), item["platform_post_id"]) == (["address_unknown"], None)


async def test_missing_post_id_becomes_a_warning(stage: Stage) -> None:
    await stage.sandbox.settings(linkedin={"omit_post_id": True})
    assert codes(await published(stage, "linkedin", {"commentary": "Tide"})) == ["address_unknown"]


async def test_unknown_mention_becomes_a_warning(stage: Stage) -> None:
    item = await published(stage, "bluesky", {"text": "Tide with @harbour.films and @nobody.example"})
    assert codes(item) == ["mention_not_found"]
    assert "@nobody.example" in item["warnings"][0]["message"]


@pytest.mark.parametrize(
    ("platform", "metadata", "name"),
    [
        ("tiktok", {"title": "Tide", "privacyLevel": "SELF_ONLY", "postMode": "MEDIA_UPLOAD"}, "title"),
        ("instagram", {"caption": "Tide", "mediaType": "STORIES"}, "caption"),
        ("facebook", {"description": "Tide", "mediaType": "VIDEO", "placeId": "1"}, "placeId"),
    ],
)
async def test_field_that_the_post_cannot_carry_becomes_a_warning(
    stage: Stage, platform: str, metadata: dict[str, Any], name: str
) -> None:
    item = await published(stage, platform, metadata)
    assert codes(item) == ["ignored"]
    assert f"carries no {name}." in item["warnings"][0]["message"]


async def test_warning_is_saved_once_over_several_runs(stage: Stage) -> None:
    """Keep the warning of a given-up step in the journal: later runs neither repeat the step nor the warning."""
    metadata = {"description": "Tide", "thumbnailUrl": stage.sandbox.url + NOWHERE, "collaborators": ["123"]}
    post_id = await stage.post(await stage.connect("facebook"), "facebook", metadata)
    await stage.sandbox.fault("facebook", "collaborator", "before", "status", status=503, times=2)
    await stage.run_until_ended(timedelta(minutes=5))
    item = await stage.item(post_id)
    assert (item["status"], codes(item)) == ("published", ["thumbnail_not_set"])
