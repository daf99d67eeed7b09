"""Where responses come in: read up to a limit, decompressed up to the same limit, their text cleaned.

A program reads a response as the platform documents it. `understood` turns what happens when one has another shape
into an error of the platform's, so that programs need no check at each field.
"""

import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Any, cast

import httpx2
import structlog

from clipcast.common.storable import storable, storable_json
from clipcast.platforms.errors import PlatformAnswer, TransientError

log = structlog.get_logger()

# What a response of a platform, or of a federated server, may have when decompressed. A full page of any list is less.
RESPONSE_MAX = 4 * 1024 * 1024
# Asked for in every request: what `read` decompresses with a limit.
ENCODING = "gzip"
# zlib's `wbits` by Content-Encoding: gzip has a header of its own.
WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
QUOTED_MAX = 300
# How text that cannot be stored is written in JSON, as is half of every emoji.
ESCAPED = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


DECODER = json.JSONDecoder(parse_constant=_refuse)


class ResponseTooLarge(Exception):
    """A response has more bytes than allowed, as sent or decompressed."""


class ResponseUnreadable(Exception):
    """A response is compressed in a way that was not asked for, or its compressed bytes are damaged."""


class PlatformResponse(httpx2.Response):
    """A response that has been read whole, whose text can be stored."""

    @property
    def text(self) -> str:
        return storable(super().text)

    def json(self, **_: Any) -> Any:
        """Return the body as JSON. Raises ValueError when it is none, or has NaN or endless depth."""
        # JSON between systems is UTF-8 (RFC 8259); a few senders put a byte order mark before it.
        text = self.content.decode("utf-8-sig", "replace")
        try:
            body = DECODER.decode(text)
        except RecursionError:
            raise ValueError("nested too deep") from None
        return storable_json(body) if ESCAPED.search(text) else body


async def read(response: httpx2.Response, most: int, keep: int | None = None) -> bytes:
    """Return the decompressed body; of it the first `keep` bytes alone, where that is given.

    Raises ResponseTooLarge beyond `most` bytes, ResponseUnreadable, and RemoteProtocolError for compressed data that
    ends early, as for a body that is shorter than its Content-Length.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        decompress = None
    elif encoding in WINDOWS:
        decompress = zlib.decompressobj(WINDOWS[encoding])
    else:
        raise ResponseUnreadable(f"it is encoded as {encoding[:50]!r}")
    body, size, received = bytearray(), 0, 0
    async for piece in response.aiter_raw():
        received += len(piece)
        if decompress is not None:
            try:
                # One byte more than allowed is enough to know.
                piece = decompress.decompress(piece, most - size + 1)
            except zlib.error as error:
                raise ResponseUnreadable(f"its {encoding} data is damaged") from error
        size += len(piece)
        body += piece if keep is None else piece[: max(0, keep - len(body))]
        if size > most or received > most:
            raise ResponseTooLarge
    if decompress is not None and received and not decompress.eof:
        raise httpx2.RemoteProtocolError(f"its {encoding} data ends early")
    return bytes(body)


async def received(response: httpx2.Response, most: int = RESPONSE_MAX) -> PlatformResponse:
    """Return the whole response. Raises as `read`."""
    body = await read(response, most)
    headers = [(name, value) for name, value in response.headers.raw if name.lower() not in DECODED]
    whole = PlatformResponse(response.status_code, headers=headers, content=body, request=response.request)
    seen = _seen.get()
    if seen is not None:
        seen.response = whole
    return whole


# Headers that no longer describe the body.
DECODED = (b"content-encoding", b"content-length", b"transfer-encoding")


@dataclass
class Seen:
    """The newest response of a program's run, in all of its tasks."""

    response: PlatformResponse | None = None


_seen: ContextVar[Seen | None] = ContextVar("seen", default=None)

# What reading a response as documented raises where it is not so.
MISREAD = (
    LookupError, TypeError, ValueError, AttributeError, ArithmeticError, AssertionError, RuntimeError,
    httpx2.InvalidURL,
)  # fmt: skip
# Code that reads responses. The same errors elsewhere are mistakes of ours.
READERS = ("clipcast.platforms", "clipcast.common.timestamps")


class NotUnderstood(TransientError):
    """A response has a shape that the platform does not document. It does not say that the platform did nothing."""


@contextmanager
def understood(remembers: bool = False) -> Iterator[None]:
    """Raise NotUnderstood, with the response, where the program inside stumbles over one that it cannot read.

    A program that `remembers` what an earlier run was told may stumble over that before it receives anything.
    """
    seen = Seen()
    token = _seen.set(seen)
    try:
        yield
    except MISREAD as error:
        if not (seen.response or remembers) or not _raised_by_reader(error.__traceback__):
            raise
        log.exception("response_not_understood", url=str(seen.response.url).split("?")[0] if seen.response else None)
        raise not_understood(seen.response) from error
    finally:
        _seen.reset(token)


def not_understood(response: httpx2.Response | None) -> NotUnderstood:
    """Return the error of a response whose shape is not what the platform documents; None is one of an earlier run."""
    return NotUnderstood(
        "response_not_understood",
        f"The platform responded {response.status_code if response else 'earlier'} with something that Clipcast does "
        "not understand.",
        actor="operator",
        fix="The item is retried. If this repeats, report it with the item's id; the worker's log has the details.",
        platform=PlatformAnswer(response.status_code, message=response.text[:QUOTED_MAX] or None) if response else None,
    )


def _raised_by_reader(traceback: TracebackType | None) -> bool:
    """Return whether the innermost of our functions in it reads responses."""
    innermost = ""
    while traceback is not None:
        name = cast(str, traceback.tb_frame.f_globals.get("__name__", ""))
        innermost = name if name.startswith("clipcast.") else innermost
        traceback = traceback.tb_next
    return innermost.startswith(READERS)
