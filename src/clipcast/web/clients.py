"""The pages of clients: the list, and a client's accounts, words and settings. web/client_times.py has its times."""

from typing import Any, TypeVar

from fastapi import APIRouter, Request
from pydantic import BaseModel, ValidationError
from starlette.responses import RedirectResponse, Response

from clipcast.clients import repository, service, words
from clipcast.clients.posting_times import count_times
from clipcast.clients.schemas import COLORS, NAME_MAX, SIGNATURE_MAX, CreateClient, UpdateClient
from clipcast.common.problems import AppError, ValidationFailed
from clipcast.common.validation import problems_of
from clipcast.connections import manage
from clipcast.connections.repository import list_choices
from clipcast.database.models.clients import Client
from clipcast.web import times
from clipcast.web.forms import FilledForm, read_form
from clipcast.web.viewers import Editing, Looking, Member

B = TypeVar("B", bound=BaseModel)
router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")
COLOR_NAMES = {
    1: "rose", 2: "green", 3: "brown", 4: "blue", 5: "orange", 6: "amber", 7: "violet", 8: "cyan", 9: "olive",
    10: "magenta", 11: "grey", 12: "teal",
}  # fmt: skip
assert len(COLOR_NAMES) == COLORS


@router.get("/clients")
async def clients_page(member: Looking) -> Response:
    """Return the list of clients."""
    return await _list(member)


async def _list(member: Member, form: FilledForm | None = None) -> Response:
    async with member.installation.database.session() as session:
        accounts = await repository.count_accounts(session, [one.id for one in member.clients])
        weekly = await count_times(session, [one.id for one in member.clients])
        loose = await repository.count_loose_accounts(session, member.workspace.id)
    return member.render(
        "clients.html",
        422 if form else 200,
        section="clients",
        accounts=accounts,
        weekly=weekly,
        loose=loose,
        form=form or FilledForm({"timezone": [member.zone.key]}),
        **_choices(),
    )


def _choices() -> dict[str, Any]:
    """Return what the forms of a client offer."""
    return {
        "zone_names": times.zone_names(),
        "city_of": times.city_of,
        "color_names": COLOR_NAMES,
        "name_max": NAME_MAX,
    }


@router.post("/clients")
async def create(member: Editing, request: Request) -> Response:
    """Create a client, and open its posting times."""
    form = await read_form(request)
    body = _read(form, CreateClient)
    if body is None:
        return await _list(member, form)
    try:
        async with member.installation.database.begin() as session:
            made = await service.create_client(session, member.workspace.id, body, member.actor)
    except AppError as error:
        if error.status == 403:
            raise
        _add_problems(form, error)
        return await _list(member, form)
    return member.redirect(f"/clients/{made.id}/accounts")


def _read(form: FilledForm, model: type[B]) -> B | None:
    """Return the body in a client's form; None if it has problems, which the form then holds."""
    color = next((number for number in COLOR_NAMES if str(number) == form.line("color")), None)
    raw = {"name": form.one("name"), "timezone": form.line("timezone"), "color": color}
    try:
        times.read_zone(form.line("timezone"))
    except ValueError as error:
        form.add_problem("timezone", str(error))
    try:
        body = model.model_validate(raw)
    except ValidationError as error:
        _add_problems(form, ValidationFailed(problems_of(error, model)))
        return None
    return None if form.problems else body


def _add_problems(form: FilledForm, error: AppError) -> None:
    """Add the problems of a request to the fields of the form."""
    for problem in error.errors:
        form.add_problem(problem.path.split("/")[1], problem.message)
    if not error.errors:
        form.add_problem("name", error.detail)


@router.get("/clients/{client_id}")
async def client_page(member: Looking, client_id: str) -> Response:
    """Redirect to the first of the client's pages."""
    return member.redirect(f"/clients/{client_id}/times")


@router.get("/clients/{client_id}/posts")
async def posts_page(member: Looking, client_id: str) -> Response:
    """Redirect to the client's posts."""
    return RedirectResponse(f"{member.base}/posts?client={client_id}", 303)


async def show_client(
    member: Member, client: Client, template: str, tab: str, status: int = 200, **shown: Any
) -> Response:
    """Return a page of a client, with what all of its pages show."""
    async with member.installation.database.session() as session:
        accounts = await repository.accounts_of(session, member.workspace.id, client.id)
    broken = [one for one in accounts if one.status == "needs_reconnect"]
    return member.render(
        template,
        status,
        section="clients",
        one=client,
        tab=tab,
        accounts=accounts,
        broken=broken,
        **shown,
    )


async def get_client(member: Member, client_id: str) -> Client:
    """Return the client of an address. Raises NotFound."""
    async with member.installation.database.session() as session:
        return await repository.get_client(session, member.workspace.id, client_id)


@router.get("/clients/{client_id}/accounts")
async def accounts_page(member: Looking, client_id: str) -> Response:
    """Return the accounts of a client, and those that can be given to it."""
    client = await get_client(member, client_id)
    async with member.installation.database.session() as session:
        others = [one for one in await list_choices(session, member.workspace.id) if one.client_id != client.id]
        mine = await repository.accounts_of(session, member.workspace.id, client.id)
        health = await manage.health_of(session, mine)
    by_id = {one.id: one for one in member.clients}
    return await show_client(
        member, client, "client_accounts.html", "accounts", other_accounts=others, health=health, clients_by_id=by_id
    )


@router.post("/clients/{client_id}/accounts")
async def add_accounts(member: Editing, client_id: str, request: Request) -> Response:
    """Give accounts to this client."""
    form = await read_form(request)
    await _assign(member, client_id, form.all("account"))
    return member.redirect(f"/clients/{client_id}/accounts")


@router.post("/clients/{client_id}/accounts/move")
async def move_accounts(member: Editing, client_id: str, request: Request) -> Response:
    """Give accounts of this client to another one, or to none."""
    form = await read_form(request)
    await _assign(member, form.one("to") or None, form.all("account"))
    return member.redirect(f"/clients/{client_id}/accounts")


async def _assign(member: Member, client_id: str | None, account_ids: list[str]) -> None:
    async with member.installation.database.begin() as session:
        await service.assign_accounts(session, member.workspace.id, client_id, account_ids, member.actor)


@router.get("/clients/{client_id}/settings")
async def settings_page(member: Looking, client_id: str) -> Response:
    """Return the settings of a client."""
    return await _settings(member, await get_client(member, client_id))


async def _settings(member: Member, client: Client, form: FilledForm | None = None) -> Response:
    stored = {"name": [client.name], "timezone": [client.timezone], "color": [str(client.color)]}
    status = 422 if form else 200
    return await show_client(
        member, client, "client_settings.html", "settings", status, form=form or FilledForm(stored), **_choices()
    )


@router.post("/clients/{client_id}/settings")
async def save_settings(member: Editing, client_id: str, request: Request) -> Response:
    """Change the name, the zone and the colour of a client."""
    client = await get_client(member, client_id)
    form = await read_form(request)
    body = _read(form, UpdateClient)
    if body is None:
        return await _settings(member, client, form)
    try:
        async with member.installation.database.begin() as session:
            await service.update_client(session, member.workspace.id, client_id, body, member.actor)
    except ValidationFailed as error:
        _add_problems(form, error)
        return await _settings(member, client, form)
    return member.redirect(f"/clients/{client_id}/settings")


@router.post("/clients/{client_id}/delete")
async def delete(member: Editing, client_id: str) -> Response:
    """Delete a client. Its accounts and posts stay."""
    async with member.installation.database.begin() as session:
        await service.delete_client(session, member.workspace.id, client_id, member.actor)
    return member.redirect("/clients")


@router.get("/clients/{client_id}/words")
async def words_page(member: Looking, client_id: str) -> Response:
    """Return the signature and the hashtag sets of a client."""
    return await _words(member, await get_client(member, client_id))


async def _words(member: Member, client: Client, form: FilledForm | None = None, which: str = "") -> Response:
    """Return the page of words. `form` is the rejected one of the part `which`."""
    async with member.installation.database.session() as session:
        sets = await words.hashtag_sets_of(session, client.id)
    return await show_client(
        member, client, "client_words.html", "words", 422 if form else 200,
        sets=sets, form=form or FilledForm({}), which=which, signature_max=SIGNATURE_MAX, name_max=NAME_MAX,
    )  # fmt: skip


@router.post("/clients/{client_id}/words/signature")
async def save_signature(member: Editing, client_id: str, request: Request) -> Response:
    """Change the signature of a client."""
    form = await read_form(request)
    try:
        async with member.installation.database.begin() as session:
            await words.set_signature(session, member.workspace.id, client_id, form.one("signature"), member.actor)
    except ValidationFailed as error:
        _add_problems(form, error)
        return await _words(member, await get_client(member, client_id), form, "signature")
    return member.redirect(f"/clients/{client_id}/words")


@router.post("/clients/{client_id}/words/sets")
async def save_set(member: Editing, client_id: str, request: Request) -> Response:
    """Create a hashtag set, or change the one that the form names."""
    form = await read_form(request)
    try:
        async with member.installation.database.begin() as session:
            await words.save_hashtag_set(
                session, member.workspace.id, client_id, form.one("set") or None, form.one("name"), form.one("tags"),
                member.actor,
            )  # fmt: skip
    except ValidationFailed as error:
        _add_problems(form, error)
        return await _words(member, await get_client(member, client_id), form, form.one("set") or "new")
    return member.redirect(f"/clients/{client_id}/words")


@router.post("/clients/{client_id}/words/sets/{set_id}/delete")
async def delete_set(member: Editing, client_id: str, set_id: str) -> Response:
    """Delete a hashtag set."""
    async with member.installation.database.begin() as session:
        await words.delete_hashtag_set(session, member.workspace.id, client_id, set_id, member.actor)
    return member.redirect(f"/clients/{client_id}/words")
