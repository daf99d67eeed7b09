"""Runs beside changes of their webhook, and the order in which a run sends what is due."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.webhooks.jobs import ready_jobs
from clipcast.webhooks.repository import get_webhook
from clipcast.webhooks.run import AT_ONCE_FIRST
from clipcast.webhooks.schedule import DISABLED_AFTER, WAITS, WARNING
from tests.webhooks.hooks import Hooks
from tests.webhooks.receiver import Receiver, Reply, receiving

FAILING = Reply(500)
WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


@pytest.mark.parametrize("how", ["disable", "delete", "move", "delete the workspace"])
async def test_run_sends_nothing_more_to_an_address_that_is_not_the_webhooks(
    hooks: Hooks, receiver: Receiver, how: str
) -> None:
    webhook = await hooks.create(receiver.url)
    await hooks.happen_to(200)
    await hooks.route()
    receiver.open.clear()
    running = asyncio.create_task(hooks.worker.run_due())
    await receiver.until(AT_ONCE_FIRST)
    path = f"/webhooks/{webhook['id']}"
    if how == "disable":
        await hooks.caller.call("PATCH", path, json={"enabled": False})
    elif how == "move":
        await hooks.caller.call("PATCH", path, json={"url": receiver.url + "/new"})
    elif how == "delete":
        await hooks.caller.call("DELETE", path)
    else:
        async with hooks.installation.database.begin() as session:
            await session.execute(text("DELETE FROM workspaces"))
    receiver.open.set()
    await running
    # Those that were under way.
    assert [request.path for request in receiver.requests].count("/hooks") == AT_ONCE_FIRST
    await hooks.deliver()
    assert len({request.id for request in receiver.requests}) == (200 if how == "move" else AT_ONCE_FIRST)


async def test_response_of_the_former_address_does_not_disable_the_moved_webhook(
    hooks: Hooks, receiver: Receiver
) -> None:
    async with receiving(Reply(410)) as former:
        webhook = await hooks.create(former.url)
        await hooks.happen_to(40)
        await hooks.route()
        former.open.clear()
        running = asyncio.create_task(hooks.worker.run_due())
        await former.until(2)
        await hooks.caller.call("PATCH", f"/webhooks/{webhook['id']}", json={"url": receiver.url})
        former.open.set()
        await running
        await hooks.deliver()
    shown = await hooks.show(webhook)
    assert (shown["status"], shown["last_error"], len(former.requests)) == ("active", None, 2)
    assert len(receiver.requests) == 38


async def test_rotated_secret_signs_what_a_run_under_way_has_not_sent(hooks: Hooks, receiver: Receiver) -> None:
    webhook = await hooks.create(receiver.url)
    await hooks.happen_to(40)
    await hooks.route()
    receiver.open.clear()
    running = asyncio.create_task(hooks.worker.run_due())
    await receiver.until(AT_ONCE_FIRST)
    rotated = (await hooks.caller.post(f"/webhooks/{webhook['id']}/rotate")).json()
    receiver.open.set()
    await running
    await hooks.deliver()
    assert {one["status"] for one in await hooks.deliveries(webhook)} == {"delivered"}
    assert len(receiver.requests) == 40
    for request in receiver.requests[AT_ONCE_FIRST:]:
        assert request.verified(rotated["secret"])


async def test_end_of_a_run_waits_for_a_change_and_not_the_change_for_it(hooks: Hooks, receiver: Receiver) -> None:
    """Both lock the webhook before its job."""
    webhook = await hooks.create(receiver.url)
    await hooks.happen_to()
    await hooks.route()
    async with hooks.installation.database.begin() as session:
        workspace_id = (await hooks.webhook()).workspace_id
        locked = await get_webhook(session, workspace_id, webhook["id"], lock=True)
        running = asyncio.create_task(hooks.worker.run_due())
        async with asyncio.timeout(30):
            while not await session.scalar(WAITING):
                await asyncio.sleep(0.005)
        await ready_jobs(session, [locked.id])
    await running
    assert [one["status"] for one in await hooks.deliveries(webhook)] == ["delivered"]
    assert await hooks.next_run() is None


async def test_event_that_is_rejected_delays_no_other(hooks: Hooks, receiver: Receiver) -> None:
    receiver.replies = [FAILING] * 50
    webhook = await hooks.create(receiver.url)
    await hooks.happen_to(51)
    await hooks.deliver()
    assert len(receiver.requests) == 51
    assert (await hooks.deliveries(webhook))[0]["status"] == "delivered"
    clock.move(2 * WAITS[0])
    new = new_id()
    await hooks.happen(new)
    await hooks.deliver()
    assert str(new) in [request.event["data"]["item_id"] for request in receiver.requests[51:53]]
    assert {row.status for row in await hooks.rows()} == {"delivered"}


async def test_error_of_the_connection_is_in_words(hooks: Hooks) -> None:
    webhook = await hooks.create("http://127.0.0.1:1/")
    await hooks.happen_to()
    await hooks.deliver()
    assert (await hooks.show(webhook))["last_error"] == "No connection could be made: it refused the connection."


async def test_webhook_is_disabled_a_day_after_the_warning_at_the_earliest(hooks: Hooks, receiver: Receiver) -> None:
    async with receiving(FAILING) as failing:
        await hooks.create(failing.url)
        await hooks.create(receiver.url, events=["webhook.failing", "webhook.disabled"])
        for moved in (timedelta(), DISABLED_AFTER + timedelta(days=1), WARNING / 2):
            clock.move(moved)
            await hooks.happen_to()
            await hooks.deliver()
        assert receiver.types == ["webhook.failing"]
        clock.move(WARNING / 2)
        await hooks.happen_to()
        await hooks.deliver()
    assert receiver.types == ["webhook.failing", "webhook.disabled"]


async def test_enabling_a_webhook_that_fails_ends_its_failures(hooks: Hooks) -> None:
    async with receiving(FAILING) as failing:
        webhook = await hooks.create(failing.url)
        await hooks.happen_to(4)
        await hooks.deliver()
        assert (await hooks.show(webhook))["failing_since"] is not None
        enabled = await hooks.caller.call("PATCH", f"/webhooks/{webhook['id']}", json={"enabled": True})
    assert (enabled.json()["status"], enabled.json()["failing_since"]) == ("active", None)
