"""Requests to a webhook are verified: no other body, header, time or secret passes."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from clipcast.sdk import InvalidSignature, UsageError
from clipcast.sdk.webhooks import verify

SECRET = "whsec_" + base64.b64encode(b"s" * 24).decode()
OLD_SECRET = "whsec_" + base64.b64encode(b"o" * 24).decode()
# Its base64 is padded.
LONG_SECRET = "whsec_" + base64.b64encode(b"l" * 32).decode()
EVENT = {"type": "item.published", "timestamp": "2026-11-28T03:00:00.000Z", "sequence": 7, "data": {"text": "é"}}
BODY = json.dumps(EVENT)


def signed(body: str = BODY, secret: str = SECRET, age: timedelta = timedelta()) -> dict[str, str]:
    at = datetime.now(UTC) - age
    signature = Webhook(secret).sign("msg_1", at, body)
    return {"Webhook-Id": "msg_1", "Webhook-Timestamp": str(int(at.timestamp())), "Webhook-Signature": signature}


def test_event_has_its_id_type_and_data() -> None:
    for body in (BODY, BODY.encode()):
        event = verify(body, signed(), SECRET)
        assert (event.id, event.type, event.data["text"]) == ("msg_1", "item.published", "é")
        assert (event.timestamp, event.sequence, event.body) == (EVENT["timestamp"], 7, EVENT)


def test_secret_may_be_the_old_or_the_new_one_during_rotation() -> None:
    headers, old = signed(), signed(secret=OLD_SECRET)
    headers["Webhook-Signature"] += " " + old["Webhook-Signature"]
    assert verify(BODY, headers, SECRET) == verify(BODY, headers, OLD_SECRET)


@pytest.mark.parametrize("body", [EVENT, None, [BODY]])
def test_body_that_is_not_the_bytes_is_an_error_of_the_receiver(body: Any) -> None:
    with pytest.raises(UsageError, match="`body` is of the type"):
        verify(body, signed(), SECRET)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (BODY + " ", lambda: signed()),
        (BODY, lambda: signed() | {"Webhook-Id": "msg_2"}),
        (BODY, lambda: signed(secret=OLD_SECRET)),
        (BODY, lambda: signed(age=timedelta(minutes=6))),
        (BODY, lambda: signed(age=timedelta(minutes=-6))),
        (BODY, dict),
        (BODY, lambda: signed() | {"Webhook-Timestamp": "now"}),
        (BODY, lambda: signed() | {"Webhook-Signature": "v1"}),
        (BODY, lambda: signed() | {"Webhook-Signature": "v1,%%%"}),
        (BODY, lambda: signed() | {"Webhook-Signature": "v2,abc"}),
        (b"\xff", lambda: signed()),
        ("[]", lambda: signed("[]")),
        ("{}", lambda: signed("{}")),
        ("no json", lambda: signed("no json")),
    ],
)
def test_request_of_somebody_else_is_invalid(body: Any, headers: Callable[[], dict[str, str]]) -> None:
    with pytest.raises(InvalidSignature):
        verify(body, headers(), SECRET)


@pytest.mark.parametrize(
    ("secret", "written"),
    [
        (SECRET, f" {SECRET}\r\n"),
        (SECRET, SECRET.removeprefix("whsec_")),
        (SECRET, b"s" * 24),
        (LONG_SECRET, LONG_SECRET),
        (LONG_SECRET, LONG_SECRET.rstrip("=")),
    ],
)
def test_secret_may_be_written_in_several_ways(secret: str, written: str | bytes) -> None:
    assert verify(BODY, signed(secret=secret), written).id == "msg_1"


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_%", "nope", "whsec_nope", SECRET + "%", "s" * 33, b"short", None]
)
def test_missing_secret_is_an_error_of_the_receiver(secret: Any) -> None:
    """A receiver without its secret must not accept requests, and must not blame the sender."""
    with pytest.raises(UsageError):
        verify(BODY, signed(), secret)
