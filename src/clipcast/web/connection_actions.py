"""Actions on accounts, one or many: move, label, pause, resume and remove. What cannot be done is said by account."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from clipcast.clients.repository import get_client
from clipcast.clients.service import assign_accounts
from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError, NotFound
from clipcast.connections import labels, manage, repository
from clipcast.connections.client_links import LIFETIMES
from clipcast.database.models.connections import Connection
from clipcast.platforms.registry import PLATFORMS
from clipcast.web.connecting import link_for_client, shared_page
from clipcast.web.forms import FilledForm, read_form
from clipcast.web.pages import is_htmx
from clipcast.web.viewers import Editing, Member, Owning

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")
CHOSEN_MAX = 500
# The actions on many, their participles, those that need an owner, and what undoes each; resuming cannot be undone.
VERBS = {"move": "moved", "label": "labelled", "pause": "paused", "resume": "resumed"}
OWNED = ("pause", "resume")
UNDONE = {"move": "move", "label": "label", "pause": "resume"}
GONE = "it is no longer connected."
# What people are told for the codes of refusals.
REASONS = {"connection_disabled": "it is paused already.", "connection_not_disabled": "it is not paused."}


@dataclass
class Outcome:
    """What became of the accounts: what was before, of those that changed; and the reasons of the others, by name."""

    before: dict[UUID, Any] = field(default_factory=dict)
    refused: list[tuple[str, str, str]] = field(default_factory=list)

    def refuse(self, account: Connection, reason: str) -> None:
        """Say why nothing was done with an account."""
        self.refused.append((_name(account), reason, f"/accounts/{account.id}"))


@router.post("/accounts/bulk")
async def act_on_many(member: Editing, request: Request) -> Response:
    """Do one action with the chosen accounts."""
    form = await read_form(request)
    action = form.line("action")
    ids = list(dict.fromkeys(id for text in form.all("chosen") if (id := parse_id(text))))[:CHOSEN_MAX]
    if not ids:
        raise AppError(422, "nothing_chosen", "Choose at least one account.")
    if action == "link":
        return await _link(member, ids)
    _require_right(member, action)
    async with member.installation.database.begin() as session:
        accounts = await labels.lock_accounts(session, member.workspace.id, ids)
        outcome = Outcome(refused=[("An account", GONE, "/accounts")] * (len(ids) - len(accounts)))
        where = await ACTIONS[action](session, member, accounts, form, outcome)
    return _result(member, request, action, outcome, where)


async def _link(member: Member, ids: list[UUID]) -> Response:
    """Return a new link for the client of the accounts. Raises AppError 422 unless they are of one client."""
    async with member.installation.database.begin() as session:
        accounts = await labels.lock_accounts(session, member.workspace.id, ids)
        found = {one.client_id for one in accounts}
        clients = [one for one in member.clients if one.id in found]
        if len(found) != 1 or not clients:
            which = "no client" if found <= {None} else f"{len(found)} clients, or of none"
            message = f"A link is for one client, and these accounts are of {which}. Choose accounts of one client."
            raise AppError(422, "validation_failed", message)
        client = await get_client(session, member.workspace.id, str(clients[0].id))
        link = await link_for_client(session, member, client)
    return shared_page(member, link, client=client, days=LIFETIMES[1])


@router.post("/accounts/bulk/undo")
async def undo(member: Editing, request: Request) -> Response:
    """Undo an action on accounts: `before` has the client or the labels that each had."""
    form = await read_form(request)
    action = form.line("action")
    _require_right(member, action)
    before = _read_before(form.one("before"))
    outcome = Outcome()
    async with member.installation.database.begin() as session:
        accounts = await labels.lock_accounts(session, member.workspace.id, list(before))
        if action == "label":
            typed = {id: value if isinstance(value, list) else [] for id, value in before.items()}
            known = {id: await labels.clean_labels(session, member.workspace.id, each) for id, each in typed.items()}
            outcome.before = labels.set_labels(accounts, known)
        elif action == "move":
            for target in {value for value in before.values() if value is None or isinstance(value, str)}:
                back = [str(one.id) for one in accounts if before[one.id] == target]
                moved = await assign_accounts(session, member.workspace.id, target, back, member.actor)
                outcome.before |= dict.fromkeys((one.id for one in moved), target)
        else:
            await _resume(session, member, accounts, form, outcome)
    return _result(member, request, action, outcome, " back" if action == "move" else "", undoable=False)


def _require_right(member: Member, action: str) -> None:
    if action not in VERBS:
        raise AppError(422, "action_unknown", "Choose what to do with the accounts.")
    if action in OWNED and not member.may("owner"):
        raise AppError(403, "role_missing", f"This needs the role owner; your role is {member.role}.")


def _read_before(text: str) -> dict[UUID, Any]:
    """Return what an undo form holds, by the account's id. Raises AppError 422."""
    try:
        return {UUID(id): value for id, value in list(json.loads(text).items())[:CHOSEN_MAX]}
    except (ValueError, AttributeError):
        raise AppError(422, "validation_failed", "This cannot be undone any more. Reload the page.") from None


async def _move(
    session: AsyncSession, member: Member, accounts: list[Connection], form: FilledForm, outcome: Outcome
) -> str:
    """Give the accounts to a client, or to none. Return where they went, in words."""
    to = form.line("to") or None
    before = {one.id: one.client_id and str(one.client_id) for one in accounts}
    changed = await assign_accounts(session, member.workspace.id, to, [str(one.id) for one in accounts], member.actor)
    outcome.before = {one.id: before[one.id] for one in changed}
    client = next((one for one in member.clients if str(one.id) == to), None)
    where = client.name if client else "no client"
    for one in accounts:
        if one.id not in outcome.before:
            outcome.refuse(one, f"it belongs to {where} already.")
    return f" to {where}"


async def _label(
    session: AsyncSession, member: Member, accounts: list[Connection], form: FilledForm, outcome: Outcome
) -> str:
    """Add the labels of the field `label`, separated by commas, and take the label `remove` away."""
    typed = [one for text in form.all("label") for one in text.split(",") if one.strip()]
    added = await labels.clean_labels(session, member.workspace.id, typed)
    if not added and not form.line("remove"):
        raise AppError(422, "validation_failed", "No label is given. Type one, or choose one to remove.")
    for one in accounts:
        kept = [old for old in one.labels if old != form.line("remove")]
        wanted = kept + [new for new in added if new not in kept]
        try:
            changed = labels.set_labels([one], {one.id: wanted})
        except AppError as error:
            outcome.refuse(one, error.errors[0].message)
        else:
            outcome.before |= changed or {one.id: list(one.labels)}
    member.record(session, "connections.label", f"{len(outcome.before)} accounts", None, labels=added)
    return ""


async def _pause(
    session: AsyncSession, member: Member, accounts: list[Connection], form: FilledForm, outcome: Outcome
) -> str:
    """Pause the accounts: their items wait."""
    return await _switch(session, member, accounts, outcome, manage.switch_off, "connection.disabled")


async def _resume(
    session: AsyncSession, member: Member, accounts: list[Connection], form: FilledForm, outcome: Outcome
) -> str:
    """Resume the accounts: items that waited go on."""
    return await _switch(session, member, accounts, outcome, manage.switch_on, "connection.enabled")


async def _switch(
    session: AsyncSession, member: Member, accounts: list[Connection], outcome: Outcome, act: Callable[..., Any],
    recorded: str,
) -> str:  # fmt: skip
    for one in accounts:
        try:
            await act(session, member.workspace.id, str(one.id))
        except AppError as error:
            outcome.refuse(one, REASONS.get(error.code, error.detail))
        else:
            outcome.before[one.id] = None
            member.record(session, recorded, _name(one), one.id)
    return ""


ACTIONS = {"move": _move, "label": _label, "pause": _pause, "resume": _resume}


def _result(
    member: Member, request: Request, action: str, outcome: Outcome, where: str, undoable: bool = True
) -> Response:
    """Return what became of the accounts, as a toast or, without htmx, as a page."""
    number = len(outcome.before)
    done = f"{number} {'account' if number == 1 else 'accounts'} {VERBS[action]}{where}." if number else ""
    can_undo = undoable and number and action in UNDONE
    context: dict[str, Any] = {
        "done": done,
        "asked": number + len(outcome.refused),
        "verb": VERBS[action],
        "failed": outcome.refused,
        "action": UNDONE.get(action, ""),
        "before": json.dumps({str(id): value for id, value in outcome.before.items()}) if can_undo else "",
    }
    if not is_htmx(request):
        return member.render("connections_done.html", section="connections", **context)
    response = member.render("parts/connections_done.html", **context)
    response.headers["HX-Trigger"] = "refresh,bulk-done"
    return response


@router.post("/accounts/move")
async def move(member: Editing, request: Request) -> Response:
    """Give one account to a client, or to none, and return to its page."""
    form = await read_form(request)
    async with member.installation.database.begin() as session:
        await assign_accounts(session, member.workspace.id, form.one("to") or None, form.all("account"), member.actor)
    id = parse_id(form.line("account"))
    return member.redirect(f"/accounts/{id}" if id else "/accounts")


@router.post("/accounts/{connection_id}/off")
async def switch_off(member: Owning, connection_id: str) -> Response:
    """Pause an account."""
    async with member.installation.database.begin() as session:
        connection = await manage.switch_off(session, member.workspace.id, connection_id)
        member.record(session, "connection.disabled", _name(connection), connection.id)
    return member.redirect("/accounts")


@router.post("/accounts/{connection_id}/on")
async def switch_on(member: Owning, connection_id: str) -> Response:
    """Resume an account."""
    async with member.installation.database.begin() as session:
        connection = await manage.switch_on(session, member.workspace.id, connection_id)
        member.record(session, "connection.enabled", _name(connection), connection.id)
    return member.redirect("/accounts")


@router.post("/accounts/{connection_id}/remove")
async def remove(member: Owning, connection_id: str) -> Response:
    """Remove an account: revoke its authorization if the platform has a call for that, and delete its tokens anyway."""
    async with member.installation.database.session() as session:
        connection = await repository.get_connection(session, member.workspace.id, connection_id)
    if connection is None:
        raise NotFound("connection", connection_id)
    message = await manage.revoke(member.installation, connection)
    async with member.installation.database.begin() as session:
        removed = await manage.remove(member.installation, session, member.workspace.id, connection_id)
        member.record(session, "connection.removed", _name(removed), removed.id, platform_said=message)
    return member.render("removed.html", section="connections", connection=removed, message=message)


def _name(connection: Connection) -> str:
    return f"{PLATFORMS[connection.platform].title} @{connection.username}"
