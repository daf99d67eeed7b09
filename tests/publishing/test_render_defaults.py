"""Items whose metadata leaves the cover and the captions to the render."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from clipcast.clock import clock
from clipcast.jobs.claimed import LEASE
from clipcast.testing.crash_injection import Killed, killed_at
from clipcast.testing.harness import Stage
from tests.conformance.pinterest import BOARD
from tests.renders.videos import upload_video

SRT = "1\n00:00:01,000 --> 00:00:02,500\nHello, tide\n"
VTT = b"WEBVTT\n\n00:00:01.000 --> 00:00:02.500\nHello, tide\n"
SIDECAR = {"captions": {"text": SRT, "mode": "sidecar", "language": "pt-BR"}}


async def rendered(stage: Stage, **edit: Any) -> str:
    """Return the `editId` of a render of the stage's clip."""
    body = {"video_id": await upload_video(stage.caller, stage.clip)} | edit
    made = await stage.caller.post("/renders", body)
    assert (made.status_code, made.json()["warnings"]) == (202, [])
    return str(made.json()["edit_setting_id"])


def found(value: Any, name: str) -> list[Any]:
    """Return the values of a key, however deep."""
    if isinstance(value, list):
        return [one for part in value for one in found(part, name)]
    if not isinstance(value, dict):
        return []
    return [one for key, part in value.items() for one in ([part] if key == name else found(part, name))]


@pytest.mark.parametrize(
    ("platform", "field", "at", "sent", "own", "sent_own"),
    [
        ("tiktok", "video_cover_timestamp_ms", 1.5, 1500, {"videoCoverTimestampMs": 700}, 700),
        ("instagram", "thumb_offset", 1.5, "1500", {"thumbOffset": 700}, "700"),
        ("pinterest", "cover_image_key_frame_time", 2.5, 2, {"coverImageKeyFrameTime": 3}, 3),
    ],
)
async def test_platform_gets_the_renders_cover(
    stage: Stage, platform: str, field: str, at: float, sent: Any, own: dict[str, Any], sent_own: Any
) -> None:
    metadata = {"tiktok": {"privacyLevel": "SELF_ONLY"}, "pinterest": {"boardId": BOARD}}.get(platform, {})
    connection, edit = await stage.connect(platform), await rendered(stage, cover={"at": at})
    for written in (metadata, metadata | own):
        post_id = await stage.post(connection, platform, written, edit)
        await stage.run_until_ended()
        assert (await stage.item(post_id))["status"] == "published"
    posts = await stage.sandbox.posts(platform)
    assert [found(post["metadata"], field) for post in posts] == [[sent], [sent_own]]


async def test_bluesky_gets_the_renders_captions(stage: Stage) -> None:
    edit = await rendered(stage, **SIDECAR)
    post_id = await stage.post(await stage.connect("bluesky"), "bluesky", {"text": "x"}, edit)
    with killed_at("put", "before"), pytest.raises(Killed):
        await stage.worker.run_due()
    clock.move(LEASE + timedelta(seconds=1))
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    [post] = await stage.sandbox.posts("bluesky")
    [caption] = post["metadata"]["embed"]["captions"]
    assert (caption["lang"], caption["file"]["mimeType"], caption["file"]["size"]) == ("pt-BR", "text/vtt", len(VTT))
    blobs = stage.sandbox.simulators["bluesky"].blobs.values()
    assert [blob.upload.sha256 for blob in blobs if blob.mime == "text/vtt"] == [hashlib.sha256(VTT).hexdigest()]


async def published(stage: Stage, platform: str, metadata: dict[str, Any], language: str) -> dict[str, Any]:
    """Publish a render with captions beside it, and return the item."""
    edit = await rendered(stage, captions=SIDECAR["captions"] | {"language": language})
    post_id = await stage.post(await stage.connect(platform), platform, metadata, edit)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]) == ("published", None)
    return item


async def test_youtube_gets_the_renders_captions_once(stage: Stage) -> None:
    """The response of the first request is lost. The second one finds the track there."""
    await stage.sandbox.fault("youtube", "captions", "after", "reset")
    item = await published(stage, "youtube", {"title": "Tide"}, "pt-BR")
    [post] = await stage.sandbox.posts("youtube")
    assert (post["metadata"]["captions"], item["warnings"]) == ({"pt-BR": VTT.decode()}, [])
    assert (await stage.sandbox.requests("youtube")).count("captions") == 2


async def test_linkedin_gets_the_renders_captions_as_srt(stage: Stage) -> None:
    item = await published(stage, "linkedin", {"commentary": "Tide"}, "en-GB")
    [post] = await stage.sandbox.posts("linkedin")
    assert (post["metadata"]["captions"], item["warnings"]) == (SRT, [])


@pytest.mark.parametrize("platform", ["youtube", "linkedin"])
@pytest.mark.parametrize("status", [400, 403, 503])
async def test_captions_that_a_platform_does_not_take_are_a_warning(stage: Stage, platform: str, status: int) -> None:
    await stage.sandbox.fault(platform, "captions", "before", "status", status=status, times=50)
    metadata = {"title": "Tide"} if platform == "youtube" else {"commentary": "Tide"}
    item = await published(stage, platform, metadata, "en")
    assert [one["code"] for one in item["warnings"]] == ["captions_not_set"]
    [post] = await stage.sandbox.posts(platform)
    assert not post["metadata"]["captions"]


async def test_captions_of_the_metadata_replace_those_of_the_render(stage: Stage) -> None:
    own = {"captions": [{"lang": "en", "url": f"{stage.sandbox.url}/__sandbox/subtitles.vtt"}]}
    edit = await rendered(stage, **SIDECAR)
    post_id = await stage.post(await stage.connect("bluesky"), "bluesky", {"text": "x"} | own, edit)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    [post] = await stage.sandbox.posts("bluesky")
    assert [one["lang"] for one in post["metadata"]["embed"]["captions"]] == ["en"]


async def test_preflight_names_the_platforms_that_get_neither(stage: Stage) -> None:
    edit = await rendered(stage, cover={"at": 1}, **SIDECAR)
    names = ("tiktok", "bluesky", "youtube", "linkedin")
    metadata = {
        "tiktok": {"privacyLevel": "SELF_ONLY"},
        "bluesky": {},
        "youtube": {"title": "Tide"},
        "linkedin": {"commentary": "Tide"},
    }
    targets = [{"connectionId": await stage.connect(name), "metadata": {name: metadata[name]}} for name in names]
    body = {"videos": [{"editId": edit, "targets": targets}]}
    checked = (await stage.caller.post("/posts/validate", body)).json()
    left = [(one["path"], one["code"]) for one in checked["warnings"] if one["code"].endswith("_left_out")]
    assert left == [
        ("/videos/0/targets/0", "captions_left_out"),
        ("/videos/0/targets/1", "cover_left_out"),
        ("/videos/0/targets/2", "cover_left_out"),
        ("/videos/0/targets/3", "cover_left_out"),
        ("/videos/0/targets/3", "captions_left_out"),
    ]
    assert "their language is pt-BR, and it takes en." in checked["warnings"][-1]["message"]
    assert checked["errors"] == []
