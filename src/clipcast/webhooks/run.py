"""One run of a webhook's job: it sends the due deliveries, several at a time, for a bounded time.

The first attempts of an item's events, and of its post's, are made in the order of the events. A retry waits for
nothing, and nothing waits for it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

from clipcast.clock import clock
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.database import Database
from clipcast.jobs.claimed import ClaimedJob, LeaseLost
from clipcast.jobs.kinds import REDELIVER_QUEUE
from clipcast.webhooks.jobs import leave_slot
from clipcast.webhooks.outcomes import BUSY, DueDelivery, Health, is_unchanged, read_due, record
from clipcast.webhooks.sending import Result, Sender

# Requests at a time to a webhook that responds. A run begins with fewer: one that does not respond holds few sockets.
AT_ONCE_FIRST, AT_ONCE = 2, 16
# Seconds between two looks for new events while all requests wait for their responses.
READ_EVERY = 0.25
# The deliveries that a run knows at a time: those under way, and those that wait for them. At most half are retries,
# so that it always reads new ones.
KNOWN = 128
# Results of so many deliveries, or of so many seconds, are recorded together.
RECORDED_TOGETHER = 64
RECORD_EVERY = 0.02
# Seconds after which a run begins no further request, so that its slot gets to another webhook.
RUN_TIME = 20.0
# A run whose request has had no response for these seconds leaves its slot to webhooks that respond.
LEAVES_SLOT_AFTER = 1.0
# Seconds for the requests under way when the worker stops.
STOP_TIME = 2.0


class Run:
    """The deliveries of one run. Its tasks share what they find out about the webhook."""

    def __init__(self, database: Database, claimed: ClaimedJob, sender: Sender, health: Health) -> None:
        self._pool = database.hot_pool
        self._claimed = claimed
        self._sender = sender
        self._health = health
        # The webhook was changed or deleted: this run sends nothing more.
        self._is_changed = False
        self._at_once = 1 if health.is_failing else AT_ONCE_FIRST
        self._ends_at = clock.monotonic() + RUN_TIME
        self._known: dict[UUID, DueDelivery] = {}
        # Those that may begin, and those under way with the time when they began.
        self._ready: list[DueDelivery] = []
        self._sending: dict[asyncio.Task[Result], tuple[DueDelivery, float]] = {}
        self._order = Order()
        self._results: list[tuple[DueDelivery, Result]] = []

    async def send_due(self) -> None:
        """Send until nothing is due, the webhook is paused or changed, or the time is over.

        Raise LeaseLost or DatabaseUnavailable: the requests under way are then cancelled, and repeated later. A
        cancelled run records the responses that come within STOP_TIME.
        """
        recorded_at = read_at = clock.monotonic()
        may_read = True
        try:
            while True:
                if self._may_begin() and may_read and len(self._known) <= KNOWN // 2:
                    may_read, read_at = await self._read(), clock.monotonic()
                await self._begin()
                if not self._sending:
                    await self._record()
                    if not self._ready or not self._may_begin():
                        return
                    may_read = True
                    continue
                await self._await_some()
                if len(self._results) >= RECORDED_TOGETHER or clock.monotonic() - recorded_at >= RECORD_EVERY:
                    # After a time without results, the next one is recorded at once.
                    recorded_at = clock.monotonic() if self._results else recorded_at
                    await self._record()
                    may_read = True
                elif clock.monotonic() - read_at >= READ_EVERY:
                    may_read = self._has_place(is_retry=False)
        except asyncio.CancelledError:
            with suppress(LeaseLost, DatabaseUnavailable):
                await asyncio.shield(self._stop())
            raise
        finally:
            await self._cancel()

    def _may_begin(self) -> bool:
        is_usable = not self._is_changed and not self._health.is_disabled and not self._health.is_paused
        return is_usable and clock.monotonic() < self._ends_at

    async def _read(self) -> bool:
        """Read further due deliveries. Return whether there were any."""
        limit = KNOWN - len(self._known)
        retries = KNOWN // 2 - sum(one.is_retry for one in self._known.values())
        found = await read_due(self._pool, self._health.id, self._health.updated_at, self._known, limit, retries)
        if found is None:
            self._is_changed = True
            return False
        for delivery in found:
            self._known[delivery.id] = delivery
        self._ready += self._order.add(found)
        return bool(found)

    def _has_place(self, is_retry: bool) -> bool:
        """Return whether a first attempt, or a retry, may begin beside those under way.

        Retries leave a place to first attempts: what a receiver does not accept holds up nothing else.
        """
        retries = sum(delivery.is_retry for delivery, _ in self._sending.values())
        if is_retry:
            return retries < max(1, self._at_once - 1) and len(self._sending) < self._at_once
        return len(self._sending) < self._at_once or len(self._sending) == retries

    def _next(self) -> DueDelivery | None:
        """Return the first delivery that may begin now; None if there is none."""
        if not self._ready or not self._may_begin():
            return None
        return next((one for one in self._ready if self._has_place(one.is_retry)), None)

    async def _begin(self) -> None:
        """Begin the requests that may begin now, unless the webhook has changed since it was read."""
        if self._next() and not await is_unchanged(self._pool, self._health.id, self._health.updated_at):
            self._is_changed = True
        # One check serves all requests whose places became free during it.
        self._add([task for task in self._sending if task.done()])
        while delivery := self._next():
            self._claimed.lease.check()
            self._ready.remove(delivery)
            task = asyncio.create_task(self._sender.send(delivery.event_id, delivery.body))
            self._sending[task] = delivery, clock.monotonic()

    async def _await_some(self) -> None:
        """Wait until a request has ended, or for RECORD_EVERY."""
        done, _ = await asyncio.wait(self._sending, timeout=RECORD_EVERY, return_when=asyncio.FIRST_COMPLETED)
        self._add(done)
        oldest = min((began for _, began in self._sending.values()), default=clock.monotonic())
        if clock.monotonic() - oldest >= LEAVES_SLOT_AFTER and self._claimed.queue != REDELIVER_QUEUE:
            self._claimed.queue = REDELIVER_QUEUE
            await leave_slot(self._pool, self._claimed)

    def _add(self, done: Iterable[asyncio.Task[Result]]) -> None:
        for task in done:
            delivery, _ = self._sending.pop(task)
            result = task.result()
            self._results.append((delivery, result))
            self._health.add(result)
            if result.error is None:
                self._at_once = min(self._at_once + 1, AT_ONCE)
            elif result.status is None or result.status in BUSY:  # else it responds, and rejects this event alone
                self._at_once = 1
            self._ready += self._order.ended(delivery)

    async def _record(self) -> None:
        if self._results:
            results, self._results = self._results, []
            self._is_changed |= not await record(self._pool, self._claimed, self._health.updated_at, results)
            for delivery, _ in results:
                self._known.pop(delivery.id, None)

    async def _stop(self) -> None:
        if self._sending:
            done, _ = await asyncio.wait(self._sending, timeout=STOP_TIME)
            self._add(done)
        await self._record()

    async def _cancel(self) -> None:
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)


class Order:
    """Which first attempts may begin: of each item's events one at a time, and a post's events between its items'."""

    def __init__(self) -> None:
        # By subject and by post: the first attempts that have not ended, in order.
        self._open: dict[UUID, list[DueDelivery]] = defaultdict(list)

    def add(self, deliveries: Iterable[DueDelivery]) -> list[DueDelivery]:
        """Add deliveries in the order of their events. Return those that may begin."""
        free = []
        for delivery in deliveries:
            if delivery.is_retry:
                free.append(delivery)
                continue
            self._open[_group(delivery)].append(delivery)
            if self._may_begin(delivery):
                free.append(delivery)
        return free

    def ended(self, delivery: DueDelivery) -> list[DueDelivery]:
        """Remove a delivery whose attempt has ended. Return those that may begin now."""
        if delivery.is_retry:
            return []
        group = self._open[_group(delivery)]
        before = {one.id for one in group if self._may_begin(one)}
        group.remove(delivery)
        if not group:
            del self._open[_group(delivery)]
        return [one for one in group if one.id not in before and self._may_begin(one)]

    def _may_begin(self, delivery: DueDelivery) -> bool:
        for other in self._open[_group(delivery)]:
            if other is delivery:
                return True
            # An item's event follows that item's, and the post's own ones; a post's own event follows all of them.
            if other.subject_id == delivery.subject_id or _of_post(other) or _of_post(delivery):
                return False
        return True


def _of_post(delivery: DueDelivery) -> bool:
    return delivery.subject_id == delivery.post_id


def _group(delivery: DueDelivery) -> UUID:
    return delivery.post_id or delivery.subject_id
