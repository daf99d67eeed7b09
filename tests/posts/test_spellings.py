"""Alternative spellings of a post's fields, and their errors."""

from typing import Any

import pytest

from clipcast.testing.harness import Stage, some_day

METADATA = {"title": "Tide"}


async def body_of(stage: Stage, edit: str = "editId", connection: str = "connectionId") -> dict[str, Any]:
    target = {connection: await stage.connect("youtube"), "metadata": {"youtube": METADATA}}
    return {"videos": [{edit: await stage.caller.upload(stage.clip), "targets": [target]}]}


def codes(response: Any) -> list[tuple[str, str]]:
    assert response.status_code == 422, response.text
    return [(problem["path"], problem["code"]) for problem in response.json()["errors"]]


async def test_snake_case_names_create_the_same_post(stage: Stage) -> None:
    created = await stage.caller.post("/posts", await body_of(stage, "edit_id", "connection_id"))
    assert created.status_code == 201, created.text
    assert (await stage.caller.post("/posts/validate", await body_of(stage, "edit_id"))).json()["valid"]


async def test_two_spellings_of_one_field_are_an_error(stage: Stage) -> None:
    body = await body_of(stage)
    video = body["videos"][0]
    video["edit_id"] = video["editId"]
    video["targets"][0]["connection_id"] = "other"
    assert codes(await stage.caller.post("/posts", body)) == [
        ("/videos/0/edit_id", "ambiguous_field"),
        ("/videos/0/targets/0/connection_id", "ambiguous_field"),
    ]


async def test_local_time_with_a_timezone_is_scheduled(stage: Stage) -> None:
    body = await body_of(stage) | {"scheduled_at": f"{some_day()}T09:00", "timezone": "Asia/Tokyo"}
    created = await stage.caller.post("/posts", body)
    assert created.status_code == 201, created.text
    assert created.json()["scheduled_at"] == f"{some_day()}T00:00:00.000Z"
    change = {"scheduled_at": f"{some_day(1)}T21:00:00", "timezone": "Asia/Tokyo"}
    moved = await stage.caller.call("PATCH", f"/posts/{created.json()['post_id']}", json=change)
    assert moved.json()["scheduled_at"] == f"{some_day(1)}T12:00:00.000Z"


async def test_wrong_time_and_unknown_zone_are_both_reported(stage: Stage) -> None:
    body = await body_of(stage) | {"timezone": "Tokyo", "scheduled_at": "2027-02-30 10:00"}
    expected = [("/timezone", "unknown_timezone"), ("/scheduled_at", "invalid_time")]
    assert codes(await stage.caller.post("/posts", body)) == expected


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"timezone": "Asia/Tokyo"}, ("/timezone", "scheduled_at_missing")),
        ({"timezone": "Asia/Tokyo", "scheduled_at": None}, ("/timezone", "scheduled_at_missing")),
        ({"timezone": "Tokyo", "scheduled_at": "2099-01-01T00:00"}, ("/timezone", "unknown_timezone")),
        ({"timezone": 9, "scheduled_at": "2099-01-01T00:00"}, ("/timezone", "unknown_timezone")),
        ({"timezone": "Europe/Berlin", "scheduled_at": "2027-03-28T02:30"}, ("/scheduled_at", "local_time_missing")),
        ({"timezone": "Europe/Berlin", "scheduled_at": "2027-10-31T02:30"}, ("/scheduled_at", "local_time_ambiguous")),
        ({"timezone": "Europe/Berlin", "scheduled_at": "soon"}, ("/scheduled_at", "invalid_time")),
        ({"scheduled_at": "2027-10-31T02:30"}, ("/scheduled_at", "offset_missing")),
    ],
)
async def test_timezone_without_a_usable_time_is_an_error(
    stage: Stage, said: dict[str, Any], found: tuple[str, str]
) -> None:
    body = await body_of(stage) | said
    for path in ("/posts", "/posts?partial=true"):
        assert codes(await stage.caller.post(path, body)) == [found]
    [problem] = (await stage.caller.post("/posts/validate", body)).json()["errors"]
    assert problem["actual"] in (None, str(said.get(found[0][1:])))
    post = await stage.caller.post("/posts", await body_of(stage) | {"scheduled_at": f"{some_day()}T09:00:00Z"})
    path = f"/posts/{post.json()['post_id']}"
    assert codes(await stage.caller.call("PATCH", path, json=said)) == [found]
    assert (await stage.caller.get(path)).json()["status"] == "pending"
