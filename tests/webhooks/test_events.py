"""Events of real posts, as receivers get them: complete, as documented, and each end of a post once."""

import asyncio
from collections.abc import Collection
from typing import Any, get_args
from uuid import UUID

import jsonschema_rs
import pytest
from sqlalchemy import text, update

from clipcast.database.hot_queries import Executor, Statement
from clipcast.database.models.jobs import Job
from clipcast.database.models.posts import Item
from clipcast.server.app import describe_components
from clipcast.testing.harness import Stage
from clipcast.webhooks.events import RESERVED, TYPES, TypeName, written_for
from clipcast.webhooks.router import Router
from tests.webhooks.hooks import Hooks
from tests.webhooks.receiver import Receiver

METADATA = {"description": "Tide"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return describe_components()


def check(document: dict[str, Any], event: dict[str, Any]) -> None:
    """Raise ValidationError unless the event is as the OpenAPI document says."""
    operation = document["webhooks"][event["type"]]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    jsonschema_rs.validator_for(schema | {"components": document["components"]}).validate(event)


def test_types_are_listed_once_and_documented(document: dict[str, Any]) -> None:
    assert set(get_args(TypeName)) == {*TYPES, *RESERVED}
    assert set(document["webhooks"]) == {*TYPES, "webhook.test"}
    assert written_for(["post.failed", "item.failed"]) == ["item.failed", "item.published", "post.updated"]
    assert written_for(None) is None


async def test_post_is_delivered_with_the_objects_of_the_api_as_documented(
    stage: Stage, hooks: Hooks, receiver: Receiver, document: dict[str, Any]
) -> None:
    webhook = await hooks.create(receiver.url)
    connection = await stage.connect("facebook")
    post_id = await stage.post(connection, "facebook", METADATA)
    await stage.run_until_ended()
    await hooks.deliver()
    events = [request.verified(webhook["secret"]) for request in receiver.requests]
    assert [event["type"] for event in events] == ["connection.connected", "item.published", "post.completed"]
    for event in events:
        check(document, event)
        assert event["workspace_id"] == stage.caller.workspace_id
    connected, item, post = (event["data"] for event in events)
    assert connected["connection"] == (await stage.caller.get(f"/connections/{connection}")).json()
    assert item["item"] == await stage.item(post_id)
    assert item["platform_post_url"] == item["item"]["platform_post_url"] is not None
    assert post["post"] == await stage.show(post_id)
    assert (post["status"], post["published"], post["failed"]) == ("completed", 1, 0)


async def test_each_end_of_a_post_is_told_once_also_after_a_retry_changes_it(
    stage: Stage, hooks: Hooks, receiver: Receiver
) -> None:
    await hooks.create(receiver.url, events=["post.completed", "post.partial", "post.failed"])
    connections = [await stage.connect("facebook"), await stage.connect("tiktok")]
    edit = await stage.caller.upload(stage.clip)
    tiktok = {"tiktok": {"privacyLevel": "PUBLIC_TO_EVERYONE"}}
    targets = [
        {"connectionId": one, "metadata": metadata}
        for one, metadata in zip(connections, ({"facebook": METADATA}, tiktok), strict=True)
    ]
    created = await stage.caller.post("/posts", {"videos": [{"editId": edit, "targets": targets}]})
    assert created.status_code == 201, created.text
    async with stage.installation.database.begin() as session:
        await session.execute(update(Item).where(Item.platform == "tiktok").values(status="failed"))
    await hooks.deliver()
    assert receiver.types == []
    async with stage.installation.database.begin() as session:
        await session.execute(update(Item).where(Item.platform == "facebook").values(status="published"))
    other = Hooks.of(hooks.installation, hooks.caller)
    await asyncio.gather(hooks.route(), other.route())
    await other.worker.close()
    await hooks.deliver()
    assert receiver.types == ["post.partial"]
    for status in ("processing", "published"):
        async with stage.installation.database.begin() as session:
            await session.execute(update(Item).where(Item.platform == "tiktok").values(status=status))
        await hooks.deliver()
    assert receiver.types == ["post.partial", "post.completed"]


async def test_end_of_a_post_is_told_when_its_failed_item_is_deleted_after_a_retry(
    stage: Stage, hooks: Hooks, receiver: Receiver
) -> None:
    await hooks.create(receiver.url, events=["post.completed", "post.partial"])
    connections = [await stage.connect("facebook"), await stage.connect("tiktok")]
    edit = await stage.caller.upload(stage.clip)
    tiktok = {"tiktok": {"privacyLevel": "PUBLIC_TO_EVERYONE"}}
    targets = [
        {"connectionId": one, "metadata": metadata}
        for one, metadata in zip(connections, ({"facebook": METADATA}, tiktok), strict=True)
    ]
    created = await stage.caller.post("/posts", {"videos": [{"editId": edit, "targets": targets}]})
    assert created.status_code == 201, created.text
    post_id = str(created.json()["post_id"])
    kept, failed = (UUID(item["id"]) for item in (await stage.show(post_id))["items"])
    for id, status in ((kept, "published"), (failed, "failed")):
        async with stage.installation.database.begin() as session:
            await session.execute(update(Item).where(Item.id == id).values(status=status))
            await session.execute(update(Job).where(Job.subject_id == id).values(state="done"))
    await hooks.deliver()
    assert (await stage.caller.post(f"/posts/{post_id}/items/{failed}/retry")).status_code == 202
    await hooks.deliver()
    hooks.router.woken.clear()
    assert (await stage.caller.call("DELETE", f"/posts/{post_id}/items/{failed}")).status_code == 204
    async with asyncio.timeout(30):
        await hooks.router.woken.wait()
    await hooks.deliver()
    assert receiver.types == ["post.partial", "post.completed"]
    assert receiver.requests[-1].event["data"]["published"] == 1


async def test_event_that_cannot_be_prepared_holds_up_no_other(stage: Stage, hooks: Hooks, receiver: Receiver) -> None:
    """An item whose error only a later release can show, a type of events of that release, and a broken follower."""
    await hooks.create(receiver.url)
    connection = await stage.connect("facebook")
    post_id = await stage.post(connection, "facebook", METADATA)
    await hooks.deliver()
    del receiver.requests[:]
    error = {"code": "x", "class": "of_a_later_release", "message": "m"}
    async with stage.installation.database.begin() as session:
        await session.execute(update(Item).where(Item.post_id == UUID(post_id)).values(status="failed", error=error))
    await hooks.happen_to()
    async with stage.installation.database.begin() as session:
        await session.execute(
            text(
                "UPDATE events SET type = 'item.of_a_later_release' WHERE sequence = (SELECT max(sequence) FROM events)"
            )
        )
    await hooks.happen_to()
    followed: list[UUID] = []

    async def follow(executor: Executor, ids: Collection[UUID]) -> None:
        followed.extend(ids)
        if len(ids) > 1:
            await executor.fetch(Statement("SELECT 1 / 0"), {})

    hooks.router = Router(hooks.installation, [follow])
    await hooks.deliver()
    assert sorted(receiver.types) == ["item.failed", "item.failed", "item.of_a_later_release", "post.failed"]
    [event] = [one.event for one in receiver.requests if one.event["data"].get("edit_id")]
    assert (event["data"]["error"]["class"], event["data"]["item"]) == ("of_a_later_release", None)
    assert len(set(followed)) == 4


async def test_every_type_of_event_is_as_documented(
    stage: Stage, hooks: Hooks, receiver: Receiver, document: dict[str, Any]
) -> None:
    """Changes that the other tests do not make, with the facts that the triggers write."""
    await hooks.create(receiver.url)
    connection = await stage.connect("facebook")
    await stage.caller.upload(stage.clip)
    [video] = (await stage.caller.get("/renders")).json()["renders"]
    await stage.caller.post("/renders", {"video_id": video["video_id"], "trim": {"start": 0, "end": 2}})
    await stage.renderer.run_due()
    await stage.sandbox.change_account("facebook", revoked=True)
    post_id = await stage.post(connection, "facebook", METADATA)
    await stage.worker.run_due()
    await stage.caller.call("DELETE", f"/posts/{post_id}")
    await hooks.deliver()
    for request in receiver.requests:
        check(document, request.event)
    assert set(receiver.types) == {
        "connection.connected", "render.completed", "connection.needs_reconnect", "item.needs_action", "post.deleted"
    }  # fmt: skip
    [action] = [request.event["data"] for request in receiver.requests if request.event["type"] == "item.needs_action"]
    assert (action["reason"], action["item"]) == ("reconnect", None)
