"""Editing, starting, retrying and deleting posts, and when each is rejected."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

from clipcast.clock import clock
from clipcast.common.timestamps import parse_instant
from clipcast.connections import manage
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Item, Post
from clipcast.posts.listing import Wanted, list_lines
from clipcast.testing.crash_injection import Killed, killed_at
from clipcast.testing.harness import Caller, Stage

YOUTUBE = {"title": "Tide"}


@pytest.fixture
async def scheduled(stage: Stage) -> str:
    """Create a post of two items, due in three days."""
    edit = await stage.caller.upload(stage.clip)
    targets = [
        {"connectionId": await stage.connect("youtube", name), "metadata": {"youtube": YOUTUBE}}
        for name in ("harbour.films", "tidepool")
    ]
    body = {"videos": [{"editId": edit, "targets": targets}], "scheduled_at": in_days(3)}
    return (await stage.caller.post("/posts", body)).json()["post_id"]


def in_days(days: float) -> str:
    return (clock.now() + timedelta(days=days)).isoformat()


async def patch(stage: Stage, post_id: str, body: dict[str, Any]) -> httpx2.Response:
    return await stage.caller.call("PATCH", f"/posts/{post_id}", json=body)


async def test_patch_changes_a_pending_post(stage: Stage, scheduled: str) -> None:
    before = await stage.show(scheduled)
    first, second = before["items"]
    other_edit = await stage.caller.upload(stage.clip, "other.mp4")
    body = {
        "scheduled_at": in_days(5),
        "items": [
            {"id": first["id"], "metadata": {"youtube": {"title": "Ebb"}}},
            {"id": second["id"], "editId": other_edit},
        ],
    }
    response = await patch(stage, scheduled, body)
    assert response.status_code == 200, response.text
    after = response.json()
    assert after["scheduled_at"] > before["scheduled_at"]
    assert after["items"][0]["metadata"] == {"youtube": {"title": "Ebb"}}
    assert after["items"][1]["edit_id"] == other_edit
    assert after["items"][1]["metadata"] == {"youtube": YOUTUBE}


async def test_patch_with_null_time_publishes_now(stage: Stage, scheduled: str) -> None:
    response = await patch(stage, scheduled, {"scheduled_at": None})
    assert (response.json()["status"], response.json()["scheduled_at"]) == ("processing", None)
    await stage.run_until_ended()
    assert (await stage.show(scheduled))["status"] == "completed"
    assert len(await stage.sandbox.posts("youtube")) == 2


async def test_invalid_patch_reports_all_problems_and_changes_nothing(stage: Stage, scheduled: str) -> None:
    before = await stage.show(scheduled)
    first, second = before["items"]
    tiktok = await stage.connect("tiktok")
    body = {
        "scheduled_at": "2020-01-01T00:00:00Z",
        "items": [
            {"id": first["id"], "metadata": {"youtube": {"title": ""}}},
            {"id": second["id"], "connectionId": tiktok},
            {"id": "nobody"},
            {"id": first["id"]},
        ],
    }
    response = await patch(stage, scheduled, body)
    assert response.status_code == 422
    assert {(e["path"], e["code"]) for e in response.json()["errors"]} >= {
        ("/scheduled_at", "in_the_past"),
        ("/items/1/metadata/youtube", "wrong_platform"),
        ("/items/2/id", "not_found"),
        ("/items/3/id", "not_unique"),
    }
    assert await stage.show(scheduled) == before


async def test_patch_to_the_target_of_another_item_is_rejected(stage: Stage, scheduled: str) -> None:
    first, second = (await stage.show(scheduled))["items"]
    body = {"items": [{"id": second["id"], "connectionId": first["connection_id"]}]}
    response = await patch(stage, scheduled, body)
    assert [e["code"] for e in response.json()["errors"]] == ["not_unique"]


async def set_status(stage: Stage, connection: str, status: str) -> None:
    async with stage.installation.database.begin() as session:
        row = await session.get_one(Connection, UUID(connection))
        row.status, row.status_reason = status, "TikTok no longer accepts the sign-in."


@pytest.mark.parametrize("status", ["needs_reconnect", "disabled"])
async def test_post_with_unusable_account_is_moved_and_edited(stage: Stage, scheduled: str, status: str) -> None:
    """Change a post although an account is unusable: a person can fix the account until the post is due."""
    first, second = (await stage.show(scheduled))["items"]
    await set_status(stage, first["connection_id"], status)
    at = in_days(5)
    moved = await patch(stage, scheduled, {"scheduled_at": at})
    assert moved.status_code == 200, moved.text
    assert parse_instant(moved.json()["scheduled_at"]) == parse_instant(at).replace(
        microsecond=parse_instant(at).microsecond // 1000 * 1000
    )
    edited = await patch(stage, scheduled, {"items": [{"id": first["id"], "metadata": {"youtube": {"title": "Ebb"}}}]})
    assert edited.status_code == 200, edited.text
    other = {"items": [{"id": second["id"], "connectionId": first["connection_id"], "editId": first["edit_id"]}]}
    refused = await patch(stage, scheduled, other)
    assert f"connection_{status}" in {e["code"] for e in refused.json()["errors"]}
    # Now is a time, too: the item then waits for its account.
    assert (await patch(stage, scheduled, {"scheduled_at": None})).status_code == 200


async def test_post_whose_authorization_ends_before_it_can_be_rescheduled(stage: Stage) -> None:
    tiktok = await stage.connect("tiktok")
    target = {"connectionId": tiktok, "metadata": {"tiktok": {"title": "x", "privacyLevel": "SELF_ONLY"}}}
    body = {
        "videos": [{"editId": await stage.caller.upload(stage.clip), "targets": [target]}],
        "scheduled_at": in_days(1),
    }
    post_id = (await stage.caller.post("/posts", body)).json()["post_id"]
    async with stage.installation.database.begin() as session:
        row = await session.get_one(Connection, UUID(tiktok))
        row.renewable, row.signed_in_until = False, clock.now() + timedelta(days=2)
    assert (await patch(stage, post_id, {"scheduled_at": in_days(5)})).status_code == 200


async def test_time_that_invalidates_an_unchanged_item_is_rejected(stage: Stage) -> None:
    """Reject a new time at which an item that the patch does not name becomes invalid."""
    youtube = await stage.connect("youtube")
    details = {"title": "Tide", "privacyStatus": "private", "publishAt": in_days(4)}
    target = {"connectionId": youtube, "metadata": {"youtube": details}}
    body = {
        "videos": [{"editId": await stage.caller.upload(stage.clip), "targets": [target]}],
        "scheduled_at": in_days(3),
    }
    post_id = (await stage.caller.post("/posts", body)).json()["post_id"]
    item = (await stage.show(post_id))["items"][0]["id"]
    response = await patch(stage, post_id, {"scheduled_at": in_days(5)})
    assert response.status_code == 422
    assert [e["path"] for e in response.json()["errors"]] == [f"/items/{item}/metadata/youtube/publishAt"]
    assert (await patch(stage, post_id, {"scheduled_at": in_days(2)})).status_code == 200


async def test_begun_post_can_be_neither_edited_nor_started(stage: Stage) -> None:
    connection = await stage.connect("youtube")
    post_id = await stage.post(connection, "youtube", YOUTUBE)
    for response, code in (
        (await patch(stage, post_id, {"scheduled_at": in_days(1)}), "post_not_editable"),
        (await stage.caller.post(f"/posts/{post_id}/publish"), "post_not_pending"),
    ):
        assert (response.status_code, response.json()["code"]) == (409, code)


async def test_publish_starts_a_scheduled_post_now(stage: Stage, scheduled: str) -> None:
    response = await stage.caller.post(f"/posts/{scheduled}/publish")
    assert (response.status_code, response.json()["status"], response.json()["scheduled_at"]) == (
        200,
        "processing",
        None,
    )
    await stage.run_until_ended()
    assert (await stage.show(scheduled))["status"] == "completed"


@pytest.mark.parametrize("by", ["publish", "patch"])
async def test_post_published_early_is_listed_by_when_that_was(stage: Stage, scheduled: str, by: str) -> None:
    clock.move(timedelta(hours=30))
    before = clock.now()
    if by == "publish":
        await stage.caller.post(f"/posts/{scheduled}/publish")
    else:
        await patch(stage, scheduled, {"scheduled_at": None})
    async with stage.installation.database.session() as session:
        found = await session.get(Post, UUID(scheduled))
        assert found is not None
        assert before <= found.starts_at <= clock.now()
        workspace = UUID(stage.caller.workspace_id)
        span = Wanted(since=before, until=clock.now())
        listed = await list_lines(session, workspace, span, 10)
    assert [str(one.id) for one in listed.posts] == [scheduled]


async def test_retry_of_a_pending_item_returns_409(stage: Stage, scheduled: str) -> None:
    item = (await stage.show(scheduled))["items"][0]
    response = await stage.caller.post(f"/posts/{scheduled}/items/{item['id']}/retry")
    assert (response.status_code, response.json()["code"]) == (409, "item_not_failed")


async def test_post_with_one_failed_item_is_partial(stage: Stage) -> None:
    edit = await stage.caller.upload(stage.clip)
    good, bad = await stage.connect("youtube"), await stage.connect("tiktok")
    await stage.sandbox.change_account("tiktok", banned=True)
    targets = [
        {"connectionId": good, "metadata": {"youtube": YOUTUBE}},
        {"connectionId": bad, "metadata": {"tiktok": {"privacyLevel": "SELF_ONLY"}}},
    ]
    body = {"videos": [{"editId": edit, "targets": targets}]}
    post_id = (await stage.caller.post("/posts", body)).json()["post_id"]
    await stage.run_until_ended()
    post = await stage.show(post_id)
    assert post["status"] == "partial"
    assert [item["status"] for item in post["items"]] == ["published", "failed"]
    assert post["items"][1]["error"]["class"] == "policy"
    listed = (await stage.caller.get("/posts", params={"status": "partial"})).json()
    assert [p["post_id"] for p in listed["posts"]] == [post_id]
    assert (await stage.caller.get("/posts", params={"status": "failed"})).json()["posts"] == []


async def test_retry_of_a_post_retries_reconciles_or_skips_each_item(stage: Stage) -> None:
    """Retry failed items, reconcile an unknown outcome, and skip published items and removed accounts."""
    edit = await stage.caller.upload(stage.clip)
    published, failed, unknown, removed = [
        await stage.connect(*account)
        for account in (
            ("youtube", "harbour.films"), ("tiktok", "harbour.films"), ("linkedin", "harbour.films"),
            ("tiktok", "tidepool"),
        )
    ]  # fmt: skip
    await stage.sandbox.change_account("tiktok", banned=True)
    await stage.sandbox.fault("linkedin", "post", "after", "reset", times=50)
    tiktok = {"tiktok": {"privacyLevel": "SELF_ONLY"}}
    targets = [
        {"connectionId": published, "metadata": {"youtube": YOUTUBE}},
        {"connectionId": failed, "metadata": tiktok},
        {"connectionId": unknown, "metadata": {"linkedin": {"commentary": "Tide"}}},
        {"connectionId": removed, "metadata": tiktok},
    ]
    made = await stage.caller.post("/posts", {"videos": [{"editId": edit, "targets": targets}]})
    post_id = made.json()["post_id"]
    async with stage.installation.database.begin() as session:
        await manage.remove(stage.installation, session, UUID(stage.caller.workspace_id), removed)
    await stage.run_until_ended()
    ids = [item["id"] for item in (await stage.show(post_id))["items"]]
    states = [(item["status"], (item["error"] or {}).get("class")) for item in (await stage.show(post_id))["items"]]
    assert states == [("published", None), ("failed", "policy"), ("failed", "outcome_unknown"), ("failed", "reconnect")]
    await stage.sandbox.change_account("tiktok", banned=False)
    await stage.sandbox.clear_faults()
    response = await stage.caller.post(f"/posts/{post_id}/retry", headers={"Idempotency-Key": "again"})
    assert response.status_code == 202, response.text
    done = response.json()
    assert (done["post_id"], done["status"]) == (post_id, "processing")
    assert done["retried"] == [
        {"item_id": ids[1], "reconciles_first": False},
        {"item_id": ids[2], "reconciles_first": True},
    ]
    assert [(one["item_id"], one["code"]) for one in done["skipped"]] == [
        (ids[0], "item_published"),
        (ids[3], "connection_removed"),
    ]
    repeated = await stage.caller.post(f"/posts/{post_id}/retry", headers={"Idempotency-Key": "again"})
    assert repeated.json() == done
    again = await stage.caller.post(f"/posts/{post_id}/items/{ids[3]}/retry")
    assert again.status_code == 202  # alone, a person may insist
    await stage.run_until_ended()
    items = (await stage.show(post_id))["items"]
    # LinkedIn's member cannot be asked, so it is not sent a second time.
    assert [item["status"] for item in items] == ["published", "published", "failed", "failed"]
    assert len(await stage.sandbox.posts("linkedin")) == 1
    assert len(await stage.sandbox.posts("youtube")) == 1
    assert len(await stage.sandbox.posts("tiktok")) == 1


async def test_retry_of_a_post_without_failed_items_returns_409(stage: Stage, scheduled: str) -> None:
    response = await stage.caller.post(f"/posts/{scheduled}/retry")
    assert (response.status_code, response.json()["code"]) == (409, "no_failed_items")
    other = await Caller.create(stage.installation, stage.caller.http, "Other")
    assert (await other.post(f"/posts/{scheduled}/retry")).status_code == 404


async def test_deleted_scheduled_post_is_not_published(stage: Stage, scheduled: str) -> None:
    first, second = (await stage.show(scheduled))["items"]
    assert (await stage.caller.call("DELETE", f"/posts/{scheduled}/items/{first['id']}")).status_code == 204
    assert (await stage.show(scheduled))["item_count"] == 1
    assert (await stage.caller.call("DELETE", f"/posts/{scheduled}/items/{second['id']}")).status_code == 204
    assert (await stage.caller.get(f"/posts/{scheduled}")).status_code == 404
    clock.move(timedelta(days=4))
    await stage.run_until_ended()
    assert await stage.sandbox.posts("youtube") == []


async def test_deleting_a_published_post_keeps_its_video(stage: Stage) -> None:
    post_id = await stage.post(await stage.connect("youtube"), "youtube", YOUTUBE)
    await stage.run_until_ended()
    assert (await stage.caller.call("DELETE", f"/posts/{post_id}")).status_code == 204
    assert len(await stage.sandbox.posts("youtube")) == 1


async def test_delete_of_an_item_in_progress_returns_409(stage: Stage) -> None:
    await stage.sandbox.settings(youtube={"processing_seconds": 600})
    post_id = await stage.post(await stage.connect("youtube"), "youtube", YOUTUBE)
    with killed_at("session", "before"), pytest.raises(Killed):
        await stage.worker.run_due()
    item: Item = await stage.row(post_id)
    # A worker holds it; then it waits for the platform, with its video sent.
    for _ in range(2):
        for path in (f"/posts/{post_id}", f"/posts/{post_id}/items/{item.id}"):
            response = await stage.caller.call("DELETE", path)
            assert (response.status_code, response.json()["code"]) == (409, "item_in_progress")
        assert (await stage.item(post_id))["can_delete"] is False
        clock.move(timedelta(seconds=30))
        await stage.worker.run_due()
    await stage.run_until_ended()
    item_shown = await stage.item(post_id)
    assert (item_shown["status"], item_shown["can_delete"]) == ("published", True)


async def test_delete_of_an_item_in_progress_returns_409_after_a_step_of_the_databases_clock(stage: Stage) -> None:
    """This process has not followed the step back yet: by its own time, the worker's lease has ended."""
    post_id = await stage.post(await stage.connect("youtube"), "youtube", YOUTUBE)
    with killed_at("session", "before"), pytest.raises(Killed):
        await stage.worker.run_due()
    try:
        clock.follow(clock.expected() + timedelta(seconds=30))
        response = await stage.caller.call("DELETE", f"/posts/{post_id}")
        assert (response.status_code, response.json()["code"]) == (409, "item_in_progress")
    finally:
        await stage.installation.database.follow_clock()


async def test_item_that_waits_for_its_next_attempt_can_be_deleted(stage: Stage) -> None:
    connection = await stage.connect("youtube")
    await stage.sandbox.fault("youtube", "session", "before", "status", status=503, times=100)
    post_id = await stage.post(connection, "youtube", YOUTUBE)
    await stage.worker.run_due()
    assert (await stage.item(post_id))["next_attempt_at"]
    assert (await stage.caller.call("DELETE", f"/posts/{post_id}")).status_code == 204
    await stage.run_until_ended()
    assert await stage.sandbox.posts("youtube") == []


async def test_post_of_another_workspace_returns_404(stage: Stage, scheduled: str) -> None:
    other = await Caller.create(stage.installation, stage.caller.http, "Other")
    item = (await stage.show(scheduled))["items"][0]
    for method, path in (
        ("GET", f"/posts/{scheduled}"),
        ("DELETE", f"/posts/{scheduled}"),
        ("POST", f"/posts/{scheduled}/publish"),
        ("DELETE", f"/posts/{scheduled}/items/{item['id']}"),
        ("POST", f"/posts/{scheduled}/items/{item['id']}/retry"),
    ):
        assert (await other.call(method, path)).status_code == 404, (method, path)
    assert (await other.call("PATCH", f"/posts/{scheduled}", json={"items": []})).status_code == 404
    assert (await other.get("/posts")).json()["posts"] == []


async def test_posts_are_paged_newest_first(stage: Stage) -> None:
    edit = await stage.caller.upload(stage.clip)
    connection = await stage.connect("youtube")
    made = []
    for _ in range(5):
        target = {"connectionId": connection, "metadata": {"youtube": YOUTUBE}}
        body = {"videos": [{"editId": edit, "targets": [target]}], "scheduled_at": in_days(1)}
        made.append((await stage.caller.post("/posts", body)).json()["post_id"])
    page = (await stage.caller.get("/posts", params={"page": 2, "limit": 2})).json()
    assert [post["post_id"] for post in page["posts"]] == made[::-1][2:4]
    assert page["pagination"] == {
        "current_page": 2,
        "total_pages": 3,
        "total_count": 5,
        "has_next_page": True,
        "has_previous_page": True,
        "limit": 2,
    }
