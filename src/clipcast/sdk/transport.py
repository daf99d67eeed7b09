"""Requests as values, and how they are repeated. This module sends nothing: `client.py` does.

A flow is a generator that yields effects (`Send`, `Pause`, ...) and receives their results. So the same code drives
the blocking client and the asynchronous one.
"""

from __future__ import annotations

import json
import random
import re
import uuid
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from clipcast.sdk.errors import ApiError, ConnectionFailed, UnexpectedResponse, UsageError, class_of
from clipcast.sdk.shapes import fits

T = TypeVar("T")
PREFIX = "/api/v1"
KEY_HEADER = "Idempotency-Key"
# The characters of an address that a message shows.
SHOWN_MAX = 200
# Statuses after which a request that may be repeated is repeated.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
# The seconds that the server may take for a response, where it reads a whole file first.
SLOW = {"completeUpload": 600.0, "completeAssetUpload": 600.0, "importVideo": 660.0, "getVideoInfo": 660.0}


@dataclass(frozen=True)
class Request(Generic[T]):
    """A request of the API, whose response has the type T."""

    operation: str
    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    # The server accepts an Idempotency-Key.
    keyed: bool = False
    # The operation changes nothing.
    reads: bool = False
    # The models of which the response is one.
    returns: str = ""

    @property
    def idempotency_key(self) -> str | None:
        """The key of the request."""
        return self.headers.get(KEY_HEADER)

    def with_key(self) -> Request[T]:
        """Return the request with an Idempotency-Key, if the operation accepts one."""
        if not self.keyed or self.idempotency_key:
            return self
        return replace(self, headers={**self.headers, KEY_HEADER: f"sdk-{uuid.uuid4()}"})

    def content(self) -> bytes | None:
        """Return the body's bytes. Raises UsageError if it is not JSON."""
        if self.body is None or isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str):
            return _sendable("The body", self.body).encode()
        try:
            return json.dumps(self.body, default=_plain, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise UsageError(f"The body cannot be sent as JSON: {error}.") from None


@dataclass(frozen=True)
class Response:
    """A response, with its headers in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""


@dataclass(frozen=True)
class Send:
    """Send a request. The result is the Response; raises ConnectionFailed."""

    request: Request[Any]


@dataclass(frozen=True)
class SendPiece:
    """Send bytes of a file to a signed address. The result is the Response; raises ConnectionFailed."""

    method: str
    url: str
    headers: Mapping[str, str]
    read: Callable[[int, int], bytes] | None = None
    start: int = 0
    end: int = 0
    sent: Callable[[int], None] = lambda offset: None


@dataclass(frozen=True)
class Pause:
    """Wait for this many seconds."""

    seconds: float


@dataclass(frozen=True)
class Run:
    """Call a function that may block, such as one that reads a file."""

    function: Callable[[], Any]


@dataclass(frozen=True)
class Now:
    """Return seconds that never decrease."""


Effect = Send | SendPiece | Pause | Run | Now
Flow = Generator[Effect, Any, T]


@dataclass(frozen=True)
class Retries:
    """How often a request is sent, and the seconds between.

    Before retry n, the client waits up to `first` * 2**n seconds, at most `longest`, at least as long as Retry-After
    says. It gives up if Retry-After is above `patience`.
    """

    attempts: int = 5
    first: float = 0.5
    longest: float = 8.0
    patience: float = 60.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise UsageError(
                f"Retries.attempts is {self.attempts}. Each request is sent at least once: pass 1 or more."
            )

    def wait(self, attempt: int, retry_after: float | None) -> float:
        """Return the seconds to wait after the failed attempt number `attempt`, counted from 0."""
        limit = min(self.longest, self.first * 2.0**attempt)
        # Clients that failed together must not come back together.
        return (retry_after or 0.0) + limit * (0.5 + random.random() / 2)  # noqa: S311


def call(request: Request[T], retries: Retries) -> Flow[T]:
    """Send a request, repeat it where that is safe, and return the content of its response. Raises ClipcastError."""
    return content_of(request, (yield from exchange(request, retries)))


def exchange(request: Request[Any], retries: Retries) -> Flow[Response]:
    """Send a request, repeat it where that is safe, and return its response. Raises ClipcastError.

    A POST is repeated with its Idempotency-Key. A PATCH is repeated only if the server did not begin to process it: a
    repetition could undo the change of another caller. A DELETE whose repetition finds nothing has succeeded.
    """
    request = request.with_key()
    maybe_done = False
    for attempt in range(retries.attempts):
        error: ConnectionFailed | ApiError | UnexpectedResponse
        retry_after = None
        try:
            response: Response = yield Send(request)
        except ConnectionFailed as failure:
            error = failure
            again = not failure.sent or _repeatable(request)
            # An earlier attempt may have been processed, even if the last one never left.
            failure.sent = maybe_done = maybe_done or failure.sent
        else:
            if response.status < 400:
                return response
            if response.status == 404 and request.method == "DELETE" and maybe_done:
                return Response(204)
            error = error_of(response)
            again = _again(request, response.status, error.code)
            retry_after = error.retry_after if isinstance(error, ApiError) else None
            maybe_done |= response.status >= 500
        if isinstance(error, ConnectionFailed | ApiError):
            error.idempotency_key = request.idempotency_key
        if not again or attempt + 1 == retries.attempts or (retry_after or 0) > retries.patience:
            raise error
        yield Pause(retries.wait(attempt, retry_after))
    raise AssertionError("Retries.attempts must be at least 1")


def _repeatable(request: Request[Any]) -> bool:
    """Return whether the request may be processed twice."""
    return request.reads or request.method == "DELETE" or request.idempotency_key is not None


def _again(request: Request[Any], status: int, code: str) -> bool:
    if status == 429:
        return True  # the server counts requests before it processes them
    if code == "idempotency_in_progress":
        return True
    return status in PASSING and _repeatable(request)


def content_of(request: Request[T], response: Response) -> T:
    """Return the content of a response. Raises UnexpectedResponse if it is not one to this request."""
    value: T = value_of(response)
    if request.returns and not fits(value, request.returns):
        raise foreign(response)
    return value


def value_of(response: Response) -> Any:
    """Return the JSON value of a response, None if it is empty. Raises UnexpectedResponse."""
    if response.status >= 300:
        raise error_of(response)
    if not response.content:
        return None
    try:
        return json.loads(response.content)
    except ValueError:
        raise error_of(response) from None


def error_of(response: Response) -> ApiError | UnexpectedResponse:
    """Return the error that a response means."""
    status = response.status
    try:
        document = json.loads(response.content) if status >= 400 else None
    except ValueError:
        document = None
    if isinstance(document, dict) and ("code" in document or "detail" in document):
        return class_of(status, str(document.get("code")))(status, document, response.headers)
    # Proxies before Clipcast answer with pages of their own.
    if status >= 400 and (status == 429 or status >= 500):
        title = f"The server returned status {status} without saying why."
        return class_of(status, "")(status, {"detail": title}, response.headers)
    location = response.headers.get("location")
    if location and 300 <= status < 400:
        fix = "Set CLIPCAST_URL to that address, without its path."
        return UnexpectedResponse(f"The server redirects to {without_secrets(location)}.", status=status, fix=fix)
    return foreign(response)


def foreign(response: Response) -> UnexpectedResponse:
    """Return the error of a response that is none of Clipcast."""
    status, start = response.status, response.content[:80].decode(errors="replace")
    return UnexpectedResponse(f"The response with status {status} is not Clipcast's: {start!r}", status=status)


def without_secrets(url: str) -> str:
    """Return an address for a message, without a password, query and fragment."""
    plain = re.split(r"[?#]", url, maxsplit=1)[0]
    return re.sub(r"^([^/]*//|)[^/]*@", r"\1", plain)[:SHOWN_MAX]


def path(template: str, **ids: Any) -> str:
    """Return the path with its ids. Raises UsageError if one is empty or would lead to another path."""
    filled = {}
    for name, value in ids.items():
        text = str(value)
        if text.strip(".") == "":
            raise UsageError(f"{name} is {text!r}. Pass an id.")
        filled[name] = quote(_sendable(name, text), safe="")
    return template.format(**filled)


def query(**parameters: Any) -> dict[str, str]:
    """Return the parameters of a query that are not None, as texts."""
    return {name: _sendable(name, _text(value)) for name, value in parameters.items() if value is not None}


def headers(**named: Any) -> dict[str, str]:
    """Return the headers that are not None. A version becomes an entity tag. Raises UsageError."""
    made = {
        name: f'"{value}"' if isinstance(value, int) else str(value)
        for name, value in named.items()
        if value is not None
    }
    for name, value in made.items():
        if not (value.isascii() and value.isprintable()):
            raise UsageError(f"{name} is {value[:60]!r}. Use letters, digits and signs of ASCII.")
    return {name.replace("_", "-").title(): value for name, value in made.items()}


def _sendable(name: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{name} is {text[:60]!r}, which is no text.") from None
    return text


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
