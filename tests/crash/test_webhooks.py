"""Workers that are killed while they route and deliver events: each event arrives, in the order of its item."""

import os
import random
from collections import defaultdict
from dataclasses import replace
from functools import partial
from uuid import UUID

import pytest

from clipcast.audit.service import Actor
from clipcast.common.ids import new_id
from clipcast.testing.harness import Stage
from clipcast.webhooks.schemas import CreateWebhook
from clipcast.webhooks.service import create_webhook
from tests.crash.processes import until, worker_process
from tests.webhooks.hooks import Hooks
from tests.webhooks.receiver import Receiver, receiving

PROVING = "PROVE_EXAMPLES" in os.environ
KILLS = 50 if PROVING else 4
ITEMS, ROUNDS = 10, 20


@pytest.mark.timeout(0 if PROVING else 600)
async def test_killed_workers_lose_no_event_and_keep_the_order_of_each_item(stage: Stage) -> None:
    settings = stage.installation.settings.model_copy(update={"webhook_hosts": ("127.0.0.1",)})
    stage.installation = replace(stage.installation, settings=settings)
    hooks, chance = Hooks.of(stage.installation, stage.caller), random.Random()
    items = [new_id() for _ in range(ITEMS)]
    async with receiving() as receiver:
        async with stage.installation.database.begin() as session:
            body, actor = CreateWebhook(url=receiver.url), Actor("command", new_id(), "test", "")
            _, secret = await create_webhook(stage.installation, session, UUID(stage.caller.workspace_id), body, actor)
        for kill in range(KILLS):
            await hooks.happen(*items * ROUNDS)
            wanted = len(receiver.requests) + chance.randrange(1, ITEMS * ROUNDS // 2)
            async with worker_process(stage):
                await until(partial(reached, receiver, wanted), 120)
                if kill % 2:  # the next one dies with requests under way
                    receiver.open.clear()
                    await until(partial(reached, receiver, len(receiver.requests) + 1), 120)
            receiver.open.set()
        async with worker_process(stage):
            await until(partial(ended, hooks), 120)
    await hooks.worker.close()
    found: dict[str, list[int]] = defaultdict(list)
    for request in receiver.requests:
        event = request.verified(secret)
        if event["sequence"] not in found[event["data"]["item_id"]]:
            found[event["data"]["item_id"]].append(event["sequence"])
    assert sum(map(len, found.values())) == KILLS * ITEMS * ROUNDS
    assert all(sequences == sorted(sequences) for sequences in found.values())
    assert {row.status for row in await hooks.rows()} == {"delivered"}


async def reached(receiver: Receiver, number: int) -> bool:
    return len(receiver.requests) >= number


async def ended(hooks: Hooks) -> bool:
    rows = await hooks.rows()
    return len(rows) == KILLS * ITEMS * ROUNDS and all(row.status != "pending" for row in rows)
