"""The audit log records the actions of users and keys, and only those that took effect."""

from uuid import UUID

from clipcast.audit.service import list_entries
from clipcast.testing.harness import Stage, some_day

TIKTOK = {"title": "x", "privacyLevel": "SELF_ONLY"}


async def actions(stage: Stage) -> list[tuple[str, str, str]]:
    async with stage.installation.database.session() as session:
        entries, total = await list_entries(session, UUID(stage.caller.workspace_id), 0, 50)
    assert total == len(entries)
    return [(entry.actor_kind, entry.actor_name, entry.action) for entry in entries]


async def test_actions_of_a_key_are_logged_with_its_name(stage: Stage) -> None:
    connection = await stage.connect("tiktok")
    edit = await stage.caller.upload(stage.clip)
    target = {"connectionId": connection, "metadata": {"tiktok": TIKTOK}}
    body = {"videos": [{"editId": edit, "targets": [target]}], "scheduled_at": f"{some_day()}T00:00:00Z"}
    post = (await stage.caller.post("/posts", body)).json()["post_id"]
    moved = {"scheduled_at": f"{some_day(1)}T00:00:00Z"}
    assert (await stage.caller.call("PATCH", f"/posts/{post}", json=moved)).status_code == 200
    assert (await stage.caller.call("DELETE", f"/posts/{post}")).status_code == 204
    assert await actions(stage) == [
        ("key", "test", "post.deleted"),
        ("key", "test", "post.updated"),
        ("key", "test", "post.created"),
        ("link", "clipcast connect", "connection.connected"),
    ]


async def test_rejected_requests_are_not_logged(stage: Stage) -> None:
    connection = await stage.connect("tiktok")
    before = await actions(stage)
    assert (await stage.caller.post("/posts", {"videos": []})).status_code == 422
    assert (await stage.caller.call("DELETE", f"/posts/{connection}")).status_code == 404
    post = await stage.post(connection, "tiktok", TIKTOK)
    assert (await stage.caller.call("PATCH", f"/posts/{post}", json={"scheduled_at": None})).status_code == 409
    assert await actions(stage) == [("key", "test", "post.created"), *before]


async def test_request_repeated_by_idempotency_key_is_logged_once(stage: Stage) -> None:
    connection = await stage.connect("tiktok")
    edit = await stage.caller.upload(stage.clip)
    target = {"connectionId": connection, "metadata": {"tiktok": TIKTOK}}
    body = {"videos": [{"editId": edit, "targets": [target]}]}
    for _ in range(2):
        response = await stage.caller.post("/posts", body, headers={"Idempotency-Key": "once"})
        assert response.status_code == 201
    assert [action for _, _, action in await actions(stage)].count("post.created") == 1
