"""The API's endpoints of webhooks."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.api.auth import Caller, needs
from clipcast.api.dependencies import InstallationDep
from clipcast.api.idempotency import IdempotentResponse, run_idempotent
from clipcast.api.pagination import PageParams
from clipcast.api.schemas import documented, json_body
from clipcast.common.pagination import paged
from clipcast.webhooks import repository, schemas, service

router = APIRouter(tags=["Webhooks"])
Reader = Annotated[Caller, Depends(needs("webhooks:read"))]
Writer = Annotated[Caller, Depends(needs("webhooks:write"))]


@router.post(
    "/webhooks",
    operation_id="createWebhook",
    openapi_extra=documented(schemas.CreateWebhook),
    summary="Create a webhook",
    status_code=201,
    response_model=schemas.WebhookCreated,
)
async def create_webhook(
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.CreateWebhook, json_body(schemas.CreateWebhook)],
) -> Any:
    """Have events sent to an address from now on. The response holds the secret, which is shown once.

    A workspace has at most 20 webhooks.
    """

    async def act(session: AsyncSession) -> IdempotentResponse:
        made, secret = await service.create_webhook(installation, session, caller.workspace_id, body, caller.actor)
        shown = schemas.WebhookCreated.model_validate(service.webhook_fields(made) | {"secret": secret})
        return IdempotentResponse(201, shown)

    return await run_idempotent(request, installation, caller, act)


@router.get("/webhooks", operation_id="listWebhooks", summary="List webhooks", response_model=schemas.WebhookList)
async def list_webhooks(installation: InstallationDep, caller: Reader, page: Annotated[PageParams, Depends()]) -> Any:
    """List the workspace's webhooks, the newest first."""
    async with installation.database.session() as session:
        found, total = await repository.list_webhooks(session, caller.workspace_id, page.offset, page.limit)
        return paged("webhooks", [service.show_webhook(webhook) for webhook in found], page, total)


@router.get(
    "/webhooks/{webhook_id}", operation_id="getWebhook", summary="Get a webhook", response_model=schemas.WebhookOut
)
async def get_webhook(webhook_id: str, installation: InstallationDep, caller: Reader) -> Any:
    """Return a webhook, without its secret."""
    async with installation.database.session() as session:
        return service.show_webhook(await repository.get_webhook(session, caller.workspace_id, webhook_id))


@router.patch(
    "/webhooks/{webhook_id}",
    operation_id="updateWebhook",
    openapi_extra=documented(schemas.UpdateWebhook),
    summary="Change a webhook",
    response_model=schemas.WebhookOut,
)
async def update_webhook(
    webhook_id: str,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.UpdateWebhook, json_body(schemas.UpdateWebhook)],
) -> Any:
    """Change the address, the types of events or the note of a webhook, or disable or enable it.

    What was pending when it was disabled is not sent. Replay it.
    """
    async with installation.database.begin() as session:
        changed = await service.update_webhook(
            installation, session, caller.workspace_id, webhook_id, body, caller.actor
        )
        return service.show_webhook(changed)


@router.delete("/webhooks/{webhook_id}", operation_id="deleteWebhook", summary="Delete a webhook", status_code=204)
async def delete_webhook(webhook_id: str, installation: InstallationDep, caller: Writer) -> None:
    """Delete a webhook with its deliveries."""
    async with installation.database.begin() as session:
        await service.delete_webhook(session, caller.workspace_id, webhook_id, caller.actor)


@router.post(
    "/webhooks/{webhook_id}/test",
    operation_id="sendTestEvent",
    summary="Test a webhook",
    status_code=202,
    response_model=schemas.DeliveryOut,
)
async def send_test_event(request: Request, webhook_id: str, installation: InstallationDep, caller: Writer) -> Any:
    """Send an event of the type `webhook.test` to this webhook. Read the delivery to see what came of it."""

    async def act(session: AsyncSession) -> IdempotentResponse:
        return IdempotentResponse(202, await service.send_test(session, caller.workspace_id, webhook_id))

    return await run_idempotent(request, installation, caller, act)


@router.post(
    "/webhooks/{webhook_id}/rotate",
    operation_id="rotateWebhookSecret",
    summary="Rotate a webhook's secret",
    response_model=schemas.SecretRotated,
)
async def rotate_webhook_secret(
    request: Request, webhook_id: str, installation: InstallationDep, caller: Writer
) -> Any:
    """Create a new secret. For 24 hours, each request carries signatures of both, so that none is rejected."""

    async def act(session: AsyncSession) -> IdempotentResponse:
        rotated = await service.rotate_secret(installation, session, caller.workspace_id, webhook_id, caller.actor)
        return IdempotentResponse(200, rotated)

    return await run_idempotent(request, installation, caller, act)


@router.get(
    "/webhooks/{webhook_id}/deliveries",
    operation_id="listWebhookDeliveries",
    summary="List a webhook's deliveries",
    response_model=schemas.DeliveryList,
)
async def list_deliveries(
    webhook_id: str,
    installation: InstallationDep,
    caller: Reader,
    page: Annotated[PageParams, Depends()],
    status: Annotated[schemas.DeliveryStatus | None, Query(description="Only these. Default: all.")] = None,
) -> Any:
    """List what was sent to a webhook, and what waits, in the last 30 days. The newest events come first."""
    async with installation.database.session() as session:
        webhook = await repository.get_webhook(session, caller.workspace_id, webhook_id)
        found, total = await repository.list_deliveries(session, webhook.id, status, page.offset, page.limit)
        return paged("deliveries", [service.show_delivery(*row) for row in found], page, total)


@router.get(
    "/webhooks/{webhook_id}/deliveries/{delivery_id}",
    operation_id="getWebhookDelivery",
    summary="Get a delivery",
    response_model=schemas.DeliveryDetail,
)
async def get_delivery(webhook_id: str, delivery_id: str, installation: InstallationDep, caller: Reader) -> Any:
    """Return a delivery with the body that is sent."""
    async with installation.database.session() as session:
        webhook = await repository.get_webhook(session, caller.workspace_id, webhook_id)
        return service.show_delivery_detail(*await repository.get_delivery(session, webhook.id, delivery_id))


@router.post(
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    operation_id="replayWebhookDelivery",
    summary="Send an event again",
    status_code=202,
    response_model=schemas.DeliveryOut,
)
async def replay_delivery(
    request: Request, webhook_id: str, delivery_id: str, installation: InstallationDep, caller: Writer
) -> Any:
    """Send the same bytes with the same `webhook-id` again, as if for the first time."""

    async def act(session: AsyncSession) -> IdempotentResponse:
        shown = await service.replay_delivery(session, caller.workspace_id, webhook_id, delivery_id)
        return IdempotentResponse(202, shown)

    return await run_idempotent(request, installation, caller, act)


@router.post(
    "/webhooks/{webhook_id}/replay",
    operation_id="replayWebhookEvents",
    openapi_extra=documented(schemas.ReplayEvents),
    summary="Send all events since a time again",
    status_code=202,
    response_model=schemas.EventsReplayed,
)
async def replay_events(
    request: Request,
    webhook_id: str,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.ReplayEvents, json_body(schemas.ReplayEvents)],
) -> Any:
    """Send the events of the webhook's types again, also those from while it was disabled.

    At most 1000, the oldest first. Continue with `after` while the response holds `continue_after`. Events are kept
    for 30 days.
    """

    async def act(session: AsyncSession) -> IdempotentResponse:
        shown = await service.replay_since(
            installation, session, caller.workspace_id, webhook_id, body.since, body.after
        )
        return IdempotentResponse(202, shown)

    return await run_idempotent(request, installation, caller, act)
