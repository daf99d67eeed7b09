"""The pages on which people connect an account: from a one-time link to the platform's consent page and back."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.templating import Jinja2Templates
from starlette.responses import RedirectResponse, Response

from clipcast.api.here import installed
from clipcast.connections.connect import ATTEMPT_LIFETIME, ConnectFailed, complete, start
from clipcast.installation import Installation
from clipcast.platforms.registry import PLATFORMS

router = APIRouter(include_in_schema=False)
Here = Annotated[Installation, Depends(installed)]

templates = Jinja2Templates(Path(__file__).parent / "templates")
COOKIE = "clipcast_connect"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@router.get("/connect/{token}")
async def open_link(token: str, request: Request, here: Here) -> Response:
    """Sends the browser to the consent page."""
    try:
        started = await start(here, token)
    except ConnectFailed as error:
        return _failed(request, error)
    response = RedirectResponse(started.authorize_url, 303, HEADERS)
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


@router.get("/connect/{platform}/callback")
async def come_back(platform: str, request: Request, here: Here) -> Response:
    """Completes the connection with what the platform sent back."""
    try:
        if platform not in PLATFORMS:
            raise ConnectFailed("There is no such platform.")
        query = dict(request.query_params)
        connection = await complete(here, platform, query, request.cookies.get(COOKIE, ""))
    except ConnectFailed as error:
        return _failed(request, error)
    context = {"connection": connection, "platform": PLATFORMS[platform].title}
    response = templates.TemplateResponse(request, "connected.html", context, headers=HEADERS)
    response.delete_cookie(COOKIE, path="/connect")
    return response


def _failed(request: Request, error: ConnectFailed) -> Response:
    return templates.TemplateResponse(
        request, "connect_failed.html", {"message": str(error)}, status_code=400, headers=HEADERS
    )
