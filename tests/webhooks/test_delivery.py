"""Deliveries: what a receiver gets, in which order, and when it gets it again."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.jobs.kinds import DELIVER_QUEUE
from clipcast.jobs.worker import WorkerProcess
from clipcast.testing.harness import running
from clipcast.testing.loop_time import move_loop_time
from clipcast.webhooks import router, run, sending
from clipcast.webhooks.run import AT_ONCE
from clipcast.webhooks.schedule import FAILURES_MAX, PAUSE_MAX, WAITS
from tests.webhooks.hooks import Hooks
from tests.webhooks.receiver import Receiver, Reply, receiving

FAILING = Reply(500, body=b"No.")


async def test_events_arrive_once_signed_and_at_most_so_many_at_a_time(hooks: Hooks, receiver: Receiver) -> None:
    webhook = await hooks.create(receiver.url)
    await hooks.happen_to(150)
    await hooks.route()
    receiver.open.clear()
    sending_now = asyncio.create_task(hooks.worker.run_due())
    await receiver.until(2)
    receiver.open.set()
    await sending_now
    assert [request.verified(webhook["secret"])["type"] for request in receiver.requests] == ["item.failed"] * 150
    sequences = {request.event["sequence"] for request in receiver.requests}
    assert len(sequences) == len({request.id for request in receiver.requests}) == 150
    assert 2 <= receiver.most_at_once <= AT_ONCE
    [first, *_] = receiver.requests
    [delivery, *_] = await hooks.deliveries(webhook)
    assert delivery["sequence"] == max(sequences)
    assert (delivery["status"], delivery["attempts"], delivery["next_attempt_at"]) == ("delivered", 1, None)
    assert delivery["tries"][0]["status"] == 200
    assert (await hooks.show(webhook))["status"] == "active"
    assert first.headers["user-agent"].startswith("Clipcast/")


async def test_events_of_an_item_arrive_in_order_while_other_items_overtake(hooks: Hooks, receiver: Receiver) -> None:
    await hooks.create(receiver.url)
    receiver.open.clear()
    slow, other = new_id(), new_id()
    await hooks.happen(slow, slow, other, slow)
    await hooks.route()
    sending_now = asyncio.create_task(hooks.worker.run_due())
    await receiver.until(2)
    assert [request.event["data"]["number"] for request in receiver.requests] == [0, 2]
    receiver.open.set()
    await sending_now
    assert [request.event["data"]["number"] for request in receiver.requests] == [0, 2, 1, 3]


async def test_retry_holds_up_no_later_event_of_the_item(hooks: Hooks, receiver: Receiver) -> None:
    receiver.replies = [FAILING]
    await hooks.create(receiver.url)
    item = new_id()
    await hooks.happen(item, item)
    await hooks.deliver()
    assert [request.event["data"]["number"] for request in receiver.requests] == [0, 1]
    clock.move(2 * WAITS[0])
    await hooks.deliver()
    assert [request.event["data"]["number"] for request in receiver.requests] == [0, 1, 0]


async def test_failed_event_is_sent_again_with_the_same_bytes_until_no_attempt_is_left(hooks: Hooks) -> None:
    async with receiving(FAILING) as receiver:
        webhook = await hooks.create(receiver.url)
        await hooks.happen_to()
        times = []
        for _ in range(len(WAITS) + 1):
            await hooks.deliver()
            times.append(clock.now())
            if (due := await hooks.next_run()) is not None:
                clock.move(due - clock.now() + timedelta(milliseconds=5))
    waits = [after - before for before, after in pairwise(times)]
    assert all(wait <= real <= 1.3 * wait + PAUSE_MAX for wait, real in zip(WAITS, waits, strict=True)), waits
    assert len({(request.body, request.id) for request in receiver.requests}) == 1
    assert len({request.headers["webhook-timestamp"] for request in receiver.requests}) == len(WAITS) + 1
    [delivery] = await hooks.deliveries(webhook, status="failed")
    assert (delivery["attempts"], delivery["tries"][-1]["error"]) == (10, "It responded with 500: No.")
    assert await hooks.next_run() is None


async def test_webhook_that_does_not_respond_gets_one_request_at_a_time_and_then_everything(hooks: Hooks) -> None:
    async with receiving(Reply(None)) as receiver:
        webhook = await hooks.create(receiver.url)
        await hooks.happen_to(60)
        await hooks.deliver()
        count = len(receiver.requests)
        assert FAILURES_MAX <= count <= FAILURES_MAX + 2
        assert (await hooks.show(webhook))["status"] == "failing"
        await hooks.happen_to()
        await hooks.deliver()
        assert len(receiver.requests) == count  # paused, also for new events
        clock.move(await hooks.next_run() - clock.now())
        await hooks.deliver()
        assert len(receiver.requests) == count + 1
        receiver.usual = Reply(200)
        await hooks.deliver_until_ended(timedelta(hours=1))
        assert {row.status for row in await hooks.rows()} == {"delivered"}
        assert (await hooks.show(webhook))["failing_since"] is None


async def test_gone_disables_at_once_and_tells_the_other_webhooks(hooks: Hooks, receiver: Receiver) -> None:
    async with receiving(Reply(410)) as gone:
        webhook = await hooks.create(gone.url)
        other = await hooks.create(receiver.url, events=["webhook.disabled"])
        await hooks.happen_to(5)
        await hooks.deliver()
    shown = await hooks.show(webhook)
    assert (shown["status"], shown["disabled_reason"]) == ("disabled", "gone")
    assert {one["status"] for one in await hooks.deliveries(webhook)} == {"failed"}
    [request] = receiver.requests
    assert request.verified(other["secret"])["data"]["webhook_id"] == webhook["id"]
    await hooks.happen_to()
    await hooks.deliver()
    assert len(await hooks.deliveries(webhook)) == 5


async def test_webhook_that_fails_for_five_days_is_disabled_after_a_warning(hooks: Hooks, receiver: Receiver) -> None:
    async with receiving(FAILING) as failing:
        webhook = await hooks.create(failing.url)
        await hooks.create(receiver.url, events=["webhook.failing", "webhook.disabled"])
        for day in range(6):
            assert receiver.types == ["webhook.failing"] * (day > 4) + ["webhook.disabled"] * (day > 5)
            assert (await hooks.show(webhook))["status"] != "disabled"
            await hooks.happen_to()
            await hooks.deliver()
            clock.move(timedelta(days=1))
    assert receiver.types == ["webhook.failing", "webhook.disabled"]
    assert (await hooks.show(webhook))["disabled_reason"] == "failures"


@pytest.mark.parametrize(("seconds", "waits"), [("3600", 3600), ("999999999", 86400)])
async def test_retry_after_pauses_the_webhook_within_bounds(
    hooks: Hooks, receiver: Receiver, seconds: str, waits: int
) -> None:
    receiver.replies = [Reply(429, (f"Retry-After: {seconds}",))]
    await hooks.create(receiver.url)
    await hooks.happen_to()
    await hooks.deliver()
    await hooks.happen_to(3)
    await hooks.deliver()
    assert len(receiver.requests) == 1
    due = (await hooks.next_run() - clock.now()).total_seconds()
    assert waits - 30 <= due <= waits
    clock.move(timedelta(seconds=waits + 1))
    await hooks.deliver()
    assert len(receiver.requests) == 5


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(302, ("Location: http://127.0.0.1:1/other",)), "It responded with 302, a redirect."),
        (Reply(None), "The connection broke before a response: it closed the connection."),
        (Reply(hangs=True), "It did not respond within"),
        (Reply(500, body=b"x" * 10_000_000), "It responded with 500: xxx"),
        (Reply(400, body=b"whsec_hunter2hunter2\n\x1b[2JNo."), "It responded with 400: whsec_*** [2JNo."),
        (Reply(400, body=b'{"token": "hunter2"}'), 'It responded with 400: {"token": "***"}'),
        (Reply(400, body=b'{"token": "hunter2", "x": "' + b"x" * 20_000), 'It responded with 400: {"token": "***",'),
        (Reply(400, body=b"ok=no&token=hunter2&a=b"), "It responded with 400: ok=no&token=***&a=b"),
        (Reply(200, body=b"x" * 10_000_000), None),
        (Reply(200, endless=True), None),
        (Reply(200, body=b"short", length=100), None),
        (Reply(204), None),
    ],
    ids=[
        "redirect",
        "closes",
        "hangs",
        "long",
        "secret",
        "secret field",
        "secret field of a cut body",
        "secret field of a form",
        "long success",
        "endless",
        "cut",
        "no content",
    ],
)
async def test_response_decides_by_its_status_and_its_size_costs_nothing(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch, reply: Reply, error: str | None
) -> None:
    monkeypatch.setattr(sending, "BODY_TIME", 0.1)
    async with receiving(reply) as receiver:
        webhook = await hooks.create(receiver.url)
        await hooks.happen_to()
        delivering = asyncio.create_task(hooks.deliver())
        await receiver.until(1)
        if reply.hangs:
            move_loop_time(sending.TOTAL_TIME)
        await delivering
    [delivery] = await hooks.deliveries(webhook)
    assert len(receiver.requests) == 1
    assert receiver.sent < 10_000_000
    if error is None:
        assert (delivery["status"], delivery["tries"][0]["error"]) == ("delivered", None)
    else:
        assert delivery["tries"][0]["error"].startswith(error)
        assert len(delivery["tries"][0]["error"]) < 300


async def test_host_that_moves_into_a_private_network_is_not_reached(
    hooks: Hooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name had a public address when the webhook was created. Each attempt looks it up and checks it again."""
    looked_up = []

    def getaddrinfo(host: str, port: None, **_: object) -> list[tuple[object, ...]]:
        looked_up.append(host)
        return [(2, 1, 6, "", ("127.0.0.1", receiver.port))]

    webhook = await hooks.create(f"https://hooks.example:{receiver.port}/")
    await hooks.happen_to()
    monkeypatch.setattr("clipcast.platforms.names.getaddrinfo", getaddrinfo)
    await hooks.deliver()
    clock.move(2 * WAITS[0])
    await hooks.deliver()
    [delivery] = await hooks.deliveries(webhook)
    expected = "Nothing was sent: hooks.example is inside a private network."
    assert [attempt["error"] for attempt in delivery["tries"]] == [expected] * 2
    assert looked_up == ["hooks.example"] * 2
    assert receiver.requests == []


async def test_webhook_that_does_not_respond_leaves_its_slot_to_the_others(
    hooks: Hooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "LEAVES_SLOT_AFTER", 0.05)
    worker: WorkerProcess = hooks.worker
    slots = worker.slots.facts.slots[DELIVER_QUEUE]
    async with receiving(Reply(hangs=True)) as dead:
        for _ in range(slots):
            await hooks.create(dead.url)
        await hooks.happen_to(20)
        async with running(hooks.worker):
            await dead.until(slots)
            async with asyncio.timeout(30):
                while worker.slots.free(DELIVER_QUEUE) < slots:
                    await asyncio.sleep(0.01)
            await hooks.create(receiver.url)
            await hooks.happen_to(20)
            await receiver.until(20)
        assert dead.at_once <= slots * run.AT_ONCE_FIRST


async def test_request_whose_note_was_lost_is_sent_again_with_the_same_id(
    hooks: Hooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker dies between the response and its note. Another one cannot know that, and sends the event again."""
    webhook = await hooks.create(receiver.url)
    await hooks.happen_to()
    await hooks.route()
    with monkeypatch.context() as dying:

        async def lost(*_: object) -> None:
            raise DatabaseUnavailable("gone")

        dying.setattr(run, "record", lost)
        await hooks.worker.run_due()
    [row] = await hooks.rows()
    assert (row.status, row.attempts) == ("pending", 0)
    clock.move(timedelta(seconds=20))  # the lease of the dead worker has ended
    await hooks.deliver()
    assert [request.id for request in receiver.requests] == [str(row.event_id)] * 2
    assert len({request.body for request in receiver.requests}) == 1
    assert [one["status"] for one in await hooks.deliveries(webhook)] == ["delivered"]


async def test_router_that_dies_loses_and_repeats_nothing(
    hooks: Hooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hooks.create(receiver.url)
    item = new_id()
    await hooks.happen(*[item] * 5)
    with monkeypatch.context() as dying:

        async def killed(*_: object) -> None:
            raise asyncio.CancelledError

        dying.setattr(router, "ready_jobs", killed)
        with pytest.raises(asyncio.CancelledError):
            await hooks.route()
    assert await hooks.rows() == []
    await hooks.deliver()
    assert [request.event["data"]["number"] for request in receiver.requests] == [0, 1, 2, 3, 4]


async def test_two_routers_at_a_time_keep_the_order_and_make_one_delivery_each(
    hooks: Hooks, receiver: Receiver
) -> None:
    await hooks.create(receiver.url)
    item = new_id()
    await hooks.happen(*[item] * 250)
    other = Hooks.of(hooks.installation, hooks.caller)
    await asyncio.gather(hooks.route(), other.route())
    await other.worker.close()
    rows = await hooks.rows()
    assert len(rows) == 250
    await hooks.deliver()
    assert [request.event["data"]["number"] for request in receiver.requests] == list(range(250))
