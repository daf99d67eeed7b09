"""Settings of a workspace: members and invitations, the audit log, and further workspaces."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from clipcast.api.pagination import PageNumber, PageParams
from clipcast.audit.service import list_entries
from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.pagination import pagination
from clipcast.common.problems import NotFound
from clipcast.database.models.people import Invitation
from clipcast.database.models.reviews import Reviewer
from clipcast.database.models.workspaces import Workspace
from clipcast.people import repository, service
from clipcast.people.service import NotAllowed
from clipcast.posts.conversions import CONFORMS
from clipcast.posts.duplicates import REFUSE, WARN
from clipcast.reviews.repository import count_waiting_for
from clipcast.web.forms import FilledForm, read_form
from clipcast.web.limits import read_clients, typed_clients
from clipcast.web.viewers import Looking, Member, Owning

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

# What happens to doubles, for people.
DUPLICATES = {WARN: "The app asks, and the API warns", REFUSE: "The app asks, and the API refuses them"}
FIRST = PageParams()
NOTHING = FilledForm({})


@router.get("/settings")
async def settings_page(
    member: Looking,
    audit: Annotated[PageParams, Depends()],
    members: PageNumber = 1,
) -> Response:
    """Return the settings. Their two lists are paginated separately."""
    return await _page(member, audit, PageParams(members, audit.limit))


async def _page(member: Member, audit: PageParams = FIRST, members: PageParams = FIRST, **shown: Any) -> Response:
    """Return the page. It shows a new `invitation` once, and a `form` with its problems again."""
    async with member.installation.database.session() as session:
        mine = member.workspace.id
        entries, entry_count = await list_entries(session, mine, audit.offset, audit.limit)
        people, member_count = await repository.list_members(session, mine, members.offset, members.limit)
        return member.render(
            "settings.html",
            section="settings",
            members=people,
            member_pages=pagination(members, member_count),
            invitations=await repository.list_invitations(session, mine, clock.now()),
            entries=entries,
            audit_pages=pagination(audit, entry_count),
            waiting=await count_waiting_for(session, mine, Reviewer.user_id),
            roles=service.ROLES,
            typed_clients=typed_clients(shown["form"]) if "form" in shown else None,
            duplicates=DUPLICATES if member.installation.settings.duplicate_window else {},
            **({"invitation": None, "form": NOTHING, "which": ""} | shown),
            status=422 if "form" in shown else 200,
        )


@router.post("/settings/invitations")
async def invite(member: Owning, request: Request) -> Response:
    form = await read_form(request)
    role, note = form.one("role"), form.line("note")
    form.add_problem("role", _role_problem(role))
    if note:
        note = form.name("note", service.NAME_MAX, service.NO_NAME)
    clients = read_clients(member, form)
    if clients and role == "owner":
        form.add_problem("client", "Owners see all clients. Choose another role, or all clients.")
    if form.problems:
        return await _page(member, form=form, which="invite")
    async with member.installation.database.begin() as session:
        token = await service.invite(session, member.workspace.id, role, note, member.user, clients)
        member.record(session, "member.invited", note or "Somebody", role=role, **_details(clients))
    link = f"{member.installation.settings.public_base}/invitations/{token}"
    return await _page(member, invitation=link)


def _details(clients: list[UUID] | None) -> dict[str, Any]:
    """Return which clients somebody sees, for the audit log."""
    return {} if clients is None else {"clients": sorted(map(str, clients))}


def _role_problem(role: str) -> str | None:
    return None if role in service.ROLES else f"Choose one of the roles: {', '.join(service.ROLES)}."


@router.post("/settings/invitations/{invitation_id}/delete")
async def withdraw_invitation(member: Owning, invitation_id: str) -> Response:
    async with member.installation.database.begin() as session:
        found = await session.get(Invitation, parse_id(invitation_id)) if parse_id(invitation_id) else None
        if found is None or found.workspace_id != member.workspace.id:
            raise NotFound("invitation", invitation_id)
        member.record(session, "member.invitation_withdrawn", found.note or "Somebody")
        await session.delete(found)
    return member.redirect("/settings#members")


@router.get("/settings/members")
async def members_page(member: Looking) -> Response:
    """Redirect to the members among the settings."""
    return member.redirect("/settings#members")


@router.get("/profile")
async def profile_page(member: Looking) -> Response:
    """Redirect to the page of the person's own settings."""
    return RedirectResponse("/account", 303)


@router.post("/settings/members/{user_id}")
async def change_role(member: Owning, user_id: str, request: Request) -> Response:
    form = await read_form(request)
    form.add_problem("role", _role_problem(form.one("role")))
    if form.problems:
        return await _page(member, form=form, which=f"member {user_id}")
    return await _change(member, user_id, form.one("role"), "member.role_changed")


@router.post("/settings/members/{user_id}/clients")
async def limit_member(member: Owning, user_id: str, request: Request) -> Response:
    """Choose the clients that a member sees."""
    form = await read_form(request)
    clients = read_clients(member, form)
    if form.problems:
        return await _page(member, form=form, which=f"clients {user_id}")
    try:
        async with member.installation.database.begin() as session:
            chosen = parse_id(user_id) or UUID(int=0)
            changed = await service.limit_member(session, member.workspace.id, chosen, clients)
            member.record(session, "member.limited", changed.user.name, changed.user_id, **_details(clients))
    except NotAllowed as error:
        return await _page(member, form=FilledForm(form.values, {"client": str(error)}), which=f"clients {user_id}")
    return member.redirect("/settings#members")


@router.post("/settings/members/{user_id}/remove")
async def remove_member(member: Owning, user_id: str) -> Response:
    return await _change(member, user_id, None, "member.removed")


async def _change(member: Member, user_id: str, role: str | None, action: str) -> Response:
    try:
        async with member.installation.database.begin() as session:
            chosen = parse_id(user_id) or UUID(int=0)
            changed = await service.change_role(session, member.workspace.id, chosen, role)
            member.record(session, action, changed.user.name, changed.user_id, role=role)
    except NotAllowed as error:
        return await _page(member, form=FilledForm({}, {"role": str(error)}), which=f"member {user_id}")
    return (
        RedirectResponse("/", 303)
        if chosen == member.user.id and role is None
        else member.redirect("/settings#members")
    )


@router.post("/settings/name")
async def rename(member: Owning, request: Request) -> Response:
    form = await read_form(request)
    name = form.name("name", service.NAME_MAX, service.NO_NAME)
    if form.problems:
        return await _page(member, form=form, which="workspace")
    async with member.installation.database.begin() as session:
        workspace = await session.get_one(Workspace, member.workspace.id)
        member.record(session, "workspace.renamed", name, workspace.id, before=workspace.name)
        workspace.name = name
    return member.redirect("/settings")


@router.post("/settings/conform")
async def choose_conform(member: Owning, request: Request) -> Response:
    """Choose what new posts do with clips that a platform does not take."""
    form = await read_form(request)
    chosen = form.one("conform")
    form.add_problem("conform", None if chosen in CONFORMS else "Choose one of the two.")
    if form.problems:
        return await _page(member, form=form, which="conform")
    async with member.installation.database.begin() as session:
        await service.change_workspace(session, member.workspace.id, member.actor, {"conform": chosen})
    return member.redirect("/settings#workspace")


@router.post("/settings/duplicates")
async def change_duplicates(member: Owning, request: Request) -> Response:
    """Choose what happens when the same clip and words go to an account twice."""
    form = await read_form(request)
    chosen = form.one("duplicates")
    form.add_problem("duplicates", None if chosen in DUPLICATES else "Choose one of these.")
    if form.problems:
        return await _page(member, form=form, which="duplicates")
    async with member.installation.database.begin() as session:
        await service.change_workspace(session, member.workspace.id, member.actor, {"duplicates": chosen})
    return member.redirect("/settings#workspace")


@router.post("/settings/workspaces")
async def open_workspace(member: Owning, request: Request) -> Response:
    """Create another workspace, which the member owns."""
    form = await read_form(request)
    name = form.name("name", service.NAME_MAX, service.NO_NAME)
    if form.problems:
        return await _page(member, form=form, which="another")
    async with member.installation.database.begin() as session:
        made = await service.open_workspace(session, member.user, name)
        await session.flush()
        member.record(session, "workspace.created", made.name, made.id)
    return RedirectResponse(f"/w/{made.id}", 303)
