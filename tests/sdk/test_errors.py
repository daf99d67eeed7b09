"""Errors reach other processes as they are, and say when to come back."""

import copy
import email.utils
import pickle

import pytest

from clipcast.clock import clock
from clipcast.sdk import (
    ApiError,
    ClipcastError,
    ConnectionFailed,
    PublishedPost,
    PublishFailed,
    RateLimited,
    UnexpectedResponse,
)

POST = PublishedPost("1", "failed", None, (), {})  # type: ignore[typeddict-item]
DOCUMENT = {"code": "some_code", "detail": "Wrong.", "fix": "Repair it.", "errors": [{"path": "/a", "message": "No."}]}


def classes(kind: type[ClipcastError]) -> list[type[ClipcastError]]:
    return [kind, *(deeper for one in kind.__subclasses__() for deeper in classes(one))]


def make(kind: type[ClipcastError]) -> ClipcastError:
    if issubclass(kind, ApiError):
        return kind(409, DOCUMENT, {"retry-after": "7"})
    if issubclass(kind, ConnectionFailed):
        return kind("lost", sent=True, timed_out=True)
    if issubclass(kind, UnexpectedResponse):
        return kind("odd", status=418)
    return kind(POST) if issubclass(kind, PublishFailed) else kind("wrong", code="own", fix="Repair it.")


@pytest.mark.parametrize("kind", classes(ClipcastError), ids=lambda kind: kind.__name__)
def test_error_survives_copies_and_other_processes(kind: type[ClipcastError]) -> None:
    error = make(kind)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(error, protocol))
        assert (type(again), str(again), vars(again)) == (kind, str(error), vars(error))
    assert vars(copy.copy(error)) == vars(error)


def test_retry_after_is_a_number_or_a_date() -> None:
    now = clock.now().timestamp()
    for written, expected in (
        ("120", 120), ("0", 0), ("-5", None), ("inf", None), ("nan", None), ("soon", None), ("", None),
        (email.utils.formatdate(now + 90, usegmt=True), 90), (email.utils.formatdate(now - 90, usegmt=True), 0),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
    ):  # fmt: skip
        headers = {"retry-after": written, "date": email.utils.formatdate(now, usegmt=True)}
        assert RateLimited(429, DOCUMENT, headers).retry_after == expected, written
    assert RateLimited(429, DOCUMENT, {}).retry_after is None
    # Without a date of the response, this machine's clock decides.
    assert RateLimited(429, DOCUMENT, {"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}).retry_after == 0
