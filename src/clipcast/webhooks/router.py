"""The router: it makes deliveries of new events, one for each webhook that wants the event's type.

One router works at a time, in any worker, so that the events of a subject get their deliveries in order. An event's
body is made here and stored, so that every attempt to deliver it sends the same bytes.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import structlog
from pydantic_core import to_json
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.timestamps import format_timestamp
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.database.hot_queries import Executor, Statement, from_session
from clipcast.database.locks import TAKE, Lock
from clipcast.database.models.events import Event, Webhook
from clipcast.installation import Installation
from clipcast.jobs.engines import POLL
from clipcast.jobs.kinds import DELIVER_QUEUE
from clipcast.jobs.wake import ROUTERS, wake_workers
from clipcast.webhooks.events import ENDS
from clipcast.webhooks.jobs import ready_jobs
from clipcast.webhooks.objects import no_object, objects_of

log = structlog.get_logger()
T = TypeVar("T")

# The most events of one transaction.
BATCH = 100

IS_NEEDED = Statement("""
    SELECT EXISTS (SELECT FROM event_listeners) OR EXISTS (SELECT FROM events WHERE routed_at IS NULL) AS needed
""")
# A post has ended when all of its items have. The event is written once for each end: the last event of an item and
# the outcome name it. A retry of an item, or its deletion, leads to another end.
ADD_ENDS = text("""
    INSERT INTO events (id, workspace_id, type, subject_id, post_id, data, once, created_at)
    SELECT gen_random_uuid(), workspace_id, 'post.' || status, post_id, post_id, jsonb_build_object(
               'post_id', post_id, 'status', status, 'published', published, 'failed', number - published),
           'end ' || post_id || ' ' || last || ' ' || status, :now
    FROM (
        SELECT post_id, workspace_id, count(*) AS number, count(*) FILTER (WHERE status = 'published') AS published,
               CASE count(*) FILTER (WHERE status = 'published')
                    WHEN count(*) THEN 'completed' WHEN 0 THEN 'failed' ELSE 'partial' END AS status,
               (SELECT max(sequence) FROM events
                WHERE events.post_id = items.post_id AND type IN ('item.published', 'item.failed')) AS last
        FROM items WHERE post_id = ANY(:post_ids)
        GROUP BY post_id, workspace_id HAVING bool_and(status IN ('published', 'failed'))
        ORDER BY post_id
    ) AS ended
    WHERE last IS NOT NULL AND EXISTS (
        SELECT FROM event_listeners AS listener WHERE listener.workspace_id = ended.workspace_id
    )
    ON CONFLICT (workspace_id, once) WHERE once IS NOT NULL DO NOTHING
""")
SAVE = text("""
    UPDATE events SET routed_at = :now, body = routed.body
    FROM jsonb_to_recordset(CAST(:routed AS jsonb)) AS routed(id uuid, body text) WHERE events.id = routed.id
""")
ADD_DELIVERIES = text("""
    INSERT INTO deliveries (id, webhook_id, event_id, sequence, subject_id, due_at, created_at)
    SELECT made.id, made.webhook_id, events.id, events.sequence, events.subject_id, :now, :now
    FROM jsonb_to_recordset(CAST(:made AS jsonb)) AS made(id uuid, webhook_id uuid, event_id uuid)
    JOIN events ON events.id = made.event_id
    ON CONFLICT (webhook_id, event_id) DO NOTHING
""")


@dataclass(frozen=True)
class Receiver:
    """A webhook, as far as the router needs it."""

    id: UUID
    types: frozenset[str] | None

    def wants(self, event: Event) -> bool:
        return self.types is None or event.type in self.types


# Called with the transaction that routes events, and their ids.
Follower = Callable[[Executor, Collection[UUID]], Awaitable[None]]


class Router:
    """The router of one worker."""

    def __init__(self, installation: Installation, followers: Sequence[Follower] = ()) -> None:
        """`followers` pass the events on to others than webhooks."""
        self._installation = installation
        self._followers = followers
        self._database = installation.database
        # Set when events may have been written.
        self.woken = asyncio.Event()
        ROUTERS[installation.database.hot_pool] = self.woken

    async def run(self) -> None:
        """Route events for as long as the worker runs."""
        while True:
            try:
                if await self._is_needed():
                    await self._route_until_idle()
                else:
                    await asyncio.sleep(POLL.total_seconds())
            except DatabaseUnavailable as error:
                log.error("database_unavailable", error=str(error))
                await asyncio.sleep(POLL.total_seconds())

    async def _route_until_idle(self) -> None:
        """Route what is there, and what wake-ups announce until none comes for a while."""
        while True:
            self.woken.clear()
            if await self.route():
                continue  # also for the events that this has made
            try:
                await asyncio.wait_for(self.woken.wait(), POLL.total_seconds())
            except TimeoutError:
                return

    async def _is_needed(self) -> bool:
        """Return whether somebody listens. Without listeners, wake-ups cost no statement."""
        [row] = await self._database.hot_pool.fetch(IS_NEEDED, {})
        return bool(row["needed"])

    async def route(self) -> int:
        """Route the oldest new events, at most BATCH, and return their number. Raise DatabaseUnavailable."""
        async with self._database.begin() as session:
            await session.execute(TAKE, {"lock": Lock.ROUTER})
            events = await _unrouted(session)
            if posts := sorted({event.post_id for event in events if event.type in ENDS and event.post_id}):
                await session.execute(ADD_ENDS, {"post_ids": posts, "now": clock.now()})
            if events:
                await self._route(session, events)
        return len(events)

    async def _route(self, session: AsyncSession, events: list[Event]) -> None:
        receivers = await _receivers(session, {event.workspace_id for event in events})
        wanted = {event.id: [one for one in receivers[event.workspace_id] if one.wants(event)] for event in events}
        bodies = await make_bodies(self._installation, session, [event for event in events if wanted[event.id]])
        routed = [{"id": event.id, "body": bodies.get(event.id)} for event in events]
        made = [
            {"id": new_id(), "webhook_id": one.id, "event_id": event.id} for event in events for one in wanted[event.id]
        ]
        now = clock.now()
        await session.execute(SAVE, {"routed": to_json(routed).decode(), "now": now})
        if made:
            await session.execute(ADD_DELIVERIES, {"made": to_json(made).decode(), "now": now})
            await ready_jobs(session, {row["webhook_id"] for row in made})
            wake_workers(session, DELIVER_QUEUE)
        executor = await from_session(session)
        for follow in self._followers:

            async def tell(some: Collection[Event], follow: Follower = follow) -> None:
                await follow(executor, [event.id for event in some])

            await apart(session, events, tell)


async def make_bodies(installation: Installation, session: AsyncSession, events: Collection[Event]) -> dict[UUID, str]:
    """Return, by event, the JSON that is delivered. An event whose object cannot be shown has null for it."""
    objects: dict[UUID, dict[str, Any]] = {event.id: no_object(event) for event in events}
    for found in await apart(session, list(events), partial(objects_of, installation, session)):
        objects |= found
    return {event.id: body_of(event, event.data | objects[event.id]) for event in events}


async def apart(session: AsyncSession, events: list[Event], act: Callable[[list[Event]], Awaitable[T]]) -> list[T]:
    """Return what `act` returns for all events; after an error of it, for each alone, without those that fail again.

    One event must not hold up the others, of all workspaces. Raise DatabaseUnavailable.
    """
    if not events:
        return []
    try:
        async with session.begin_nested():
            await session.connection()  # which sets the savepoint, also for statements past the session
            return [await act(events)]
    except DatabaseUnavailable:
        raise
    except Exception:
        if len(events) > 1:
            return [one for event in events for one in await apart(session, [event], act)]
        log.exception("event_failed", event_id=str(events[0].id), type=events[0].type)
        return []


def body_of(event: Event, data: dict[str, Any]) -> str:
    """Return the JSON of an event with these data."""
    shown = {
        "type": event.type,
        "timestamp": format_timestamp(event.created_at),
        "sequence": event.sequence,
        "workspace_id": event.workspace_id,
        "data": data,
    }
    return to_json(shown).decode()


async def _unrouted(session: AsyncSession) -> list[Event]:
    query = select(Event).where(Event.routed_at.is_(None)).order_by(Event.sequence).limit(BATCH)
    return list(await session.scalars(query))


async def _receivers(session: AsyncSession, workspace_ids: Collection[UUID]) -> dict[UUID, list[Receiver]]:
    """Return the enabled webhooks by workspace. They are locked against changes and their deletion."""
    query = select(Webhook.workspace_id, Webhook.id, Webhook.events).where(
        Webhook.workspace_id.in_(workspace_ids), Webhook.disabled_at.is_(None)
    )
    query = query.order_by(Webhook.id).with_for_update(read=True)
    found: dict[UUID, list[Receiver]] = defaultdict(list)
    for workspace_id, id, types in await session.execute(query):
        found[workspace_id].append(Receiver(id, None if types is None else frozenset(types)))
    return found
