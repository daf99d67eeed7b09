"""Runs beside changes of their webhook, and the order in which a run sends what is due."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.webhooks import repository, run
from clipcast.webhooks.jobs import ready_jobs
from clipcast.webhooks.repository import get_webhook
from clipcast.webhooks.run import AT_ONCE_FIRST, KNOWN
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


async def test_retry_without_a_response_delays_no_first_attempt(hooks: Hooks, receiver: Receiver) -> None:
    """Neither one that is due with it, nor one that comes while it is under way. A quick rejection changes nothing."""
    receiver.replies = [FAILING]
    webhook = await hooks.create(receiver.url)
    await hooks.happen_to()
    await hooks.deliver()
    clock.move(2 * WAITS[0])
    receiver.replies = [Reply(hangs=True), FAILING, Reply(), Reply()]
    await hooks.route()
    running = asyncio.create_task(hooks.worker.run_due())
    await receiver.until(2)
    for number in (3, 4, 5):
        await hooks.happen_to()
        await hooks.route()
        await receiver.until(number)
    assert not running.done()
    shown = [one["status"] for one in await hooks.deliveries(webhook)]
    await hooks.caller.call("DELETE", f"/webhooks/{webhook['id']}")
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert len({request.id for request in receiver.requests}) == 4, shown


async def test_new_event_waits_for_no_backlog_of_retries(
    hooks: Hooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "STOP_TIME", 0.05)
    number = KNOWN // 2 + 6
    receiver.replies = [FAILING] * number
    await hooks.create(receiver.url)
    await hooks.happen_to(number)
    await hooks.deliver()
    clock.move(2 * WAITS[0])
    receiver.replies = [Reply(hangs=True)]
    running = asyncio.create_task(hooks.worker.run_due())
    await receiver.until(number + 1)
    former = {request.id for request in receiver.requests}
    await hooks.happen_to()
    await hooks.route()
    await receiver.until(number + 2)
    assert len(former) == number
    assert receiver.requests[number + 1].id not in former
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("one", [True, False], ids=["one", "all"])
@pytest.mark.parametrize("attempts", [1, len(WAITS)])
async def test_replay_beside_a_retry_under_way_is_sent(
    hooks: Hooks, receiver: Receiver, one: bool, attempts: int
) -> None:
    """The retry that fails meanwhile neither has it wait for the next one, nor ends it."""
    since = clock.now()
    receiver.replies = [FAILING] * (attempts + 1)
    webhook = await hooks.create(receiver.url)
    await hooks.happen_to()
    for _ in range(attempts):
        await hooks.deliver()
        clock.move(await hooks.next_run() - clock.now() + timedelta(milliseconds=5))
    receiver.open.clear()
    running = asyncio.create_task(hooks.worker.run_due())
    await receiver.until(attempts + 1)
    path, [delivery] = f"/webhooks/{webhook['id']}", await hooks.deliveries(webhook)
    if one:
        shown = await hooks.caller.post(f"{path}/deliveries/{delivery['id']}/replay")
        assert (shown.json()["status"], shown.json()["attempts"]) == ("pending", 0)
    else:
        await hooks.caller.post(f"{path}/replay", {"since": since.isoformat()})
    receiver.open.set()
    await running
    await hooks.deliver()
    [delivery] = await hooks.deliveries(webhook)
    assert (delivery["status"], delivery["attempts"], len(receiver.requests)) == ("delivered", 1, attempts + 2)


async def test_replay_of_a_delivery_whose_last_attempt_fails_meanwhile_is_sent(
    hooks: Hooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails after the replay has read the delivery, and before it has written it."""
    receiver.replies = [FAILING]
    webhook = await hooks.create(receiver.url)
    await hooks.happen_to()
    await hooks.deliver()
    get_delivery = repository.get_delivery

    async def fails_then(*values: Any) -> Any:
        found = await get_delivery(*values)
        async with hooks.installation.database.begin() as session:
            await session.execute(text("UPDATE deliveries SET status = 'failed', attempts = 10, ended_at = now()"))
        return found

    monkeypatch.setattr(repository, "get_delivery", fails_then)
    [delivery] = await hooks.deliveries(webhook)
    shown = await hooks.caller.post(f"/webhooks/{webhook['id']}/deliveries/{delivery['id']}/replay")
    assert (shown.json()["status"], shown.json()["attempts"]) == ("pending", 0)
    await hooks.deliver()
    assert [one["status"] for one in await hooks.deliveries(webhook)] == ["delivered"]


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
