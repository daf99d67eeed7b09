"""One request that delivers an event, and what came of it. Nothing in a response can cost more than a few kilobytes."""

import asyncio
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from standardwebhooks import Webhook as Signer
from yarl import URL

from clipcast.clock import clock
from clipcast.common.masking import masked, masked_fields, masked_text
from clipcast.common.settings import Settings
from clipcast.common.storable import storable
from clipcast.platforms.errors import PublishError
from clipcast.platforms.http import retry_after
from clipcast.platforms.responses import Response
from clipcast.platforms.transport import HttpClient, Incoming, NotSent, ResponseLost
from clipcast.webhooks.addresses import is_allowed
from clipcast.webhooks.signing import headers_of

# Seconds for the look-up, the connection, the request and its response.
TOTAL_TIME = 15.0
# What is read of a response, so that its connection can be used again. A longer one costs the connection.
BODY_MAX = 16 * 1024
# Seconds for the body of a response whose status has decided.
BODY_TIME = 1.0
QUOTED_MAX = 200
# Characters that control a terminal, or turn the direction of a text around.
CONTROLS = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069]")
GONE = 410
REDIRECTS = range(300, 400)


@dataclass(frozen=True)
class Result:
    """What came of one attempt. Without an `error`, the event is delivered."""

    began_at: datetime
    seconds: float
    status: int | None = None
    error: str | None = None
    retry_after: timedelta | None = None


class Sender:
    """Requests to the address of one webhook."""

    def __init__(self, client: HttpClient, settings: Settings, url: str, signers: list[Signer]) -> None:
        self._client = client
        self._url = URL(url, encoded=True)
        self._public_only = not is_allowed(self._url, settings.webhook_hosts)
        self._signers = signers

    async def send(self, event_id: UUID, body: str) -> Result:
        """Send one event once. Every failure is a result."""
        began_at, began = clock.now(), clock.monotonic()
        headers = headers_of(self._signers, event_id, began_at, body)
        status, error, wait = None, None, None
        try:
            async with asyncio.timeout(TOTAL_TIME):
                response = await self._client.send(
                    "POST", self._url, headers, body.encode(), public_only=self._public_only
                )
                status = response.status_code
                content = await _read(response)
            error = _error_of(status, content)
            wait = retry_after(Response(status, headers=response.headers))
        except TimeoutError:
            error = f"It did not respond within {TOTAL_TIME:.0f} s."
        except NotSent as cause:
            error = f"No connection could be made: {cause}."
        except ResponseLost as cause:
            error = f"The connection broke before a response: {cause}."
        except PublishError as cause:  # of the check of the address
            error = f"Nothing was sent: {cause.message}"
        return Result(began_at, clock.monotonic() - began, status, error, wait)


def _error_of(status: int, content: bytes) -> str | None:
    if 200 <= status < 300:
        return None
    if status in REDIRECTS:
        return f"It responded with {status}, a redirect. Clipcast follows none: give the final address."
    quoted = _quoted(content)
    return f"It responded with {status}" + (f": {quoted}" if quoted else ".")


def _quoted(content: bytes) -> str:
    """Return the start of a body in one line, without secrets: a receiver may repeat what it got."""
    text = content.decode("utf-8", "replace")
    value = None
    with suppress(ValueError, RecursionError):
        value = json.loads(text)
    if isinstance(value, dict | list):
        text = json.dumps(masked(value, hosts_only=True), ensure_ascii=False)
    else:
        text = masked_fields(text)
    text = " ".join(CONTROLS.sub(" ", masked_text(text, hosts_only=True)).split())
    return storable(text, QUOTED_MAX)


async def _read(response: Incoming) -> bytes:
    """Return the start of a body, and close its connection unless the body ends within the limits."""
    content = bytearray()
    try:
        async with asyncio.timeout(BODY_TIME):
            async for piece in response.pieces():
                content += piece[: BODY_MAX - len(content)]
                if len(content) >= BODY_MAX:
                    break
    except (TimeoutError, ResponseLost):
        pass  # the status has decided
    finally:
        response.close()
    return bytes(content)
