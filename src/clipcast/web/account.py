"""One's own account: the time zone, the password, and the browsers that are signed in."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from clipcast.api.problems import NotFound
from clipcast.clock import clock
from clipcast.ids import parse_id
from clipcast.people import repository, service
from clipcast.people.models import User
from clipcast.people.service import NotAllowed
from clipcast.web import times
from clipcast.web.viewers import Viewer, Viewing, count_guess

router = APIRouter(include_in_schema=False)


async def _page(viewer: Viewer, message: str = "", bad: bool = False) -> Response:
    async with viewer.here.database.session() as session:
        sessions = await repository.list_sessions(session, viewer.user.id, clock.now())
    return viewer.render(
        "account.html",
        422 if bad else 200,
        sessions=sessions,
        zone_names=times.zone_names(),
        message=message,
        bad=bad,
    )


@router.get("/account")
async def account_page(viewer: Viewing) -> Response:
    return await _page(viewer)


@router.post("/account/zone")
async def choose_zone(viewer: Viewing, zone: Annotated[str, Form()] = "") -> Response:
    """Empty: whatever the browser says."""
    if zone and zone not in times.zone_names():
        return await _page(viewer, f"There is no time zone {zone[:60]!r}. Choose one from the list.", True)
    async with viewer.here.database.begin() as session:
        user = await session.get_one(User, viewer.user.id)
        user.zone = zone or None
    return RedirectResponse("/account", 303)


@router.post("/account/password")
async def change_password(viewer: Viewing, old: Annotated[str, Form()], new: Annotated[str, Form()]) -> Response:
    await count_guess(viewer.request, viewer.user.email)
    try:
        async with viewer.here.database.begin() as session:
            user = await session.get_one(User, viewer.user.id)
            await service.change_password(session, user, old, new, viewer.session_id)
    except NotAllowed as error:
        return await _page(viewer, str(error), True)
    return await _page(viewer, "The password was changed, and every other browser was signed out.")


@router.post("/account/sessions/{session_id}/end")
async def end_session(viewer: Viewing, session_id: str) -> Response:
    async with viewer.here.database.begin() as session:
        wanted: UUID | None = parse_id(session_id)
        found = await repository.get_session(session, viewer.user.id, wanted) if wanted else None
        if found is None:
            raise NotFound("session", session_id)
        await session.delete(found)
    return RedirectResponse("/account", 303)
