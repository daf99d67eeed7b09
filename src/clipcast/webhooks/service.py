"""Webhooks of a workspace, for the API and the app. Callers of these functions commit."""

from datetime import datetime, timedelta
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from yarl import URL

from clipcast.audit.service import Actor, record
from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.problems import AppError, Problem, ValidationFailed
from clipcast.common.timestamps import format_timestamp
from clipcast.database.limits import require_whole
from clipcast.database.models.events import Delivery, Event, EventListener, Webhook
from clipcast.database.models.workspaces import Workspace
from clipcast.installation import Installation
from clipcast.jobs.kinds import DELIVER_QUEUE
from clipcast.jobs.wake import wake_workers
from clipcast.webhooks import repository
from clipcast.webhooks.addresses import check_url
from clipcast.webhooks.events import RESERVED, TEST, written_for
from clipcast.webhooks.jobs import ready_jobs
from clipcast.webhooks.retention import KEPT
from clipcast.webhooks.router import body_of, make_bodies
from clipcast.webhooks.schemas import (
    CreateWebhook,
    DeliveryDetail,
    DeliveryOut,
    EventsReplayed,
    SecretRotated,
    UpdateWebhook,
    WebhookOut,
)  # fmt: skip
from clipcast.webhooks.signing import former_secrets, new_secret

# The most webhooks of a workspace, and the most events that one request replays.
WEBHOOKS_MAX = 20
REPLAYED_MAX = 1000
# For which time a former secret signs, too, and the most that do so at a time: each one lengthens every request.
BOTH_SIGN = timedelta(hours=24)
FORMER_MAX = 10
BY_PERSON = "by_person"
CHANGEABLE = (
    "url", "events", "description", "disabled_at", "failures", "failing_since", "paused_until", "warned_at",
)  # fmt: skip


async def create_webhook(
    installation: Installation, session: AsyncSession, workspace_id: UUID, body: CreateWebhook, actor: Actor
) -> tuple[Webhook, str]:
    """Create a webhook, and return it with its secret, which is shown once.

    Raise ValidationFailed, AppError 403 for a key that is limited to clients, or 409 if the workspace has too many.
    """
    require_whole(session, "create webhooks")
    url = _check(installation, body.url, _types(body))
    # Held until the end of the transaction, so that no other one adds what is counted.
    await session.execute(select(Workspace.id).where(Workspace.id == workspace_id).with_for_update(key_share=True))
    if (number := await repository.count_webhooks(session, workspace_id)) >= WEBHOOKS_MAX:
        message = f"The workspace has {number} webhooks, the maximum is {WEBHOOKS_MAX}. Delete one that is not needed."
        raise AppError(409, "too_many_webhooks", message)
    secret = new_secret()
    webhook = Webhook(
        id=new_id(),
        workspace_id=workspace_id,
        url=url,
        description=body.description,
        events=_types(body),
        secret=installation.vault.seal(secret),
    )
    session.add_all(
        (webhook, EventListener(id=webhook.id, workspace_id=workspace_id, types=written_for(webhook.events)))
    )
    await session.flush()
    _record(session, webhook, actor, "webhook.created")
    return webhook, secret


async def update_webhook(
    installation: Installation, session: AsyncSession, workspace_id: UUID, id: str, body: UpdateWebhook, actor: Actor
) -> Webhook:
    """Change a webhook. A new address, and `enabled`, end its failures. Raise NotFound or ValidationFailed.

    A body that changes nothing leaves it as it is, with its failures.
    """
    webhook = await repository.get_webhook(session, workspace_id, id, lock=True)
    given, before = body.model_fields_set, _state(webhook)
    events = _types(body) if "events" in given else webhook.events
    url = _check(installation, body.url if "url" in given else webhook.url, events)
    is_moved = url != webhook.url
    webhook.url, webhook.events = url, events
    webhook.description = body.description if "description" in given else webhook.description
    listener = await session.get_one(EventListener, webhook.id)
    listener.types = written_for(events)
    if "enabled" in given and not body.enabled:
        webhook.disabled_at, webhook.disabled_reason = webhook.disabled_at or clock.now(), BY_PERSON
        await repository.give_up(session, webhook.id)
    elif is_moved or "enabled" in given:
        if "enabled" in given:
            webhook.disabled_at = webhook.disabled_reason = None
        webhook.failures, webhook.failing_since, webhook.paused_until, webhook.warned_at = 0, None, None, None
    if _state(webhook) == before:
        return webhook
    webhook.updated_at = clock.now()
    await session.flush()
    await _send(session, webhook)
    _record(session, webhook, actor, "webhook.changed")
    return webhook


def _state(webhook: Webhook) -> list[object]:
    """Return what a caller can change."""
    return [getattr(webhook, name) for name in CHANGEABLE]


async def delete_webhook(session: AsyncSession, workspace_id: UUID, id: str, actor: Actor) -> None:
    """Delete a webhook with its deliveries. Raise NotFound."""
    webhook = await repository.get_webhook(session, workspace_id, id, lock=True)
    _record(session, webhook, actor, "webhook.deleted")
    await session.delete(await session.get_one(EventListener, webhook.id))
    await session.delete(webhook)


async def rotate_secret(
    installation: Installation, session: AsyncSession, workspace_id: UUID, id: str, actor: Actor
) -> SecretRotated:
    """Give a webhook a new secret. The former one signs, too, for a day. Raise NotFound, or AppError 409.

    Those of earlier rotations sign until their own time. So there is a limit of rotations a day.
    """
    webhook = await repository.get_webhook(session, workspace_id, id, lock=True)
    now = clock.now()
    former = former_secrets(webhook, now)
    if len(former) >= FORMER_MAX:
        again_at = format_timestamp(former[-1][1])
        message = f"The secret was rotated {len(former)} times in 24 h, the maximum. Rotate it again after {again_at}."
        raise AppError(409, "too_many_rotations", message)
    secret, until = new_secret(), now + BOTH_SIGN
    webhook.older_secrets, webhook.older_until = [one for one, _ in former], [end for _, end in former]
    webhook.former_secret, webhook.former_until = webhook.secret, until
    webhook.secret = installation.vault.seal(secret)
    _record(session, webhook, actor, "webhook.secret_rotated")
    return SecretRotated(secret=secret, former_until=until)


async def send_test(session: AsyncSession, workspace_id: UUID, id: str) -> DeliveryOut:
    """Send an event of the type `webhook.test` to this webhook alone. Raise NotFound, or AppError 409."""
    webhook = await _get_enabled(session, workspace_id, id)
    data = {"webhook_id": str(webhook.id), "message": "A test of this webhook."}
    event = Event(workspace_id=workspace_id, type=TEST, subject_id=new_id(), data=data, routed_at=clock.now())
    session.add(event)
    await session.flush()
    await session.refresh(event, ["sequence"])
    event.body = body_of(event, data)
    delivery = Delivery(webhook_id=webhook.id, event_id=event.id, sequence=event.sequence, subject_id=event.subject_id)
    session.add(delivery)
    await session.flush()
    await _send(session, webhook)
    return show_delivery(delivery, event)


async def replay_delivery(session: AsyncSession, workspace_id: UUID, id: str, delivery_id: str) -> DeliveryOut:
    """Send an event again, as if for the first time. Raise NotFound, or AppError 409."""
    webhook = await _get_enabled(session, workspace_id, id)
    delivery, event = await repository.get_delivery(session, webhook.id, delivery_id)
    await repository.redeliver(session, webhook.id, [event.id])
    await session.refresh(delivery)
    await _send(session, webhook)
    return show_delivery(delivery, event)


async def replay_since(
    installation: Installation, session: AsyncSession, workspace_id: UUID, id: str, since: datetime, after: int = 0
) -> EventsReplayed:
    """Send the events from `since` on again that a webhook wants, also those from while it was disabled.

    At most REPLAYED_MAX, with a sequence above `after`. Raise NotFound, AppError 409, or ValidationFailed.
    """
    webhook = await _get_enabled(session, workspace_id, id)
    if since < clock.now() - KEPT:
        message = f"Events are kept for {KEPT.days} days. Give a later time."
        raise ValidationFailed([Problem("/since", "too_early", message)])
    found = await repository.events_since(session, webhook, since, after, REPLAYED_MAX + 1)
    events = found[:REPLAYED_MAX]
    bodies = await make_bodies(installation, session, [event for event in events if event.body is None])
    for event in events:
        event.body = event.body or bodies[event.id]
    await session.flush()
    await repository.redeliver(session, webhook.id, [event.id for event in events])
    await _send(session, webhook)
    return EventsReplayed(replayed=len(events), continue_after=events[-1].sequence if found[REPLAYED_MAX:] else None)


def show_webhook(webhook: Webhook) -> WebhookOut:
    """Return a webhook as the API shows it."""
    return WebhookOut.model_validate(webhook_fields(webhook))


def webhook_fields(webhook: Webhook) -> dict[str, object]:
    """Return the fields of a webhook as the API shows it."""
    status = "disabled" if webhook.disabled_at else "failing" if webhook.failures else "active"
    names = WebhookOut.model_fields.keys() - {"status"}
    return {name: getattr(webhook, name) for name in names} | {"status": status}


def show_delivery(delivery: Delivery, event: Event) -> DeliveryOut:
    """Return a delivery as the API shows it."""
    return DeliveryOut.model_validate(_delivery_fields(delivery, event))


def show_delivery_detail(delivery: Delivery, event: Event) -> DeliveryDetail:
    """Return a delivery with its body."""
    body = from_json(event.body) if event.body else None
    return DeliveryDetail.model_validate(_delivery_fields(delivery, event) | {"body": body})


def _delivery_fields(delivery: Delivery, event: Event) -> dict[str, object]:
    names = ("id", "event_id", "sequence", "status", "attempts", "tries", "created_at", "ended_at")
    shown = {name: getattr(delivery, name) for name in names}
    return shown | {"type": event.type, "next_attempt_at": delivery.due_at if delivery.status == "pending" else None}


def _types(body: CreateWebhook | UpdateWebhook) -> list[str] | None:
    return None if body.events is None else list(dict.fromkeys(body.events))


def _check(installation: Installation, text: str, events: list[str] | None) -> str:
    """Return the address as it is sent. Raise ValidationFailed if it or the types cannot be used."""
    url = check_url(text, installation.settings.webhook_hosts)
    problems = [url] if isinstance(url, Problem) else []
    for number, name in enumerate(events or ()):
        if name in RESERVED:
            message = f"{name} is reserved: this version does not send it. Leave it out."
            problems.append(Problem(f"/events/{number}", "not_available", message))
    if isinstance(url, Problem) or problems:
        raise ValidationFailed(problems)
    return str(url)


async def _get_enabled(session: AsyncSession, workspace_id: UUID, id: str) -> Webhook:
    webhook = await repository.get_webhook(session, workspace_id, id, lock=True)
    if webhook.disabled_at is not None:
        message = "The webhook is disabled. Enable it first."
        raise AppError(409, "webhook_disabled", message)
    return webhook


async def _send(session: AsyncSession, webhook: Webhook) -> None:
    """Have the due deliveries of a webhook sent after the commit. A pause after failures ends."""
    if webhook.disabled_at is None:
        webhook.paused_until = None
        await session.flush()
        await ready_jobs(session, [webhook.id])
        wake_workers(session, DELIVER_QUEUE)


def _record(session: AsyncSession, webhook: Webhook, actor: Actor, action: str) -> None:
    host = URL(webhook.url).host or ""
    record(session, webhook.workspace_id, actor, action, f"Webhook {host}", webhook.id)
