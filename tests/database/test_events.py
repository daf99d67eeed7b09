"""Events that triggers write: each change that somebody listens for, in its own statement, and no other one."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete, text, update

from clipcast.clock import clock
from clipcast.database.models.connections import Connection
from clipcast.database.models.events import Webhook
from clipcast.database.models.jobs import Job
from clipcast.database.models.posts import Item
from clipcast.database.models.workspaces import Workspace
from clipcast.jobs.dead_letter import CRASHES_MAX
from clipcast.jobs.workers import reclaim_expired
from clipcast.testing.harness import Stage, some_day
from tests.database.listeners import listen, written, written_facts

METADATA = {"description": "Tide"}


async def types(stage: Stage) -> list[str]:
    return [event.type for event in await written(stage.installation.database)]


async def test_item_is_told_when_it_is_published_and_when_it_fails(stage: Stage) -> None:
    connection = await stage.connect("facebook")
    await listen(stage.installation.database, stage.caller.workspace_id)
    post_id = await stage.post(connection, "facebook", METADATA)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    [(kind, facts)] = await written_facts(stage.installation.database)
    names = ("edit_id", "connection_id", "platform", "status", "error", "platform_post_id", "platform_post_url")
    assert kind == "item.published"
    assert facts == {name: item[name] for name in (*names, "published_at")} | {
        "item_id": item["id"], "post_id": post_id
    }  # fmt: skip
    [event] = await written(stage.installation.database)
    assert (str(event.item_id), str(event.subject_id), str(event.post_id)) == (item["id"], item["id"], post_id)
    async with stage.installation.database.begin() as session:
        await session.execute(update(Item).values(status="failed", error={"class": "invalid", "code": "too_long"}))
        await session.execute(update(Item).values(progress=3))
    assert await types(stage) == ["item.published", "item.failed"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"class": "outcome_unknown", "code": "outcome_unknown"}, "outcome_unknown"),
        ({"class": "transient", "code": "missed_schedule"}, "missed_schedule"),
    ],
)
async def test_failed_item_that_needs_a_person_is_told_twice(stage: Stage, error: dict[str, str], reason: str) -> None:
    await stage.post(await stage.connect("facebook"), "facebook", METADATA)
    await listen(stage.installation.database, stage.caller.workspace_id)
    async with stage.installation.database.begin() as session:
        await session.execute(update(Item).values(status="failed", error=error))
    [failed, action] = await written_facts(stage.installation.database)
    assert (failed[0], action[0]) == ("item.failed", "item.needs_action")
    assert action[1] == failed[1] | {"reason": reason}


async def test_item_that_waits_for_its_owner_is_told_with_its_connection(stage: Stage) -> None:
    connection = await stage.connect("facebook")
    await stage.sandbox.change_account("facebook", revoked=True)
    await listen(stage.installation.database, stage.caller.workspace_id)
    await stage.post(connection, "facebook", METADATA)
    await stage.worker.run_due()
    [(first, lost), (second, waits)] = await written_facts(stage.installation.database)
    assert (first, lost["connection_id"], lost["status"]) == ("connection.needs_reconnect", connection, first[11:])
    assert (second, waits["reason"], waits["status"]) == ("item.needs_action", "reconnect", "processing")
    assert waits["error"]["class"] == "reconnect"


async def test_used_up_quota_is_told_once_a_day_for_each_account(stage: Stage) -> None:
    connection = await stage.connect("facebook")
    await listen(stage.installation.database, stage.caller.workspace_id)
    posts = [await stage.post(connection, "facebook", METADATA) for _ in range(3)]
    spent = {"class": "rate_limited", "code": "quota_spent"}
    for post_id, day in zip(posts, (0, 0, 1), strict=True):
        async with stage.installation.database.begin() as session:
            at = clock.now() + timedelta(days=day)
            of_post = update(Item).where(Item.post_id == UUID(post_id))
            await session.execute(of_post.values(error=spent, updated_at=at))
            await session.execute(of_post.values(error=spent, progress=1, updated_at=at))
    assert await types(stage) == ["quota.exhausted"] * 2


async def test_post_is_told_when_it_is_scheduled_changed_and_deleted(stage: Stage) -> None:
    connection = await stage.connect("facebook")
    edit = await stage.caller.upload(stage.clip)
    await listen(stage.installation.database, stage.caller.workspace_id)
    body = {
        "videos": [{"editId": edit, "targets": [{"connectionId": connection, "metadata": {"facebook": METADATA}}]}],
        "scheduled_at": f"{some_day()}T18:00:00Z",
    }
    post_id = (await stage.caller.post("/posts", body)).json()["post_id"]
    await stage.caller.call("PATCH", f"/posts/{post_id}", json={"scheduled_at": f"{some_day(1)}T18:00:00Z"})
    await stage.caller.call("DELETE", f"/posts/{post_id}")
    found = await written_facts(stage.installation.database)
    assert [kind for kind, _ in found] == ["post.scheduled", "post.updated", "post.scheduled", "post.deleted"]
    assert found[0][1] == {"post_id": post_id, "scheduled_at": f"{some_day()}T18:00:00.000Z", "version": 1}
    assert found[3][1] == {"post_id": post_id, "scheduled_at": f"{some_day(1)}T18:00:00.000Z", "version": 2}


async def test_connection_is_told_when_it_is_connected_and_removed_but_not_when_it_is_paused(stage: Stage) -> None:
    await listen(stage.installation.database, stage.caller.workspace_id)
    connection = await stage.connect("facebook")
    async with stage.installation.database.begin() as session:
        for values in (
            {"status": "disabled"},
            {"status": "active"},
            {"status": "needs_reconnect", "status_reason": "Expired."},
            {"status": "active", "status_reason": None},
            {"status": "disabled", "removed_at": clock.now()},
        ):
            await session.execute(update(Connection).values(**values))
    assert await stage.connect("facebook") == connection
    found = await written_facts(stage.installation.database)
    assert [kind.removeprefix("connection.") for kind, _ in found] == [
        "connected", "needs_reconnect", "connected", "removed", "connected"
    ]  # fmt: skip
    assert {facts["connection_id"] for _, facts in found} == {connection}
    assert found[1][1]["reason"] == "Expired."


async def test_render_is_told_when_its_file_exists_whoever_ordered_it_first(stage: Stage) -> None:
    await stage.caller.upload(stage.clip)
    await listen(stage.installation.database, stage.caller.workspace_id)
    [video] = (await stage.caller.get("/renders")).json()["renders"]
    edit = {"video_id": video["video_id"], "trim": {"start": 0, "end": 2}}
    first = (await stage.caller.post("/renders", edit)).json()["render_id"]
    await stage.renderer.run_due()
    second_video = (await stage.caller.get(f"/renders/{first}")).json()
    assert second_video["status"] == "completed"
    async with stage.installation.database.begin() as session:
        await session.execute(text("UPDATE renditions SET status = 'failed', error = '{\"code\": \"x\"}'"))
    found = await written_facts(stage.installation.database)
    assert [(kind, facts["render_id"]) for kind, facts in found] == [
        ("render.completed", first), ("render.failed", first)
    ]  # fmt: skip
    assert (found[1][1]["status"], found[1][1]["error"]) == ("failed", {"code": "x"})


async def test_dead_job_is_told_with_its_item_and_error(stage: Stage) -> None:
    post_id = await stage.post(await stage.connect("facebook"), "facebook", METADATA)
    await listen(stage.installation.database, stage.caller.workspace_id)
    [job] = await stage.claim(1)
    async with stage.installation.database.begin() as session:
        await session.execute(update(Job).values(crash_count=CRASHES_MAX - 1))
    await reclaim_expired(stage.installation.database, job.lease.worker.id)
    found = dict(await written_facts(stage.installation.database))
    assert set(found) == {"item.failed", "job.dead"}
    dead = found["job.dead"]
    assert (dead["job_id"], dead["kind"], dead["post_id"]) == (str(job.id), "publish", post_id)
    assert dead["error"]["code"] == "run_kills_worker"


async def test_failing_webhook_is_told_before_and_when_it_is_disabled(stage: Stage) -> None:
    workspace_id = UUID(stage.caller.workspace_id)
    await listen(stage.installation.database, stage.caller.workspace_id)
    now = clock.now()
    async with stage.installation.database.begin() as session:
        session.add(Webhook(workspace_id=workspace_id, url="https://a.example:8443/in?token=x", secret=b""))
        await session.flush()
        for values in (
            {"warned_at": now, "failing_since": now},
            {"disabled_at": now, "disabled_reason": "failures"},
            {"disabled_at": None, "disabled_reason": None, "warned_at": None},
            {"disabled_at": now, "disabled_reason": "by_person"},
        ):
            await session.execute(update(Webhook).values(**values))
    [(first, warned), (second, disabled)] = await written_facts(stage.installation.database)
    assert (first, second) == ("webhook.failing", "webhook.disabled")
    assert (warned["host"], warned["reason"], disabled["reason"]) == ("a.example:8443", None, "failures")


async def test_nothing_is_written_without_a_listener_of_the_type_in_the_workspace(stage: Stage) -> None:
    async with stage.installation.database.begin() as session:
        other = Workspace(name="Other")
        session.add(other)
        await session.flush()
    await listen(stage.installation.database, str(other.id))
    await listen(stage.installation.database, stage.caller.workspace_id, "item.failed")
    await stage.post(await stage.connect("facebook"), "facebook", METADATA)
    await stage.run_until_ended()
    assert await types(stage) == []


async def test_event_and_its_change_are_committed_together_or_not_at_all(stage: Stage) -> None:
    await stage.post(await stage.connect("facebook"), "facebook", METADATA)
    await listen(stage.installation.database, stage.caller.workspace_id)
    async with stage.installation.database.session() as session:
        await session.execute(update(Item).values(status="published"))
        await session.rollback()
    assert await types(stage) == []


async def test_workspace_with_posts_and_listeners_can_be_deleted(stage: Stage) -> None:
    await stage.post(await stage.connect("facebook"), "facebook", METADATA)
    await listen(stage.installation.database, stage.caller.workspace_id)
    async with stage.installation.database.begin() as session:
        await session.execute(update(Item).values(status="published"))
        await session.execute(text("DELETE FROM items"))
        await session.execute(delete(Workspace))
        assert (await session.execute(text("SELECT count(*) FROM posts"))).scalar_one() == 0
    assert await types(stage) == []
