"""Events of real posts, as receivers get them: complete, as documented, and each end of a post once."""

import asyncio
from typing import Any, get_args

import jsonschema_rs
import pytest
from sqlalchemy import update

from clipcast.database.models.posts import Item
from clipcast.server.app import describe_components
from clipcast.testing.harness import Stage
from clipcast.webhooks.events import RESERVED, TYPES, TypeName, written_for
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
