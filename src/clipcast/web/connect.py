"""The pages on which people connect an account: from a link to the platform's consent page, or a form, and back."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.templating import Jinja2Templates
from starlette.responses import JSONResponse, RedirectResponse, Response

from clipcast.api.here import installed
from clipcast.connections.apps import app_for
from clipcast.connections.connect import (
    ATTEMPT_LIFETIME,
    Choice,
    ConnectFailed,
    Refused,
    choose,
    complete,
    enter,
    redirect_uri,
    start,
)
from clipcast.connections.models import Connection
from clipcast.installation import Installation
from clipcast.platforms.base import AnySignIn, FederatedOAuth, OAuth, Platform
from clipcast.platforms.registry import PLATFORMS

router = APIRouter(include_in_schema=False)
Here = Annotated[Installation, Depends(installed)]

templates = Jinja2Templates(Path(__file__).parent / "templates")
COOKIE = "clipcast_connect"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@router.get("/connect/{token}")
async def open_link(token: str, request: Request, here: Here) -> Response:
    """Sends the browser to the consent page, or shows the form of a platform that has none."""
    try:
        started = await start(here, token)
    except ConnectFailed as error:
        return _failed(request, error)
    if started.authorize_url:
        response: Response = RedirectResponse(started.authorize_url, 303, HEADERS)
    else:
        response = _form(request, started.platform, started.sign_in, {"state": started.state})
    response.set_cookie(
        COOKIE,
        started.cookie,
        max_age=int(ATTEMPT_LIFETIME.total_seconds()),
        path="/connect",
        secure=here.settings.public_base.startswith("https:"),
        httponly=True,
        samesite="lax",  # the platform sends the browser back from its own site
    )
    return response


@router.get("/connect/{platform}/client.json")
async def client_document(platform: str, here: Here) -> Response:
    """What servers that know no registered apps read about this installation."""
    known = PLATFORMS.get(platform)
    ways = known.other_ways.values() if known else ()
    sign_in = next((way for way in ways if isinstance(way, FederatedOAuth)), None)
    app = app_for(here.settings, here.vault, sign_in) if sign_in else None
    if sign_in is None or app is None or not app.client_secret:
        return Response("Not found", 404)
    return JSONResponse(sign_in.client_document(app, here.settings.public_base, redirect_uri(here, platform)))


@router.get("/connect/{platform}/callback")
async def come_back(platform: str, request: Request, here: Here) -> Response:
    """Goes on with what the platform sent back."""
    try:
        known = _platform(platform)
        done = await complete(here, known, dict(request.query_params), request.cookies.get(COOKIE, ""))
    except ConnectFailed as error:
        return _failed(request, error)
    return _answer(request, known, done)


@router.post("/connect/{platform}/sign-in")
async def sign_in(platform: str, request: Request, here: Here) -> Response:
    """Takes what was typed into the form; shows it again, without the secrets, when the platform refuses it."""
    form = {name: str(value).strip() for name, value in (await request.form()).items()}
    try:
        known = _platform(platform)
        done = await enter(here, known, form, request.cookies.get(COOKIE, ""))
    except ConnectFailed as error:
        return _failed(request, error)
    if isinstance(done, Refused):
        return _form(request, known, done.sign_in, form, str(done))
    if isinstance(done, str):
        return RedirectResponse(done, 303, HEADERS)
    return _answer(request, known, done)


@router.post("/connect/{platform}/choose")
async def make_choice(platform: str, request: Request, here: Here) -> Response:
    """Connects the accounts that were ticked."""
    form = await request.form()
    chosen = [str(value) for value in form.getlist("account")]
    try:
        known = _platform(platform)
        done = await choose(here, known, str(form.get("state", "")), chosen, request.cookies.get(COOKIE, ""))
    except ConnectFailed as error:
        return _failed(request, error)
    return _answer(request, known, done, "Tick at least one.")


def _platform(name: str) -> Platform[Any]:
    if name not in PLATFORMS:
        raise ConnectFailed("There is no such platform.")
    return PLATFORMS[name]


def _answer(request: Request, platform: Platform[Any], done: list[Connection] | Choice, message: str = "") -> Response:
    if isinstance(done, Choice):
        context = {"platform": platform, "choice": done, "message": message}
        return templates.TemplateResponse(request, "choose_accounts.html", context, headers=HEADERS)
    context = {"connections": done, "platform": platform}
    response = templates.TemplateResponse(request, "connected.html", context, headers=HEADERS)
    response.delete_cookie(COOKIE, path="/connect")
    return response


def _form(
    request: Request, platform: Platform[Any], sign_in: AnySignIn, form: dict[str, str], message: str = ""
) -> Response:
    assert not isinstance(sign_in, OAuth)
    context = {"platform": platform, "fields": sign_in.fields, "form": form, "message": message}
    status = 400 if message else 200
    headers = dict(HEADERS)
    if isinstance(sign_in, FederatedOAuth):
        # Browsers hold the form to where its answer sends them, and that may be any server.
        policy = headers["Content-Security-Policy"]
        headers["Content-Security-Policy"] = policy.replace("form-action 'self'", "form-action 'self' https: http:")
    return templates.TemplateResponse(request, "sign_in.html", context, status_code=status, headers=headers)


def _failed(request: Request, error: ConnectFailed) -> Response:
    return templates.TemplateResponse(
        request, "connect_failed.html", {"message": str(error)}, status_code=400, headers=HEADERS
    )
