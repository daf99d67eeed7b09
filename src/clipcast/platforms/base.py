"""The contract between the core and a platform's folder.

The core knows a platform only through its `Platform` value. A platform's program sees the world only through its
`Publication`: it opens no connection of its own, sleeps nowhere and keeps nothing in memory between runs.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, NoReturn, Protocol, TypeVar, runtime_checkable

import httpx2

from clipcast.common.media import Media
from clipcast.common.settings import PlatformApp, Settings
from clipcast.common.storable import storable
from clipcast.common.unavailable import StorageUnavailable
from clipcast.platforms.metadata import Metadata
from clipcast.platforms.quota import Quota
from clipcast.platforms.rules import MediaRules

M = TypeVar("M", bound=Metadata)
M_co = TypeVar("M_co", bound=Metadata, covariant=True)
T = TypeVar("T")

# What a header can carry.
TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")
# Characters that are seen and can be stored: no space, control character or lone surrogate.
VISIBLE = r"[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]"
IDENTIFIER = re.compile(VISIBLE + "{1,500}")
ADDRESS = re.compile(VISIBLE + "{1,2000}")
NAME_MAX = 500


def web_address(url: object) -> str | None:
    """Return `url` when it is an http or https address that a page may link to, else None."""
    if not isinstance(url, str) or not ADDRESS.fullmatch(url):
        return None
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError):
        return None
    return url if parsed.scheme in ("http", "https") and parsed.host else None


@dataclass(frozen=True)
class Tokens:
    """An account's credentials. Instants are UTC; None means that the platform names no end."""

    access_token: str
    refresh_token: str | None
    expires_at: datetime | None
    refresh_expires_at: datetime | None
    scopes: tuple[str, ...]
    # What else it takes to use them, as JSON; as secret as they are.
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises ValueError for a token that no header can carry."""
        tokens = (self.access_token,) if self.refresh_token is None else (self.access_token, self.refresh_token)
        for token in tokens:
            if not (isinstance(token, str) and TOKEN.fullmatch(token)):
                raise ValueError("a token is not 1 to 8192 visible ASCII characters")


@dataclass(frozen=True)
class Profile:
    """Who was connected. `details` is what publishing will need and only the platform knows."""

    account_id: str
    username: str
    display_name: str
    avatar_url: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises ValueError without a usable id. Texts are cut to what pages show, a wrong address is left out."""
        if not (isinstance(self.account_id, str) and IDENTIFIER.fullmatch(self.account_id)):
            raise ValueError("the account's id is not 1 to 500 visible characters")
        for name in ("username", "display_name"):
            shown = getattr(self, name)
            object.__setattr__(self, name, storable(shown, NAME_MAX) if isinstance(shown, str) else "")
        object.__setattr__(self, "avatar_url", web_address(self.avatar_url))


class Http(Protocol):
    """The outgoing HTTP of one platform: no retries, no redirects, and no host that is not the platform's."""

    async def request(
        self,
        name: str,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        content: bytes | AsyncIterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """Sends one request, whatever the answer's status. `name` is what the timeline calls it.

        A header with an empty value is not sent; `{token}` in one is the account's access token.

        Raises TransientError when no answer came.
        """
        ...


@dataclass(frozen=True)
class Account:
    """An account that somebody signed in for: who it is, and the tokens that act for it."""

    profile: Profile
    tokens: Tokens


class SignIn(Protocol):
    """How people connect accounts of the platform, in `account.py`: as OAuth, or as PasswordSignIn.

    All of these raise a PublishError of the class that fits.
    """

    # The app whose credentials this takes: mostly the platform's name.
    app: str
    required_scopes: tuple[str, ...]
    # What some fields of the metadata need beside (Metadata.scopes_of_fields); asked for when the app may.
    optional_scopes: tuple[str, ...]
    # Access tokens are renewed by themselves; elsewhere it takes a refresh token, which not every app is given.
    renews_itself: bool

    async def refresh(self, http: Http, app: PlatformApp, tokens: Tokens) -> Tokens:
        """New tokens. Raises ReconnectNeeded only on the platform's own verdict, never for a network failure."""
        ...

    async def accounts(self, http: Http, tokens: Tokens) -> list[Account]:
        """What a sign-in may publish to: mostly one account, at some platforms several, or none.

        `http` sends with the sign-in's access token.
        """
        ...

    async def revoke(self, http: Http, app: PlatformApp, tokens: Tokens) -> None:
        """Ends the platform's grant."""
        ...


@dataclass(frozen=True)
class Field:
    """One field of a sign-in form. `hint` tells what goes into it, `errors` are the codes of errors about it."""

    name: str
    label: str
    hint: str
    secret: bool = False
    required: bool = True
    errors: tuple[str, ...] = ()


@runtime_checkable
class PasswordSignIn(SignIn, Protocol):
    """A sign-in on a page of ours, with a password that the account's owner made for this."""

    fields: tuple[Field, ...]

    async def enter(self, http: Http, form: Mapping[str, str]) -> Tokens:
        """Trades what was typed for tokens. Raises InvalidRequest when it is refused."""
        ...


@dataclass(frozen=True)
class Redirect:
    """Where to send the browser, and what to keep until it comes back."""

    url: str
    kept: Mapping[str, Any]


@runtime_checkable
class FederatedOAuth(SignIn, Protocol):
    """A sign-in on the consent page of whichever server the account lives on, which a form of ours asks for first."""

    fields: tuple[Field, ...]

    def own_app(self, public_base: str, secret: bytes) -> PlatformApp:
        """What an installation at this address is to such servers: nothing has to be registered."""
        ...

    def client_document(self, app: PlatformApp, public_base: str, redirect_uri: str) -> dict[str, Any]:
        """What servers read at the address `/connect/PLATFORM/client.json`."""
        ...

    async def begin(
        self, http: Http, app: PlatformApp, redirect_uri: str, form: Mapping[str, str], state: str
    ) -> Redirect:
        """Finds the account's server and announces the sign-in there. Raises InvalidRequest when there is none."""
        ...

    async def complete(
        self, http: Http, app: PlatformApp, redirect_uri: str, query: Mapping[str, str], kept: Mapping[str, Any]
    ) -> Tokens:
        """Trades what the consent page sent back for tokens. Raises InvalidRequest when it is refused."""
        ...


@runtime_checkable
class OAuth(SignIn, Protocol):
    """A sign-in on the platform's consent page."""

    def authorize_url(self, app: PlatformApp, redirect_uri: str, state: str, verifier: str) -> str:
        """The consent page's address."""
        ...

    async def exchange(self, http: Http, app: PlatformApp, redirect_uri: str, code: str, verifier: str) -> Tokens:
        """Trades the code that the consent page sent back for tokens.

        Raises InvalidRequest when the code, the verifier or the app's credentials are refused.
        """
        ...


AnySignIn = OAuth | PasswordSignIn | FederatedOAuth


@dataclass(frozen=True)
class ClipFile:
    """The video of an item. `read(start, end)` streams the bytes start..end-1 in bounded pieces."""

    file_name: str
    content_type: str
    sha256: str
    media: Media
    read: Callable[[int, int], AsyncIterator[bytes]]

    @property
    def size(self) -> int:
        return self.media.size

    async def is_readable(self) -> bool:
        """Return whether the storage gives the clip now.

        Raises StorageError when the clip is damaged or gone.
        """
        try:
            async for _ in self.read(0, 1):
                pass
        except StorageUnavailable:
            return False
        return True


@dataclass(frozen=True)
class Found(Generic[T]):
    """The guarded request took effect, with this result."""

    result: T


class Absent:
    """The guarded request did not take effect."""


class Unknown:
    """The platform cannot confirm whether the guarded request took effect."""


@dataclass(frozen=True)
class PublishWarning:
    """Something that a live video lacks. `fix` says what its owner can do about it."""

    code: str
    message: str
    fix: str


@dataclass(frozen=True)
class Published:
    """The video is live (or delivered, for drafts). `unfinished` asks for a run of the platform's `finish`."""

    post_id: str | None
    url: str | None
    needs_finish: bool = False
    warnings: tuple[PublishWarning, ...] = ()

    def __post_init__(self) -> None:
        """Leaves out an address that is none: the video is live, whatever the platform says of where.

        Raises ValueError for an id that is no text.
        """
        if self.post_id is not None and not (isinstance(self.post_id, str) and IDENTIFIER.fullmatch(self.post_id)):
            raise ValueError("the post's id is not 1 to 500 visible characters")
        object.__setattr__(self, "url", web_address(self.url))


class Publication(Http, Protocol[M_co]):
    """One run of a platform's program for one item. See docs/publishing-contract.md for the verbs.

    Its `request` sends with the account's access token unless the headers say `Authorization` themselves, and refuses
    to send when this worker has lost the item.
    """

    item_id: str
    round: int
    clip: ClipFile
    account_id: str
    account: Mapping[str, Any]
    scopes: frozenset[str]

    @property
    def metadata(self) -> M_co: ...

    @property
    def username(self) -> str: ...

    async def step(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        """Run `call` and save its result, any JSON value. Later runs return the saved result.

        For calls that leave nothing visible if their response is lost. The result is committed before this returns.
        """
        ...

    async def send_once(
        self,
        name: str,
        send: Callable[[], Awaitable[T]],
        reconcile: Callable[[], Awaitable[Found[T] | Absent | Unknown]],
        resend_after: timedelta = timedelta(minutes=5),
        publishes: bool = True,
    ) -> T:
        """Send a guarded request: one that must not be repeated blindly.

        The intent is committed before `send` begins. If an earlier run left an intent without a result, `reconcile`
        runs first. `Found` saves its result. `Absent` sends again once the intent is `resend_after` old: longer than
        any request may live, or zero where the platform rejects a second video from the same handle.

        With `publishes`, the video is or will become visible: if the item then ends without a result, its outcome is
        unknown. A request with `publishes=False` makes nothing visible.

        Raises OutcomeUnknown when `reconcile` returns `Unknown`.
        """
        ...

    async def optional(self, name: str, call: Callable[[], Awaitable[T]], missing: PublishWarning) -> T | None:
        """Run `call` as a step of `finish` that a live video can do without.

        When it is refused, or fails again and again, the item is given the warning `missing`, with the reason added to
        its message. Trouble that may pass makes `finish` run again later. Returns None in both cases.
        """
        ...

    async def wait(self, delay: timedelta, why: str) -> NoReturn:
        """End this run. The next one starts from the top after `delay`."""
        ...

    async def has_intent(self, name: str) -> bool:
        """Return whether an earlier run recorded the intent `name`, and so may have sent its request."""
        ...

    async def is_post_of_other_item(self, post_id: str) -> bool:
        """Return whether another item recorded this post."""
        ...

    async def update_quota(self, name: str, used: int, limit: int) -> None:
        """Replace the count of the quota `name` by the platform's figures. End this run if it is used up."""
        ...

    async def time_since(self, name: str) -> timedelta:
        """Return the time since the step or guarded request `name` finished; zero if it has not."""
        ...

    def media_url(self) -> str:
        """Return a URL under CLIPCAST_PUBLIC_URL from which the platform may fetch the clip during this round."""
        ...

    async def report_progress(self, stage: str, progress: int) -> None:
        """Show the caller the stage and the progress, a percentage of the whole item."""
        ...

    async def fetch_public_url(self, url: str, limit: int) -> bytes:
        """Fetch a URL that a caller gave. Private addresses are refused.

        Raises InvalidRequest if it cannot be fetched or has more than `limit` bytes.
        """
        ...


@dataclass(frozen=True)
class Platform(Generic[M]):
    """Everything the core knows about a platform."""

    name: str
    title: str
    docs_url: str
    # Domains whose hosts this platform's requests may go to; the sandbox stands in for them.
    domains: tuple[str, ...]
    metadata: type[M]
    media: MediaRules
    sign_in: AnySignIn
    publish: Callable[[Publication[M]], Awaitable[Published]]
    # What is left to do once the video is live: it may fail without ever reaching `publish` again. Each part of it is
    # `optional`, so that one that fails keeps none of the others from being done.
    finish: Callable[[Publication[M], Published], Awaitable[Published]] | None = None
    # What the account (its id, and its profile's details) offers now, for those who fill in metadata: JSON in the
    # platform's own terms.
    options: Callable[[Http, str, Mapping[str, Any]], Awaitable[dict[str, Any]]] | None = None
    # Headers that every request to the platform carries.
    headers: Callable[[Settings], Mapping[str, str]] | None = None
    # Other ways to sign in, by name. An account knows its own: `details["way"]` of its profile.
    other_sign_in_methods: Mapping[str, AnySignIn] = field(default_factory=dict)
    # How an account's requests are signed, where it takes more than its token in `Authorization`.
    sign: Callable[[Http, Tokens], Http | None] | None = None
    # Whether the platform fetches the clip from us, for this account, instead of being sent its bytes.
    fetches_media: Callable[[Mapping[str, Any]], bool] = lambda account: False
    # What the platform allows of each request; see quota.py.
    quotas: tuple[Quota, ...] = ()
    # Accounts live on hosts of their own choosing, beside `domains`.
    federated: bool = False
    # The metadata field that says what is made of the clip, and the rules of each such kind that differ from `media`.
    media_kind_field: str | None = None
    media_kinds: Mapping[str, MediaRules] = field(default_factory=dict)

    def media_for(self, metadata: Metadata | None) -> MediaRules:
        """The rules of what this metadata makes of the clip; of the widest kind while the metadata cannot be used."""
        kind = getattr(metadata, self.media_kind_field, "") if metadata and self.media_kind_field else ""
        return self.media_kinds.get(kind, self.media)

    def sign_in_method(self, name: str | None) -> AnySignIn:
        """The way to sign in of this name; None is the usual one. Raises KeyError for a name that is none."""
        return self.other_sign_in_methods[name] if name else self.sign_in
