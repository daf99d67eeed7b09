"""The pages of webhooks, for owners: an address can hold a secret, and a delivery has what was sent."""

import json
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from clipcast.api.pagination import PageParams
from clipcast.clock import clock
from clipcast.common.pagination import pagination
from clipcast.common.problems import AppError
from clipcast.common.timestamps import format_timestamp
from clipcast.database.models.events import Webhook
from clipcast.web import times
from clipcast.web.forms import FilledForm, read_form
from clipcast.web.viewers import Member, Owning
from clipcast.webhooks import repository, service
from clipcast.webhooks.events import MEANINGS, RESERVED, TYPES
from clipcast.webhooks.retention import KEPT
from clipcast.webhooks.schemas import DESCRIPTION_MAX, CreateWebhook, UpdateWebhook

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}/developers/webhooks")
PAGE = "/developers/webhooks"
FIRST = PageParams()
# Of a delivery, by its status in the API.
STATUSES = {"pending": "waiting", "delivered": "delivered", "failed": "not delivered"}
# What the page says after an action, by its name in the address.
DONE = {
    "saved": "Saved.",
    "tested": "A test event is on its way. It is the newest delivery below.",
    "disabled": "The webhook is disabled. Clipcast sends nothing to it.",
    "enabled": "The webhook is enabled. To send what happened meanwhile, use Send events again.",
    "again": "The event is on its way.",
}
# Of these, what is said above the deliveries.
SENDING = ("tested", "again")


def _meaning(type: str) -> str:
    return MEANINGS[type].replace("`", "")


@router.get("")
async def list_page(member: Owning, page: Annotated[PageParams, Depends()]) -> Response:
    """Return the webhooks of the workspace."""
    return await _list(member, page)


async def _list(member: Member, page: PageParams = FIRST, form: FilledForm | None = None) -> Response:
    async with member.installation.database.session() as session:
        found, total = await repository.list_webhooks(session, member.workspace.id, page.offset, page.limit)
    return member.render(
        "webhooks.html",
        422 if form else 200,
        section="developers",
        webhooks=[service.show_webhook(one) for one in found],
        webhook_pages=pagination(page, total),
        most=service.WEBHOOKS_MAX,
        types=_choices(),
        form=form or FilledForm({"url": [""], "which": ["all"]}),
    )


def _choices() -> dict[str, str]:
    """Return the types of events that can be chosen, with their meanings."""
    return {type: _meaning(type) for type in TYPES if type not in RESERVED}


@router.post("")
async def create(member: Owning, request: Request) -> Response:
    """Create a webhook, and show its secret once."""
    form = await read_form(request)
    values = _read(form)
    try:
        if form.problems:
            return await _list(member, form=form)
        body = CreateWebhook.model_validate(values)
        async with member.installation.database.begin() as session:
            webhook, secret = await service.create_webhook(
                member.installation, session, member.workspace.id, body, member.actor
            )
    except AppError as error:
        _add_problems(form, error)
        return await _list(member, form=form)
    return await _show(member, str(webhook.id), secret=secret)


def _read(form: FilledForm) -> dict[str, Any]:
    """Return the fields of a webhook in a form, and add their problems to it.

    With "All", ticked events count for nothing: the form hides them then.
    """
    url, description = form.line("url"), form.line("description")
    chosen = [type for type in form.all("events") if type in TYPES]
    form.add_problem("url", None if url else "Give an address such as https://example.org/hooks.")
    if len(description) > DESCRIPTION_MAX:
        form.add_problem("description", f"At most {DESCRIPTION_MAX} characters; this has {len(description)}.")
    if form.one("which") == "some" and not chosen:
        form.add_problem("events", "Choose at least one event, or all.")
    return {"url": url, "description": description, "events": chosen if form.one("which") == "some" else None}


def _add_problems(form: FilledForm, error: AppError) -> None:
    """Add the problems of the service to their fields."""
    if not error.errors:
        form.add_problem("url", error.detail)
    for problem in error.errors:
        form.add_problem(problem.path.split("/")[1], problem.message)


@router.get("/{webhook_id}")
async def webhook_page(
    member: Owning, webhook_id: str, page: Annotated[PageParams, Depends()], status: str = "", done: str = ""
) -> Response:
    """Return a webhook with its deliveries, the newest first."""
    chosen = status if status in STATUSES else ""
    return await _show(
        member, webhook_id, page=page, status=chosen, done=DONE.get(done, ""), sends=done if done in SENDING else ""
    )


async def _show(
    member: Member,
    webhook_id: str,
    *,
    page: PageParams = FIRST,
    status: str = "",
    form: FilledForm | None = None,
    **shown: str,
) -> Response:
    """Return the page of a webhook. It shows a new `secret` once, and a `form` with its problems again."""
    async with member.installation.database.session() as session:
        webhook = await repository.get_webhook(session, member.workspace.id, webhook_id)
        found, total = await repository.list_deliveries(session, webhook.id, status or None, page.offset, page.limit)
    deliveries = [service.show_delivery(*one) for one in found]
    query = urlencode({"status": status} if status else {})
    return member.render(
        "webhook.html",
        422 if form or shown.get("replay_problem") else 200,
        section="developers",
        webhook=service.show_webhook(webhook),
        deliveries=deliveries,
        delivery_pages=pagination(page, total),
        statuses=STATUSES,
        wanted=status,
        query=query,
        types=_choices(),
        kept=KEPT,
        now=format_timestamp(clock.now()),
        form=form or _filled(webhook),
        **({"secret": "", "done": "", "sends": "", "replay_problem": "", "rest_since": "", "rest_after": ""} | shown),
    )


def _filled(webhook: Webhook) -> FilledForm:
    """Return the form of a webhook as it is."""
    which = "all" if webhook.events is None else "some"
    values = {"url": [webhook.url], "description": [webhook.description], "which": [which]}
    return FilledForm(values | {"events": list(webhook.events or ())})


@router.post("/{webhook_id}")
async def change(member: Owning, webhook_id: str, request: Request) -> Response:
    """Change the address, the events or the note of a webhook."""
    form = await read_form(request)
    values = _read(form)
    if not form.problems:
        try:
            return await _update(member, webhook_id, "saved", **values)
        except AppError as error:
            if error.status == 404:
                raise
            _add_problems(form, error)
    return await _show(member, webhook_id, form=form)


@router.post("/{webhook_id}/disable")
async def disable(member: Owning, webhook_id: str) -> Response:
    """Send nothing to a webhook any more."""
    return await _update(member, webhook_id, "disabled", enabled=False)


@router.post("/{webhook_id}/enable")
async def enable(member: Owning, webhook_id: str) -> Response:
    """Send events to a webhook again, from now on."""
    return await _update(member, webhook_id, "enabled", enabled=True)


async def _update(member: Member, webhook_id: str, done: str, **values: Any) -> Response:
    body = UpdateWebhook.model_validate(values)
    async with member.installation.database.begin() as session:
        await service.update_webhook(member.installation, session, member.workspace.id, webhook_id, body, member.actor)
    return member.redirect(f"{PAGE}/{webhook_id}?done={done}")


@router.post("/{webhook_id}/delete")
async def delete(member: Owning, webhook_id: str) -> Response:
    """Delete a webhook with its deliveries."""
    async with member.installation.database.begin() as session:
        await service.delete_webhook(session, member.workspace.id, webhook_id, member.actor)
    return member.redirect(PAGE)


@router.post("/{webhook_id}/test")
async def test(member: Owning, webhook_id: str) -> Response:
    """Send a test event."""
    async with member.installation.database.begin() as session:
        await service.send_test(session, member.workspace.id, webhook_id)
    return member.redirect(f"{PAGE}/{webhook_id}?done=tested#deliveries")


@router.post("/{webhook_id}/rotate")
async def rotate(member: Owning, webhook_id: str) -> Response:
    """Make a new secret, and show it once."""
    async with member.installation.database.begin() as session:
        rotated = await service.rotate_secret(
            member.installation, session, member.workspace.id, webhook_id, member.actor
        )
    return await _show(member, webhook_id, secret=rotated.secret)


@router.post("/{webhook_id}/replay")
async def replay_since(member: Owning, webhook_id: str, request: Request) -> Response:
    """Send the events since a time again."""
    form = await read_form(request)
    after = form.one("after") if form.one("after").isdecimal() else "0"
    try:
        since = times.from_input(form.one("since"), member.zone)
        async with member.installation.database.begin() as session:
            replayed = await service.replay_since(
                member.installation, session, member.workspace.id, webhook_id, since, int(after[:18])
            )
    except (ValueError, AppError) as error:
        if isinstance(error, AppError) and error.status == 404:
            raise
        shown = [problem.message for problem in error.errors] or [error.detail] if isinstance(error, AppError) else []
        return await _show(member, webhook_id, replay_problem=" ".join(shown) or str(error))
    events = "1 event is" if replayed.replayed == 1 else f"{replayed.replayed} events are"
    done = f"{events} sent again."
    if replayed.continue_after is None:
        return await _show(member, webhook_id, done=done, sends="again")
    return await _show(
        member, webhook_id, done=f"{done} There are more.", sends="again", rest_since=form.one("since"),
        rest_after=str(replayed.continue_after),
    )  # fmt: skip


@router.get("/{webhook_id}/deliveries/{delivery_id}")
async def delivery_page(member: Owning, webhook_id: str, delivery_id: str) -> Response:
    """Return a delivery with its attempts and the body that is sent."""
    async with member.installation.database.session() as session:
        webhook = await repository.get_webhook(session, member.workspace.id, webhook_id)
        found = service.show_delivery_detail(*await repository.get_delivery(session, webhook.id, delivery_id))
    return member.render(
        "delivery.html",
        section="developers",
        webhook=service.show_webhook(webhook),
        delivery=found,
        statuses=STATUSES,
        meaning=_meaning(found.type) if found.type in MEANINGS else "A test of this webhook.",
        body=json.dumps(found.body, indent=2, ensure_ascii=False) if found.body is not None else "",
    )


@router.post("/{webhook_id}/deliveries/{delivery_id}/replay")
async def replay(member: Owning, webhook_id: str, delivery_id: str) -> Response:
    """Send an event again."""
    async with member.installation.database.begin() as session:
        await service.replay_delivery(session, member.workspace.id, webhook_id, delivery_id)
    return member.redirect(f"{PAGE}/{webhook_id}?done=again#deliveries")
