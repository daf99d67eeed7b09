"""Clients by the API: names, colours, their accounts, and what stays when one is deleted."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.timestamps import format_timestamp
from clipcast.testing.harness import Caller, Stage

ALBA = {"name": "Alba Skincare", "timezone": "Europe/Lisbon"}


async def make(caller: Caller, **fields: Any) -> dict[str, Any]:
    response = await caller.post("/clients", ALBA | fields)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"name": " \t\n "}, "/name", "too_short"),
        ({"name": "x" * 61}, "/name", "too_long"),
        ({"name": "x" * 200}, "/name", "too_long"),
        ({"name": "\u202e\u0007"}, "/name", "too_short"),
        ({"name": 7}, "/name", "wrong_type"),
        ({"timezone": "Europe/Lisboa"}, "/timezone", "unknown_timezone"),
        ({"timezone": "right/UTC"}, "/timezone", "unknown_timezone"),
        ({"timezone": ""}, "/timezone", "unknown_timezone"),
        ({"color": 0}, "/color", "too_small"),
        ({"color": 13}, "/color", "too_large"),
        ({"colour": 1}, "/colour", "unknown_field"),
    ],
)
async def test_client_with_an_unusable_field_is_rejected(
    caller: Caller, fields: dict[str, Any], path: str, code: str
) -> None:
    response = await caller.post("/clients", ALBA | fields)
    assert response.status_code == 422, response.text
    assert [(one["path"], one["code"]) for one in response.json()["errors"]] == [(path, code)]
    made = await make(caller)
    changed = await caller.call("PATCH", f"/clients/{made['id']}", json=fields)
    assert [(one["path"], one["code"]) for one in changed.json()["errors"]] == [(path, code)]


async def test_name_is_cleaned_and_stays_in_every_script(caller: Caller) -> None:
    names = ["x" * 60, "شركة الفجر للتجميل", "👩‍🍳 Küche", "<b>Alba</b> & Söhne", "a\u0308"]
    for name in names:
        await make(caller, name=f"  {name} ")
    listed = (await caller.get("/clients", params={"limit": 100})).json()["clients"]
    assert {one["name"] for one in listed} == {*names[:4], "ä"}
    assert (await make(caller, name="Two   words\there"))["name"] == "Two words here"


async def test_two_clients_never_share_a_name_whatever_its_case(caller: Caller) -> None:
    """Also not if two requests arrive together, or one client is renamed."""
    first = await make(caller, name="STRASSE")
    for other in ("strasse", "Straße", "ＳＴＲＡＳＳＥ"):
        response = await caller.post("/clients", ALBA | {"name": other})
        assert [(one["path"], one["code"]) for one in response.json()["errors"]] == [("/name", "not_unique")]
    second = await make(caller, name="Other")
    taken = await caller.call("PATCH", f"/clients/{second['id']}", json={"name": "strasse"})
    assert taken.status_code == 422
    own = await caller.call("PATCH", f"/clients/{first['id']}", json={"name": "Strasse"})
    assert own.json()["name"] == "Strasse"
    both = await asyncio.gather(*(caller.post("/clients", ALBA | {"name": name}) for name in ("Twin", "TWIN")))
    assert sorted(one.status_code for one in both) == [201, 422]


async def test_colours_are_spread_over_clients(caller: Caller) -> None:
    made = [await make(caller, name=f"Client {number:02}") for number in range(13)]
    assert sorted(one["color"] for one in made[:12]) == list(range(1, 13))
    assert made[12]["color"] == 1
    page = (await caller.get("/clients", params={"limit": 5, "page": 2})).json()
    assert [one["name"] for one in page["clients"]] == [f"Client {number:02}" for number in range(5, 10)]
    assert page["pagination"]["total_count"] == 13


async def test_accounts_belong_to_a_client_until_it_is_deleted(stage: Stage) -> None:
    """Lists filter by client; a post over two clients has none; the accounts and the post outlive their client."""
    caller = stage.caller
    youtube, tiktok = await stage.connect("youtube"), await stage.connect("tiktok")
    alba, other = await make(caller), await make(caller, name="Other")
    moved = await caller.call("PATCH", f"/connections/{youtube}", json={"client_id": alba["id"]})
    assert moved.json()["client_id"] == alba["id"]
    assert (await caller.get(f"/clients/{alba['id']}")).json()["account_count"] == 1

    async def listed(path: str, name: str, client: str) -> list[str]:
        found = (await caller.get(path, params={"client": client})).json()[path.strip("/")]
        return [one[name] for one in found]

    assert await listed("/connections", "id", alba["id"]) == [youtube]
    assert await listed("/connections", "id", "none") == [tiktok]
    edit = await caller.upload(stage.clip)
    targets = [
        {"connectionId": youtube, "metadata": {"youtube": {"title": "Tide"}}},
        {"connectionId": tiktok, "metadata": {"tiktok": {"privacyLevel": "SELF_ONLY"}}},
    ]
    at = format_timestamp(clock.now() + timedelta(days=1))
    body = {"videos": [{"editId": edit, "targets": targets[:1]}], "scheduled_at": at}
    one = (await caller.post("/posts", body)).json()["post_id"]
    body["videos"] = [{"editId": edit, "targets": targets}]
    two = (await caller.post("/posts", body)).json()["post_id"]
    assert (await stage.show(one))["client_id"] == alba["id"]
    assert (await stage.show(two))["client_id"] is None
    assert await listed("/posts", "post_id", alba["id"]) == [two, one]
    assert await listed("/posts", "client_id", alba["id"]) == [None, alba["id"]]
    assert await listed("/posts", "post_id", other["id"]) == []
    await caller.call("PATCH", f"/connections/{tiktok}", json={"client_id": alba["id"]})
    assert (await stage.show(two))["client_id"] == alba["id"]

    assert (await caller.call("DELETE", f"/clients/{alba['id']}")).status_code == 204
    assert (await caller.get(f"/connections/{youtube}")).json()["client_id"] is None
    assert (await stage.show(one))["client_id"] is None
    assert (await caller.get(f"/clients/{alba['id']}")).status_code == 404
    async with stage.installation.database.session() as session:
        query = text("SELECT action, subject FROM audit_entries WHERE action LIKE 'cl%' OR action LIKE '%assigned'")
        actions = [tuple(row) for row in await session.execute(query)]
    assert ("client.deleted", "Alba Skincare") in actions
    assert ("connection.assigned", "YouTube @harbour.films") in actions


async def test_nothing_of_another_workspace_can_be_named(stage: Stage) -> None:
    stranger = await Caller.create(stage.installation, stage.caller.http, "Other")
    theirs = await make(stranger)
    account = await stage.connect("youtube")
    path = f"/connections/{account}"
    for wrong in (theirs["id"], str(new_id()), "nonsense"):
        assert (await stage.caller.call("PATCH", path, json={"client_id": wrong})).status_code == 404
    assert (await stranger.call("PATCH", path, json={"client_id": theirs["id"]})).status_code == 404
    assert (await stage.caller.call("PATCH", path, json={})).status_code == 422
    for method in ("GET", "DELETE"):
        assert (await stage.caller.call(method, f"/clients/{theirs['id']}")).status_code == 404
    assert (await stage.caller.get("/clients")).json()["clients"] == []


async def test_key_that_only_reads_changes_no_client(stage: Stage) -> None:
    reader = await Caller.create(stage.installation, stage.caller.http, "Reader", ("connections:read",))
    assert (await reader.get("/clients")).status_code == 200
    assert (await reader.post("/clients", ALBA)).status_code == 403


async def test_review_links_of_a_deleted_client_are_revoked(stage: Stage) -> None:
    """Without its client, a link would show the posts of all."""
    client = await make(stage.caller)
    made = await stage.caller.post("/review-links", {"name": "Alba", "client_id": client["id"]})
    kept = await stage.caller.post("/review-links", {"name": "All"})
    path = made.json()["url"].removeprefix(stage.installation.settings.public_base)
    assert (await stage.caller.http.get(path)).status_code == 200
    assert (await stage.caller.call("DELETE", f"/clients/{client['id']}")).status_code == 204
    assert (await stage.caller.http.get(path)).status_code == 404
    listed = (await stage.caller.get("/review-links")).json()["links"]
    assert [one["id"] for one in listed] == [kept.json()["id"]]
