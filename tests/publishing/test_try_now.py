"""Rate-limited items: they wait no longer than the platform requires, and a caller can retry them now."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from clipcast.clock import clock
from clipcast.common.timestamps import parse_instant
from clipcast.database.models.posts import Item
from clipcast.testing.harness import Stage

DRAFT = {"postMode": "MEDIA_UPLOAD", "privacyLevel": "SELF_ONLY"}
PUBLIC = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}
DAY = timedelta(days=1)


async def full_inbox(stage: Stage, more: int = 3) -> list[str]:
    """Fill the creator's inbox with five drafts, and return `more` posts that wait for it."""
    connection, edit = await stage.connect("tiktok"), await stage.caller.upload(stage.clip)
    for _ in range(5):
        await stage.post(connection, "tiktok", DRAFT, edit)
    await stage.run_all()
    clock.move(timedelta(minutes=2))  # what a minute allows is another limit
    waiting = [await stage.post(connection, "tiktok", DRAFT, edit) for _ in range(more)]
    await stage.run_all()
    assert {(await stage.item(post))["status"] for post in waiting} == {"processing"}
    return waiting


async def retry(stage: Stage, post: str) -> Any:
    return await stage.caller.post(f"/posts/{post}/items/{(await stage.item(post))['id']}/retry")


async def settle(stage: Stage, most: timedelta = timedelta(minutes=10)) -> None:
    await stage.run_until_ended(most)


async def test_rate_limited_items_wait_at_most_as_long_as_the_platform_requires(stage: Stage) -> None:
    began = clock.now()
    for post in await full_inbox(stage):
        item = await stage.item(post)
        assert item["error"]["class"] == "rate_limited"
        wait = parse_instant(item["next_attempt_at"]) - began
        assert timedelta(hours=23) < wait <= DAY + (clock.now() - began)


async def test_one_retry_after_the_inbox_is_emptied_publishes_all_waiting_items(stage: Stage) -> None:
    waiting = await full_inbox(stage)
    await stage.sandbox.change_account("tiktok", inbox_emptied=True)
    response = await retry(stage, waiting[0])
    assert (response.status_code, response.json()["status"]) == (202, "processing")
    await settle(stage)
    assert [(await stage.item(post))["status"] for post in waiting] == ["published"] * 3
    assert len(await stage.sandbox.posts("tiktok")) == 8


async def test_retry_while_the_inbox_is_full_sends_one_request_and_waits(stage: Stage) -> None:
    waiting = await full_inbox(stage)
    await stage.sandbox.forget_requests()
    await retry(stage, waiting[0])
    await settle(stage)
    assert (await stage.sandbox.requests("tiktok")).count("inbox_init") == 1
    for post in waiting:
        item = await stage.item(post)
        assert (item["status"], item["error"]["class"]) == ("processing", "rate_limited")
        assert timedelta(hours=23) < parse_instant(item["next_attempt_at"]) - clock.now() <= DAY


async def test_publish_runs_a_waiting_item_now(stage: Stage) -> None:
    waiting = await full_inbox(stage, 1)
    await stage.sandbox.change_account("tiktok", inbox_emptied=True)
    response = await stage.caller.post(f"/posts/{waiting[0]}/publish")
    assert response.status_code == 200, response.text
    await settle(stage)
    assert (await stage.item(waiting[0]))["status"] == "published"


async def test_patch_of_a_waiting_item_starts_it_over(stage: Stage) -> None:
    """Publish a draft that waits for a full inbox at once when a PATCH makes it a direct post."""
    [post] = await full_inbox(stage, 1)
    item = await stage.item(post)
    response = await stage.caller.call("PATCH", f"/posts/{post}", json={
        "scheduled_at": None, "items": [{"id": item["id"], "metadata": {"tiktok": PUBLIC}}],
    })  # fmt: skip
    assert response.status_code == 200, response.text
    await settle(stage)
    item = await stage.item(post)
    assert (item["status"], item["metadata"]["tiktok"]["privacyLevel"]) == ("published", "PUBLIC_TO_EVERYONE")


async def test_patch_moves_a_waiting_item_to_another_time(stage: Stage) -> None:
    [post] = await full_inbox(stage, 1)
    at = clock.now() + timedelta(days=3)
    response = await stage.caller.call("PATCH", f"/posts/{post}", json={"scheduled_at": at.isoformat()})
    assert (response.status_code, response.json()["status"]) == (200, "pending")
    await stage.sandbox.change_account("tiktok", inbox_emptied=True)
    await stage.run_until_ended(timedelta(days=2))
    assert (await stage.item(post))["status"] == "pending"
    await stage.run_until_ended(timedelta(days=4))
    assert (await stage.item(post))["status"] == "published"


async def test_rescheduled_item_of_a_published_post_can_be_moved_again(stage: Stage) -> None:
    """Move and publish the waiting item of a post whose other item is published."""
    [held] = await full_inbox(stage, 1)
    item = await stage.item(held)
    youtube = {"connectionId": await stage.connect("youtube"), "metadata": {"youtube": {"title": "Tide"}}}
    target = {"connectionId": item["connection_id"], "metadata": {"tiktok": DRAFT}}
    body = {"videos": [{"editId": item["edit_id"], "targets": [target, youtube]}]}
    post = (await stage.caller.post("/posts", body)).json()["post_id"]
    await stage.run_all()
    for days in (3, 4):
        at = (clock.now() + timedelta(days=days)).isoformat()
        response = await stage.caller.call("PATCH", f"/posts/{post}", json={"scheduled_at": at})
        assert (response.status_code, response.json()["status"]) == (200, "processing"), response.text
        assert sorted(one["status"] for one in response.json()["items"]) == ["pending", "published"]
    await stage.sandbox.change_account("tiktok", inbox_emptied=True)
    response = await stage.caller.post(f"/posts/{post}/publish")
    assert response.status_code == 200, response.text
    await settle(stage)
    assert {one["status"] for one in (await stage.show(post))["items"]} == {"published"}


async def test_retry_does_not_wait_for_a_locked_item_of_the_account(stage: Stage) -> None:
    """Skip locked items, so that two simultaneous retries do not deadlock."""
    waiting = await full_inbox(stage, 2)
    other = UUID((await stage.item(waiting[1]))["id"])
    async with stage.installation.database.begin() as session:
        await session.get_one(Item, other, with_for_update=True)
        assert (await retry(stage, waiting[0])).status_code == 202


@pytest.mark.parametrize("call", ["retry", "publish", "patch"])
async def test_item_that_the_platform_processes_returns_409(stage: Stage, call: str) -> None:
    """Reject retry, publish and PATCH while TikTok processes the video."""
    await stage.sandbox.settings(tiktok={"processing_seconds": 600})
    post = await stage.post(await stage.connect("tiktok"), "tiktok", PUBLIC)
    await stage.worker.run_due()
    match call:
        case "retry":
            response = await retry(stage, post)
        case "publish":
            response = await stage.caller.post(f"/posts/{post}/publish")
        case _:
            response = await stage.caller.call("PATCH", f"/posts/{post}", json={"scheduled_at": None})
    codes = {"retry": "item_not_failed", "publish": "post_not_pending", "patch": "post_not_editable"}
    assert (response.status_code, response.json()["code"]) == (409, codes[call])


async def test_item_whose_video_may_be_live_can_be_retried_but_not_patched(stage: Stage) -> None:
    await stage.sandbox.fault("tiktok", "chunk", "after", "reset")
    await stage.sandbox.fault("tiktok", "status", "before", "status", status=500, body={}, times=3)
    post = await stage.post(await stage.connect("tiktok"), "tiktok", PUBLIC)
    for _ in range(3):
        await stage.worker.run_due()
    assert (await stage.item(post))["status"] == "processing"
    response = await stage.caller.call("PATCH", f"/posts/{post}", json={"scheduled_at": None})
    assert (response.status_code, response.json()["code"]) == (409, "post_not_editable")
    assert (await retry(stage, post)).status_code == 202
    await stage.run_until_ended()
    assert (await stage.item(post))["status"] == "published"
    assert len(await stage.sandbox.posts("tiktok")) == 1


async def test_preflight_warns_of_a_used_up_quota_with_its_end(stage: Stage) -> None:
    [post] = await full_inbox(stage, 1)
    item = await stage.item(post)
    target = {"connectionId": item["connection_id"], "metadata": {"tiktok": DRAFT}}
    body: dict[str, Any] = {"videos": [{"editId": item["edit_id"], "targets": [target]}]}
    found = (await stage.caller.post("/posts/validate", body)).json()
    assert found["valid"] is True
    [warning] = [one for one in found["warnings"] if one["code"] == "limit_used_up"]
    assert warning["path"] == "/videos/0/targets/0/connectionId"
    assert "quota `drafts` of this account is used up until" in warning["message"]
    body["scheduled_at"] = (clock.now() + timedelta(days=2)).isoformat()
    found = (await stage.caller.post("/posts/validate", body)).json()
    assert not [one for one in found["warnings"] if one["code"] == "limit_used_up"]


async def test_retry_sends_to_youtube_again_after_its_upload_limit(stage: Stage) -> None:
    await stage.connect("youtube")
    connection, edit = await stage.connect("youtube"), await stage.caller.upload(stage.clip)
    error = {"code": 400, "message": "", "errors": [{"reason": "uploadLimitExceeded", "domain": "youtube.video"}]}
    await stage.sandbox.fault("youtube", "session", "before", "status", status=400, body={"error": error})
    posts = [await stage.post(connection, "youtube", {"title": "Tide"}, edit) for _ in range(2)]
    await stage.run_all()
    waiting = [post for post in posts if (await stage.item(post))["status"] == "processing"]
    assert waiting
    for post in waiting:
        item = await stage.item(post)
        assert parse_instant(item["next_attempt_at"]) - clock.now() <= DAY
    assert (await retry(stage, waiting[0])).status_code == 202
    await settle(stage)
    assert [(await stage.item(post))["status"] for post in posts] == ["published"] * 2
