"""Labels of posts in the API: made, renamed and deleted, and set on posts."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx2
from sqlalchemy import select

from clipcast.common.ids import new_id
from clipcast.database.models.audit import AuditEntry
from clipcast.posts import labels
from clipcast.posts.labels import OF_POST_MAX
from clipcast.testing.harness import Stage
from clipcast.workspaces.service import create_key


def problem(refused: httpx2.Response) -> tuple[int, str, str]:
    [only] = refused.json()["errors"]
    return refused.status_code, only["path"], only["code"]


async def test_labels_are_made_renamed_set_on_posts_and_deleted(stage: Stage, monkeypatch: Any) -> None:
    caller, account = stage.caller, await stage.connect("youtube")
    first, second = [await stage.post(account, "youtube", {"title": text}) for text in ("One", "Two")]
    winter = (await caller.post("/labels", {"name": " Winter  tide "})).json()
    assert winter["name"] == "Winter tide"
    for name, code in (("winter TIDE", "not_unique"), (" ", "too_short"), ("x" * 51, "too_long")):
        assert problem(await caller.post("/labels", {"name": name})) == (422, "/name", code), name
    # A list of names replaces those of the post, and makes new ones.
    on = f"/posts/{first}/labels"
    shown = (await caller.call("PUT", on, json={"labels": ["Teaser", "WINTER tide", "teaser"]})).json()["labels"]
    assert [one["name"] for one in shown] == ["Teaser", "Winter tide"]
    assert (await caller.get(on)).json()["labels"] == shown
    assert (await caller.get("/labels")).json()["labels"] == shown
    await caller.call("PUT", f"/posts/{second}/labels", json={"labels": ["Teaser"]})
    for label, found in ((shown[0], [second, first]), (winter, [first])):
        listed = (await caller.get("/posts", params={"label": label["id"]})).json()
        assert [one["post_id"] for one in listed["posts"]] == found
        assert listed["pagination"]["total_count"] == len(found)
    shown = (await caller.call("PUT", on, json={"labels": ["Winter tide"]})).json()["labels"]
    assert shown == [winter]
    own = f"/labels/{winter['id']}"
    renamed = (await caller.call("PATCH", own, json={"name": "WINTER"})).json()
    assert renamed == winter | {"name": "WINTER"}
    assert problem(await caller.call("PATCH", own, json={"name": "teaser"})) == (422, "/name", "not_unique")
    assert (await caller.call("PATCH", own, json={"name": "Winter"})).json()["name"] == "Winter"
    many = [f"L{number}" for number in range(OF_POST_MAX + 1)]
    assert problem(await caller.call("PUT", on, json={"labels": many})) == (422, "/labels", "too_long")
    monkeypatch.setattr(labels, "LABELS_MAX", 2)
    assert problem(await caller.call("PUT", on, json={"labels": ["Third"]})) == (422, "/labels", "too_many_labels")
    assert problem(await caller.post("/labels", {"name": "Third"})) == (422, "/name", "too_many_labels")
    assert [one["name"] for one in (await caller.get(on)).json()["labels"]] == ["Winter"]
    assert (await caller.call("DELETE", own)).status_code == 204
    assert (await caller.get(on)).json()["labels"] == []
    for method, path, body in (
        ("DELETE", own, None), ("PATCH", own, {"name": "x"}), ("GET", f"/posts?label={winter['id']}", None),
        ("GET", f"/posts/{new_id()}/labels", None), ("PUT", f"/posts/{new_id()}/labels", {"labels": []}),
    ):  # fmt: skip
        assert (await caller.call(method, path, json=body)).status_code == 404, path
    async with stage.installation.database.session() as session:
        query = select(AuditEntry.details).where(AuditEntry.action == "post.labelled").order_by(AuditEntry.id)
        changes = list(await session.scalars(query))
    assert changes[0] == {"on": ["Teaser", "Winter tide"], "off": []}
    assert changes[-1] == {"on": [], "off": ["Teaser"]}


async def test_key_of_some_clients_sets_labels_but_changes_none(stage: Stage) -> None:
    """A label is on posts that the key does not see."""
    caller, account = stage.caller, await stage.connect("youtube")
    client = (await caller.post("/clients", {"name": "Alba", "timezone": "UTC"})).json()["id"]
    await caller.call("PATCH", f"/connections/{account}", json={"client_id": client})
    mine, other = [
        await stage.post(one, "youtube", {"title": "Tide"})
        for one in (account, await stage.connect("youtube", "tidepool"))
    ]
    async with stage.installation.database.begin() as session:
        _, key = await create_key(session, "ours", [UUID(caller.workspace_id)], client_ids=[UUID(client)])
    limited = replace(caller, key=key)
    set_on = await limited.call("PUT", f"/posts/{mine}/labels", json={"labels": ["Ours"]})
    assert set_on.status_code == 200
    assert (await limited.call("PUT", f"/posts/{other}/labels", json={"labels": []})).status_code == 404
    own = f"/labels/{set_on.json()['labels'][0]['id']}"
    for refused in (await limited.call("PATCH", own, json={"name": "x"}), await limited.call("DELETE", own)):
        assert (refused.status_code, refused.json()["code"]) == (403, "limited_to_clients")
