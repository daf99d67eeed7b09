"""The first run, signing in and out, and joining by an invitation."""

from hmac import compare_digest

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from clipcast.api.dependencies import InstallationDep
from clipcast.audit.service import Actor, record
from clipcast.common.names import tidy_name
from clipcast.common.problems import Problem
from clipcast.database.models.people import User
from clipcast.installation import Installation
from clipcast.people import repository, service
from clipcast.people.service import NotAllowed, person
from clipcast.web.pages import is_htmx, render
from clipcast.web.viewers import address_of, count_guess, end_session, find_viewer, own_path, set_session
from clipcast.workspaces.repository import get_workspace

router = APIRouter(include_in_schema=False)


async def _typed(request: Request) -> dict[str, str]:
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


@router.get("/setup")
async def setup_page(request: Request, installation: InstallationDep) -> Response:
    """Return the first page of a new installation."""
    async with installation.database.session() as session:
        if await repository.anybody(session):
            return RedirectResponse("/", 303)
    typed = {"code": request.query_params.get("code", "")}
    # The link that `clipcast serve` prints contains the code, so the page does not ask for it.
    context = {"typed": typed, "problems": {}, "asks_code": not _has_code(installation, typed)}
    return render(request, "sign_in/setup.html", context)


@router.post("/setup")
async def set_up(request: Request, installation: InstallationDep) -> Response:
    """Create the owner and the first workspace."""
    await count_guess(request)
    typed = await _typed(request)
    owner = person(typed.get("name", ""), typed.get("email", ""), typed.get("password", ""))
    problems = owner.problems()
    workspace = tidy_name(typed.get("workspace", ""))
    if not 0 < len(workspace) <= service.NAME_MAX:
        problems.append(Problem("workspace", "invalid", service.NO_NAME))
    if not _has_code(installation, typed):
        message = "This code is wrong. Open the link that `clipcast serve` printed."
        problems.append(Problem("code", "invalid", message))
    if problems:
        return _form_page(request, "sign_in/setup.html", typed, problems, asks_code=not _has_code(installation, typed))
    try:
        async with installation.database.begin() as session:
            user, made = await service.set_up(session, owner, workspace)
            token = _new_session(request, session, user)
            actor = Actor("user", user.id, user.name, address_of(request))
            record(session, made.id, actor, "workspace.created", made.name, made.id)
    except NotAllowed as error:
        problems = [Problem("", "not_allowed", str(error))]
        return _form_page(request, "sign_in/setup.html", typed, problems, asks_code=not _has_code(installation, typed))
    return _signed_in(installation, token, f"/w/{made.id}")


def _has_code(installation: Installation, typed: dict[str, str]) -> bool:
    """Return whether the form has the setup code, which only the operator sees."""
    code = typed.get("code", "").strip().upper()
    return compare_digest(code.encode(), installation.vault.setup_code().encode())


@router.get("/sign-in", name="sign_in_page")
async def sign_in_page(request: Request, installation: InstallationDep) -> Response:
    """Return the sign-in page, or redirect a signed-in person to the wanted page."""
    async with installation.database.session() as session:
        if not await repository.anybody(session):
            return RedirectResponse("/setup", 303)
    wanted = own_path(request.query_params.get("next"))
    if await find_viewer(request):
        return RedirectResponse(wanted, 303)
    return render(request, "sign_in/sign_in.html", {"typed": {"next": wanted}, "problems": {}})


@router.post("/sign-in")
async def sign_in(request: Request, installation: InstallationDep) -> Response:
    """Sign a person in, from the sign-in page or from the dialog of an open page whose session has ended."""
    typed = await _typed(request)
    email = typed.get("email", "")
    await count_guess(request, email)
    try:
        async with installation.database.begin() as session:
            user = await service.check_password(session, email, typed.get("password", ""))
            token = _new_session(request, session, user)
    except NotAllowed as error:
        if is_htmx(request):
            return render(request, "sign_in/dialog.html", {"typed": typed, "message": str(error)})
        return _form_page(request, "sign_in/sign_in.html", typed, [Problem("", "not_allowed", str(error))])
    if is_htmx(request):
        response = Response(status_code=204, headers={"HX-Trigger": "signed-in"})
        set_session(response, installation, token)
        return response
    return _signed_in(installation, token, own_path(typed.get("next")))


@router.get("/sign-in/dialog")
async def sign_in_dialog(request: Request) -> Response:
    """Return the dialog for an open page whose session has ended."""
    return render(request, "sign_in/dialog.html", {"typed": {}, "message": ""})


@router.post("/sign-out")
async def sign_out(request: Request, installation: InstallationDep) -> Response:
    """End the browser's session."""
    viewer = await find_viewer(request)
    if viewer is not None:
        async with installation.database.begin() as session:
            if own := await repository.get_session(session, viewer.user.id, viewer.session_id):
                await session.delete(own)
    response = RedirectResponse("/sign-in", 303)
    end_session(response, installation)
    return response


@router.get("/invitations/{token}")
async def invitation_page(token: str, request: Request, installation: InstallationDep) -> Response:
    """Return the page on which a signed-in or a new person joins a workspace."""
    try:
        return await _invitation(request, installation, token, {}, [])
    except NotAllowed as error:
        return render(request, "error.html", {"title": "Invalid invitation", "message": str(error)}, 404)


@router.post("/invitations/{token}")
async def accept_invitation(token: str, request: Request, installation: InstallationDep) -> Response:
    """Add the signed-in person, or a new person, to the workspace of the invitation."""
    await count_guess(request)
    viewer, typed = await find_viewer(request), await _typed(request)
    newcomer = person(typed.get("name", ""), typed.get("email", ""), typed.get("password", ""))
    try:
        if viewer is None and (problems := newcomer.problems()):
            return await _invitation(request, installation, token, typed, problems)
        async with installation.database.begin() as session:
            cookie = None
            if viewer is None:
                user, joined = await service.join_as_new(session, token, newcomer)
                cookie = _new_session(request, session, user)
            else:
                user, joined = viewer.user, await service.join(session, token, viewer.user)
            actor = Actor("user", user.id, user.name, address_of(request))
            record(session, joined.workspace_id, actor, "member.joined", user.name, user.id, role=joined.role)
    except NotAllowed as error:
        try:
            return await _invitation(request, installation, token, typed, [Problem("", "not_allowed", str(error))])
        except NotAllowed:
            return render(request, "error.html", {"title": "Invalid invitation", "message": str(error)}, 404)
    target = f"/w/{joined.workspace_id}"
    return _signed_in(installation, cookie, target) if cookie else RedirectResponse(target, 303)


async def _invitation(
    request: Request, installation: Installation, token: str, typed: dict[str, str], problems: list[Problem]
) -> Response:
    """Return the page of an invitation. Raises NotAllowed for an invalid one."""
    async with installation.database.session() as session:
        invitation = await service.look_at_invitation(session, token)
        workspace = await get_workspace(session, invitation.workspace_id)
    context = {"workspace": workspace, "role": invitation.role, "viewer": await find_viewer(request)}
    return _form_page(request, "sign_in/invitation.html", typed, problems, **context)


def _new_session(request: Request, session: AsyncSession, user: User) -> str:
    return service.sign_in(session, user, address_of(request), request.headers.get("user-agent", ""))


def _signed_in(installation: Installation, token: str, target: str) -> Response:
    response = RedirectResponse(target, 303)
    set_session(response, installation, token)
    return response


def _form_page(
    request: Request, template: str, typed: dict[str, str], problems: list[Problem], **more: object
) -> Response:
    """Return the filled-in form with its problems, but without the password."""
    kept = {name: value for name, value in typed.items() if name != "password"}
    context = {"typed": kept, "problems": {problem.path: problem.message for problem in problems}} | more
    return render(request, template, context, 422 if problems else 200)
