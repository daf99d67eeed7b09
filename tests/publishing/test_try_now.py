"""A limit that is used up is no dead end: nothing waits longer than the platform said, and a person may try now."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from clipcast.clock import clock
from clipcast.common.timestamps import parse_instant
from clipcast.database.models.posts import Item
from tests.harness import Stage

DRAFT = {"postMode": "MEDIA_UPLOAD", "privacyLevel": "SELF_ONLY"}
PUBLIC = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}
DAY = timedelta(days=1)


async def full_inbox(stage: Stage, more: int = 3) -> list[str]:
    """Five drafts wait in the creator's inbox; `more` posts find it full. Returns those."""
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


async def test_items_wait_no_longer_than_the_platform_said(stage: Stage) -> None:
    began = clock.now()
    for post in await full_inbox(stage):
        item = await stage.item(post)
        assert item["error"]["class"] == "rate_limited"
        wait = parse_instant(item["next_attempt_at"]) - began
        assert timedelta(hours=23) < wait <= DAY + (clock.now() - began)


async def test_emptied_inbox_and_one_retry_publish_all_that_waited(stage: Stage) -> None:
    waiting = await full_inbox(stage)
    await stage.sandbox.change_account("tiktok", inbox_emptied=True)
    answer = await retry(stage, waiting[0])
    assert (answer.status_code, answer.json()["status"]) == (202, "processing")
    await settle(stage)
    assert [(await stage.item(post))["status"] for post in waiting] == ["published"] * 3
    assert len(await stage.sandbox.posts("tiktok")) == 8


async def test_retry_while_the_inbox_is_still_full_sends_one_request_and_waits_again(stage: Stage) -> None:
    waiting = await full_inbox(stage)
    await stage.sandbox.forget_requests()
    await retry(stage, waiting[0])
    await settle(stage)
    assert (await stage.sandbox.requests("tiktok")).count("inbox_init") == 1
    for post in waiting:
        item = await stage.item(post)
        assert (item["status"], item["error"]["class"]) == ("processing", "rate_limited")
        assert timedelta(hours=23) < parse_instant(item["next_attempt_at"]) - clock.now() <= DAY


async def test_publish_tries_what_waits_now(stage: Stage) -> None:
    waiting = await full_inbox(stage, 1)
    await stage.sandbox.change_account("tiktok", inbox_emptied=True)
    answer = await stage.caller.post(f"/posts/{waiting[0]}/publish")
    assert answer.status_code == 200, answer.text
    await settle(stage)
    assert (await stage.item(waiting[0]))["status"] == "published"


async def test_patch_changes_what_waits_and_it_starts_over(stage: Stage) -> None:
    """A draft that finds the inbox full is made a direct post, which the inbox does not hold back."""
    [post] = await full_inbox(stage, 1)
    item = await stage.item(post)
    answer = await stage.caller.call("PATCH", f"/posts/{post}", json={
        "scheduled_at": None, "items": [{"id": item["id"], "metadata": {"tiktok": PUBLIC}}],
    })  # fmt: skip
    assert answer.status_code == 200, answer.text
    await settle(stage)
    item = await stage.item(post)
    assert (item["status"], item["metadata"]["tiktok"]["privacyLevel"]) == ("published", "PUBLIC_TO_EVERYONE")


async def test_patch_moves_what_waits_to_another_time(stage: Stage) -> None:
    [post] = await full_inbox(stage, 1)
    at = clock.now() + timedelta(days=3)
    answer = await stage.caller.call("PATCH", f"/posts/{post}", json={"scheduled_at": at.isoformat()})
    assert (answer.status_code, answer.json()["status"]) == (200, "pending")
    await stage.sandbox.change_account("tiktok", inbox_emptied=True)
    await stage.run_until_ended(timedelta(days=2))
    assert (await stage.item(post))["status"] == "pending"
    await stage.run_until_ended(timedelta(days=4))
    assert (await stage.item(post))["status"] == "published"


async def test_item_that_was_moved_alone_can_be_moved_again_and_published(stage: Stage) -> None:
    """The post's other item is published, so that the post is not pending."""
    [held] = await full_inbox(stage, 1)
    item = await stage.item(held)
    youtube = {"connectionId": await stage.connect("youtube"), "metadata": {"youtube": {"title": "Tide"}}}
    target = {"connectionId": item["connection_id"], "metadata": {"tiktok": DRAFT}}
    body = {"videos": [{"editId": item["edit_id"], "targets": [target, youtube]}]}
    post = (await stage.caller.post("/posts", body)).json()["post_id"]
    await stage.run_all()
    for days in (3, 4):
        at = (clock.now() + timedelta(days=days)).isoformat()
        answer = await stage.caller.call("PATCH", f"/posts/{post}", json={"scheduled_at": at})
        assert (answer.status_code, answer.json()["status"]) == (200, "processing"), answer.text
        assert sorted(one["status"] for one in answer.json()["items"]) == ["pending", "published"]
    await stage.sandbox.change_account("tiktok", inbox_emptied=True)
    answer = await stage.caller.post(f"/posts/{post}/publish")
    assert answer.status_code == 200, answer.text
    await settle(stage)
    assert {one["status"] for one in (await stage.show(post))["items"]} == {"published"}


async def test_retry_waits_for_no_other_item_of_the_account(stage: Stage) -> None:
    """Two that retry at once would each wait for what the other one has locked."""
    waiting = await full_inbox(stage, 2)
    other = UUID((await stage.item(waiting[1]))["id"])
    async with stage.installation.database.begin() as session:
        await session.get_one(Item, other, with_for_update=True)
        assert (await retry(stage, waiting[0])).status_code == 202


@pytest.mark.parametrize("call", ["retry", "publish", "patch"])
async def test_item_truly_in_progress_answers_409(stage: Stage, call: str) -> None:
    """TikTok has the video and is processing it: there is nothing to try."""
    await stage.sandbox.settings(tiktok={"processing_seconds": 600})
    post = await stage.post(await stage.connect("tiktok"), "tiktok", PUBLIC)
    await stage.worker.run_due()
    match call:
        case "retry":
            answer = await retry(stage, post)
        case "publish":
            answer = await stage.caller.post(f"/posts/{post}/publish")
        case _:
            answer = await stage.caller.call("PATCH", f"/posts/{post}", json={"scheduled_at": None})
    codes = {"retry": "item_not_failed", "publish": "post_not_pending", "patch": "post_not_editable"}
    assert (answer.status_code, answer.json()["code"]) == (409, codes[call])


async def test_item_whose_video_may_be_live_can_be_looked_for_now_but_not_changed(stage: Stage) -> None:
    await stage.sandbox.fault("tiktok", "chunk", "after", "reset")
    await stage.sandbox.fault("tiktok", "status", "before", "status", status=500, body={}, times=3)
    post = await stage.post(await stage.connect("tiktok"), "tiktok", PUBLIC)
    for _ in range(3):
        await stage.worker.run_due()
    assert (await stage.item(post))["status"] == "processing"
    answer = await stage.caller.call("PATCH", f"/posts/{post}", json={"scheduled_at": None})
    assert (answer.status_code, answer.json()["code"]) == (409, "post_not_editable")
    assert (await retry(stage, post)).status_code == 202
    await stage.run_until_ended()
    assert (await stage.item(post))["status"] == "published"
    assert len(await stage.sandbox.posts("tiktok")) == 1


async def test_preflight_warns_until_when_the_account_is_closed(stage: Stage) -> None:
    [post] = await full_inbox(stage, 1)
    item = await stage.item(post)
    target = {"connectionId": item["connection_id"], "metadata": {"tiktok": DRAFT}}
    body: dict[str, Any] = {"videos": [{"editId": item["edit_id"], "targets": [target]}]}
    found = (await stage.caller.post("/posts/validate", body)).json()
    assert found["valid"] is True
    [warning] = [one for one in found["warnings"] if one["code"] == "limit_used_up"]
    assert warning["path"] == "/videos/0/targets/0/connectionId"
    assert "`drafts` from this account until" in warning["message"]
    body["scheduled_at"] = (clock.now() + timedelta(days=2)).isoformat()
    found = (await stage.caller.post("/posts/validate", body)).json()
    assert not [one for one in found["warnings"] if one["code"] == "limit_used_up"]


async def test_youtube_upload_limit_is_asked_again_when_somebody_retries(stage: Stage) -> None:
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
