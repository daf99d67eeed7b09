"""A PATCH that changes nothing leaves the row, its version and the audit log as they are."""

from typing import Any

import pytest
from sqlalchemy import func, select

from clipcast.database.models.audit import AuditEntry
from clipcast.testing.harness import Stage, some_day

YOUTUBE = {"title": "Tide"}


async def entries(stage: Stage) -> int:
    async with stage.installation.database.session() as session:
        return int(await session.scalar(select(func.count()).select_from(AuditEntry)) or 0)


async def test_patch_of_a_post_or_item_that_changes_nothing_leaves_it(stage: Stage) -> None:
    connection = await stage.connect("youtube")
    edit = await stage.caller.upload(stage.clip)
    target = {"connectionId": connection, "metadata": {"youtube": YOUTUBE}}
    body = {"videos": [{"editId": edit, "targets": [target]}], "scheduled_at": f"{some_day()}T18:00:00Z"}
    post_id = (await stage.caller.post("/posts", body)).json()["post_id"]
    before, logged = await stage.show(post_id), await entries(stage)
    item = before["items"][0]["id"]
    same = {"metadata": {"youtube": YOUTUBE}}
    for path, change in (
        (f"/posts/{post_id}", {}),
        (f"/posts/{post_id}", {"items": [{"id": item}]}),
        (f"/posts/{post_id}", {"items": [{"id": item} | same]}),
        (f"/posts/{post_id}/items/{item}", {}),
        (f"/posts/{post_id}/items/{item}", same),
    ):
        response = await stage.caller.call("PATCH", path, json=change)
        assert response.status_code == 200, response.text
        assert await stage.show(post_id) == before
    assert await entries(stage) == logged


@pytest.mark.parametrize(
    ("path", "body", "same"),
    [
        ("/webhooks", {"url": "https://hooks.example.org/x"}, {"url": "https://hooks.example.org/x", "enabled": True}),
        ("/templates", {"name": "Wide", "edit": {"speed": 2}}, {"name": "Wide", "edit": {"speed": 2}}),
    ],
)
async def test_patch_of_a_webhook_or_template_that_changes_nothing_leaves_it(
    stage: Stage, path: str, body: dict[str, Any], same: dict[str, Any]
) -> None:
    response = await stage.caller.post(path, body)
    assert response.status_code == 201, response.text
    made, logged = response.json(), await entries(stage)
    own, before = f"{path}/{made['id']}", {name: value for name, value in made.items() if name != "secret"}
    for change in ({}, same):
        patched = await stage.caller.call("PATCH", own, json=change)
        assert (patched.status_code, patched.json()) == (200, before), patched.text
    assert await entries(stage) == logged


async def test_patch_of_the_workspace_records_what_differs_alone(stage: Stage) -> None:
    before = await entries(stage)
    for change, number in (({}, 0), ({"duplicates": "warn"}, 0), ({"duplicates": "refuse", "conform": "auto"}, 1)):
        assert (await stage.caller.call("PATCH", "/workspace", json=change)).status_code == 200
        assert await entries(stage) - before == number
    async with stage.installation.database.session() as session:
        entry = (await session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1))).one()
    assert (entry.action, entry.details) == ("workspace.changed", {"duplicates": "refuse"})
