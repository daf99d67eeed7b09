"""What the one suite needs to know about a platform. A platform's own file holds only this."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from clipcast.testing.harness import ACCOUNT, Stage


@dataclass(frozen=True)
class TextLimit:
    """A metadata field, the longest text it takes, and one that is a unit too long."""

    name: str
    longest: Any
    too_long: Any
    code: str = "too_long"


@dataclass(frozen=True)
class Refusal:
    """An answer of the platform to one request, and what the item's error must say."""

    request: str
    status: int
    body: dict[str, Any] | str
    error_class: str
    code: str


@dataclass(frozen=True)
class MediaFailure:
    """How the sandbox is told to refuse the file after the upload, and what the item's error must say."""

    account: dict[str, Any]
    error_class: str
    code: str
    # Whether the platform keeps an object of the failed video, which nobody sees as published.
    leaves_object: bool = False


@dataclass(frozen=True)
class Case:
    platform: str
    # The least metadata, which publishes for everybody to see.
    metadata: dict[str, Any]
    # Every field at once.
    everything: dict[str, Any]
    # The requests of one publication of a small clip, in order.
    requests: tuple[str, ...]
    # The one of them after which the video is, or becomes, visible.
    irreversible: str
    visibility: str
    limits: tuple[TextLimit, ...]
    # (metadata that is refused, path below the platform's object, code)
    refused: tuple[tuple[dict[str, Any], str, str], ...]
    refusals: tuple[Refusal, ...]
    media_failures: tuple[MediaFailure, ...]
    rate_limited: Refusal
    caption_of: Callable[[dict[str, Any]], str]
    # What the caption must be when `metadata` says it.
    caption: str
    # The caption that `everything` says.
    full_caption: str
    # Metadata for the branches of the program that `metadata` and `everything` do not take, by a name: functions of the
    # sandbox's URL.
    branches: Mapping[str, Callable[[str], dict[str, Any]]] = field(default_factory=dict)
    # Names of suite/test_media.py's files that preflight rejects for this platform.
    rejected_files: tuple[str, ...] = ()
    # Another way to sign in than the usual one, and what the account is called then.
    sign_in_method: str | None = None
    username: str = ACCOUNT
    # Whether the platform says where the account's picture is.
    has_picture: bool = True
    # The platform at which the sign-in is, and ends.
    signs_in_at: str | None = None
    # People sign in on a form of ours, not on a consent page.
    signs_in_by_form: bool = False
    # By then the access token must have been refreshed, and can still be; None where tokens have no end.
    refresh_after: timedelta | None = timedelta(days=2)
    # Its servers answer the first request of a client with a challenge, after which the same is sent again.
    challenges: bool = False
    # How the platform refuses an access token that it no longer likes.
    token_refused: tuple[int, Any] = (401, "")
    # Requests that cannot be resumed: when one is lost, the program starts over.
    starts_over: tuple[str, ...] = ()
    # Requests without whose answer a publication simply goes on.
    asides: tuple[str, ...] = ()
    # Whether a lost answer can always be settled. Where not, the item may end as an unknown outcome, never twice.
    certain: bool = True
    # The platform would make a second video of a second call: it is only because we look that there is none.
    looked_for: bool = False
    # Requests that come once the video is live; trouble with them is no attempt of its own.
    afterwards: tuple[str, ...] = ()
    # What processing that never ends becomes: unknown once the video was sent, else simply a failure.
    never_ends: str = "outcome_unknown"

    @property
    def name(self) -> str:
        return f"{self.platform}_{self.sign_in_method}" if self.sign_in_method else self.platform

    async def connect(self, stage: Stage) -> str:
        """Connect the case's account, or connect it again. Return the connection's id."""
        return await stage.connect(self.platform, sign_in_method=self.sign_in_method, connected=self.username)
