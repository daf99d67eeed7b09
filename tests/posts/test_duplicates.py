"""The guard against doubles: the same clip and words, twice to one account."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import text

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp
from clipcast.database import Database
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Item
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.duplicates import FIND, Scope, Sent, find_doubles, fingerprint_of
from clipcast.testing.harness import ACCOUNT, Stage
from tests.database.plans import fill_table, of_many, plan_of_hot

TEXT = {"text": "First light"}
CODE = "duplicate_content"
REJECTED = {"error": "InvalidRequest", "message": "from a test"}


@pytest.fixture
async def body(stage: Stage) -> dict[str, Any]:
    """Return the body of a post for one account of Bluesky."""
    connection = await stage.connect("bluesky")
    edit = await stage.caller.upload(stage.clip)
    return {"videos": [{"editId": edit, "targets": [{"connectionId": connection, "metadata": {"bluesky": TEXT}}]}]}


def at(hours: float) -> str:
    return format_timestamp(clock.now() + timedelta(hours=hours))


async def create(stage: Stage, body: dict[str, Any], **more: Any) -> httpx2.Response:
    return await stage.caller.post("/posts", body | more)


async def validate(stage: Stage, body: dict[str, Any], **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await stage.caller.post("/posts/validate", body | more)).json()
    return found


async def doubles(stage: Stage, body: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return [one for one in (await validate(stage, body, **more))["warnings"] if one["code"] == CODE]


async def refuse(stage: Stage) -> None:
    assert (await stage.caller.get("/workspace")).json()["duplicates"] == "warn"
    changed = await stage.caller.call("PATCH", "/workspace", json={"duplicates": "refuse"})
    assert (changed.status_code, changed.json()["duplicates"]) == (200, "refuse")


async def test_double_is_a_warning_that_names_the_earlier_post(stage: Stage, body: dict[str, Any]) -> None:
    assert await doubles(stage, body) == []
    post = (await create(stage, body)).json()
    await stage.run_all()
    item = (await stage.show(post["post_id"]))["items"][0]
    [warning] = await doubles(stage, body)
    assert warning["path"] == "/videos/0/targets/0"
    assert warning["earlier"] == {
        "post_id": post["post_id"], "item_id": item["id"], "account": f"bluesky:@{ACCOUNT}", "at": item["published_at"],
        "status": "published",
    }  # fmt: skip
    assert post["post_id"] in warning["message"]
    # The same bytes from another upload, and spaces, make no difference. Other words do.
    again = {"editId": await stage.caller.upload(stage.clip, "other.mp4"), "common": {"text": " First  light "}}
    target = {"connectionId": f"@{ACCOUNT}"}
    assert len(await doubles(stage, {"videos": [again | {"targets": [target]}]})) == 1
    assert await doubles(stage, {"videos": [again | {"common": {"text": "first light"}, "targets": [target]}]}) == []
    assert await doubles(stage, body, allow_duplicate=True) == []
    assert (await create(stage, body)).status_code == 201


async def test_scheduled_post_counts_at_its_time(stage: Stage, body: dict[str, Any]) -> None:
    post = (await create(stage, body, scheduled_at=at(100))).json()["post_id"]
    for hours, expected in ((51, 0), (53, 1), (147, 1), (149, 0)):
        assert len(await doubles(stage, body, scheduled_at=at(hours))) == expected, hours
    moved = at(200)
    await stage.caller.call("PATCH", f"/posts/{post}", json={"scheduled_at": moved})
    assert await doubles(stage, body, scheduled_at=at(147)) == []
    [warning] = await doubles(stage, body, scheduled_at=at(160))
    assert (warning["earlier"]["status"], warning["earlier"]["at"]) == ("pending", moved)
    await stage.caller.post(f"/posts/{post}/publish")
    assert len(await doubles(stage, body)) == 1
    await stage.run_all()
    clock.move(timedelta(hours=49))
    assert await doubles(stage, body) == []


async def test_failed_and_deleted_items_do_not_count(stage: Stage, body: dict[str, Any]) -> None:
    post = (await create(stage, body, scheduled_at=at(10))).json()["post_id"]
    assert len(await doubles(stage, body)) == 1
    await stage.caller.call("DELETE", f"/posts/{post}")
    assert await doubles(stage, body) == []
    await stage.sandbox.fault("bluesky", "put", "before", "status", status=400, body=REJECTED)
    failed = (await create(stage, body)).json()["post_id"]
    await stage.run_all()
    assert (await stage.show(failed))["status"] == "failed"
    assert await doubles(stage, body) == []


async def test_window_of_0_finds_nothing(stage: Stage, body: dict[str, Any]) -> None:
    await create(stage, body, scheduled_at=at(10))
    settings = stage.installation.settings
    object.__setattr__(stage.installation, "settings", settings.model_copy(update={"duplicate_window": timedelta()}))
    assert await doubles(stage, body) == []
    await refuse(stage)
    assert (await create(stage, body)).status_code == 201


async def test_refused_double_is_409_unless_it_is_allowed(stage: Stage, body: dict[str, Any]) -> None:
    await refuse(stage)
    first = (await create(stage, body, scheduled_at=at(10))).json()["post_id"]
    for headers in ({}, {"Idempotency-Key": "one"}):
        response = await stage.caller.post("/posts", body, headers=headers)
        assert (response.status_code, response.json()["code"]) == (409, CODE)
        [problem] = response.json()["errors"]
        assert (problem["path"], problem["earlier"]["post_id"]) == ("/videos/0/targets/0", first)
    checked = await validate(stage, body)
    assert (checked["valid"], [one["code"] for one in checked["errors"]]) == (False, [CODE])
    assert (await create(stage, body, allow_duplicate=True)).status_code == 201
    assert (await create(stage, body, scheduled_at=at(100))).status_code == 201


async def test_partial_post_leaves_its_refused_doubles_out(stage: Stage, body: dict[str, Any]) -> None:
    """The new items are created. Without one, the request is rejected as without `partial`."""
    await refuse(stage)
    first = (await create(stage, body, scheduled_at=at(10))).json()["post_id"]
    [video] = body["videos"]
    [target] = video["targets"]
    fresh = target | {"metadata": {"bluesky": {"text": "Second light"}}}
    lost = target | {"connectionId": "nobody"}
    other = {"editId": await stage.caller.upload(stage.clip), "targets": [fresh]}
    mixed = {"videos": [video, other, {"editId": other["editId"], "targets": [lost]}]}
    response = await stage.caller.post("/posts?partial=true", mixed)
    created = response.json()
    assert (response.status_code, created["item_count"]) == (201, 1)
    left_out = {(one["path"], one["code"], (one["earlier"] or {}).get("post_id")) for one in created["errors"]}
    assert left_out == {
        ("/videos/0/targets/0", CODE, first),
        ("/videos/2/targets/0/connectionId", "not_found", None),
    }
    [item] = (await stage.show(created["post_id"]))["items"]
    assert (item["edit_id"], item["metadata"]["bluesky"]["text"]) == (other["editId"], "Second light")
    refused = await stage.caller.post("/posts?partial=true", body)
    assert (refused.status_code, refused.json()["code"]) == (409, CODE)


async def test_targets_of_one_request_are_compared(stage: Stage, body: dict[str, Any]) -> None:
    second = body["videos"][0] | {"editId": await stage.caller.upload(stage.clip)}
    twice = {"videos": [body["videos"][0], second]}
    [warning] = await doubles(stage, twice)
    assert (warning["path"], warning["earlier"]) == ("/videos/1/targets/0", None)
    assert "/videos/0/targets/0" in warning["message"]
    await refuse(stage)
    assert (await create(stage, twice)).json()["code"] == CODE


@pytest.mark.parametrize("keys", [False, True])
async def test_of_equal_requests_at_once_one_is_refused(stage: Stage, body: dict[str, Any], keys: bool) -> None:
    await refuse(stage)
    responses = await asyncio.gather(
        *(
            stage.caller.post("/posts", body, headers={"Idempotency-Key": str(number)} if keys else {})
            for number in range(6)
        )
    )
    assert sorted(one.status_code for one in responses) == [201] + [409] * 5


async def test_changes_that_make_a_double_are_refused(stage: Stage, body: dict[str, Any]) -> None:
    await refuse(stage)
    await create(stage, body, scheduled_at=at(10))
    other = {"videos": [body["videos"][0] | {"targets": [{"connectionId": f"@{ACCOUNT}"}]}]}
    post = (await create(stage, other, scheduled_at=at(200))).json()["post_id"]
    item = (await stage.show(post))["items"][0]["id"]
    same = {"metadata": {"bluesky": TEXT}}
    # Other words at a near time, or the same words at a far time, are none.
    assert (await stage.caller.call("PATCH", f"/posts/{post}/items/{item}", json=same)).status_code == 200
    for method, path, change in (
        ("PATCH", f"/posts/{post}", {"scheduled_at": at(20)}),
        ("POST", f"/posts/{post}/publish", None),
    ):
        response = await stage.caller.call(method, path, json=change)
        assert (response.status_code, response.json()["code"]) == (409, CODE), path
    assert (await stage.show(post))["status"] == "pending"
    assert (await stage.caller.post(f"/posts/{post}/publish?allow_duplicate=true")).status_code == 200


async def test_retry_after_another_post_is_refused(stage: Stage, body: dict[str, Any]) -> None:
    await refuse(stage)
    await stage.sandbox.fault("bluesky", "put", "before", "status", status=400, body=REJECTED)
    failed = (await create(stage, body)).json()["post_id"]
    await stage.run_all()
    await stage.sandbox.clear_faults()
    item = (await stage.show(failed))["items"][0]["id"]
    assert (await create(stage, body)).status_code == 201
    for path in (f"/posts/{failed}/items/{item}/retry", f"/posts/{failed}/retry"):
        response = await stage.caller.post(path)
        assert (response.status_code, response.json()["code"]) == (409, CODE)
    assert (await stage.caller.post(f"/posts/{failed}/retry?allow_duplicate=true")).status_code == 202


@pytest.mark.parametrize(
    ("platform", "one", "other", "same"),
    [
        ("instagram", {"caption": "a"}, {"caption": "a", "mediaType": "REELS"}, True),
        ("instagram", {"mediaType": "REELS"}, {"mediaType": "STORIES"}, False),
        ("pinterest", {"boardId": "1", "title": "a"}, {"boardId": "2", "title": "a"}, False),
        ("youtube", {"title": "a", "privacyStatus": "public"}, {"title": "a", "privacyStatus": "private"}, True),
        ("youtube", {"title": "a", "description": "b"}, {"title": "ab"}, False),
        ("threads", {"text": "e\u0301"}, {"text": "é"}, True),
    ],
)
def test_words_and_place_count(platform: str, one: dict[str, Any], other: dict[str, Any], same: bool) -> None:
    model = PLATFORMS[platform].metadata
    first, second = (fingerprint_of("bytes", model.model_validate(each)) for each in (one, other))
    assert (first == second) == same
    assert first != fingerprint_of("other bytes", model.model_validate(one))


async def test_search_uses_its_index(database: Database) -> None:
    async with database.session() as session:
        await fill_table(session, Connection, 300)
        await fill_table(
            session, Item, 3000, connection_id=of_many, fingerprint=lambda row: row, goes_at=lambda _: clock.now()
        )
        plan = (await plan_of_hot(session, FIND)).splitlines()
    [line] = [one for one in plan if "ix_items_connection_id_fingerprint" in one]
    [condition] = [one for one in plan if "Index Cond" in one and "goes_at" in one]
    assert "fingerprint" in condition, line


async def test_items_without_a_checksum_are_no_doubles(stage: Stage, body: dict[str, Any]) -> None:
    executor, connection = stage.installation.database.hot_pool, uuid4()
    scope = Scope(UUID(stage.caller.workspace_id), clock.now(), stage.installation.settings)
    unknown = [Sent(path, connection, None) for path in ("/a", "/b")]
    assert await find_doubles(executor, unknown, scope) == []
    [problem] = await find_doubles(executor, [Sent("", connection, 7), Sent("", connection, 7)], scope)
    assert problem.message == "The same clip and words go to this account by another item of the post."
    async with stage.installation.database.begin() as session:
        await session.execute(text("UPDATE clips SET sha256 = NULL"))
    again = body["videos"][0] | {"editId": await stage.caller.upload(stage.clip, "other.mp4")}
    async with stage.installation.database.begin() as session:
        await session.execute(text("UPDATE clips SET sha256 = NULL"))
    assert await doubles(stage, {"videos": [*body["videos"], again]}) == []
