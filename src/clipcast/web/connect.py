"""The pages that connect an account: from a link to the platform's consent page or a form, and back."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from clipcast.api.dependencies import InstallationDep
from clipcast.connections.apps import app_for
from clipcast.connections.attempts import ATTEMPT_LIFETIME, ConnectFailed, redirect_uri
from clipcast.connections.connect import Choice, Connected, Refused, choose, complete, enter, start
from clipcast.platforms.base import AnySignIn, FederatedOAuth, OAuth, Platform
from clipcast.platforms.registry import PLATFORMS
from clipcast.web.client_link import way_back
from clipcast.web.pages import headers, render
from clipcast.web.viewers import address_of, find_viewer, is_secure

router = APIRouter(include_in_schema=False)

COOKIE = "clipcast_connect"
NO_PROBLEMS: Mapping[str, str] = MappingProxyType({})
# The addresses of these pages contain secrets.
PRIVATE = {"Referrer-Policy": "no-referrer"}


@router.get("/connect/{token}")
async def open_link(token: str, request: Request, installation: InstallationDep) -> Response:
    """Redirect to the platform's consent page, or show the form of a platform that has none."""
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
    """Return the document that describes this installation to servers without registered apps."""
    found = PLATFORMS.get(platform)
    sign_in_methods = found.other_sign_in_methods.values() if found else ()
    sign_in = next((method for method in sign_in_methods if isinstance(method, FederatedOAuth)), None)
    app = app_for(installation.settings, installation.vault, sign_in) if sign_in else None
    if sign_in is None or app is None or not app.client_secret:
        return Response("Not found", 404)
    return JSONResponse(
        sign_in.client_document(app, installation.settings.public_base, redirect_uri(installation, platform))
    )


@router.get("/connect/{platform}/callback")
async def come_back(platform: str, request: Request, installation: InstallationDep) -> Response:
    """Continue the authorization with the parameters that the platform returned."""
    try:
        chosen = _platform(platform)
        done = await complete(installation, chosen, dict(request.query_params), *_browser(request))
    except ConnectFailed as error:
        return await _failed(request, error)
    return _result(request, chosen, done)


@router.post("/connect/{platform}/sign-in")
async def sign_in(platform: str, request: Request, installation: InstallationDep) -> Response:
    """Authorize with the filled-in form. If the platform rejects it, show it again without the secrets."""
    form = {name: str(value).strip() for name, value in (await request.form()).items()}
    try:
        chosen = _platform(platform)
        done = await enter(installation, chosen, form, *_browser(request))
    except ConnectFailed as error:
        return await _failed(request, error)
    if isinstance(done, Refused):
        return _form(request, chosen, done.sign_in, form, done.problems)
    if isinstance(done, str):
        return RedirectResponse(done, 303, headers() | PRIVATE)
    return _result(request, chosen, done)


@router.post("/connect/{platform}/choose")
async def make_choice(platform: str, request: Request, installation: InstallationDep) -> Response:
    """Connect the accounts that a person ticked."""
    form = await request.form()
    accounts = [str(value) for value in form.getlist("account")]
    try:
        chosen = _platform(platform)
        done = await choose(installation, chosen, str(form.get("state", "")), accounts, *_browser(request))
    except ConnectFailed as error:
        return await _failed(request, error)
    return _result(request, chosen, done, "Tick at least one account.")


def _platform(name: str) -> Platform[Any]:
    if name not in PLATFORMS:
        raise ConnectFailed("This platform does not exist. Open a new link.")
    return PLATFORMS[name]


def _browser(request: Request) -> tuple[str, str]:
    """Return the cookie that binds the authorization to the browser, and the browser's address."""
    return request.cookies.get(COOKIE, ""), address_of(request)


def _result(request: Request, platform: Platform[Any], done: Connected | Choice, message: str = "") -> Response:
    """Return the page that chooses accounts, or the page after connecting them."""
    if isinstance(done, Choice):
        back = way_back(request) if done.link.through else None
        context = {"platform": platform, "choice": done, "message": message, "again": _again(done, back), "back": back}
        return render(request, "connect/choose.html", context)
    if done.link.in_app:
        ids = ",".join(str(connection.id) for connection in done.connections)
        again = f"&expected={done.link.expects}" if done.link.expects else ""
        response: Response = RedirectResponse(f"/w/{done.link.workspace_id}/accounts?connected={ids}{again}", 303)
    elif done.link.through and (back := way_back(request)):
        ids = ",".join(str(connection.id) for connection in done.connections)
        response = RedirectResponse(f"{back}?connected={ids}", 303, headers() | PRIVATE)
    else:
        context = {"connections": done.connections, "platform": platform}
        response = render(request, "connect/connected.html", context)
    response.delete_cookie(COOKIE, path="/connect")
    return response


def _again(choice: Choice, back: str | None) -> str | None:
    """Return the address that authorizes the expected account again; None for a person with a link that works once.

    `back` is the page of the client's link.
    """
    link = choice.link
    if not choice.is_missed or not (link.in_app or back):
        return None
    query = {"expects": link.expects, "way": link.sign_in_method}
    address = f"{back}/new/{link.platform}?" if back else f"/w/{link.workspace_id}/accounts/new/{link.platform}?"
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
        # Browsers apply `form-action` to the redirect after the form, too, and the account's server may be any.
        more = headers(form_action="'self' https: http:")
    return render(request, "connect/form.html", context, 400 if problems else 200, more)


async def _failed(request: Request, error: ConnectFailed) -> Response:
    """Return the page of a failure. For a signed-in person it has a link back to the app."""
    context = {"message": str(error), "viewer": await find_viewer(request), "back": way_back(request)}
    return render(request, "connect/failed.html", context, 400)
