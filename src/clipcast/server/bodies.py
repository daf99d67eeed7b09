"""Limits of request bodies in bytes and in time, enforced before anything is parsed."""

import asyncio
from urllib.parse import unquote_to_bytes

from starlette.types import Message, Receive

from clipcast.clock import clock
from clipcast.common.problems import AppError

# The time limits of one piece of a body, and of a whole body that is not an upload (seconds).
PIECE_TIMEOUT = 30.0
BODY_TIMEOUT = 120.0
# An upload has no time limit, but a minimum rate (bytes per second) after a grace period (seconds).
UPLOAD_RATE_MIN = 1024
UPLOAD_GRACE = 60.0
FORM_FIELDS_MAX = 50_000


class TimedBody:
    """An ASGI `receive` that raises AppError 408 when the body comes too slowly."""

    def __init__(self, receive: Receive, is_upload: bool) -> None:
        self._receive = receive
        self._is_upload = is_upload
        # Set at the first piece: most bodies arrive in one piece and need no clock.
        self._started: float | None = None
        self._size = 0
        self._is_complete = False

    async def __call__(self) -> Message:
        if self._is_complete:  # now it waits for the client to disconnect, without a limit
            return await self._receive()
        taken = clock.monotonic() - self._started if self._started is not None else 0.0
        limit = UPLOAD_GRACE + self._size / UPLOAD_RATE_MIN if self._is_upload else BODY_TIMEOUT
        try:
            if taken > limit:
                raise TimeoutError
            async with asyncio.timeout(PIECE_TIMEOUT):
                message = await self._receive()
        except TimeoutError:
            self._is_complete = True
            detail = f"The body arrived too slowly: {self._size} bytes in {taken:.0f} s. Send the request again."
            raise AppError(408, "request_timeout", detail, headers={"Connection": "close"}) from None
        self._size += len(message.get("body", b""))
        self._is_complete = not message.get("more_body", False)
        if self._started is None and not self._is_complete:
            self._started = clock.monotonic()
        return message


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that returns a body which was read before, then continues with `receive`."""
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def require_few_fields(form: bytes) -> None:
    """Raise AppError 413 for a form with so many fields that parsing takes seconds. The largest page has 20 000."""
    if form.count(b"&") >= FORM_FIELDS_MAX:
        raise AppError(413, "too_many_fields", f"The form has too many fields: maximum {FORM_FIELDS_MAX}. Send fewer.")


def require_text(encoded: bytes, where: str, may_hold_nul: bool = False) -> None:
    """Raise AppError 400 if percent-encoded text holds NUL or is not UTF-8: PostgreSQL stores neither."""
    if b"%" not in encoded and b"\x00" not in encoded and encoded.isascii():
        return
    try:
        text = unquote_to_bytes(encoded).decode()
    except UnicodeDecodeError:
        raise AppError(400, "invalid_text", f"The {where} is not UTF-8. Encode it as UTF-8.") from None
    if "\x00" in text and not may_hold_nul:
        raise AppError(400, "forbidden_character", f"The {where} contains the character NUL (U+0000). Remove it.")
