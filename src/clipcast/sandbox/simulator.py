"""What the platforms' modules have in common: how a route is declared, logged and broken on order."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
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
from clipcast.sandbox.world import Account, SandboxState

Endpoint = Callable[[Request], Awaitable[Response]]
MASKED = "***"
SECRET_FIELDS = ("token", "secret", "code", "authorization", "verifier", "upload_id")


@dataclass(frozen=True)
class ConsentRequest:
    """What an authorize page was asked for, once it is found to be in order."""

    client_id: str
    redirect_uri: str
    state: str
    scopes: tuple[str, ...]
    challenge: str | None
    offline: bool
    # Whether people may untick single scopes on this platform's page.
    granular: bool


class ConsentRefused(Exception):
    """The authorize page shows this instead of asking: the app is not set up as the platform wants."""


class Simulator:
    """One platform. Subclasses declare `routes`, and what each account and setting is."""

    platform: ClassVar[str]
    title: ClassVar[str]
    # Where the platform shows its consent page: host, path.
    authorize_at: ClassVar[tuple[str, str]]
    default_settings: ClassVar[dict[str, Any]]
    default_flags: ClassVar[dict[str, Any]]
    # Which values those settings and flags take whose default does not tell it.
    kinds: ClassVar[dict[str, Any]] = {}
    # What the consent page adds behind everything that it sends back.
    redirect_fragment: ClassVar[str] = ""

    def __init__(self, world: SandboxState, grants: Grants, faults: Faults) -> None:
        self.world = world
        self.grants = grants
        self.faults = faults
        world.settings[self.platform] = dict(self.default_settings)

    @property
    def settings(self) -> dict[str, Any]:
        return self.world.settings[self.platform]

    def routes(self) -> list[Route]:
        """The platform's requests, each under its host."""
        raise NotImplementedError

    def new_account(self, username: str, display_name: str) -> Account:
        """Makes an account and adds it to the world."""
        raise NotImplementedError

    def people(self) -> list[Account]:
        """Who may sign in on the consent page."""
        return [account for account in self.world.accounts.values() if account.platform == self.platform]

    def consent_request(self, query: dict[str, str]) -> ConsentRequest:
        """Checks what the authorize page is asked. Raises ConsentRefused."""
        raise NotImplementedError

    def redirect_parameters(self, code: str, scopes: list[str]) -> dict[str, str]:
        """What the consent page sends back beside `state`."""
        raise NotImplementedError

    def apply_due_changes(self) -> None:
        """Lets happen what time has made due."""

    def acts(self) -> dict[str, Callable[[Account], None]]:
        """What can be done to an account beside changing its flags."""
        return {
            "revoked": lambda account: self.grants.revoke(self.platform, account.account_id),
            "token_expired": lambda account: self.grants.expire_access(self.platform, account.account_id),
        }

    def account(self, account_id: str) -> Account:
        return self.world.accounts[self.platform, account_id]

    def trouble(self, host: str, path: str, status: int, message: str) -> Response:
        """What the platform says at this address to a request that it cannot read (400, 413) or route (404, 405)."""
        raise NotImplementedError

    def route(
        self, host: str, path: str, methods: list[str], name: str, endpoint: Endpoint, most: int = TEXT_MAX
    ) -> Route:
        """A route that is logged under `name`, and breaks when a fault is ordered for it.

        A body of more than `most` bytes is refused.
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
            from_session: Fault | None = self.faults.take(self.platform, called, "within")
            request.state.from_session = from_session
            response = await endpoint(request)
            if from_session is not None:
                if from_session.kind == "reset":
                    raise Reset
                return faulty_response(from_session)
            if fault := self.faults.take(self.platform, called, "after"):
                return await happen(fault) or response
            return response

        return Route(f"/{host}{path}", handle, methods=methods, name=f"{self.platform}.{name}")

    async def request_name(self, request: Request, name: str) -> str:
        """What a request is called; a route that serves several overrides it. Token calls tell by their grant."""
        if name == "token" and b"grant_type=refresh_token" in await request.body():
            return "refresh"
        return name

    def _log(self, request: Request, name: str) -> None:
        self.world.requests.append(
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
    """The parts of the address that the consent page is to lead back to. Raises ConsentRefused when it is none."""
    parts = address(query.get("redirect_uri", ""))
    if parts is None or not parts.hostname:
        raise ConsentRefused("redirect_uri is not an address.")
    return parts


def _masked(name: str, value: str) -> str:
    return MASKED if any(secret in name.lower() for secret in SECRET_FIELDS) else value
