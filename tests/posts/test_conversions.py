"""Conversions: preflight judges the file that the platform gets, and says what is done; `conform` never forbids it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp
from clipcast.database.models.clips import Clip
from clipcast.database.models.posts import Item
from clipcast.database.models.renditions import Rendition
from clipcast.database.models.workspaces import Workspace
from clipcast.renders.conforming import order_conversions
from clipcast.testing.case import Case
from clipcast.testing.harness import Stage

WEBM = {"container": "webm", "video_codec": "vp9", "audio_codec": "opus", "audio_profile": None, "brand": None,
        "video_tag": None, "audio_bit_rate": None}  # fmt: skip


async def upload(stage: Stage, **changes: Any) -> str:
    """Upload the stage's clip as if it had these properties."""
    edit = await stage.caller.upload(stage.clip)
    async with stage.installation.database.begin() as session:
        clip = (await session.scalars(select(Clip).order_by(Clip.id.desc()))).first()
        assert clip
        clip.media = (clip.media or {}) | changes
    return edit


async def target(stage: Stage, platform: str, metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    details = {"youtube": {"title": "Tide"}, "tiktok": {"privacyLevel": "SELF_ONLY"}}.get(platform, {})
    return {"connectionId": await stage.connect(platform), "metadata": {platform: details | (metadata or {})}}


async def validate(stage: Stage, body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await stage.caller.post("/posts/validate", body)).json()
    return found


def codes(problems: list[dict[str, Any]]) -> list[str]:
    return [problem["code"] for problem in problems]


async def test_clip_that_is_converted_is_valid(stage: Stage) -> None:
    edit = await upload(stage, **WEBM)
    body = {"videos": [{"editId": edit, "targets": [await target(stage, "linkedin")]}]}
    found = await validate(stage, body)
    assert (found["valid"], found["errors"], codes(found["warnings"])) == (True, [], ["will_be_converted"])
    [warning] = found["warnings"]
    assert warning["path"] == "/videos/0/targets/0"
    assert warning["message"] == (
        "LinkedIn takes MP4 with H.264. Your file (WebM, VP9, Opus) will be converted: 540p, H.264, AAC."
    )
    [conversion] = found["conversions"]
    assert conversion["estimate_seconds"] > 0
    del conversion["estimate_seconds"]
    assert conversion == {
        "path": "/videos/0/targets/0",
        "platform": "linkedin",
        "action": "video",
        "reasons": ["container_not_supported", "video_codec_not_supported", "audio_codec_not_supported"],
        "output": {"container": "mp4", "duration": 4.2, "width": 540, "height": 960, "resolution": "540p",
                   "frame_rate": 30.0, "video_codec": "h264", "audio_codec": "aac"},
        "shared_with": [],
    }  # fmt: skip
    assert (await stage.caller.post("/posts", body)).status_code == 201


async def test_without_conversion_the_clip_is_an_error(stage: Stage) -> None:
    edit = await upload(stage, **WEBM)
    videos = [{"editId": edit, "conform": "never", "targets": [await target(stage, "linkedin")]}]
    found = await validate(stage, {"videos": videos})
    assert codes(found["errors"]) == WEBM_CODES
    assert (found["valid"], found["conversions"]) == (False, [])
    assert (await stage.caller.post("/posts", {"videos": videos})).status_code == 422


async def test_workspace_chooses_where_a_video_does_not_say(stage: Stage) -> None:
    edit = await upload(stage, **WEBM)
    async with stage.installation.database.begin() as session:
        await session.execute(update(Workspace).values(conform="never"))
    assert (await stage.caller.get("/workspace")).json()["conform"] == "never"
    accounts = [await target(stage, "linkedin")]
    found = await validate(stage, {"videos": [{"editId": edit, "targets": accounts}]})
    assert codes(found["errors"]) == WEBM_CODES
    found = await validate(stage, {"videos": [{"editId": edit, "conform": "auto", "targets": accounts}]})
    assert (found["errors"], len(found["conversions"])) == ([], 1)


WEBM_CODES = ["container_not_supported", "video_codec_not_supported", "audio_codec_not_supported"]


async def test_unknown_value_of_conform_is_an_error(stage: Stage) -> None:
    edit = await upload(stage)
    videos = [{"editId": edit, "conform": "sometimes", "targets": [await target(stage, "youtube")]}]
    found = await validate(stage, {"videos": videos})
    assert [(one["path"], one["code"]) for one in found["errors"]] == [("/videos/0/conform", "not_allowed")]


async def test_length_stays_an_error(stage: Stage) -> None:
    """A conversion cuts nothing off, so it is not offered where the length is wrong."""
    edit = await upload(stage, **WEBM, duration=2.0)
    found = await validate(stage, {"videos": [{"editId": edit, "targets": [await target(stage, "linkedin")]}]})
    assert (codes(found["errors"]), found["conversions"]) == (["video_too_short"], [])


async def test_good_clip_is_not_converted(stage: Stage, cases: list[Case]) -> None:
    edit = await stage.caller.upload(stage.clip)
    targets = [{"connectionId": await case.connect(stage), "metadata": {case.platform: case.metadata}}
               for case in cases]  # fmt: skip
    found = await validate(stage, {"videos": [{"editId": edit, "targets": targets}]})
    assert (found["valid"], found["conversions"]) == (True, [])


async def test_targets_name_those_that_get_the_same_file(stage: Stage) -> None:
    """A Reel has another shape. YouTube takes the file as it is."""
    edit = await upload(stage, **WEBM, width=1920, height=1080)
    names = ("linkedin", "youtube", "bluesky", "facebook")
    targets = [await target(stage, name) for name in names]
    targets[3]["metadata"] = {"facebook": {"description": "Tide", "mediaType": "REELS"}}
    found = await validate(stage, {"videos": [{"editId": edit, "targets": targets}]})
    shared = {one["platform"]: one["shared_with"] for one in found["conversions"]}
    assert shared == {"linkedin": ["/videos/0/targets/2"], "bluesky": ["/videos/0/targets/0"], "facebook": []}
    [reel] = [one for one in found["conversions"] if one["platform"] == "facebook"]
    assert (reel["output"]["width"], reel["output"]["height"]) == (1080, 1920)
    reason = next(one["message"] for one in found["warnings"] if one["path"] == "/videos/0/targets/3")
    assert reason == (
        "Facebook: The video is too flat: width divided by height is 1.7778, maximum 0.5625. "
        "Your file (WebM, VP9, Opus) will be converted: 1080p, H.264, AAC."
    )


@pytest.mark.parametrize(
    ("platform", "change", "words"),
    [
        ("linkedin", {"container": "mov"}, "written anew as MP4, picture and sound unchanged"),
        ("threads", {"audio_bit_rate": 192_000}, "sound as AAC, picture unchanged"),
    ],
)
async def test_cheaper_conversions_are_named(stage: Stage, platform: str, change: dict[str, Any], words: str) -> None:
    edit = await upload(stage, **change)
    found = await validate(stage, {"videos": [{"editId": edit, "targets": [await target(stage, platform)]}]})
    [warning] = found["warnings"]
    assert warning["message"].endswith(f"will be converted: {words}.")


async def test_conversion_that_ends_after_the_post_is_due_is_a_warning(stage: Stage) -> None:
    edit = await upload(stage, **WEBM, duration=1200.0)
    body = {"videos": [{"editId": edit, "targets": [await target(stage, "linkedin")]}]}
    for minutes, late in ((1, ["may_be_late"]), (600, [])):
        body["scheduled_at"] = format_timestamp(clock.now() + timedelta(minutes=minutes))  # type: ignore[assignment]
        found = await validate(stage, body)
        assert codes(found["warnings"]) == ["will_be_converted", *late]


async def test_metadata_is_checked_against_the_converted_file(stage: Stage) -> None:
    """Facebook may reject a Reel above 1 GB, which the converted file does not have."""
    edit = await upload(stage, **WEBM, size=3_000_000_000, frame_rate=120.0)
    found = await validate(stage, {"videos": [{"editId": edit, "targets": [await target(stage, "facebook")]}]})
    assert codes(found["warnings"]) == ["will_be_converted"]


async def test_item_keeps_whether_it_may_be_converted(stage: Stage) -> None:
    edit, other = await upload(stage, **WEBM), await upload(stage)
    body = {
        "videos": [
            {"editId": edit, "targets": [await target(stage, "linkedin")]},
            {"editId": other, "conform": "never", "targets": [await target(stage, "youtube")]},
        ],
        "scheduled_at": format_timestamp(clock.now() + timedelta(days=1)),
    }
    post_id = (await stage.caller.post("/posts", body)).json()["post_id"]
    items = (await stage.show(post_id))["items"]
    assert [item["conform"] for item in items] == ["auto", "never"]
    path = f"/posts/{post_id}/items/{items[0]['id']}"
    refused = await stage.caller.call("PATCH", path, json={"conform": "never"})
    assert (refused.status_code, codes(refused.json()["errors"])) == (422, WEBM_CODES)
    path = f"/posts/{post_id}/items/{items[1]['id']}"
    changed = await stage.caller.call("PATCH", path, json={"conform": "auto"})
    assert (changed.status_code, changed.json()["conform"], changed.json()["version"]) == (200, "auto", 2)


async def test_item_shows_its_conversion(stage: Stage) -> None:
    edit = await upload(stage, **WEBM)
    body = {
        "videos": [{"editId": edit, "targets": [await target(stage, "linkedin")]}],
        "scheduled_at": format_timestamp(clock.now() + timedelta(days=1)),
    }
    post_id = (await stage.caller.post("/posts", body)).json()["post_id"]
    # The API orders the same soon after its commit. A second order changes nothing.
    await order_conversions(stage.installation.database.hot_pool, UUID(post_id))
    async with stage.installation.database.begin() as session:
        item = (await session.scalars(select(Item).where(Item.post_id == UUID(post_id)))).one()
        clip = (await session.scalars(select(Clip))).one()
        rendition = (await session.scalars(select(Rendition).where(Rendition.id == item.rendition_id))).one()
        rendition.status, rendition.progress = "active", 42
        rendition_id = rendition.id
    shown = (await stage.item(post_id))["rendition"]
    assert (shown["action"], shown["reasons"], shown["status"], shown["progress"], shown["size"]) == (
        "video", WEBM_CODES, "active", 42, None
    )  # fmt: skip
    assert shown["url"] is None
    assert (shown["media"]["container"], shown["media"]["resolution"]) == ("mp4", "540p")
    key = f"renditions/{rendition_id}/1.mp4"
    await stage.installation.storage.put_bytes(key, b"converted")
    async with stage.installation.database.begin() as session:
        media = (clip.media or {}) | {"container": "mp4", "video_codec": "h264", "width": 360, "height": 640}
        done = {"status": "completed", "progress": 100, "media": media, "size": 9, "storage_key": key}
        await session.execute(update(Rendition).where(Rendition.id == rendition_id).values(done))
    one = (await stage.caller.get(f"/posts/{post_id}/items/{item.id}")).json()["rendition"]
    assert (one["status"], one["size"], one["media"]["resolution"]) == ("completed", 9, "360p")
    file = await stage.caller.http.get(one["url"])
    assert (file.content, file.headers["content-type"]) == (b"converted", "video/mp4")
    assert 'filename="clip.mp4"' in file.headers["content-disposition"]
    # Another clip needs a conversion of its own.
    other = await stage.caller.upload(stage.clip)
    changed = await stage.caller.call("PATCH", f"/posts/{post_id}/items/{item.id}", json={"editId": other})
    assert (changed.status_code, changed.json()["rendition"]) == (200, None)
