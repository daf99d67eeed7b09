"""Errors that carry the decision.

A platform's `errors.py` maps every error response to one of these classes by a table. The runner acts on the class and
these flags; it never reads a message:

- `rejected`: the platform did nothing, so the runner may repeat the request without reconciling first.
- `restart`: nothing of this attempt is or becomes visible, so the next one may start over with a new upload.
- `final`: neither a retry nor a reconciliation can find out more.
- `quota`: the quota in the platform's rules.py that is used up.
- `restarts` and `then`: after so many restarts, the error becomes another one (`settled`).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from clipcast.common.storable import storable

# The number of characters kept of each field of a platform's error.
QUOTED = {"code": 200, "message": 2000, "request_id": 200}
MESSAGE_MAX = 2500


@dataclass(frozen=True)
class PlatformAnswer:
    """The platform's error, verbatim, for the person who contacts its support."""

    http_status: int | None = None
    code: str | None = None
    message: str | None = None
    request_id: str | None = None

    def __post_init__(self) -> None:
        """Store any JSON value as bounded text: platforms also send codes as numbers or lists."""
        for name, most in QUOTED.items():
            object.__setattr__(self, name, _quoted(getattr(self, name), most))


def _quoted(value: object, most: int) -> str | None:
    """Return a JSON value as text; a value that is not a string, as JSON."""
    if value is None:
        return None
    return storable(value if isinstance(value, str) else json.dumps(value, default=str), most)


class PublishError(Exception):
    """The reason why an item is not published. Its subclasses are the API's classes of item errors."""

    kind: ClassVar[str]
    actor: ClassVar[str]
    retryable: ClassVar[bool]
    # The fix shown if the code has none of its own.
    default_fix: ClassVar[str]

    def __init__(
        self,
        code: str,
        message: str,
        *,
        fix: str = "",
        actor: str | None = None,
        docs_url: str | None = None,
        platform: PlatformAnswer | None = None,
        wait: timedelta | None = None,
        rejected: bool = False,
        restart: bool = False,
        final: bool = False,
        quota: str | None = None,
        restarts: int | None = None,
        then: "PublishError | None" = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.fix = fix or self.default_fix
        self.acting = actor or self.actor
        self.docs_url = docs_url
        self.platform = platform
        self.wait = wait
        self.rejected = rejected
        self.restart = restart
        self.final = final
        self.quota = quota
        self._restarts = restarts
        self._then = then

    def settled(self, restarts: int) -> "PublishError":
        """Return the error of an item after `restarts` restarts: this one, or `then` once the cause is certain."""
        return self if self._then is None or self._restarts is None or restarts < self._restarts else self._then


class TransientError(PublishError):
    """A failure that is likely to pass: a lost connection, a 5xx. The worker retries."""

    kind = "transient"
    actor = "nobody"
    retryable = True
    default_fix = "Clipcast retries by itself. Retry the item if it has failed."


class RateLimited(PublishError):
    """A limit is used up for `wait`. The worker retries after that."""

    kind = "rate_limited"
    actor = "nobody"
    retryable = True
    default_fix = "Wait until the platform's limit resets. Clipcast then retries by itself."


class ReconnectNeeded(PublishError):
    """The account owner must connect the account again."""

    kind = "reconnect"
    actor = "account_owner"
    retryable = True
    default_fix = "Connect the account again."


class TokenRefused(ReconnectNeeded):
    """The platform rejected the access token. The runner refreshes it once; a second rejection needs a reconnect."""


class InvalidRequest(PublishError):
    """The platform rejects the caller's values."""

    kind = "invalid"
    actor = "caller"
    retryable = False
    default_fix = "Correct the item's metadata in a new post."


class MediaRejected(PublishError):
    """The platform rejects the file."""

    kind = "media"
    actor = "caller"
    retryable = False
    default_fix = "Post a clip that fits the limits of the platform."


class PolicyRejected(PublishError):
    """The platform rejects the account or the content by its policy."""

    kind = "policy"
    actor = "account_owner"
    retryable = False
    default_fix = "The account owner must resolve this with the platform."


class OutcomeUnknown(PublishError):
    """The video may be live, and nobody can confirm it. The worker never resends without a reconciliation."""

    kind = "outcome_unknown"
    actor = "account_owner"
    retryable = True
    default_fix = "Check the account. A retry looks for the video first; `force=true` can publish a duplicate."


class InternalError(PublishError):
    """A fault in Clipcast."""

    kind = "internal"
    actor = "operator"
    retryable = True
    default_fix = "Report this with the item's id. The worker's log has the details."


@dataclass(frozen=True)
class ErrorRule:
    """One row of a platform's error table."""

    error: type[PublishError]
    code: str
    message: str
    fix: str = ""
    actor: str | None = None
    wait: timedelta | Callable[[], timedelta] | None = None
    rejected: bool = True
    restart: bool = False
    docs_url: str | None = None
    quota: str | None = None
    # After this many restarts of the item, the error becomes `then`: its cause is certain.
    restarts: int | None = None
    then: "ErrorRule | None" = None

    def to_error(self, answer: PlatformAnswer, retry_after: timedelta | None = None) -> PublishError:
        """Return this row's error for one error response. The platform's own `Retry-After` takes precedence."""
        wait = retry_after or (self.wait() if callable(self.wait) else self.wait)
        message = f'{self.message} The platform responded: "{answer.message}"' if answer.message else self.message
        return self.error(
            self.code,
            message,
            fix=self.fix,
            actor=self.actor,
            docs_url=self.docs_url,
            platform=answer,
            wait=wait,
            rejected=self.rejected,
            restart=self.restart,
            quota=self.quota,
            restarts=self.restarts,
            then=self.then.to_error(answer) if self.then else None,
        )


# For codes that no table lists. The worker retries before the guarded request and reconciles after it, because
# `rejected` is False.
UNKNOWN = ErrorRule(
    TransientError, "platform_error_unknown", "The platform returned an error that Clipcast does not recognise.",
    actor="operator", rejected=False,
)  # fmt: skip


def as_dict(error: PublishError, at: str) -> dict[str, Any]:
    """Return the API's `error` object of the item."""
    return {
        "code": error.code,
        "message": storable(error.message, MESSAGE_MAX),
        "class": error.kind,
        "retryable": error.retryable,
        "actor": error.acting,
        "fix": error.fix,
        "docs_url": error.docs_url,
        "platform": vars(error.platform) if error.platform else None,
        "at": at,
    }
