"""Which requests are repeated after which failure, and how long the client waits before."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from clipcast.sdk import (
    ApiError,
    AuthenticationError,
    ConnectionFailed,
    NotFound,
    RateLimited,
    ServerError,
    Unavailable,
    UnexpectedResponse,
    UsageError,
    requests,
)
from clipcast.sdk.transport import Pause, Request, Response, Retries, Send, call

LOST, REFUSED = ConnectionFailed("lost", sent=True), ConnectionFailed("refused", sent=False)
POST_ID = "0198c7a4-9f63-7a24-8b1d-3c4d5e6f7a8b"
# The responses are not those of the operations.
GET, DELETE = replace(requests.get_post(POST_ID), returns=""), requests.delete_post(POST_ID)
POST, VALIDATE = (
    replace(one, returns="") for one in (requests.publish_post(POST_ID), requests.validate_post(videos=[]))
)
PATCH = replace(requests.update_post(POST_ID, scheduled_at=None), returns="")
PROBLEM = b'{"code": "some_code", "detail": "What is wrong."}'


def problem(status: int, code: str = "some_code", **headers: str) -> Response:
    return Response(status, headers, PROBLEM.replace(b"some_code", code.encode()))


def run(request: Request[Any], answers: Sequence[Response | Exception]) -> tuple[Any, list[Request[Any]], list[float]]:
    """Run a request against these answers. Return its result or error, what was sent, and the pauses."""
    sent, pauses, left = [], [], list(answers)
    flow = call(request, Retries(first=1, longest=4))
    try:
        effect = next(flow)
        while True:
            if isinstance(effect, Send):
                sent.append(effect.request)
                answer = left.pop(0)
                effect = flow.throw(answer) if isinstance(answer, Exception) else flow.send(answer)
            else:
                assert isinstance(effect, Pause)
                pauses.append(effect.seconds)
                effect = flow.send(None)
    except StopIteration as end:
        result = end.value
    except Exception as error:
        result = error
    assert not left
    return result, sent, pauses


@pytest.mark.parametrize("request_", [GET, POST, VALIDATE, DELETE], ids=lambda one: one.operation)
@pytest.mark.parametrize("first", [LOST, REFUSED, problem(500), problem(503), problem(429), Response(502)], ids=repr)
def test_request_that_is_safe_to_repeat_is_repeated(request_: Request[Any], first: Response | Exception) -> None:
    result, sent, pauses = run(request_, [first, Response(200, {}, b"{}")])
    assert result == {}
    assert len(pauses) == 1
    assert sent[0] == sent[1]
    assert bool(sent[0].idempotency_key) == (request_ is POST)


@pytest.mark.parametrize("first", [REFUSED, problem(429)], ids=repr)
def test_patch_is_repeated_if_the_server_did_not_begin(first: Response | Exception) -> None:
    result, _, _ = run(PATCH, [first, Response(200, {}, b"{}")])
    assert result == {}


@pytest.mark.parametrize("first", [LOST, problem(500), problem(503)], ids=repr)
def test_patch_is_not_repeated_if_the_server_may_have_processed_it(first: Response | Exception) -> None:
    """Another caller may have changed the post in between."""
    result, sent, _ = run(PATCH, [first])
    assert isinstance(result, ConnectionFailed | ServerError)
    assert len(sent) == 1


@pytest.mark.parametrize("first", [LOST, problem(500)], ids=repr)
def test_repeated_delete_that_finds_nothing_has_succeeded(first: Response | Exception) -> None:
    assert run(DELETE, [first, problem(404)])[0] is None
    assert isinstance(run(DELETE, [problem(404)])[0], NotFound)
    assert isinstance(run(DELETE, [REFUSED, problem(404)])[0], NotFound)


def test_first_request_with_the_key_may_still_run() -> None:
    result, sent, pauses = run(
        POST, [LOST, problem(409, "idempotency_in_progress", **{"retry-after": "5"}), Response(200, {}, b"{}")]
    )
    assert result == {}
    assert len({one.idempotency_key for one in sent}) == 1
    assert pauses[1] >= 5


def test_pauses_grow_and_are_bounded() -> None:
    result, sent, pauses = run(GET, [LOST] * 5)
    assert result is LOST
    assert len(sent) == 5
    for pause, limit in zip(pauses, (1, 2, 4, 4), strict=True):
        assert limit / 2 <= pause <= limit


def test_long_retry_after_is_left_to_the_caller() -> None:
    result, sent, _ = run(GET, [problem(429, "rate_limited", **{"retry-after": "3600"})])
    assert isinstance(result, RateLimited)
    assert (result.retry_after, result.actor, len(sent)) == (3600, "nobody", 1)


def test_last_error_names_the_key_with_which_to_repeat() -> None:
    result, sent, _ = run(POST, [LOST, problem(503), problem(503), problem(503), problem(503)])
    assert isinstance(result, Unavailable)
    assert result.idempotency_key == sent[0].idempotency_key
    assert (
        run(replace(requests.publish_post(POST_ID, idempotency_key="mine"), returns=""), [Response(200, {}, b"{}")])[1][
            0
        ].idempotency_key
        == "mine"
    )


@pytest.mark.parametrize(
    ("response", "kind", "words"),
    [
        (Response(200, {}, b"<html>Welcome"), UnexpectedResponse, "<html>Welcome"),
        (
            Response(301, {"location": "https://other.example/"}),
            UnexpectedResponse,
            "redirects to https://other.example/",
        ),
        (
            Response(302, {"location": "https://u:secret@other.example/x?token=secret"}),
            UnexpectedResponse,
            "redirects to https://other.example/x.",
        ),
        (Response(403, {}, b"<html>Forbidden"), UnexpectedResponse, "status 403"),
        (Response(401, {}, b'{"code": "unauthorized", "detail": "No."}'), AuthenticationError, "No."),
        (Response(418, {}, b'{"code": "teapot", "detail": "No."}'), ApiError, "No."),
        (Response(404, {}, b"[1]"), UnexpectedResponse, "status 404"),
    ],
)
def test_responses_of_other_servers_are_told_apart(response: Response, kind: type[Exception], words: str) -> None:
    result, _, _ = run(GET, [response])
    assert type(result) in (kind, *kind.__subclasses__())
    assert words in str(result)


@pytest.mark.parametrize("id", ["", " . ", "..", "."])
def test_id_that_leads_elsewhere_is_refused(id: str) -> None:
    with pytest.raises(UsageError):
        requests.get_post(id.strip())


def test_id_stays_one_part_of_the_path() -> None:
    assert requests.get_post("a/../b?c#d").path == "/posts/a%2F..%2Fb%3Fc%23d"


@pytest.mark.parametrize(
    "answer",
    [{"status": "ok"}, [], None, "ok", {"connections": None, "pagination": {}}, {"connections": [1], "pagination": {}}],
    ids=repr,
)
def test_json_of_other_products_is_no_response(answer: Any) -> None:
    for content in (json.dumps(answer).encode(), b""):
        result, _, _ = run(requests.list_connections(), [Response(200, {}, content)])
        assert isinstance(result, UnexpectedResponse)


def test_newer_and_older_servers_are_understood() -> None:
    page = {"page": 1, "limit": 20, "total_count": 0, "total_pages": 0, "has_next_page": False, "later": {}}
    found = {"connections": [], "pagination": page, "later": [1]}
    assert run(requests.list_connections(), [Response(200, {}, json.dumps(found).encode())])[0] == found


@pytest.mark.parametrize("key", ["é", "a\n", "\ud800"])
def test_odd_keys_and_ids_are_refused(key: str) -> None:
    with pytest.raises(UsageError, match="idempotency_key"):
        requests.publish_post(POST_ID, idempotency_key=key)
    for make in (lambda: requests.get_post("\ud800"), lambda: requests.list_posts(status="\ud800")):  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="is no text"):
            make()
    with pytest.raises(UsageError, match="attempts"):
        Retries(attempts=0)
