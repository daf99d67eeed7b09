"""The pages on which people connect an account: from a link to the platform's consent page, or a form, and back."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from clipcast.api.dependencies import get_installation
from clipcast.connections.apps import app_for
from clipcast.connections.attempts import ATTEMPT_LIFETIME, ConnectFailed, redirect_uri
from clipcast.connections.connect import Choice, Connected, Refused, choose, complete, enter, start
from clipcast.installation import Installation
from clipcast.platforms.base import AnySignIn, FederatedOAuth, OAuth, Platform
from clipcast.platforms.registry import PLATFORMS
from clipcast.web.pages import headers, render
from clipcast.web.viewers import address_of, find_viewer, is_secure

router = APIRouter(include_in_schema=False)
InstallationDep = Annotated[Installation, Depends(get_installation)]

COOKIE = "clipcast_connect"
NO_PROBLEMS: Mapping[str, str] = MappingProxyType({})
# Addresses of these pages hold what nobody else should see.
PRIVATE = {"Referrer-Policy": "no-referrer"}


@router.get("/connect/{token}")
async def open_link(token: str, request: Request, installation: InstallationDep) -> Response:
    """Sends the browser to the consent page, or shows the form of a platform that has none."""
    try:
        started = await start(installation, token)
    except ConnectFailed as error:
        return await _failed(request, error)
    if started.authorize_url:
        response: Response = RedirectResponse(started.authorize_url, 303, headers() | PRIVATE)
    else:
        response = _form(request, started.platform, started.sign_in, {"state": started.state})
    response.set_cookie(
        COOKIE,
        started.cookie,
        max_age=int(ATTEMPT_LIFETIME.total_seconds()),
        path="/connect",
        secure=is_secure(installation),
        httponly=True,
        samesite="lax",  # the platform sends the browser back from its own site
    )
    return response


@router.get("/connect/{platform}/client.json")
async def client_document(platform: str, installation: InstallationDep) -> Response:
    """What servers that know no registered apps read about this installation."""
    known = PLATFORMS.get(platform)
    sign_in_methods = known.other_sign_in_methods.values() if known else ()
    sign_in = next(
        (sign_in_method for sign_in_method in sign_in_methods if isinstance(sign_in_method, FederatedOAuth)), None
    )
    app = app_for(installation.settings, installation.vault, sign_in) if sign_in else None
    if sign_in is None or app is None or not app.client_secret:
        return Response("Not found", 404)
    return JSONResponse(
        sign_in.client_document(app, installation.settings.public_base, redirect_uri(installation, platform))
    )


@router.get("/connect/{platform}/callback")
async def come_back(platform: str, request: Request, installation: InstallationDep) -> Response:
    """Goes on with what the platform sent back."""
    try:
        known = _platform(platform)
        done = await complete(installation, known, dict(request.query_params), *_browser(request))
    except ConnectFailed as error:
        return await _failed(request, error)
    return _answer(request, known, done)


@router.post("/connect/{platform}/sign-in")
async def sign_in(platform: str, request: Request, installation: InstallationDep) -> Response:
    """Takes what was typed into the form; shows it again, without the secrets, when the platform refuses it."""
    form = {name: str(value).strip() for name, value in (await request.form()).items()}
    try:
        known = _platform(platform)
        done = await enter(installation, known, form, *_browser(request))
    except ConnectFailed as error:
        return await _failed(request, error)
    if isinstance(done, Refused):
        return _form(request, known, done.sign_in, form, done.problems)
    if isinstance(done, str):
        return RedirectResponse(done, 303, headers() | PRIVATE)
    return _answer(request, known, done)


@router.post("/connect/{platform}/choose")
async def make_choice(platform: str, request: Request, installation: InstallationDep) -> Response:
    """Connects the accounts that were ticked."""
    form = await request.form()
    chosen = [str(value) for value in form.getlist("account")]
    try:
        known = _platform(platform)
        done = await choose(installation, known, str(form.get("state", "")), chosen, *_browser(request))
    except ConnectFailed as error:
        return await _failed(request, error)
    return _answer(request, known, done, "Tick at least one.")


def _platform(name: str) -> Platform[Any]:
    if name not in PLATFORMS:
        raise ConnectFailed("There is no such platform.")
    return PLATFORMS[name]


def _browser(request: Request) -> tuple[str, str]:
    """What binds a sign-in to the browser, and where that is."""
    return request.cookies.get(COOKIE, ""), address_of(request)


def _answer(request: Request, platform: Platform[Any], done: Connected | Choice, message: str = "") -> Response:
    if isinstance(done, Choice):
        context = {"platform": platform, "choice": done, "message": message, "again": _again(done)}
        return render(request, "connect/choose.html", context)
    if done.link.in_app:
        ids = ",".join(str(connection.id) for connection in done.connections)
        again = f"&expected={done.link.expects}" if done.link.expects else ""
        response: Response = RedirectResponse(f"/w/{done.link.workspace_id}/connections?connected={ids}{again}", 303)
    else:
        context = {"connections": done.connections, "platform": platform}
        response = render(request, "connect/connected.html", context)
    response.delete_cookie(COOKIE, path="/connect")
    return response


def _again(choice: Choice) -> str | None:
    """Where the account that was to be reconnected is signed in again; None for somebody who is not in the app."""
    link = choice.link
    if not choice.is_missed or not link.in_app:
        return None
    query = {"expects": link.expects, "way": link.sign_in_method}
    address = f"/w/{link.workspace_id}/connections/new/{link.platform}?"
    return address + urlencode({name: value for name, value in query.items() if value})


def _form(
    request: Request,
    platform: Platform[Any],
    sign_in: AnySignIn,
    form: dict[str, str],
    problems: Mapping[str, str] = NO_PROBLEMS,
) -> Response:
    assert not isinstance(sign_in, OAuth)
    context = {"platform": platform, "fields": sign_in.fields, "form": form, "problems": problems}
    more = {}
    if isinstance(sign_in, FederatedOAuth):
        # Browsers hold the form to where its answer sends them, and that may be any server.
        more = headers(form_action="'self' https: http:")
    return render(request, "connect/form.html", context, 400 if problems else 200, more)


async def _failed(request: Request, error: ConnectFailed) -> Response:
    """Whoever is signed in here finds the way back; others have come by a link of somebody else."""
    return render(request, "connect/failed.html", {"message": str(error), "viewer": await find_viewer(request)}, 400)
