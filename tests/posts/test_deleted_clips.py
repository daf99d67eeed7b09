"""Races between deleting a clip and using it in a post: one of the two is rejected."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.database import Database
from clipcast.database.hot_queries import from_session
from clipcast.posts import service
from clipcast.renders import service as renders
from clipcast.testing.harness import Stage

YOUTUBE = {"youtube": {"title": "Tide"}}


@pytest.fixture
async def render(stage: Stage) -> dict[str, str]:
    edit = await stage.caller.upload(stage.clip)
    [made] = (await stage.caller.get("/renders")).json()["renders"]
    return {"edit": edit, "id": made["render_id"]}


async def body_of(stage: Stage, edit: str, **more: Any) -> dict[str, Any]:
    target = {"connectionId": await stage.connect("youtube"), "metadata": YOUTUBE}
    return {"videos": [{"editId": edit, "targets": [target]}]} | more


async def delete(session: AsyncSession, stage: Stage, render_id: str) -> None:
    """Delete the render, as the API and the page do, but do not commit it yet."""
    render = await renders.get_render(session, UUID(stage.caller.workspace_id), render_id, lock=True)
    await renders.delete_render(session, render)
    await session.flush()


async def until_waiting(database: Database, task: asyncio.Task[Any]) -> None:
    """Wait until another transaction waits for a lock that this test holds."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    while True:
        async with database.connect() as connection:
            if (await connection.execute(query)).scalar_one():
                return
        assert not task.done(), task.result()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "once"}])
async def test_post_with_a_clip_deleted_meanwhile_is_rejected(
    stage: Stage, render: dict[str, str], headers: dict[str, str]
) -> None:
    body = await body_of(stage, render["edit"])
    async with stage.installation.database.begin() as session:
        await delete(session, stage, render["id"])
        creating = asyncio.create_task(stage.caller.post("/posts", body, headers=headers))
        await until_waiting(stage.installation.database, creating)
    response = await creating
    assert response.status_code == 422, response.text
    assert [(e["path"], e["code"]) for e in response.json()["errors"]] == [("/videos/0/editId", "not_found")]
    assert (await stage.caller.get("/posts")).json()["posts"] == []


async def test_patch_to_a_clip_deleted_meanwhile_is_rejected(stage: Stage, render: dict[str, str]) -> None:
    other = await stage.caller.upload(stage.clip, "other.mp4")
    body = await body_of(stage, other, scheduled_at=(clock.now() + timedelta(days=1)).isoformat())
    post = (await stage.caller.post("/posts", body)).json()["post_id"]
    item = (await stage.item(post))["id"]
    async with stage.installation.database.begin() as session:
        await delete(session, stage, render["id"])
        change = {"items": [{"id": item, "editId": render["edit"]}]}
        editing = asyncio.create_task(stage.caller.call("PATCH", f"/posts/{post}", json=change))
        await until_waiting(stage.installation.database, editing)
    response = await editing
    assert response.status_code == 422, response.text
    assert [e["code"] for e in response.json()["errors"]] == ["not_found"]


async def test_clip_of_a_post_created_meanwhile_cannot_be_deleted(stage: Stage, render: dict[str, str]) -> None:
    body = await body_of(stage, render["edit"])
    workspace = UUID(stage.caller.workspace_id)
    async with stage.installation.database.begin() as session:
        await service.create_post(await from_session(session), workspace, body, stage.installation.settings)
        deleting = asyncio.create_task(stage.caller.call("DELETE", f"/renders/{render['id']}"))
        await until_waiting(stage.installation.database, deleting)
    response = await deleting
    assert (response.status_code, response.json()["code"]) == (409, "render_in_use")
    await stage.run_until_ended()
    assert len(await stage.sandbox.posts("youtube")) == 1
