"""The page of a client's reviewers: whose approval its posts need, and the links of its people."""

from functools import partial

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from clipcast.clients import review_rules
from clipcast.clients.repository import get_client
from clipcast.clients.rule_schemas import NONE, REVIEWERS_MAX, ClientReview
from clipcast.common.ids import new_id
from clipcast.common.problems import ValidationFailed
from clipcast.database.models.clients import Client
from clipcast.database.models.reviews import Reviewer
from clipcast.reviews import links
from clipcast.reviews.repository import count_waiting_for
from clipcast.reviews.schemas import NAME_MAX, NO_NAME
from clipcast.web.clients import show_client
from clipcast.web.forms import FilledForm, read_form
from clipcast.web.review_mail import Mailed, mail_link, make_once, read_address
from clipcast.web.viewers import Editing, Looking, Member, Owning

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}/clients/{client_id}/reviewers")

RULES = {NONE: "Nobody: posts go out without an approval", "any": "Anybody of these", "all": "Everybody of these"}


@router.get("")
async def reviewers_page(member: Looking, client_id: str) -> Response:
    """Return who approves the posts of a client."""
    return await _page(member, client_id)


async def _page(
    member: Member, client_id: str, form: FilledForm | None = None, url: str = "", mailed: Mailed | None = None
) -> Response:
    async with member.installation.database.session() as session:
        client = await get_client(session, member.workspace.id, client_id)
        choices = (await review_rules.list_choices(session, [client.id]))[client.id]
        own = [one for one in await links.list_links(session, member.workspace.id) if one.client_id == client.id]
        waiting = await count_waiting_for(session, member.workspace.id, Reviewer.link_id)
    stored = {
        "rule": [client.review_rule],
        "reviewer": [str(one.id) for one in choices if one.asked],
        "name": [client.name],
    }
    return await show_client(
        member, client, "client_reviewers.html", "reviewers", 422 if form else 200,
        form=FilledForm(stored | form.values, form.problems) if form else FilledForm(stored), choices=choices,
        links=own, waiting=waiting, url=url, mailed=mailed, rules=RULES, name_max=NAME_MAX,
        lifetime=links.LIFETIME, run=new_id(),
    )  # fmt: skip


@router.post("")
async def save_rule(member: Owning, client_id: str, request: Request) -> Response:
    """Change who approves the posts of a client. Owners do: others could publish without an approval."""
    form = await read_form(request)
    try:
        async with member.installation.database.begin() as session:
            client = await get_client(session, member.workspace.id, client_id, lock=True)
            wanted = _read(form, (await review_rules.list_choices(session, [client.id]))[client.id])
            if wanted:
                await review_rules.set_rule(session, client, wanted, member.actor)
    except ValidationFailed as error:
        form.add_problem("rule", " ".join(problem.message for problem in error.errors))
    if form.problems:
        return await _page(member, client_id, FilledForm({"reviewer": []} | form.values, form.problems))
    return member.redirect(f"/clients/{client_id}/reviewers")


def _read(form: FilledForm, choices: list[review_rules.Choice]) -> ClientReview | None:
    """Return the rule of a form; None if it has problems, which the form then holds."""
    chosen = set(form.all("reviewer"))
    if len(chosen) > REVIEWERS_MAX:
        form.add_problem("rule", f"Choose at most {REVIEWERS_MAX}.")
        return None
    asked = [one for one in choices if str(one.id) in chosen]
    if len(asked) < len(chosen):
        form.add_problem("rule", "One of the reviewers can no longer approve. Choose again.")
        return None
    try:
        return ClientReview.model_validate(
            {
                "rule": form.line("rule"),
                "members": [one.email for one in asked if one.kind == "member"],
                "links": [str(one.id) for one in asked if one.kind == "link"],
            }
        )
    except ValidationError:
        form.add_problem("rule", "Choose one of the three.")
        return None


@router.post("/links")
async def create_link(member: Editing, client_id: str, request: Request) -> Response:
    """Create a review link for the people of the client, and show its address once."""
    form = await read_form(request)
    name = form.name("name", NAME_MAX, NO_NAME)
    to = read_address(form, "email")
    if form.problems:
        return await _page(member, client_id, FilledForm({"name": [name], "email": [to]}, form.problems))
    async with member.installation.database.begin() as session:
        client: Client = await get_client(session, member.workspace.id, client_id)
        make = partial(
            links.create_link, session, member.installation.settings, member.workspace.id, name, client.timezone,
            member.actor, client.id,
        )  # fmt: skip
        link = await make_once(session, member, form, make)
    return await _page(member, client_id, url=link.url, mailed=await mail_link(member, link, to))


@router.post("/links/{link_id}/revoke")
async def revoke_link(member: Editing, client_id: str, link_id: str) -> Response:
    """End a review link of the client."""
    async with member.installation.database.begin() as session:
        await links.revoke_link(session, member.workspace.id, link_id, member.actor)
    return member.redirect(f"/clients/{client_id}/reviewers")
