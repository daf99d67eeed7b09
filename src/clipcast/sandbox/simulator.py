"""The base class of the simulators. It declares and logs routes, and applies injected faults."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import SplitResult

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp
from clipcast.sandbox.faults import Fault, Faults, Reset, faulty_response, happen
from clipcast.sandbox.grants import Grants
from clipcast.sandbox.inputs import TEXT_MAX, Unreadable, address, bounded
from clipcast.sandbox.media import read_media
from clipcast.sandbox.media.reading import Reading, Trait
from clipcast.sandbox.state import Account, SandboxState, Upload

Endpoint = Callable[[Request], Awaitable[Response]]
MASKED = "***"
# The password of every account on a platform that Clipcast connects with a form of its own.
PASSWORD = "sand-boxx-pass-word"  # noqa: S105 - of simulated accounts
# The settings about files that every platform has. A trait is refused only on demand: no real platform has been seen
# to refuse it.
MEDIA_SETTINGS: dict[str, Any] = {"check_media": True, "refused_traits": []}
MEDIA_KINDS: dict[str, Any] = {"refused_traits": list[Trait]}
SECRET_FIELDS = ("token", "secret", "code", "authorization", "verifier", "upload_id")


@dataclass(frozen=True)
class ConsentRequest:
    """The valid parameters of an authorization request."""

    client_id: str
    redirect_uri: str
    state: str
    scopes: tuple[str, ...]
    challenge: str | None
    offline: bool
    # True if people can deselect single scopes on this platform's page.
    granular: bool


class ConsentRefused(Exception):
    """The authorization page shows this message instead of the form: the request breaks a rule of the platform."""


class Simulator:
    """One simulated platform. Subclasses declare its routes, settings and account flags."""

    platform: ClassVar[str]
    title: ClassVar[str]
    # Host and path of the platform's consent page.
    authorize_at: ClassVar[tuple[str, str]]
    default_settings: ClassVar[dict[str, Any]]
    default_flags: ClassVar[dict[str, Any]]
    # Types of the settings and flags whose default does not determine the type.
    kinds: ClassVar[dict[str, Any]] = MEDIA_KINDS
    # The names that `request_name` returns beside those of the routes.
    further_requests: ClassVar[tuple[str, ...]] = ()
    # Suffix of the address to which the consent page redirects, and of each code.
    redirect_fragment: ClassVar[str] = ""
    code_tail: ClassVar[str] = ""
    # Paths of the public pages of videos and of accounts. Each begins with its host. Every account also has
    # the page /HOST/@USERNAME.
    watch_pages: ClassVar[tuple[str, ...]]
    profile_pages: ClassVar[tuple[str, ...]] = ()
    # The settings, without delays and limits, with which tests begin.
    quick_settings: ClassVar[dict[str, Any]] = {"processing_seconds": 0}

    def __init__(self, state: SandboxState, grants: Grants, faults: Faults) -> None:
        self.state = state
        self.grants = grants
        self.faults = faults
        state.settings[self.platform] = dict(self.default_settings)

    @property
    def settings(self) -> dict[str, Any]:
        return self.state.settings[self.platform]

    def routes(self) -> list[Route]:
        """Return the routes of the platform, each under its host."""
        raise NotImplementedError

    @cached_property
    def request_names(self) -> list[str]:
        """The names of the platform's requests, for logs and faults."""
        names = {str(route.name).removeprefix(f"{self.platform}.") for route in self.routes()}
        return sorted(names | {*self.further_requests} | ({"refresh"} if "token" in names else set()))

    def new_account(self, username: str, display_name: str) -> Account:
        """Create an account and add it to the state."""
        raise NotImplementedError

    def people(self) -> list[Account]:
        """List the accounts that the consent page offers."""
        return [account for account in self.state.accounts.values() if account.platform == self.platform]

    def consent_request(self, query: dict[str, str]) -> ConsentRequest:
        """Parse the parameters of an authorization request. Raises ConsentRefused if one is invalid."""
        raise NotImplementedError

    def redirect_parameters(self, code: str, scopes: list[str]) -> dict[str, str]:
        """Return the parameters that the consent page adds to the redirect, except `state`."""
        raise NotImplementedError

    def watched_post(self, request: Request) -> str:
        """Return the id of the post that a request for one of the `watch_pages` names."""
        return str(request.path_params["post_id"])

    def apply_due_changes(self) -> None:
        """Apply the changes that are due by now, such as the end of processing."""

    def acts(self) -> dict[str, Callable[[Account], None]]:
        """Return the actions on an account that are no flags, by name."""
        return {
            "revoked": lambda account: self.grants.revoke(self.platform, account.account_id),
            "token_expired": lambda account: self.grants.expire_access(self.platform, account.account_id),
        }

    async def read_upload(self, upload: Upload) -> Reading | None:
        """Read an uploaded file. Returns None if it is damaged, or has a trait that the settings refuse."""
        media = await read_media(upload)
        return None if media is None or not media.traits.isdisjoint(self.settings["refused_traits"]) else media

    def account(self, account_id: str) -> Account:
        return self.state.accounts[self.platform, account_id]

    def trouble(self, host: str, path: str, status: int, message: str) -> Response:
        """Return the platform's error for a request that it cannot parse (400, 413) or route (404, 405)."""
        raise NotImplementedError

    def route(
        self, host: str, path: str, methods: list[str], name: str, endpoint: Endpoint, most: int = TEXT_MAX
    ) -> Route:
        """Return a route that logs requests under `name` and applies the faults injected for it.

        The route rejects a body of more than `most` bytes.
        """

        async def handle(request: Request) -> Response:
            try:
                return await perform(bounded(request, most))
            except Unreadable as error:
                return self.trouble(host, request.scope["path"], error.status, str(error))

        async def perform(request: Request) -> Response:
            called = await self.request_name(request, name)
            self._log(request, called)
            if fault := self.faults.take(self.platform, called, "before"):
                response = await happen(fault)
                if response is not None:
                    return response
            body_fault: Fault | None = self.faults.take(self.platform, called, "within")
            request.state.body_fault = body_fault
            response = await endpoint(request)
            if body_fault is not None:
                if body_fault.kind == "reset":
                    raise Reset
                return faulty_response(body_fault)
            if fault := self.faults.take(self.platform, called, "after"):
                return await happen(fault) or response
            return response

        return Route(f"/{host}{path}", handle, methods=methods, name=f"{self.platform}.{name}")

    async def request_name(self, request: Request, name: str) -> str:
        """Return the request's name for logs and faults.

        A token request that renews a token is named `refresh`. Override it for a route of several requests, and name
        them in `further_requests`.
        """
        if name == "token" and b"grant_type=refresh_token" in await request.body():
            return "refresh"
        return name

    def _log(self, request: Request, name: str) -> None:
        self.state.requests.append(
            {
                "platform": self.platform,
                "request": name,
                "method": request.method,
                "path": request.scope["path"],
                "query": {key: _masked(key, value) for key, value in request.query_params.items()},
                "headers": {key: _masked(key, value) for key, value in request.headers.items()},
                "at": format_timestamp(clock.now()),
            }
        )


def redirect_of(query: dict[str, str]) -> SplitResult:
    """Parse `redirect_uri`. Raises ConsentRefused if it is not an address."""
    parts = address(query.get("redirect_uri", ""))
    if parts is None or not parts.hostname:
        raise ConsentRefused("redirect_uri is not an address.")
    return parts


def _masked(name: str, value: str) -> str:
    return MASKED if any(secret in name.lower() for secret in SECRET_FIELDS) else value
