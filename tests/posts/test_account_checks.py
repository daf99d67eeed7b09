"""Preflight asks the platforms: only POST /posts/validate does, and only certain problems are errors."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from clipcast.clock import clock
from clipcast.database.models.clips import Clip
from clipcast.testing.harness import Stage, some_day

BEFORE = "/videos/0/targets/0"


async def validate(stage: Stage, platform: str, metadata: dict[str, Any]) -> dict[str, Any]:
    edit = await stage.caller.upload(stage.clip)
    target = {"connectionId": await stage.connect(platform), "metadata": {platform: metadata}}
    return (await stage.caller.post("/posts/validate", {"videos": [{"editId": edit, "targets": [target]}]})).json()


async def test_privacy_level_that_the_account_lacks_is_an_error(stage: Stage) -> None:
    found = await validate(stage, "tiktok", {"privacyLevel": "FOLLOWER_OF_CREATOR"})
    [error] = found["errors"]
    assert (error["path"], error["code"]) == (f"{BEFORE}/metadata/tiktok/privacyLevel", "not_offered")
    assert error["limit"] == ["MUTUAL_FOLLOW_FRIENDS", "PUBLIC_TO_EVERYONE", "SELF_ONLY"]


async def test_video_too_long_for_account_and_platform_is_one_error(stage: Stage) -> None:
    edit = await stage.caller.upload(stage.clip)
    async with stage.installation.database.begin() as session:
        [clip] = (await session.execute(select(Clip))).scalars()
        clip.media = (clip.media or {}) | {"duration": 20_000.0}
    await stage.sandbox.change_account("tiktok", max_duration=60)
    target = {"connectionId": await stage.connect("tiktok"), "metadata": {"tiktok": {"privacyLevel": "SELF_ONLY"}}}
    body = {"videos": [{"editId": edit, "targets": [target]}]}
    found = (await stage.caller.post("/posts/validate", body)).json()
    assert [(e["code"], e["limit"]) for e in found["errors"]] == [("video_too_long", 60)]


async def test_known_limit_of_the_account_is_checked_without_a_request(stage: Stage) -> None:
    """What POST /posts/validate has read counts until it reads it again. PATCH judges by it, too."""
    edit, connection = await stage.caller.upload(stage.clip), await stage.connect("tiktok")
    target = {"connectionId": connection, "metadata": {"tiktok": {"privacyLevel": "SELF_ONLY"}}}
    body = {"videos": [{"editId": edit, "targets": [target]}], "scheduled_at": f"{some_day()}T12:00:00Z"}
    created = await stage.caller.post("/posts", body)
    assert created.status_code == 201
    await stage.sandbox.change_account("tiktok", max_duration=1)
    assert not (await stage.caller.post("/posts/validate", body)).json()["valid"]
    refused = await stage.caller.post("/posts", body)
    [error] = refused.json()["errors"]
    assert (error["path"], error["code"], error["limit"]) == (f"{BEFORE}/metadata/tiktok", "video_too_long", 1)
    post_id = created.json()["post_id"]
    change = {"metadata": {"tiktok": {"privacyLevel": "SELF_ONLY", "title": "Tide"}}}
    item = (await stage.item(post_id))["id"]
    patched = await stage.caller.call("PATCH", f"/posts/{post_id}/items/{item}", json=change)
    assert [one["code"] for one in patched.json()["errors"]] == ["video_too_long"]
    await stage.sandbox.change_account("tiktok", max_duration=600)
    assert (await stage.caller.post("/posts/validate", body)).json()["valid"]
    assert (await stage.caller.post("/posts", body)).status_code == 201


@pytest.mark.parametrize("change", ["a day", "reconnect"])
async def test_old_limit_of_the_account_is_forgotten(stage: Stage, change: str) -> None:
    edit, connection = await stage.caller.upload(stage.clip), await stage.connect("tiktok")
    target = {"connectionId": connection, "metadata": {"tiktok": {"privacyLevel": "SELF_ONLY"}}}
    body = {"videos": [{"editId": edit, "targets": [target]}], "scheduled_at": f"{some_day()}T12:00:00Z"}
    await stage.sandbox.change_account("tiktok", max_duration=1)
    for _ in range(2):
        assert not (await stage.caller.post("/posts/validate", body)).json()["valid"]
        clock.move(timedelta(hours=20))
    assert (await stage.caller.post("/posts", body)).status_code == 422
    if change == "reconnect":
        assert await stage.connect("tiktok") == connection
    else:
        clock.move(timedelta(hours=5))
    assert (await stage.caller.post("/posts", body)).status_code == 201


async def test_board_of_another_account_is_an_error(stage: Stage) -> None:
    [error] = (await validate(stage, "pinterest", {"boardId": "404"}))["errors"]
    assert (error["path"], error["code"]) == (f"{BEFORE}/metadata/pinterest/boardId", "not_offered")


async def test_section_is_checked_against_its_board(stage: Stage) -> None:
    connection = await stage.connect("pinterest")
    options = (await stage.caller.get(f"/connections/{connection}/options")).json()["options"]
    section = options["boardSectionId"][0]
    own, other = section["boardId"], next(one["id"] for one in options["boardId"] if one["id"] != section["boardId"])
    assert all(board["sectionsListed"] for board in options["boardId"])
    for metadata, codes in (
        ({"boardId": own, "boardSectionId": section["id"]}, []),
        ({"boardId": other, "boardSectionId": section["id"]}, [("boardSectionId", "not_offered")]),
        ({"boardId": own, "boardSectionId": "404"}, [("boardSectionId", "not_offered")]),
    ):
        found = await validate(stage, "pinterest", metadata)
        assert [(error["path"].rsplit("/", 1)[1], error["code"]) for error in found["errors"]] == codes


async def test_unknown_category_and_playlist_are_warnings(stage: Stage) -> None:
    found = await validate(stage, "youtube", {"title": "Tide", "categoryId": "18", "playlistId": "PLnone"})
    assert (found["valid"], [w["path"] for w in found["warnings"]]) == (
        True, [f"{BEFORE}/metadata/youtube/categoryId", f"{BEFORE}/metadata/youtube/playlistId"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("platform", "metadata", "settings"),
    [
        ("instagram", {"caption": "Tide"}, {"publish_quota": 0}),
        ("threads", {"text": "Tide"}, {"publish_quota": 0}),
        ("bluesky", {"text": "Tide"}, {"daily_videos": 0}),
    ],
)
async def test_used_up_quota_is_a_warning(
    stage: Stage, platform: str, metadata: dict[str, Any], settings: dict[str, Any]
) -> None:
    await stage.sandbox.settings(**{platform: settings})
    found = await validate(stage, platform, metadata)
    assert (found["valid"], [w["code"] for w in found["warnings"]]) == (True, ["quota_used_up"])


async def test_account_without_upload_right_is_an_error(stage: Stage) -> None:
    await stage.sandbox.change_account("bluesky", may_not_upload=True)
    assert [e["code"] for e in (await validate(stage, "bluesky", {"text": "Tide"}))["errors"]] == ["upload_forbidden"]


async def test_platform_without_a_response_is_a_warning(stage: Stage) -> None:
    await stage.sandbox.fault("tiktok", "creator_info", "before", "status", status=503)
    found = await validate(stage, "tiktok", {"privacyLevel": "SELF_ONLY"})
    assert (found["valid"], [w["code"] for w in found["warnings"]]) == (True, ["not_asked"])


async def test_revoked_account_is_an_error(stage: Stage) -> None:
    connection = await stage.connect("tiktok")
    await stage.sandbox.change_account("tiktok", revoked=True)
    edit = await stage.caller.upload(stage.clip)
    target = {"connectionId": connection, "metadata": {"tiktok": {"privacyLevel": "SELF_ONLY"}}}
    body = {"videos": [{"editId": edit, "targets": [target]}]}
    found = (await stage.caller.post("/posts/validate", body)).json()
    assert [e["code"] for e in found["errors"]] == ["connection_needs_reconnect"]


async def test_creating_a_post_sends_no_request_to_the_platform(stage: Stage) -> None:
    connection = await stage.connect("tiktok")
    await stage.sandbox.forget_requests()
    await stage.post(connection, "tiktok", {"privacyLevel": "FOLLOWER_OF_CREATOR"})
    assert await stage.sandbox.requests("tiktok") == []
