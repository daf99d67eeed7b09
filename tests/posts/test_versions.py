"""Versions of posts and items: a stale change with If-Match is rejected."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from clipcast.clock import clock
from clipcast.testing.harness import Stage

YOUTUBE = {"title": "Tide"}


def in_days(days: float) -> str:
    return (clock.now() + timedelta(days=days)).isoformat()


@pytest.fixture
async def scheduled(stage: Stage) -> str:
    """Create a post of two items, due in three days."""
    edit = await stage.caller.upload(stage.clip)
    targets = [
        {"connectionId": await stage.connect("youtube", name), "metadata": {"youtube": YOUTUBE}}
        for name in ("harbour.films", "tidepool")
    ]
    body = {"videos": [{"editId": edit, "targets": targets}], "scheduled_at": in_days(3)}
    created = await stage.caller.post("/posts", body)
    assert created.headers["etag"] == '"1"'
    return str(created.json()["post_id"])


def titled(item: dict[str, Any], title: str) -> dict[str, Any]:
    return {"items": [{"id": item["id"], "metadata": {"youtube": {"title": title}}}]}


async def call(stage: Stage, method: str, path: str, tag: str | None = None, body: Any = None) -> httpx2.Response:
    headers = {"If-Match": tag} if tag else {}
    return await stage.caller.call(method, path, json=body, headers=headers)


async def test_post_version_counts_edits_and_is_its_etag(stage: Stage, scheduled: str) -> None:
    path = f"/posts/{scheduled}"
    read = await stage.caller.get(path)
    first, second = read.json()["items"]
    assert (read.json()["version"], read.headers["etag"], read.headers["cache-control"]) == (1, '"1"', "no-store")
    edited = await call(stage, "PATCH", path, read.headers["etag"], titled(first, "Ebb"))
    assert (edited.status_code, edited.json()["version"], edited.headers["etag"]) == (200, 2, '"2"')
    assert [item["version"] for item in edited.json()["items"]] == [2, 1]
    # What changes nothing is no new version.
    for body in ({}, titled(first, "Ebb"), {"scheduled_at": edited.json()["scheduled_at"]}):
        assert (await call(stage, "PATCH", path, '"2"', body)).headers["etag"] == '"2"', body
    moved = await call(stage, "PATCH", path, '"2"', {"scheduled_at": in_days(4)})
    assert (moved.headers["etag"], [item["version"] for item in moved.json()["items"]]) == ('"3"', [2, 1])
    assert (await call(stage, "DELETE", f"{path}/items/{second['id']}", '"1"')).status_code == 204
    assert (await stage.caller.get(path)).headers["etag"] == '"4"'
    assert [post["version"] for post in (await stage.caller.get("/posts")).json()["posts"]] == [4]
    started = await call(stage, "POST", f"{path}/publish", '"4"')
    assert (started.status_code, started.headers["etag"]) == (200, '"5"')
    # Publishing is no edit.
    await stage.run_until_ended()
    ended = await stage.caller.get(path)
    assert (ended.json()["status"], ended.headers["etag"]) == ("completed", '"5"')


async def test_stale_patch_returns_412_and_changes_nothing(stage: Stage, scheduled: str) -> None:
    path = f"/posts/{scheduled}"
    first, second = (await stage.show(scheduled))["items"]
    assert (await call(stage, "PATCH", path, '"1"', titled(first, "Ebb"))).status_code == 200
    before = await stage.show(scheduled)
    stale = await call(stage, "PATCH", path, '"1"', titled(second, "Spring tide"))
    problem = stale.json()
    assert (stale.status_code, stale.headers["content-type"]) == (412, "application/problem+json")
    assert (problem["code"], problem["version"], stale.headers["etag"]) == ("version_mismatch", 2, '"2"')
    assert "its version is 2" in problem["detail"]
    assert problem["fix"].startswith("Read the post again")
    for method, what in (("POST", "/publish"), ("DELETE", "")):
        assert (await call(stage, method, path + what, '"1"')).status_code == 412, what
    assert await stage.show(scheduled) == before
    # Without a condition, the last edit wins as it always did.
    assert (await call(stage, "PATCH", path, None, titled(second, "Spring tide"))).status_code == 200


async def test_concurrent_patches_of_one_version_succeed_once(stage: Stage, scheduled: str) -> None:
    first, _ = (await stage.show(scheduled))["items"]
    responses = await asyncio.gather(
        *(call(stage, "PATCH", f"/posts/{scheduled}", '"1"', titled(first, f"Ebb {n}")) for n in range(4))
    )
    assert sorted(response.status_code for response in responses) == [200, 412, 412, 412]


async def test_items_have_versions_of_their_own(stage: Stage, scheduled: str) -> None:
    """Accept changes of different items by two callers."""
    path = f"/posts/{scheduled}"
    first, second = [item["id"] for item in (await stage.show(scheduled))["items"]]
    read = await stage.caller.get(f"{path}/items/{first}")
    assert (read.status_code, read.json()["id"], read.headers["etag"]) == (200, first, '"1"')
    ebb, flood = ({"metadata": {"youtube": {"title": title}}} for title in ("Ebb", "Flood"))
    assert (await call(stage, "PATCH", f"{path}/items/{first}", '"1"', ebb)).headers["etag"] == '"2"'
    edited = await call(stage, "PATCH", f"{path}/items/{second}", '"1"', flood)
    assert (edited.status_code, edited.json()["metadata"]) == (200, flood["metadata"])
    stale = await call(stage, "PATCH", f"{path}/items/{first}", '"1"', flood)
    assert (stale.status_code, stale.json()["version"]) == (412, 2)
    assert (await call(stage, "DELETE", f"{path}/items/{first}", '"1"')).status_code == 412
    post = await stage.caller.get(path)
    assert post.headers["etag"] == '"3"'
    assert [item["metadata"]["youtube"]["title"] for item in post.json()["items"]] == ["Ebb", "Flood"]


async def test_problems_of_an_item_edit_name_its_fields(stage: Stage, scheduled: str) -> None:
    path = f"/posts/{scheduled}/items"
    first, second = (await stage.show(scheduled))["items"]
    for change, found in (
        ({"metadata": {"youtube": {"title": ""}}}, ["/metadata/youtube/title"]),
        ({"editId": "none"}, ["/editId"]),
        ({"connectionId": second["connection_id"]}, [""]),
        ({"scheduled_at": None}, ["/scheduled_at"]),
    ):
        response = await call(stage, "PATCH", f"{path}/{first['id']}", None, change)
        assert response.status_code == 422, change
        assert [problem["path"] for problem in response.json()["errors"]] == found
    assert (await call(stage, "PATCH", f"{path}/nobody", None, {})).status_code == 404
    assert (await stage.caller.get(f"{path}/nobody")).status_code == 404


async def test_if_match_is_checked_after_the_state_and_before_the_content(stage: Stage, scheduled: str) -> None:
    """Check If-Match in the order of RFC 9110, section 13.2.1."""
    path = f"/posts/{scheduled}"
    wrong = {"items": [{"id": "nobody"}]}
    assert (await call(stage, "PATCH", path, '"7"', wrong)).status_code == 412
    assert (await call(stage, "PATCH", path, "7", wrong)).json()["code"] == "if_match_invalid"
    assert (await call(stage, "PATCH", "/posts/nobody", '"7"', wrong)).status_code == 404
    await call(stage, "POST", f"{path}/publish", "*")
    assert (await call(stage, "PATCH", path, '"7"', {})).json()["code"] == "post_not_editable"


async def test_retry_checks_if_match(stage: Stage) -> None:
    connection = await stage.connect("tiktok")
    await stage.sandbox.change_account("tiktok", banned=True)
    post_id = await stage.post(connection, "tiktok", {"privacyLevel": "SELF_ONLY"})
    await stage.run_until_ended()
    item = (await stage.item(post_id))["id"]
    for path in (f"/posts/{post_id}/retry", f"/posts/{post_id}/items/{item}/retry"):
        assert (await call(stage, "POST", path, '"2"')).status_code == 412, path
    response = await call(stage, "POST", f"/posts/{post_id}/items/{item}/retry", '"1"')
    assert (response.status_code, response.headers["etag"]) == (202, '"1"')
