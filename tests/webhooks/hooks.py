"""Webhooks, events and deliveries for tests, and the worker that sends them step by step."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import func, select, text

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database.models.events import Delivery, Webhook
from clipcast.database.models.jobs import Job
from clipcast.installation import Installation
from clipcast.jobs.kinds import DELIVER, NETWORK
from clipcast.publishing.worker import Worker
from clipcast.server.worker import make_worker
from clipcast.testing.harness import Caller
from clipcast.webhooks.router import Router

ADD = text("""
    INSERT INTO events (id, workspace_id, type, subject_id, item_id, data, created_at)
    SELECT gen_random_uuid(), CAST(:workspace_id AS uuid), 'item.failed', id, id,
           jsonb_build_object('item_id', id, 'number', number), :now
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS made(id uuid, number int) ORDER BY number
""")


@dataclass
class Hooks:
    """A caller's webhooks, and a worker that sends only when the test calls it."""

    installation: Installation
    caller: Caller
    worker: Worker
    router: Router

    @classmethod
    def of(cls, installation: Installation, caller: Caller) -> "Hooks":
        worker = make_worker(installation)
        slots = dict(worker.slots.facts.slots)
        del slots[NETWORK]  # the tests publish by other workers
        worker.slots.facts = replace(worker.slots.facts, slots=slots)
        return cls(installation, caller, worker, Router(installation))

    async def create(self, url: str, **more: Any) -> dict[str, Any]:
        response = await self.caller.post("/webhooks", {"url": url} | more)
        assert response.status_code == 201, response.text
        made: dict[str, Any] = response.json()
        return made

    async def show(self, webhook: dict[str, Any]) -> dict[str, Any]:
        shown: dict[str, Any] = (await self.caller.get(f"/webhooks/{webhook['id']}")).json()
        return shown

    async def deliveries(self, webhook: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
        """Return the first page of a webhook's deliveries, those of the newest events first."""
        path = f"/webhooks/{webhook['id']}/deliveries"
        found: list[dict[str, Any]] = (await self.caller.get(path, params={"limit": 100} | params)).json()["deliveries"]
        return found

    async def happen(self, *subjects: UUID) -> None:
        """Write one event for each of these subjects, in this order."""
        rows = [{"id": subject, "number": number} for number, subject in enumerate(subjects)]
        values = {"workspace_id": self.caller.workspace_id, "rows": to_json(rows).decode(), "now": clock.now()}
        async with self.installation.database.begin() as session:
            await session.execute(ADD, values)

    async def happen_to(self, number: int = 1) -> None:
        """Write one event for each of so many new items."""
        await self.happen(*(new_id() for _ in range(number)))

    async def route(self) -> None:
        while await self.router.route():
            pass

    async def deliver(self) -> None:
        """Route new events, also those about webhooks, and send what is due."""
        await self.route()
        while await self.worker.run_due():
            await self.route()

    async def deliver_until_ended(self, most: timedelta = timedelta(days=30)) -> None:
        """Send, and move the clock to the next attempt, until nothing is pending."""
        moved = timedelta()
        while moved < most:
            await self.deliver()
            due = await self.next_run()
            if due is None:
                return
            step = max(due - clock.now(), timedelta()) + timedelta(milliseconds=5)
            moved += step
            clock.move(step)

    async def next_run(self) -> Any:
        """Return when the next job of a webhook becomes due; None if none waits."""
        query = select(func.min(Job.due_at)).where(Job.kind == DELIVER, Job.state.in_(("waiting", "ready")))
        async with self.installation.database.session() as session:
            return await session.scalar(query)

    async def rows(self) -> list[Delivery]:
        async with self.installation.database.session() as session:
            return list(await session.scalars(select(Delivery).order_by(Delivery.sequence)))

    async def webhook(self) -> Webhook:
        async with self.installation.database.session() as session:
            return (await session.scalars(select(Webhook))).one()
