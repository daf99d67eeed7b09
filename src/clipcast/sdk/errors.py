"""The errors of the client, by what they mean for the program that catches them.

Every error has a `message` (what is wrong), a `code` (stable; decide by it), a `fix` (what to do) and an `actor` (who
does it: `caller`, `operator`, `account_owner`, `platform`, or `nobody` if the same call works later).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from clipcast.sdk.models import ProblemDetail
    from clipcast.sdk.results import PublishedPost

# More digits of a Retry-After mean nothing.
DIGITS_MAX = 12
# The type that the HTTP method returns for each status; other statuses have the type of their hundred.
CODE_OF_OTHERS = "unexpected_response"


class ClipcastError(Exception):
    """An error of the client. All others derive from it.

    `post_id` is set if the call has created the post, or asked for it. If `idempotency_key` is set, repeat the call
    with that key and the same arguments: it continues, and Clipcast does nothing twice.
    """

    code: str = "client_error"
    actor: str = "caller"
    fix: str = ""
    # The post that exists nevertheless.
    post_id: str | None = None
    idempotency_key: str | None = None

    def __init__(self, message: str, *, code: str | None = None, fix: str | None = None, actor: str | None = None):
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.fix = fix or self.fix
        self.actor = actor or self.actor

    def __reduce__(self) -> tuple[Any, ...]:
        # Other processes get the error as it is. The arguments of the classes differ.
        return _without_init, (type(self), self.args), self.__dict__


def _without_init(kind: type[ClipcastError], arguments: tuple[Any, ...]) -> ClipcastError:
    return kind.__new__(kind, *arguments)


class UsageError(ClipcastError, ValueError):
    """The arguments of a call do not fit together. Nothing was sent."""

    code = "usage"


class ConnectionFailed(ClipcastError):
    """No response arrived. The request may have been processed if `sent` is true."""

    code = "connection_failed"
    actor = "operator"
    fix = "Check that Clipcast runs and that its address is right (CLIPCAST_URL)."

    def __init__(self, message: str, *, sent: bool, timed_out: bool = False):
        super().__init__(message)
        self.sent = sent
        self.timed_out = timed_out


class UnexpectedResponse(ClipcastError):
    """The server's response is not one of Clipcast's API. `status` is its HTTP status."""

    code = CODE_OF_OTHERS
    fix = "Check the address (CLIPCAST_URL): it must be that of a Clipcast installation."

    def __init__(self, message: str, *, status: int, fix: str | None = None):
        super().__init__(message, fix=fix)
        self.status = status


class ApiError(ClipcastError):
    """A response of the API with an error status.

    `errors` lists the problems of the request's fields, `request_id` names the request in the server's log, and
    `document` is the whole problem document (RFC 9457).
    """

    default_fix: ClassVar[str] = ""
    default_actor: ClassVar[str] = "caller"

    def __init__(self, status: int, document: Mapping[str, Any], headers: Mapping[str, str]):
        self.document = dict(document)
        message = str(document.get("message") or document.get("detail") or document.get("title") or f"HTTP {status}")
        super().__init__(
            message,
            code=str(document.get("code") or f"http_{status}"),
            fix=str(document.get("fix") or self.default_fix or message),
            actor=str(document.get("actor") or self.default_actor),
        )
        self.status = status
        self.errors: list[ProblemDetail] = list(document.get("errors") or [])
        self.request_id = str(document.get("request_id") or headers.get("x-request-id") or "")
        self.retry_after = _retry_after(headers)

    def __str__(self) -> str:
        lines = [self.message, *(f"{one.get('path')}: {one.get('message')}" for one in self.errors)]
        if more := self.document.get("more_errors"):
            lines.append(f"and {more} more")
        return "\n  ".join(lines)


class BadRequest(ApiError):
    """400 and other statuses of 4xx: the request cannot be processed as it is."""


class AuthenticationError(ApiError):
    """401: the API key is missing, wrong, expired or revoked."""

    default_fix = "Pass a valid API key, or set CLIPCAST_API_KEY. People create keys in the app: Developers, API keys."


class PermissionDenied(ApiError):
    """403: the API key lacks a scope, or the signed address has expired."""

    default_fix = "Use a key that has the scope."


class NotFound(ApiError):
    """404: the workspace has no such resource."""

    default_fix = "Check the id, and that the API key is one of the resource's workspace."


class Conflict(ApiError):
    """409: the current state does not allow this operation."""

    default_fix = "Read the resource, and decide by its present state."


class DuplicateContent(Conflict):
    """409 `duplicate_content`: the same clip and text went to the same account recently."""

    default_fix = "If you mean it, publish with on_duplicate='allow'."


class VersionMismatch(Conflict):
    """412: somebody else has changed the resource since the version that `if_match` names."""

    default_fix = "Read the resource again, and repeat the change with its version."


class ValidationError(ApiError):
    """422, 413 and 415: the request is well-formed but not valid. `errors` lists every problem."""

    default_fix = "Correct what `errors` lists."


class RateLimited(ApiError):
    """429: too many requests. `retry_after` is the time to wait, in seconds."""

    default_fix = "Send fewer requests a minute with this key, or wait for `retry_after` seconds."
    default_actor = "nobody"


class ServerError(ApiError):
    """5xx: Clipcast failed."""

    default_fix = "Report the request id to the operator of Clipcast."
    default_actor = "operator"


class Unavailable(ServerError):
    """502, 503 and 504: Clipcast, its database or its storage does not respond now."""

    default_fix = "Repeat the call later."
    default_actor = "nobody"


class PublishFailed(ClipcastError):
    """A post has ended, or the wait for it, and not every item is published. `post` holds the result of each."""

    code = "publish_failed"

    def __init__(self, post: PublishedPost):
        bad = [item for item in post.items if not item.published]
        lines = [f"Not published: {len(bad)} of {len(post.items)} items."]
        for item in bad:
            lines.append(f"{item.account}: {item.error.message if item.error else item.status}")
        error = next((item.error for item in bad if item.error), None)
        if error:
            super().__init__("\n  ".join(lines), code=error.code, fix=error.fix, actor=error.actor)
        else:
            super().__init__("\n  ".join(lines), fix=f"Follow the post: watch({post.id!r}).", actor="nobody")
        self.post = post


class InvalidSignature(ClipcastError):
    """A webhook's signature is missing, wrong or too old."""

    code = "invalid_signature"
    fix = "Reject the request with status 400. If all are invalid, compare the secret with that of the endpoint."


BY_STATUS: dict[int, type[ApiError]] = {
    401: AuthenticationError,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    412: VersionMismatch,
    413: ValidationError,
    415: ValidationError,
    422: ValidationError,
    429: RateLimited,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
BY_CODE: dict[str, type[ApiError]] = {"duplicate_content": DuplicateContent}


def class_of(status: int, code: str) -> type[ApiError]:
    """Return the class of an error response."""
    return BY_CODE.get(code) or BY_STATUS.get(status) or (ServerError if status >= 500 else BadRequest)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a Retry-After header asks for, as a number or by a date; None without a valid one."""
    written = headers.get("retry-after", "").strip()
    if written.isascii() and written.isdigit():
        return float(written[:DIGITS_MAX])
    if (until := _instant(written)) is None:
        return None
    # The clocks of both sides may differ.
    now = _instant(headers.get("date", ""))
    return max(0.0, until - (time.time() if now is None else now))


def _instant(date: str) -> float | None:
    try:
        found = parsedate_tz(date)
        return None if found is None else float(mktime_tz(found))
    except (ValueError, OverflowError):
        return None
