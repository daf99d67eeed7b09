"""Incoming responses: read and decompressed up to a limit, with text that can be stored.

A platform's program reads a response as documented, without checks at each field. If the response has another shape,
`understood` converts the exception into an error of the platform.
"""

import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, cast

import structlog

from clipcast.common.storable import storable, storable_json
from clipcast.platforms.errors import PlatformAnswer, TransientError
from clipcast.platforms.headers import Headers
from clipcast.platforms.transport import Incoming, ResponseLost

log = structlog.get_logger()

# The maximum size of a platform's or federated server's response, decompressed. A full page of any list is smaller.
RESPONSE_MAX = 4 * 1024 * 1024
# zlib's `wbits` by Content-Encoding.
WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
QUOTED_MAX = 300
# JSON escapes of NUL and of surrogates. A lone surrogate cannot be stored; a pair, as in an emoji, can.
ESCAPED = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def _reject_constant(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


DECODER = json.JSONDecoder(parse_constant=_reject_constant)


class ResponseTooLarge(Exception):
    """A response has more bytes than allowed, as sent or decompressed."""


class ResponseUnreadable(Exception):
    """A response has an encoding that the request did not accept, or its compressed bytes are damaged."""


@dataclass(frozen=True)
class Response:
    """A complete response. `content` is its decompressed body."""

    status_code: int
    content: bytes = b""
    headers: Headers = field(default_factory=Headers)
    url: str = ""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status_code <= 299

    @property
    def is_error(self) -> bool:
        return self.status_code >= 400

    @property
    def text(self) -> str:
        """The body, read as UTF-8, as text that can be stored."""
        return storable(self.content.decode("utf-8", "replace"))

    def json(self) -> Any:
        """Return the body as JSON. Raise ValueError if it is invalid, has NaN or is nested too deep."""
        # JSON between systems is UTF-8 (RFC 8259); a few senders put a byte order mark before it.
        text = self.content.decode("utf-8-sig", "replace")
        try:
            body = DECODER.decode(text)
        except RecursionError:
            raise ValueError("nested too deep") from None
        return storable_json(body) if ESCAPED.search(text) else body


async def read(response: Incoming, most: int, keep: int | None = None) -> bytes:
    """Return the decompressed body, or only its first `keep` bytes.

    Raises ResponseTooLarge beyond `most` bytes, ResponseUnreadable for an unexpected encoding or damaged data. Raises
    ResponseLost for compressed data that ends early, like for a body shorter than its Content-Length.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        decompress = None
    elif encoding in WINDOWS:
        decompress = zlib.decompressobj(WINDOWS[encoding])
    else:
        raise ResponseUnreadable(f"it is encoded as {encoding[:50]!r}")
    body, size, received = bytearray(), 0, 0
    async for piece in response.pieces():
        received += len(piece)
        if decompress is not None:
            try:
                # One byte above the limit shows that the body is too large.
                piece = decompress.decompress(piece, most - size + 1)
            except zlib.error as error:
                raise ResponseUnreadable(f"its {encoding} data is damaged") from error
        size += len(piece)
        body += piece if keep is None else piece[: max(0, keep - len(body))]
        if size > most or received > most:
            raise ResponseTooLarge
    if decompress is not None and received and not decompress.eof:
        raise ResponseLost(f"its {encoding} data ends early")
    return bytes(body)


async def received(response: Incoming, most: int = RESPONSE_MAX) -> Response:
    """Return the complete response. Raise as `read`."""
    body = await read(response, most)
    whole = Response(response.status_code, body, response.headers, response.url)
    seen = _seen.get()
    if seen is not None:
        seen.response = whole
    return whole


@dataclass
class Seen:
    """The newest response of one run of a program, shared by its tasks."""

    response: Response | None = None


_seen: ContextVar[Seen | None] = ContextVar("seen", default=None)

# The exceptions that reading an undocumented response raises.
MISREAD = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, AssertionError, RuntimeError)
# The code that reads responses. The same exceptions elsewhere are faults in Clipcast.
READERS = ("clipcast.platforms", "clipcast.common.timestamps")


class NotUnderstood(TransientError):
    """A response has a shape that the platform does not document. The request may have taken effect."""


@contextmanager
def understood(remembers: bool = False) -> Iterator[None]:
    """Raise NotUnderstood with the response if the code inside fails to read it.

    With `remembers`, the code also reads saved responses of earlier runs and can fail before it receives one.
    """
    seen = Seen()
    token = _seen.set(seen)
    try:
        yield
    except MISREAD as error:
        if not (seen.response or remembers) or not _raised_by_reader(error.__traceback__):
            raise
        log.exception("response_not_understood", url=seen.response.url.split("?")[0] if seen.response else None)
        raise not_understood(seen.response) from error
    finally:
        _seen.reset(token)


def not_understood(response: Response | None) -> NotUnderstood:
    """Return the error of a response with an undocumented shape. None stands for a response of an earlier run."""
    return NotUnderstood(
        "response_not_understood",
        f"The platform responded {f'with {response.status_code}' if response else 'earlier'} in a format that Clipcast "
        "does not recognise.",
        actor="operator",
        fix="Clipcast retries the item. If this repeats, report it with the item's id. The worker's log has details.",
        platform=PlatformAnswer(response.status_code, message=response.text[:QUOTED_MAX] or None) if response else None,
    )


def _raised_by_reader(traceback: TracebackType | None) -> bool:
    """Return whether the innermost Clipcast function in the traceback reads responses."""
    innermost = ""
    while traceback is not None:
        name = cast(str, traceback.tb_frame.f_globals.get("__name__", ""))
        innermost = name if name.startswith("clipcast.") else innermost
        traceback = traceback.tb_next
    return innermost.startswith(READERS)
