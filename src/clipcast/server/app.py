"""The HTTP application: the API, signed files, and the pages that people see."""

from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clipcast import __version__
from clipcast.api import openapi, problems
from clipcast.api.auth import identify
from clipcast.api.endpoints.archives import downloads
from clipcast.api.endpoints.archives import router as archives
from clipcast.api.endpoints.assets import router as assets
from clipcast.api.endpoints.assets import uploads as asset_uploads
from clipcast.api.endpoints.balance import router as balance
from clipcast.api.endpoints.clients import router as clients
from clipcast.api.endpoints.clips import router as clips
from clipcast.api.endpoints.connections import router as connections
from clipcast.api.endpoints.files import router as files
from clipcast.api.endpoints.imports import router as imports
from clipcast.api.endpoints.labels import router as labels
from clipcast.api.endpoints.plans import router as plans
from clipcast.api.endpoints.posts import router as posts
from clipcast.api.endpoints.renders import router as renders
from clipcast.api.endpoints.reviews import router as reviews
from clipcast.api.endpoints.submissions import router as submissions
from clipcast.api.endpoints.templates import router as templates
from clipcast.api.endpoints.uploads import router as uploads
from clipcast.api.endpoints.webhooks import router as webhooks
from clipcast.api.endpoints.workspaces import router as workspaces
from clipcast.api.queries import require_known_query
from clipcast.api.rate_limits import KeyLimiter
from clipcast.api.request_log import LoggedRequests, RequestLog
from clipcast.installation import Installation
from clipcast.operations import health
from clipcast.server import mcp
from clipcast.server.middleware import RequestMiddleware
from clipcast.web import app as web


def create_app(installation: Installation | None = None) -> FastAPI:
    """Return the application. Pass its installation, or set it on `app.state` before the application serves."""
    app = FastAPI(
        title="Clipcast",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.installation = installation
    app.state.rate_limiter = KeyLimiter()
    app.state.request_log = RequestLog()
    api = APIRouter(prefix=openapi.BASE)
    for router in (
        posts,
        reviews,
        plans,
        connections,
        clients,
        labels,
        clips,
        imports,
        submissions,
        templates,
        renders,
        archives,
        assets,
        webhooks,
        workspaces,
        balance,
    ):
        # `identify` runs before any other dependency: it decides what of the workspace the request sees.
        api.include_router(router, dependencies=[Depends(identify), Depends(require_known_query)])
    api.add_api_route("/openapi.json", _document, include_in_schema=False)
    api.add_api_route("/openapi.components.json", _components_document, include_in_schema=False)
    app.include_router(api)
    app.include_router(files)
    app.include_router(downloads)
    app.include_router(uploads)
    app.include_router(asset_uploads)
    for path, handler in health.ROUTES.items():
        app.add_route(path, handler)
    app.router.routes.append(Route(mcp.PATH, endpoint=mcp.McpEndpoint(), include_in_schema=False))
    problems.install(app)
    web.install(app)
    openapi.install(app)
    app.add_middleware(LoggedRequests, prefix=openapi.BASE + "/")
    app.add_middleware(RequestMiddleware, admit=web.admit, show=web.show)
    return app


async def _document(request: Request) -> Response:
    return JSONResponse(request.app.openapi())


async def _components_document(request: Request) -> Response:
    return JSONResponse(openapi.components_document(request.app))


def describe() -> dict[str, Any]:
    """Return the OpenAPI document for tools. Needs no running installation."""
    document: dict[str, Any] = create_app().openapi()
    return document


def describe_components() -> dict[str, Any]:
    """Return the OpenAPI document for generators of clients. Needs no running installation."""
    return openapi.components_document(create_app())
