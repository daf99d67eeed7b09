"""The page of a person's own account: time zone, password, and signed-in browsers."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.problems import NotFound
from clipcast.database.models.people import User
from clipcast.people import repository, service
from clipcast.people.passwords import weakness
from clipcast.people.service import NotAllowed
from clipcast.web import times
from clipcast.web.forms import FilledForm, read_form
from clipcast.web.pages import THEME_COOKIE, THEMES
from clipcast.web.viewers import Viewer, Viewing, count_guess, is_secure

router = APIRouter(include_in_schema=False)
YEAR = 365 * 24 * 60 * 60


async def _page(viewer: Viewer, message: str = "", form: FilledForm | None = None) -> Response:
    """Return the page. `form` is a filled-in form with problems, which the page shows again."""
    async with viewer.installation.database.session() as session:
        sessions = await repository.list_sessions(session, viewer.user.id, clock.now())
    return viewer.render(
        "account.html",
        422 if form else 200,
        sessions=sessions,
        zone_names=times.zone_names(),
        city_of=times.city_of,
        themes=THEMES.items(),
        message=message,
        form=form or FilledForm({}),
        zone_typed=form.line("zone") if form else viewer.user.zone or "",
    )


@router.get("/account")
async def account_page(viewer: Viewing) -> Response:
    """Return the page of the person's own account."""
    return await _page(viewer)


@router.post("/account/zone")
async def choose_zone(viewer: Viewing, request: Request) -> Response:
    """Set the person's time zone. An empty zone means the browser's."""
    form = await read_form(request)
    zone = form.line("zone")
    if zone:
        try:
            times.read_zone(zone)
        except ValueError as error:
            form.add_problem("zone", str(error))
    if form.problems:
        return await _page(viewer, form=form)
    async with viewer.installation.database.begin() as session:
        user = await session.get_one(User, viewer.user.id)
        user.zone = zone or None
    return RedirectResponse("/account", 303)


@router.post("/account/theme")
async def choose_theme(viewer: Viewing, request: Request) -> Response:
    """Set the theme of this browser. Any other value than a theme's means the system's."""
    theme = (await read_form(request)).line("theme")
    response = RedirectResponse("/account", 303)
    if theme in THEMES:
        secure = is_secure(viewer.installation)
        response.set_cookie(THEME_COOKIE, theme, max_age=YEAR, samesite="lax", httponly=True, secure=secure)
    else:
        response.delete_cookie(THEME_COOKIE)
    return response


@router.post("/account/password")
async def change_password(viewer: Viewing, request: Request) -> Response:
    """Change the person's password, and sign the person's other browsers out."""
    await count_guess(viewer.request, viewer.user.email)
    form = await read_form(request)
    if weak := weakness(form.one("new"), [viewer.user.name, viewer.user.email]):
        form.add_problem("new", weak)
    if not form.problems:
        try:
            async with viewer.installation.database.begin() as session:
                user = await session.get_one(User, viewer.user.id)
                await service.change_password(session, user, form.one("old"), form.one("new"), viewer.session_id)
        except NotAllowed as error:
            form.add_problem("old", str(error))
    if form.problems:
        return await _page(viewer, form=form)
    return await _page(viewer, "The password is changed. Every other browser is signed out.")


@router.post("/account/sessions/{session_id}/end")
async def end_session(viewer: Viewing, session_id: str) -> Response:
    """Sign one of the person's browsers out."""
    async with viewer.installation.database.begin() as session:
        wanted: UUID | None = parse_id(session_id)
        found = await repository.get_session(session, viewer.user.id, wanted) if wanted else None
        if found is None:
            raise NotFound("session", session_id)
        await session.delete(found)
    return RedirectResponse("/account", 303)
