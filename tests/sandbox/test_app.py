"""How the sandbox finds the route of a request."""

import re
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Match, Route

from clipcast.sandbox.app import create_sandbox

VALUES = ("17841400000000001", "me", "@harbour.films", "7", "v25.0")


@pytest.fixture(scope="module")
def app() -> Iterator[Starlette]:
    app = create_sandbox("http://127.0.0.1:1")
    yield app
    app.state.sandbox.close()


def first_match(routes: list[BaseRoute], method: str, path: str) -> BaseRoute | None:
    scope = {"type": "http", "method": method, "path": path, "root_path": ""}
    matches = [(route.matches(scope)[0], route) for route in routes]
    full = (route for match, route in matches if match is Match.FULL)
    return next(full, None) or next((route for match, route in matches if match is Match.PARTIAL), None)


def test_router_of_the_host_finds_the_route_that_a_search_of_all_routes_finds(app: Starlette) -> None:
    """Every route is found at its own paths; hosts without routes have the pages of people."""
    paths = {"", "/", "/nowhere.example/videos", "/nowhere.example/@harbour.films", "/nowhere.example/@a/avatar.jpg"}
    for route in app.routes:
        assert isinstance(route, Route)
        fitting = {
            name: [value for value in VALUES if re.fullmatch(convertor.regex, value)]
            for name, convertor in route.param_convertors.items()
        }
        for index in range(len(VALUES)):
            values = {name: found[index % len(found)] for name, found in fitting.items()}
            path = route.path_format.format_map(values)
            paths |= {path, path + "/", path + "/more"}
    found = set()
    for path in paths:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            expected = first_match(app.routes, method, path)
            assert first_match(app.router.router_of(path).routes, method, path) is expected, (method, path)
            found.add(id(expected))
    assert [route for route in app.routes if id(route) not in found] == []
