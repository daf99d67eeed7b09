"""Whatever is sent, the sandbox answers as the platform would: never with an error of its own, always in its shape."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.routing import Route

from clipcast.sandbox.app import create_sandbox
from tests.sandbox.requests import BODIES, HEADERS, QUERIES, TEXTS, TYPES, VALUES, Sent, in_order, places, replaced
from tests.sandbox.strangers import Strangers, is_well_formed, routes_of


def _names() -> list[str]:
    app = create_sandbox("http://127.0.0.1:1")
    app.state.sandbox.close()
    return list(routes_of(app))


NAMES = _names()

# The same requests each time, and no databases of examples: a failure here is a failure everywhere.
PROFILE = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="session")
def strangers() -> Iterator[Strangers]:
    strangers = Strangers()
    yield strangers
    strangers.close()


@st.composite
def changed(draw: st.DrawFn, usual: list[Sent]) -> Sent:
    """A request that is in order but for one place."""
    sent: Sent = draw(st.sampled_from(usual))
    query, headers, form, body = dict(sent.query), dict(sent.headers), dict(sent.form or {}), sent.json
    kind = draw(st.sampled_from(["query", "headers", "body", "body", "body", "nothing"]))
    if kind == "query":
        query[draw(st.sampled_from([*query, *QUERIES]))] = draw(TEXTS)
    elif kind == "headers":
        headers[draw(st.sampled_from([*headers, *HEADERS]))] = draw(TEXTS).replace("\n", "")
    elif kind == "body" and sent.form is not None:
        form[draw(st.sampled_from([*form, "extra"]))] = draw(TEXTS)
    elif kind == "body":
        body = replaced(body, draw(st.sampled_from(places(body))), draw(VALUES))
    return Sent(query, headers, body, form if sent.form is not None else None, sent.content)


@pytest.mark.parametrize("name", NAMES)
def test_wrong_values_get_the_platforms_own_error(strangers: Strangers, name: str) -> None:
    route = strangers.routes[name]
    usual = in_order(route.name, strangers.known)
    ids = st.sampled_from(strangers.ids_of(route)) | TEXTS

    @PROFILE
    @given(changed(usual), st.none() | st.lists(ids, min_size=1, max_size=2))
    def check(sent: Sent, values: list[str] | None) -> None:
        _expect_an_answer(strangers, route, strangers.send(route, sent, values))

    check()


@pytest.mark.parametrize("name", NAMES)
def test_broken_bodies_get_the_platforms_own_error(strangers: Strangers, name: str) -> None:
    route = strangers.routes[name]
    usual = in_order(route.name, strangers.known)

    @PROFILE
    @given(st.sampled_from(usual), TYPES, BODIES)
    def check(sent: Sent, content_type: str, body: bytes) -> None:
        headers = sent.headers | {"Content-Type": content_type}
        _expect_an_answer(strangers, route, strangers.send(route, Sent(sent.query, headers), content=body))

    check()


@pytest.mark.parametrize("name", NAMES)
def test_paths_and_methods_that_do_not_exist_get_the_platforms_own_error(strangers: Strangers, name: str) -> None:
    route = strangers.routes[name]
    for path, methods in (("/nothing/here/at/all", None), ("", ["PATCH"])):
        lost = Route(route.path.partition("{")[0] + path, route.endpoint, methods=methods or list(route.methods or []))
        _expect_an_answer(strangers, route, strangers.send(lost, Sent()))


def _expect_an_answer(strangers: Strangers, route: Route, answer: httpx2.Response) -> None:
    strangers.delete_expired()
    assert answer.status_code != 500, answer.text
    if answer.status_code >= 400:
        assert is_well_formed(route.path, answer), (answer.status_code, answer.headers, answer.text)


def test_a_value_can_be_replaced_at_each_place() -> None:
    value: Any = {"a": [1, {"b": 2}]}
    assert [replaced(value, path, None) for path in places(value)] == [
        None, {"a": None}, {"a": [None, {"b": 2}]}, {"a": [1, None]}, {"a": [1, {"b": None}]},
    ]  # fmt: skip
