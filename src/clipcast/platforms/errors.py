"""Errors that carry the decision.

A platform's `errors.py` turns every refusal into one of these by a table; the runner acts on the class alone and
never reads a message. `rejected` says that the platform certainly did nothing, so that the same request may be sent
again without looking first. `restart` says that nothing from this run is or will become visible, so that the next
attempt may begin the program over (a new upload session, a new container). `final` says that trying, or looking,
again cannot tell more. `quota` names the one of rules.py that the platform says is used up. `settled` says what an
error is that came again and again.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from clipcast.common.storable import storable

# Characters kept of what a platform says, by field.
QUOTED = {"code": 200, "message": 2000, "request_id": 200}
MESSAGE_MAX = 2500


@dataclass(frozen=True)
class PlatformAnswer:
    """What the platform said, verbatim, for the person who has to ask its support."""

    http_status: int | None = None
    code: str | None = None
    message: str | None = None
    request_id: str | None = None

    def __post_init__(self) -> None:
        """Takes any JSON for the texts, since a code may come as a number or a list: kept as text, and bounded."""
        for name, most in QUOTED.items():
            object.__setattr__(self, name, _quoted(getattr(self, name), most))


def _quoted(value: object, most: int) -> str | None:
    """Return a JSON value as text: what is no text, as it stood in the response."""
    if value is None:
        return None
    return storable(value if isinstance(value, str) else json.dumps(value, default=str), most)


class PublishError(Exception):
    """Why an item is not (yet) published. Subclasses are the classes of api.md's item errors."""

    kind: ClassVar[str]
    actor: ClassVar[str]
    retryable: ClassVar[bool]
    # What a caller is advised when the code itself has nothing better.
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
        """Return what this error is of an item that has begun anew `restarts` times: mostly the error itself."""
        return self if self._then is None or self._restarts is None or restarts < self._restarts else self._then


class TransientError(PublishError):
    """Nobody's fault and likely to pass: a lost connection, a 5xx. Tried again by itself."""

    kind = "transient"
    actor = "nobody"
    retryable = True
    default_fix = "Nothing to do now; retry the item if it ended as failed."


class RateLimited(PublishError):
    """A limit is used up until a known time, or for `wait`. Tried again by itself then."""

    kind = "rate_limited"
    actor = "nobody"
    retryable = True
    default_fix = "Wait until the platform's limit resets; the item is tried again by itself."


class ReconnectNeeded(PublishError):
    """The account's owner must connect it again; nothing else helps."""

    kind = "reconnect"
    actor = "account_owner"
    retryable = True
    default_fix = "Connect the account again, then retry the item."


class TokenRefused(ReconnectNeeded):
    """The access token was refused. The runner refreshes it once and goes on; a second refusal needs a reconnect."""


class InvalidRequest(PublishError):
    """The platform refuses what the caller asked for."""

    kind = "invalid"
    actor = "caller"
    retryable = False
    default_fix = "Correct the item's metadata in a new post."


class MediaRejected(PublishError):
    """The platform refuses the file."""

    kind = "media"
    actor = "caller"
    retryable = False
    default_fix = "Post a clip that fits the platform's media limits (GET /platforms)."


class PolicyRejected(PublishError):
    """The platform refuses the account or the content by its rules."""

    kind = "policy"
    actor = "account_owner"
    retryable = False
    default_fix = "The account's owner must settle this with the platform."


class OutcomeUnknown(PublishError):
    """The video may or may not be live, and the platform cannot tell. Never sent again unseen."""

    kind = "outcome_unknown"
    actor = "account_owner"
    retryable = True
    default_fix = (
        "Look at the account. Retrying looks for the video first; only a forced retry (force=true) sends it again."
    )


class InternalError(PublishError):
    """Our fault."""

    kind = "internal"
    actor = "operator"
    retryable = True
    default_fix = "Report this with the item's id; the worker's log has the details."


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
    # After so many restarts of the item it is another error, whose cause is then certain.
    restarts: int | None = None
    then: "ErrorRule | None" = None

    def to_error(self, answer: PlatformAnswer, retry_after: timedelta | None = None) -> PublishError:
        """The error of this row for one answer of the platform. The platform's own `Retry-After` wins."""
        wait = retry_after or (self.wait() if callable(self.wait) else self.wait)
        message = f'{self.message} The platform said: "{answer.message}"' if answer.message else self.message
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


# Fits any platform: a code that no table knows. It is never guessed at; before the irreversible call it may be tried
# again, and after it the journal looks first (`rejected` is not claimed).
UNKNOWN = ErrorRule(
    TransientError, "platform_error_unknown", "The platform answered with an error that is not known here.",
    actor="operator", rejected=False,
)  # fmt: skip


def as_dict(error: PublishError, at: str) -> dict[str, Any]:
    """The item's `error` object of the API."""
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
