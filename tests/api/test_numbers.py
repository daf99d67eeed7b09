"""Numbers in queries and forms are digits: what Python alone takes as a number is refused."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from fastapi.dependencies.utils import get_flat_params

import clipcast.api.endpoints
import clipcast.web
from clipcast.testing.harness import Caller

ODD = ("1_0", "+5", " 5", "5 ", "5e0", "٥", "0x5")


def routes_of(router: Any) -> Iterator[Any]:
    """Yield the routes of a router, those of the routers that it includes among them."""
    for route in router.routes:
        included = getattr(route, "original_router", None)
        yield from routes_of(included) if included else [route]


def numbers() -> Iterator[tuple[str, Any]]:
    """Yield the parameters of all routes, those of pages included, to which the text 5 is a number."""
    for package in (clipcast.api.endpoints, clipcast.web):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            router = getattr(import_module(module.name), "router", None)
            for route in routes_of(router) if router else ():
                for field in (*get_flat_params(route.dependant), *route.dependant.body_params):
                    value, errors = field.validate("5", {}, loc=("query",))
                    if not errors and isinstance(value, int | float) and not isinstance(value, bool):
                        yield f"{route.path} {field.alias}", field


def test_no_route_takes_other_spellings_of_numbers() -> None:
    found = dict(numbers())
    assert {name.split()[1] for name in found} >= {"page", "limit", "wait", "min_rating", "version", "count"}
    taken = {
        f"{name}={text}" for name, field in found.items() for text in ODD if not field.validate(text, {}, loc=())[1]
    }
    assert taken == set()


@pytest.mark.parametrize("query", [{"limit": "1_0"}, {"page": "+1"}])
async def test_other_spelling_of_a_number_is_named(caller: Caller, query: dict[str, str]) -> None:
    response = await caller.get("/posts", params=query)
    assert (response.status_code, response.json()["errors"][0]["message"]) == (
        422, "Must be a whole number, such as 5.",
    )  # fmt: skip
