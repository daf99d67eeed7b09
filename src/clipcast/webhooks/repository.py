"""Queries about webhooks and their deliveries, always within one workspace or one webhook."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.problems import NotFound
from clipcast.database import page_of
from clipcast.database.hot_queries import from_session
from clipcast.database.models.events import Delivery, Event, Webhook
from clipcast.webhooks.events import TEST
from clipcast.webhooks.outcomes import GIVE_UP


async def get_webhook(session: AsyncSession, workspace_id: UUID, id: str, lock: bool = False) -> Webhook:
    """Return a webhook. Raise NotFound if the workspace has no such webhook.

    `lock` it before its job and its deliveries, as all transactions do.
    """
    query = select(Webhook).where(Webhook.workspace_id == workspace_id, Webhook.id == parse_id(id))
    webhook = (await session.scalars(query.with_for_update(key_share=True) if lock else query)).one_or_none()
    if webhook is None:
        raise NotFound("webhook", id)
    return webhook


async def count_webhooks(session: AsyncSession, workspace_id: UUID) -> int:
    """Return the number of a workspace's webhooks."""
    query = select(func.count()).select_from(Webhook).where(Webhook.workspace_id == workspace_id)
    return (await session.execute(query)).scalar_one()


async def list_webhooks(
    session: AsyncSession, workspace_id: UUID, offset: int, limit: int
) -> tuple[list[Webhook], int]:
    """Return one page of a workspace's webhooks, the newest first, and the number of all."""
    query = select(Webhook).where(Webhook.workspace_id == workspace_id).order_by(Webhook.id.desc())
    return await page_of(session, query, offset, limit)


async def list_deliveries(
    session: AsyncSession, webhook_id: UUID, status: str | None, offset: int, limit: int
) -> tuple[list[tuple[Delivery, Event]], int]:
    """Return one page of a webhook's deliveries with their events, the newest first, and the number of all."""
    query = select(Delivery).where(Delivery.webhook_id == webhook_id).order_by(Delivery.sequence.desc())
    query = query.where(Delivery.status == status) if status else query
    deliveries, total = await page_of(session, query, offset, limit)
    ids = {delivery.event_id for delivery in deliveries}
    events = {event.id: event for event in await session.scalars(select(Event).where(Event.id.in_(ids)))}
    return [(delivery, events[delivery.event_id]) for delivery in deliveries], total


async def get_delivery(session: AsyncSession, webhook_id: UUID, id: str) -> tuple[Delivery, Event]:
    """Return a delivery with its event. Raise NotFound if the webhook has no such delivery."""
    query = select(Delivery, Event).join(Event, Event.id == Delivery.event_id)
    row = (
        await session.execute(query.where(Delivery.webhook_id == webhook_id, Delivery.id == parse_id(id)))
    ).one_or_none()
    if row is None:
        raise NotFound("delivery", id)
    return row[0], row[1]


async def events_since(session: AsyncSession, webhook: Webhook, since: datetime, after: int, limit: int) -> list[Event]:
    """Return the routed events of a webhook's types from `since` on with a sequence above `after`, in their order."""
    query = select(Event).where(
        Event.workspace_id == webhook.workspace_id,
        Event.created_at >= since,
        Event.sequence > after,
        Event.routed_at.is_not(None),
        Event.type != TEST,
    )
    if webhook.events is not None:
        query = query.where(Event.type.in_(webhook.events))
    return list(await session.scalars(query.order_by(Event.sequence).limit(limit)))


async def redeliver(session: AsyncSession, webhook_id: UUID, event_ids: Collection[UUID]) -> None:
    """Make these events due for a webhook, as if for the first time, also those that wait for a retry."""
    now = clock.now()
    names = ["id", "webhook_id", "event_id", "sequence", "subject_id", "due_at", "created_at"]
    columns = (
        func.gen_random_uuid(), literal(webhook_id), Event.id, Event.sequence, Event.subject_id, literal(now),
        literal(now),
    )  # fmt: skip
    chosen = select(*columns).where(Event.id.in_(event_ids)).order_by(Event.sequence)
    rows = insert(Delivery).from_select(names, chosen, include_defaults=False)
    again = {"status": "pending", "attempts": 0, "due_at": now, "ended_at": None}
    await session.execute(
        rows.on_conflict_do_update(
            index_elements=["webhook_id", "event_id"],
            set_=again,
            where=(Delivery.status != "pending") | (Delivery.attempts > 0),
        )
    )


async def give_up(session: AsyncSession, webhook_id: UUID) -> None:
    """End the pending deliveries of a webhook that is disabled."""
    await (await from_session(session)).fetch(GIVE_UP, {"id": webhook_id, "now": clock.now()})
