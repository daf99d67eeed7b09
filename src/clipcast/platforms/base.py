"""The contract between the core and a platform's folder.

The core uses a platform only through its `Platform` value. A platform's program acts only through its `Publication`: it
opens no connection of its own, never sleeps and keeps nothing in memory between runs.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, NoReturn, Protocol, TypeVar, runtime_checkable

from clipcast.common.media import Media
from clipcast.common.settings import PlatformApp, PlatformSetting, Settings
from clipcast.common.storable import storable
from clipcast.common.unavailable import StorageUnavailable
from clipcast.platforms.addresses import parse_url
from clipcast.platforms.metadata import Metadata
from clipcast.platforms.quota import Quota
from clipcast.platforms.responses import Response
from clipcast.platforms.rules import MediaRules

M = TypeVar("M", bound=Metadata)
M_co = TypeVar("M_co", bound=Metadata, covariant=True)
T = TypeVar("T")

# The characters that an HTTP header can carry.
TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")
# Characters that are visible and can be stored: no space, control character or lone surrogate.
VISIBLE = r"[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]"
IDENTIFIER = re.compile(VISIBLE + "{1,500}")
ADDRESS = re.compile(VISIBLE + "{1,2000}")
NAME_MAX = 500


def web_address(url: object) -> str | None:
    """Return `url` when it is an http or https address that a page may link to, else None."""
    if not isinstance(url, str) or not ADDRESS.fullmatch(url):
        return None
    try:
        parse_url(url)
    except ValueError:
        return None
    return url


@dataclass(frozen=True)
class Tokens:
    """An account's credentials. Instants are UTC; None means that the platform states no expiry."""

    access_token: str
    refresh_token: str | None
    expires_at: datetime | None
    refresh_expires_at: datetime | None
    scopes: tuple[str, ...]
    # Further values that the requests need, as JSON. Clipcast encrypts them like the tokens.
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ValueError for a token that no HTTP header can carry."""
        tokens = (self.access_token,) if self.refresh_token is None else (self.access_token, self.refresh_token)
        for token in tokens:
            if not (isinstance(token, str) and TOKEN.fullmatch(token)):
                raise ValueError("a token is not 1 to 8192 visible ASCII characters")


@dataclass(frozen=True)
class Profile:
    """The connected account. `details` holds the platform's own values that publishing needs."""

    account_id: str
    username: str
    display_name: str
    avatar_url: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ValueError without a usable id. Cut the names to `NAME_MAX`; drop an avatar URL that is invalid."""
        if not (isinstance(self.account_id, str) and IDENTIFIER.fullmatch(self.account_id)):
            raise ValueError("the account's id is not 1 to 500 visible characters")
        for name in ("username", "display_name"):
            shown = getattr(self, name)
            object.__setattr__(self, name, storable(shown, NAME_MAX) if isinstance(shown, str) else "")
        object.__setattr__(self, "avatar_url", web_address(self.avatar_url))


class Http(Protocol):
    """The outgoing HTTP of one platform: no retries, no redirects, only the platform's own hosts."""

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
    ) -> Response:
        """Send one request and return the response, whatever its status. `name` identifies it in the item's timeline.

        Headers with an empty value are left out. `{token}` in a header stands for the account's access token.

        Raises TransientError if no response arrives.
        """
        ...


@dataclass(frozen=True)
class Account:
    """An account that a person authorized: its profile, and the tokens that act for it."""

    profile: Profile
    tokens: Tokens


class SignIn(Protocol):
    """A sign-in method in `account.py`: an OAuth, a PasswordSignIn or a FederatedOAuth.

    Its methods raise the PublishError that fits.
    """

    # The name of the app whose credentials this method uses: usually the platform's name.
    app: str
    required_scopes: tuple[str, ...]
    # Scopes that only some metadata fields need (Metadata.scopes_of_fields). The operator enables them.
    optional_scopes: tuple[str, ...]
    # Whether the access token renews itself. Otherwise renewal needs a refresh token, which not every app receives.
    renews_itself: bool

    async def refresh(self, http: Http, app: PlatformApp, tokens: Tokens) -> Tokens:
        """Return new tokens. Raise ReconnectNeeded only if the platform rejects them, never for a network failure."""
        ...

    async def accounts(self, http: Http, tokens: Tokens) -> list[Account]:
        """Return the accounts that the authorization covers: usually one, at some platforms several or none.

        `http` sends with the authorization's access token.
        """
        ...

    async def revoke(self, http: Http, app: PlatformApp, tokens: Tokens) -> None:
        """Revoke the authorization at the platform."""
        ...


@dataclass(frozen=True)
class Field:
    """A field of a sign-in form. `hint` explains its value; `errors` are the codes of the errors about it."""

    name: str
    label: str
    hint: str
    secret: bool = False
    required: bool = True
    errors: tuple[str, ...] = ()


@runtime_checkable
class PasswordSignIn(SignIn, Protocol):
    """A sign-in on a page of Clipcast, with a password that the account owner created for Clipcast."""

    fields: tuple[Field, ...]

    async def enter(self, http: Http, form: Mapping[str, str]) -> Tokens:
        """Exchange the form's values for tokens. Raise InvalidRequest if the platform rejects them."""
        ...


@dataclass(frozen=True)
class Redirect:
    """The URL for the browser, and the values to keep until the browser returns."""

    url: str
    kept: Mapping[str, Any]


@runtime_checkable
class FederatedOAuth(SignIn, Protocol):
    """A sign-in on the consent page of the account's own server, which a form of Clipcast asks for first."""

    fields: tuple[Field, ...]

    def own_app(self, public_base: str, secret: bytes) -> PlatformApp:
        """Return the app that this installation is for such servers, which need no registration."""
        ...

    def client_document(self, app: PlatformApp, public_base: str, redirect_uri: str) -> dict[str, Any]:
        """Return the document that servers fetch from `/connect/PLATFORM/client.json`."""
        ...

    async def begin(
        self, http: Http, app: PlatformApp, redirect_uri: str, form: Mapping[str, str], state: str
    ) -> Redirect:
        """Find the account's server and start the authorization there. Raise InvalidRequest if there is none."""
        ...

    async def complete(
        self, http: Http, app: PlatformApp, redirect_uri: str, query: Mapping[str, str], kept: Mapping[str, Any]
    ) -> Tokens:
        """Exchange the consent page's parameters for tokens. Raise InvalidRequest if the server rejects them."""
        ...


@runtime_checkable
class OAuth(SignIn, Protocol):
    """A sign-in on the platform's consent page."""

    def authorize_url(self, app: PlatformApp, redirect_uri: str, state: str, verifier: str) -> str:
        """Return the URL of the consent page."""
        ...

    async def exchange(self, http: Http, app: PlatformApp, redirect_uri: str, code: str, verifier: str) -> Tokens:
        """Exchange the consent page's code for tokens.

        Raises InvalidRequest if the platform rejects the code, the verifier or the app's credentials.
        """
        ...


AnySignIn = OAuth | PasswordSignIn | FederatedOAuth


def app_of(settings: Settings, sign_in: SignIn) -> PlatformApp | None:
    """Return the app that the operator registered for this sign-in; None if it is not configured.

    Only OAuth takes one: the other kinds of sign-in have nothing to register.
    """
    return settings.app(sign_in.app) if isinstance(sign_in, OAuth) else PlatformApp("", "")


@dataclass(frozen=True)
class ClipFile:
    """The video of an item. `read(start, end)` streams the bytes `start` to `end - 1` in bounded pieces."""

    file_name: str
    content_type: str
    sha256: str
    media: Media
    read: Callable[[int, int], AsyncIterator[bytes]]

    @property
    def size(self) -> int:
        return self.media.size

    async def is_readable(self) -> bool:
        """Return whether the storage can read the clip now.

        Raises StorageError if the clip is damaged or missing.
        """
        try:
            async for _ in self.read(0, 1):
                pass
        except StorageUnavailable:
            return False
        return True


@dataclass(frozen=True)
class RenderCaptions:
    """The captions of the item's render, as WebVTT. `language` is a BCP 47 tag, or None if nobody gave it.

    `CaptionsFile.needs_language` of the metadata excludes None.
    """

    language: str | None
    content: bytes


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
    """Something that a live video lacks. `fix` is the step for the account owner."""

    code: str
    message: str
    fix: str


@dataclass(frozen=True)
class Published:
    """The result of `publish`: the video is live, or delivered as a draft.

    With `needs_finish`, the core then runs the platform's `finish`.
    """

    post_id: str | None
    url: str | None
    needs_finish: bool = False
    warnings: tuple[PublishWarning, ...] = ()

    def __post_init__(self) -> None:
        """Drop a URL that is invalid: the video is live all the same. Raise ValueError for an id that is not text."""
        if self.post_id is not None and not (isinstance(self.post_id, str) and IDENTIFIER.fullmatch(self.post_id)):
            raise ValueError("the post's id is not 1 to 500 visible characters")
        object.__setattr__(self, "url", web_address(self.url))


@dataclass(frozen=True)
class SavedEntry:
    """The saved entry of one step or guarded request, as CONTINUES receives and returns it.

    `result` is JSON, and None until `finished_at`. `intended_at` is None for a step. `exists` is True if the platform
    has rejected a repeated request as a duplicate.
    """

    result: Any = None
    intended_at: datetime | None = None
    finished_at: datetime | None = None
    publishes: bool = True
    exists: bool = False


# Returns the entries of the current version for the entries of an older one, by the names of both programs. A pure
# function: it gets the entries of one round, and keeps the intent and the result of each guarded request.
Continue = Callable[[Mapping[str, SavedEntry]], Mapping[str, SavedEntry]]


class Publication(Http, Protocol[M_co]):
    """One run of a platform's program for one item. See docs/publishing-contract.md for the verbs.

    `request` adds the account's access token unless the headers name `Authorization`. It sends nothing once this worker
    has lost its lease on the item.

    `metadata` has the time of the render's cover where the item's own gives no cover. `captions` are the render's, if
    the metadata declares `captions_file`, which takes them, and gives none.
    """

    item_id: str
    round: int
    clip: ClipFile
    captions: RenderCaptions | None
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
        runs first. `Found` saves its result. `Absent` sends again once the intent is `resend_after` old. Make that
        longer than any request can last, or zero if the platform makes one video from each handle.

        With `publishes`, the request makes the video visible, now or later. If the item then ends without a result, its
        outcome is unknown. A request with `publishes=False` makes nothing visible.

        Raises OutcomeUnknown when `reconcile` returns `Unknown`.
        """
        ...

    async def optional(self, name: str, call: Callable[[], Awaitable[T]], missing: PublishWarning) -> T | None:
        """Run `call` as a step of `finish` that a live video does not depend on.

        If the platform rejects it, or it keeps failing, the item gets the warning `missing` with the reason appended.
        After a transient error, `finish` runs again later. Returns None in both cases.
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
        """Fetch a URL that the caller supplied, from public addresses only.

        Raises InvalidRequest if it cannot be fetched or has more than `limit` bytes.
        """
        ...


@dataclass(frozen=True)
class Platform(Generic[M]):
    """Everything that the core needs of a platform."""

    name: str
    title: str
    docs_url: str
    # Domains to whose hosts this platform's requests may go. The sandbox replaces them.
    domains: tuple[str, ...]
    metadata: type[M]
    media: MediaRules
    sign_in: AnySignIn
    publish: Callable[[Publication[M]], Awaitable[Published]]
    # Work that is left once the video is live. If it fails, `publish` does not run again. Wrap each part in `optional`,
    # so that a failed part does not stop the others.
    finish: Callable[[Publication[M], Published], Awaitable[Published]] | None = None
    # The version of `publish` and `finish`. Raise it whenever their verbs or names change; see
    # docs/how-to/add-a-platform.md.
    version: int = 1
    # How this version continues items that an older version began, by that version.
    continues: Mapping[int, Continue] = field(default_factory=dict)
    # The values that the account (its id, its profile's details) offers now for metadata: JSON in the platform's terms.
    options: Callable[[Http, str, Mapping[str, Any]], Awaitable[dict[str, Any]]] | None = None
    # The options that limit files and seldom change, with the least limit of any account. Clipcast keeps the values of
    # the last response under `limits` in the account's profile, and `Metadata.check_limits` judges by them without a
    # request.
    kept_options: Mapping[str, Any] = field(default_factory=dict)
    # The platform's own settings, beside its app.
    settings: tuple[PlatformSetting, ...] = ()
    # Headers of every request to the platform.
    headers: Callable[[Settings], Mapping[str, str]] | None = None
    # Further sign-in methods, by name. `details["way"]` of an account's profile holds the name of its own.
    other_sign_in_methods: Mapping[str, AnySignIn] = field(default_factory=dict)
    # What pages call each sign-in method, by its name (None: the default one): "Through Facebook".
    sign_in_titles: Mapping[str | None, str] = field(default_factory=dict)
    # What pages call each permission (scope): "Publish videos".
    permission_titles: Mapping[str, str] = field(default_factory=dict)
    # Signs an account's requests, if they need more than its token in `Authorization`.
    sign: Callable[[Http, Tokens], Http | None] | None = None
    # Whether the platform fetches this account's clips from Clipcast. Otherwise Clipcast sends the bytes.
    fetches_media: Callable[[Mapping[str, Any]], bool] = lambda account: False
    # How many requests the platform allows; see quota.py.
    quotas: tuple[Quota, ...] = ()
    # Whether accounts can live on any public host beside `domains`.
    federated: bool = False
    # The metadata field that selects the kind of post, and the rules of each kind that differs from `media`.
    media_kind_field: str | None = None
    media_kinds: Mapping[str, MediaRules] = field(default_factory=dict)
    # The ground of its mark on pages, as #rrggbb. The glyph on it is white.
    color: str = "#566071"

    def media_for(self, metadata: Metadata | None) -> MediaRules:
        """Return the media rules for this metadata's kind of post; for invalid metadata, those of the widest kind."""
        kind = getattr(metadata, self.media_kind_field, "") if metadata and self.media_kind_field else ""
        return self.media_kinds.get(kind, self.media)

    @property
    def sign_in_methods(self) -> dict[str | None, AnySignIn]:
        """All sign-in methods by name, the default one first under None."""
        return {None: self.sign_in} | dict(self.other_sign_in_methods)

    def sign_in_title(self, name: str | None) -> str:
        """Return what pages call a sign-in method: its title, or its name; no words for an only method."""
        return self.sign_in_titles.get(name, f"By {name}" if name else "")

    def permissions(self, scopes: Iterable[str]) -> tuple[list[str], int]:
        """Return the permissions of these scopes in words, and the number of scopes without words."""
        known = [self.permission_titles.get(scope) for scope in scopes]
        return list(dict.fromkeys(one for one in known if one)), known.count(None)

    def sign_in_method(self, name: str | None) -> AnySignIn:
        """Return the sign-in method `name`, or the default one for None. Raises KeyError for an unknown name."""
        return self.other_sign_in_methods[name] if name else self.sign_in
