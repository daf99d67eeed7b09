"""Tests that the sandbox returns the platform's own error for invalid requests, and never an error of its own.

The inputs are the same in each run, so a failure is reproducible. Hypothesis draws the random values once: drawing
them for each route took longer than the requests themselves.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from starlette.routing import Route

from clipcast.sandbox.app import create_sandbox
from tests.sandbox.requests import (
    BODIES,
    HEADERS,
    NUMBERS,
    QUERIES,
    RANDOM_TEXTS,
    RANDOM_VALUES,
    TEXTS,
    TYPES,
    RequestParts,
    json_paths,
    replaced,
    valid_requests,
)
from tests.sandbox.strangers import FuzzClient, Response, is_well_formed, routes_of

# The number of requests that each test sends to its route.
EXAMPLES = 15


def _names() -> list[str]:
    app = create_sandbox("http://127.0.0.1:1")
    app.state.sandbox.close()
    return list(routes_of(app))


NAMES = _names()


def _draw(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """Return examples of a strategy, the same ones in each run."""
    found: list[Any] = []

    @settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(value: Any) -> None:
        found.append(value)

    draw()
    return found


@dataclass
class Values:
    """The invalid values, fixed and random ones."""

    texts: list[str]
    json: list[Any]


@pytest.fixture(scope="session")
def client() -> Iterator[FuzzClient]:
    client = FuzzClient()
    yield client
    client.close()


@pytest.fixture(scope="session")
def invalid() -> Values:
    texts = [*TEXTS, *_draw(RANDOM_TEXTS, 50)]
    return Values(texts, [None, True, False, *NUMBERS, *TEXTS, *_draw(RANDOM_VALUES, 100)])


def _changed(chance: random.Random, valid: list[RequestParts], invalid: Values) -> RequestParts:
    """Return a valid request with one invalid part."""
    parts = chance.choice(valid)
    kind = chance.choice(["query", "headers", "body", "body", "body", "nothing"])
    if kind == "query":
        return replace(
            parts, query=parts.query | {chance.choice([*parts.query, *QUERIES]): chance.choice(invalid.texts)}
        )
    if kind == "headers":
        value = chance.choice(invalid.texts).replace("\n", "")
        return replace(parts, headers=parts.headers | {chance.choice([*parts.headers, *HEADERS]): value})
    if kind == "body" and parts.form is not None:
        return replace(parts, form=parts.form | {chance.choice([*parts.form, "extra"]): chance.choice(invalid.texts)})
    if kind == "body":
        path, value = chance.choice(json_paths(parts.json)), chance.choice(invalid.json)
        return replace(parts, json=replaced(parts.json, path, value))
    return parts


@pytest.mark.parametrize("name", NAMES)
def test_request_with_invalid_value_returns_the_platforms_error(client: FuzzClient, invalid: Values, name: str) -> None:
    """A request with an invalid query, header, body or id returns the platform's error, or succeeds."""
    route, chance = client.routes[name], random.Random(name)
    valid = valid_requests(route.name, client.identifiers)
    for _ in range(EXAMPLES):
        parts, values = _changed(chance, valid, invalid), None
        if chance.random() < 0.5:
            choices = (client.ids_of(route), invalid.texts)
            values = [chance.choice(chance.choice(choices)) for _ in range(chance.choice((1, 2)))]
        _expect_response(client, route, client.send(route, parts, values), (parts, values))


@pytest.mark.parametrize("name", NAMES)
def test_request_with_broken_body_returns_the_platforms_error(client: FuzzClient, name: str) -> None:
    """A request whose body does not match its content type returns the platform's error, or succeeds."""
    route, chance = client.routes[name], random.Random(name)
    valid = valid_requests(route.name, client.identifiers)
    for _ in range(EXAMPLES):
        parts, content_type, body = chance.choice(valid), chance.choice(TYPES), chance.choice(BODIES)
        changed = RequestParts(parts.query, parts.headers | {"Content-Type": content_type})
        _expect_response(client, route, client.send(route, changed, content=body), (changed, body[:100]))


@pytest.mark.parametrize("name", NAMES)
def test_unknown_path_or_method_returns_the_platforms_error(client: FuzzClient, name: str) -> None:
    """Each host returns its platform's error for an unknown path and for a method that the path does not allow."""
    route = client.routes[name]
    for path, methods in (("/nothing/here/at/all", None), ("", ["PATCH"])):
        unknown = Route(
            route.path.partition("{")[0] + path, route.endpoint, methods=methods or list(route.methods or [])
        )
        _expect_response(client, route, client.send(unknown, RequestParts()), unknown)


def _expect_response(client: FuzzClient, route: Route, response: Response, request: object) -> None:
    client.reset()
    assert response.status_code != 500, (response.text, request)
    if response.status_code >= 400:
        assert is_well_formed(route.path, response), (response.status_code, response.headers, response.text, request)


def test_replaced_changes_one_path_of_a_json_value() -> None:
    """`replaced` can replace the whole value and each of its parts."""
    value: Any = {"a": [1, {"b": 2}]}
    assert [replaced(value, path, None) for path in json_paths(value)] == [
        None, {"a": None}, {"a": [None, {"b": 2}]}, {"a": [1, None]}, {"a": [1, {"b": None}]},
    ]  # fmt: skip
