"""Verify what Clipcast sends to webhooks (Standard Webhooks)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from standardwebhooks import Webhook, WebhookVerificationError

from clipcast.sdk.errors import InvalidSignature, UsageError

if TYPE_CHECKING:
    from clipcast.sdk.models import WebhookBody


PREFIX = "whsec_"
# The fewest bytes of a secret (Standard Webhooks).
SECRET_BYTES_MIN = 24


@dataclass(frozen=True)
class WebhookEvent:
    """A verified event.

    `id` is the same in every attempt to deliver the event: keep it to recognize repetitions. `type` is its name, such
    as `item.published`. `timestamp` is when it happened. `sequence` increases along the events of one item. `data`
    holds the ids, the status, and the same objects as the API's responses. `body` is the whole JSON object, whose
    `type` tells a type checker the fields of its `data`.
    """

    id: str
    type: str
    timestamp: str
    sequence: int
    data: Mapping[str, Any]
    body: WebhookBody


def verify(body: bytes | str, headers: Mapping[str, str], secret: str | bytes) -> WebhookEvent:
    """Return the event of a request, if it is signed with the endpoint's secret, and is at most 5 minutes old.

    `body` is the request's body, byte for byte as it arrived. Raises InvalidSignature if the request is not
    Clipcast's, and UsageError if the secret is none, or the body is neither bytes nor text.
    """
    webhook = signer_of(secret)
    if not isinstance(body, str | bytes):
        raise UsageError(
            f"`body` is of the type {type(body).__name__}.",
            fix="Pass the bytes of the request's body as they arrived, not what was parsed from them.",
        )
    try:
        webhook.verify(body, dict(headers))
        event = json.loads(body)
        found = {name.lower(): value for name, value in headers.items()}
        return WebhookEvent(
            found["webhook-id"], event["type"], event["timestamp"], event.get("sequence", 0), event["data"], event
        )
    except WebhookVerificationError as error:
        raise InvalidSignature(f"{error}.") from None
    except (ValueError, KeyError, TypeError) as error:
        # The library raises these for headers and bodies that nobody signs.
        raise InvalidSignature(f"The request is not an event of Clipcast: {error!r}.") from None


def signer_of(secret: str | bytes) -> Webhook:
    """Return what signs and verifies with a secret. Raises UsageError if it is not a secret of a webhook.

    White space around it, a missing prefix and missing padding are no matter. Bytes are the key itself.
    """
    try:
        key = secret if isinstance(secret, bytes) else _decoded(secret.strip().removeprefix(PREFIX).rstrip("="))
        if len(key) < SECRET_BYTES_MIN:
            raise ValueError(SECRET_BYTES_MIN)
        return Webhook(key)
    except (AttributeError, TypeError, ValueError):
        raise UsageError(
            "The secret is not one of a webhook.", fix=f"Copy it again, whole; it begins with {PREFIX}."
        ) from None


def _decoded(text: str) -> bytes:
    """Return the bytes of base64 without its padding. Raises ValueError."""
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
