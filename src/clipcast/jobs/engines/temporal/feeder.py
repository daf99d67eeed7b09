"""The feeder: it offers ready jobs to the workers through Temporal, a few more than they have free slots."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.common import (
    ActivityIDReusePolicy,
    Priority,
    RetryPolicy,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
)
from temporalio.exceptions import ActivityAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from clipcast.clock import clock
from clipcast.database import Database
from clipcast.database.hot_queries import Statement
from clipcast.jobs.engines.temporal.connection import CALL_TIMEOUT, check, unavailable
from clipcast.jobs.queue import OFFER_LIFETIME, Offer, offer, random_place, withdraw
from clipcast.jobs.slots import WorkerSlots

log = structlog.get_logger()

ACTIVITY = "clipcast.run"
# Temporal only shows these: no run of a job is longer. Clipcast ends a run by its lease.
LONGEST_RUN = timedelta(hours=24)
HEARTBEAT_TIMEOUT = timedelta(seconds=30)
# Temporal does not retry. A job that has to run again is offered again.
ONE_ATTEMPT = RetryPolicy(maximum_attempts=1)
# Offered jobs for each free slot of all workers: the next one is there when a slot becomes free. Temporal orders them
# by its own rules, so that they must be few for the rows to decide who is next.
OFFERS_PER_SLOT = 2
# The most activities that are started at a time.
STARTED_AT_ONCE = 64
# Seconds for which activities are started without search attributes, after the server did not know them.
WITHOUT_ATTRIBUTES = 300.0

ATTRIBUTES = {
    name: SearchAttributeKey.for_keyword(name) for name in ("ClipcastKind", "ClipcastPlatform", "ClipcastWorkspace")
}

# Part of the message about a search attribute that the namespace does not have.
NOT_REGISTERED = "search attribute"

HAS_READY = Statement("SELECT FROM jobs WHERE state = 'ready' AND queue = :queue LIMIT 1")
# The feeders of all workers share one window: each sees what the one before has offered.
LOCK_WINDOW = Statement("SELECT pg_advisory_xact_lock(hashtextextended('clipcast.feeder.' || :queue, 0))")
ROOM = Statement("""
    WITH fleet AS (
        SELECT id, CAST(slots ->> :queue AS int) AS slots FROM workers
        WHERE engine = 'temporal' AND lease_until > :now AND NOT drain
    )
    SELECT (SELECT coalesce(sum(slots), 0) FROM fleet) - (
               SELECT count(*) FROM jobs JOIN fleet ON fleet.id = jobs.worker_id
               WHERE jobs.state = 'running' AND jobs.queue = :queue
           ) AS free,
           (SELECT count(*) FROM jobs WHERE state = 'offered' AND queue = :queue) AS offered
""")


def task_queue(prefix: str, queue: str) -> str:
    """Return the name of the task queue in Temporal."""
    return f"{prefix}.{queue}"


def activity_id(offered: Offer) -> str:
    """Return the id of an offer's activity: the job, its fencing token, and the number of the offer."""
    return f"{offered.job_id}.{offered.fence}.{offered.number}"


class Feeder:
    """The feeder of one worker. Any number of workers feed at the same time."""

    def __init__(self, database: Database, client: Client, slots: WorkerSlots, prefix: str) -> None:
        self._database = database
        self._client = client
        self._slots = slots
        self._prefix = prefix
        # By queue: where the next offer goes on in the ring of workspaces.
        self._places: dict[str, int] = {}
        # The monotonic clock's time until which search attributes are left out.
        self._plain_until = 0.0
        # Whether the last call of the server failed.
        self._failing = False

    async def feed(self) -> int:
        """Offer what there is room for, and return the number of offers.

        Raise DatabaseUnavailable or TemporalUnavailable. Jobs whose activity did not start are ready again.
        """
        if self._failing:
            await check(self._client)
            self._failing = False
        return sum([await self._feed_queue(queue) for queue in self._slots.queues])

    async def _feed_queue(self, queue: str) -> int:
        offers = await self._offer(queue)
        results = await asyncio.gather(*(self._start(queue, one) for one in offers), return_exceptions=True)
        errors = [one for one in results if isinstance(one, BaseException)]
        if errors:
            self._failing = True
            not_started = [one for one, result in zip(offers, results, strict=True) if result is not None]
            await withdraw(self._database, not_started)
            raise errors[0]
        return len(offers)

    async def _offer(self, queue: str) -> list[Offer]:
        """Offer as many ready jobs as all workers have room for."""
        orders, pool = self._slots.orders, self._database.hot_pool
        if orders.drain or orders.pauses.has_queue(queue) or not await pool.fetch(HAS_READY, {"queue": queue}):
            return []
        place, programs = self._places.get(queue) or random_place(), self._slots.facts.programs
        async with pool.transaction() as transaction:
            await transaction.fetch(LOCK_WINDOW, {"queue": queue})
            [row] = await transaction.fetch(ROOM, {"queue": queue, "now": clock.now()})
            room = min(int(OFFERS_PER_SLOT * row["free"] - row["offered"]), STARTED_AT_ONCE)
            if room <= 0:
                return []
            offers, self._places[queue] = await offer(
                self._database, queue, room, place, programs, executor=transaction
            )
        return offers

    async def _start(self, queue: str, offered: Offer) -> None:
        """Start the activity of one offer. Raise TemporalUnavailable."""
        try:
            if clock.monotonic() >= self._plain_until:
                try:
                    await self._start_activity(queue, offered, _attributes(offered))
                    return
                except RPCError as error:
                    if error.status is not RPCStatusCode.INVALID_ARGUMENT or NOT_REGISTERED not in error.message:
                        raise
                    if clock.monotonic() >= self._plain_until:  # the first of several at once
                        log.warning("temporal_search_attributes_missing", error=error.message)
                    self._plain_until = clock.monotonic() + WITHOUT_ATTRIBUTES
            await self._start_activity(queue, offered, None)
        except RPCError as error:
            raise unavailable(error, self._client.namespace) from None

    async def _start_activity(self, queue: str, offered: Offer, attributes: TypedSearchAttributes | None) -> None:
        # The response to the first call can have been lost.
        with suppress(ActivityAlreadyStartedError):
            await self._client.start_activity(
                ACTIVITY,
                id=activity_id(offered),
                task_queue=task_queue(self._prefix, queue),
                summary=" ".join(filter(None, (offered.kind, offered.platform))),
                search_attributes=attributes,
                priority=Priority(fairness_key=str(offered.workspace_id)),
                id_reuse_policy=ActivityIDReusePolicy.REJECT_DUPLICATE,
                retry_policy=ONE_ATTEMPT,
                # An activity that no worker has begun when its offer ends is of no use.
                schedule_to_start_timeout=OFFER_LIFETIME,
                start_to_close_timeout=LONGEST_RUN,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                rpc_timeout=CALL_TIMEOUT,
            )


def _attributes(offered: Offer) -> TypedSearchAttributes:
    values = (offered.kind, offered.platform, str(offered.workspace_id))
    pairs = zip(ATTRIBUTES.values(), values, strict=True)
    return TypedSearchAttributes([SearchAttributePair(key, value) for key, value in pairs if value])
