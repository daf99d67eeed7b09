"""The page of a client's link, for people without a sign-in: its accounts, and how to connect them or further ones.

A link that is guessed, revoked or expired leads to the same page. The page has no script, and shows one client only.
"""

from datetime import timedelta
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from clipcast.api.dependencies import InstallationDep
from clipcast.clients.repository import accounts_of
from clipcast.connections.client_links import PATH, find_client_link, open_authorization
from clipcast.connections.manage import ends_soon
from clipcast.database.models.clients import Client
from clipcast.database.models.connections import ClientLink
from clipcast.database.models.workspaces import Workspace
from clipcast.installation import Installation
from clipcast.platforms.registry import PLATFORMS
from clipcast.web.connecting import SignInMethod, tiles_of
from clipcast.web.link_limits import count_look
from clipcast.web.pages import headers, render
from clipcast.web.viewers import is_secure

router = APIRouter(include_in_schema=False)

# The pages of an authorization lead back with it.
COOKIE, COOKIE_LIFETIME = "clipcast_client_link", timedelta(hours=1)
PRIVATE = headers(script_src="'none'", connect_src="'none'", form_action="'none'") | {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}


@router.get(PATH + "{token}")
async def link_page(
    token: str,
    request: Request,
    installation: InstallationDep,
    connected: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    """Return the accounts of the link's client. `connected` has the ids of those that were just connected."""
    found = await _find(request, installation, token)
    if found is None:
        return _gone(request)
    link, client = found
    async with installation.database.session() as session:
        accounts = await accounts_of(session, link.workspace_id, client.id)
        workspace = await session.get_one(Workspace, link.workspace_id)
    new = connected.split(",")
    context = {
        "link": link, "client": client, "workspace": workspace, "accounts": accounts, "here": PATH + quote(token),
        "new": [one for one in accounts if str(one.id) in new], "tiles": tiles_of(installation),
        "ends_soon": ends_soon,
    }  # fmt: skip
    return render(request, "client_link.html", context, 200, PRIVATE)


@router.get(PATH + "{token}/new/{platform}")
async def start(
    token: str,
    platform: str,
    request: Request,
    installation: InstallationDep,
    sign_in_method: SignInMethod = None,
    expects: str = "",
) -> Response:
    """Start an authorization: of a new account of the client, or of its account `expects`."""
    found = await _find(request, installation, token)
    async with installation.database.session() as session:
        accounts = await accounts_of(session, found[0].workspace_id, found[1].id) if found else []
    expected = next((one for one in accounts if str(one.id) == expects and one.platform == platform), None)
    known = platform in PLATFORMS and (not sign_in_method or sign_in_method in PLATFORMS[platform].sign_in_methods)
    if found is None or not known or (expects and expected is None):
        return _gone(request)
    address = open_authorization(installation, found[0], platform, sign_in_method or None, expected)
    response = RedirectResponse(address.removeprefix(installation.settings.public_base), 303, PRIVATE)
    response.set_cookie(
        COOKIE, token, max_age=int(COOKIE_LIFETIME.total_seconds()), path="/connect", secure=is_secure(installation),
        httponly=True, samesite="lax",
    )  # fmt: skip
    return response


async def _find(request: Request, installation: Installation, token: str) -> tuple[ClientLink, Client] | None:
    """Return the open link of a token, and its client; None without one. Raise AppError 429 for too many requests.

    The count may wait for other requests of the same network. No session stays open meanwhile.
    """
    async with installation.database.session() as session:
        found = await find_client_link(session, token)
    await count_look(request, installation, "client link", found[0].id if found else None)
    return found


def way_back(request: Request) -> str | None:
    """Return the address of the client's page from which this browser came; None without one."""
    token = request.cookies.get(COOKIE)
    return PATH + quote(token, safe="") if token else None


def _gone(request: Request) -> Response:
    """Return the page of every link that is not there."""
    return render(request, "review_gone.html", {}, 404, PRIVATE)
