"""The sandbox's application. The first part of each path is the host of a platform."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.convertors import StringConvertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, Router
from starlette.types import Lifespan, Receive, Scope, Send

from clipcast.sandbox.consent import consent_routes
from clipcast.sandbox.control import control_routes
from clipcast.sandbox.faults import Faults
from clipcast.sandbox.grants import Grants
from clipcast.sandbox.pages import page_routes
from clipcast.sandbox.platforms import SIMULATORS
from clipcast.sandbox.simulator import Simulator
from clipcast.sandbox.state import SandboxState

# The first part of the paths of the pages that every host has.
ANY_HOST = "{host}"
# Each platform starts with these accounts: username, display name.
PEOPLE = (("harbour.films", "Harbour Films"), ("night_bakery", "The Night Bakery"), ("tidepool", "Tidepool"))


def create_sandbox(base_url: str) -> Starlette:
    """Create the application with all simulators and their accounts.

    `base_url` is its address for callers, such as http://127.0.0.1:8900.
    """
    state, grants, faults = SandboxState(base_url), Grants(), Faults()
    simulators = {kind.platform: kind(state, grants, faults) for kind in SIMULATORS}
    for simulator in simulators.values():
        for username, display_name in PEOPLE:
            simulator.new_account(username, display_name)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await state.client.aclose()
        state.close()

    own_routes = [(simulator, route) for simulator in simulators.values() for route in simulator.routes()]
    routes = [
        *control_routes(state, grants, faults, simulators),
        *(route for simulator in simulators.values() for route in consent_routes(simulator)),
        *sorted((route for _, route in own_routes), key=_takes_any_value),
        *page_routes(state, list(simulators.values())),
    ]
    hosts: dict[str, Simulator] = {}
    for simulator, route in own_routes:
        hosts.setdefault(host_of(route.path), simulator)

    async def lost(request: Request, error: Exception) -> Response:
        """Return the host's own error for an unknown path or method."""
        assert isinstance(error, HTTPException)
        path = request.scope["path"]
        if (simulator := hosts.get(host_of(path))) is not None:
            return simulator.trouble(host_of(path), path, error.status_code, error.detail)
        if host_of(path) == "__sandbox":
            return JSONResponse({"detail": error.detail}, error.status_code)
        return PlainTextResponse(error.detail, error.status_code)

    app = Starlette(exception_handlers={HTTPException: lost})
    app.router = HostRouter(routes, lifespan)
    app.state.sandbox, app.state.simulators = state, simulators
    return app


class HostRouter(Router):
    """The router that matches a path with the routes of its host only: all platforms have 160 routes."""

    def __init__(self, routes: Sequence[Route], lifespan: Lifespan[Starlette]) -> None:
        super().__init__(routes, lifespan=lifespan)
        self._routes_by_host = [(host_of(route.path), route) for route in routes]
        self._hosts = {host for host, _ in self._routes_by_host}
        self._routers: dict[str, Router] = {}

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the router of its host."""
        if scope["type"] == "lifespan":
            await super().app(scope, receive, send)
        else:
            await self.router_of(scope["path"]).app(scope, receive, send)

    def router_of(self, path: str) -> Router:
        """Return the router with the routes of the path's host and of any host, in their order."""
        host = host_of(path)
        host = host if host in self._hosts else ANY_HOST
        if host not in self._routers:
            self._routers[host] = Router([route for of, route in self._routes_by_host if of in (host, ANY_HOST)])
        return self._routers[host]


def _takes_any_value(route: Route) -> bool:
    """Return whether a path parameter of the route accepts any text.

    Such a route comes last: Facebook and Instagram share a host, and Instagram's routes accept only its own ids.
    """
    return any(type(convertor) is StringConvertor for convertor in route.param_convertors.values())


def host_of(path: str) -> str:
    """Return the platform's host: the first part of the path."""
    return path.lstrip("/").partition("/")[0]
