"""The person at a page: the session of a cookie, the workspace in the address, and the rights of the role."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from clipcast.api.dependencies import InstallationDep, installation_of
from clipcast.api.rate_limits import Rate, count_attempts, network_of
from clipcast.audit.service import Actor, record
from clipcast.clients.logos import logo_paths
from clipcast.clients.repository import all_clients
from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError, NotFound
from clipcast.connections.manage import needy_sql
from clipcast.connections.repository import NO_CLIENT
from clipcast.database.limits import limit_to, limited
from clipcast.database.models.clients import Client
from clipcast.database.models.people import User
from clipcast.database.models.workspaces import Workspace
from clipcast.installation import Installation
from clipcast.jobs.workers import is_publishing_sql
from clipcast.notices import inbox
from clipcast.people import repository, service
from clipcast.reviews.repository import waiting_sql
from clipcast.web import times
from clipcast.web.pages import FILTERED, is_htmx, render

# Limits of password attempts: from one address, for one person from one address, and for one person from anywhere. The
# last limit is high, so that a stranger cannot easily lock a person out.
FROM_ADDRESS = (Rate(20, timedelta(minutes=1)), Rate(100, timedelta(hours=1)))
AT_PERSON_FROM_ADDRESS = (Rate(10, timedelta(minutes=15)),)
AT_PERSON = (Rate(100, timedelta(hours=1)),)


# Paths of pages for signed-in people. Forms of other pages are small.
SIGNED_IN = ("/w/", "/account")
FORM_BYTES_MAX = 64 * 1024


class SignInNeeded(AppError):
    """The error 401: the page needs a signed-in person, and the browser has no session."""

    def __init__(self) -> None:
        super().__init__(401, "unauthorized", "Sign in first.")


@dataclass(frozen=True)
class Viewer:
    """A signed-in person."""

    installation: Installation
    request: Request
    user: User
    session_id: Any
    zone: ZoneInfo
    workspaces: list[tuple[Workspace, str]]
    # The clients that the person sees, by workspace; those in which the person sees all are left out.
    limits: dict[UUID, tuple[UUID, ...]]
    # The token of a session that was just prolonged: the browser must prolong its cookie, too.
    prolonged: str | None

    @property
    def actor(self) -> Actor:
        """The person, as the audit log names them."""
        return Actor("user", self.user.id, self.user.name, address_of(self.request))

    def render(self, template: str, status: int = 200, **context: Any) -> Response:
        """Return a page that shows the signed-in person."""
        response = render(self.request, template, {"viewer": self, "zone": self.zone} | context, status)
        if self.prolonged:
            set_session(response, self.installation, self.prolonged)
        return response


@dataclass(frozen=True)
class Member(Viewer):
    """A viewer in one of their workspaces."""

    workspace: Workspace
    role: str
    # All clients of the workspace by name, and the one that the address names with `?client=`.
    clients: tuple[Client, ...] = ()
    client: Client | None = None
    # Whether the address names a client that is not there.
    client_is_gone: bool = False
    # The number of the member's unread notices, up to 100.
    unread: int = 0
    # The number of reviews that wait for the member, and of accounts that need a person.
    to_review: int = 0
    needy_accounts: int = 0
    # Whether a worker that publishes runs.
    publishes: bool = True

    @property
    def actor(self) -> Actor:
        """The person, as the audit log names them. Owners may publish without an approval."""
        return replace(super().actor, may_skip_review=self.may("owner"))

    @property
    def chosen_client(self) -> str:
        """The client of the address: the id of one, NO_CLIENT for accounts without a client, or an empty text."""
        if self.client:
            return str(self.client.id)
        return NO_CLIENT if self.request.query_params.get("client") == NO_CLIENT else ""

    def keep_client(self, path: str) -> str:
        """Return the address of a page of the workspace that shows the chosen client only, if one is chosen."""
        address, chosen = self.base + path, self.chosen_client
        return f"{address}{'&' if '?' in path else '?'}client={chosen}" if chosen else address

    @cached_property
    def _logos(self) -> dict[UUID, str]:
        return logo_paths(self.clients)

    def logo_of(self, client_id: UUID | str | None) -> str | None:
        """Return the address of a client's logo; None without one."""
        id = client_id if isinstance(client_id, UUID) else parse_id(client_id or "")
        path = self._logos.get(id) if id else None
        return path and self.base + path

    @property
    def is_limited(self) -> bool:
        """Return whether the member sees some clients only."""
        return self.workspace.id in self.limits

    @property
    def base(self) -> str:
        """The path under which the workspace's pages are."""
        return f"/w/{self.workspace.id}"

    def may(self, role: str) -> bool:
        """Return whether the member has this role, or one with more rights."""
        return service.ROLES.index(self.role) >= service.ROLES.index(role)

    def render(self, template: str, status: int = 200, **context: Any) -> Response:
        """Return a page of the workspace."""
        return super().render(template, status, member=self, base=self.base, **context)

    def record(self, session: AsyncSession, action: str, subject: str, subject_id: Any = None, **details: Any) -> None:
        """Record an action of the member in the audit log."""
        record(session, self.workspace.id, self.actor, action, subject, subject_id, **details)

    def redirect(self, path: str) -> Response:
        """Redirect to another page of the workspace, after an action."""
        return RedirectResponse(self.base + path, 303)


async def admit(request: Request) -> int:
    """Return the maximum size of the request's form in bytes. Runs before the body is read.

    Raises AppError 403 for a form from another site, and SignInNeeded.
    """
    # The address of a review link is a secret that no other site knows. Its page sends no referrer, so that browsers
    # do not name their own site over http.
    if not request.url.path.startswith("/r/"):
        require_same_site(request)
    if not request.url.path.startswith(SIGNED_IN):
        return FORM_BYTES_MAX
    viewer = await find_viewer(request)
    if viewer is None:
        raise SignInNeeded
    request.state.viewer = viewer
    return installation_of(request).settings.max_body_bytes


def require_same_site(request: Request) -> None:
    """Raise AppError 403 for a request that another site makes a browser send.

    Browsers send the request's site (Fetch Metadata), or at least its origin. So forms need no token, which could
    expire while a person types. The middleware has checked the Host header.
    """
    site = request.headers.get("sec-fetch-site")
    if site in ("same-origin", "none"):
        return
    origin = request.headers.get("origin")
    if site is None and (origin is None or origin == own_origin(request) or _host(origin) == request.headers["host"]):
        return
    raise AppError(403, "cross_site", "The request came from another site, so Clipcast did nothing. Use its own page.")


def own_origin(request: Request) -> str:
    """Return the origin of the public URL."""
    address = urlsplit(installation_of(request).settings.public_base)
    return f"{address.scheme}://{address.netloc}"


def _host(origin: str) -> str:
    """Return the part after the scheme. An Origin from a program may be any text."""
    return origin.partition("://")[2]


def address_of(request: Request) -> str:
    """Return the client's IP address."""
    return request.client.host if request.client else ""


def cookie_name(installation: Installation) -> str:
    """Return the session cookie's name. With https, its prefix makes browsers accept it from this host only."""
    return "__Host-clipcast_session" if is_secure(installation) else "clipcast_session"


def is_secure(installation: Installation) -> bool:
    """Return whether the public URL is https."""
    return installation.settings.public_url.scheme == "https"


def set_session(response: Response, installation: Installation, token: str) -> None:
    """Set the session's cookie."""
    response.set_cookie(
        cookie_name(installation),
        token,
        max_age=int(service.SESSION_LIFETIME.total_seconds()),
        path="/",
        secure=is_secure(installation),
        httponly=True,
        samesite="lax",
    )


def end_session(response: Response, installation: Installation) -> None:
    """Delete the session's cookie. Browsers change a `__Host-` cookie only with the attributes that set it."""
    response.delete_cookie(
        cookie_name(installation), path="/", secure=is_secure(installation), httponly=True, samesite="lax"
    )


def own_path(text: str | None) -> str:
    """Return `text` if it is a path of this installation, else the start page; never an address of another site."""
    if not text or not text.startswith("/") or text[1:2] in ("/", "\\") or any(ord(one) < 33 for one in text):
        return "/"
    return text


async def find_viewer(request: Request) -> Viewer | None:
    """Return the person who is signed in in this browser; None without one."""
    installation = installation_of(request)
    token = request.cookies.get(cookie_name(installation))
    if not token:
        return None
    async with installation.database.begin() as session:
        found = await service.session_of(session, token)
        if found is None:
            return None
        prolonged = token if session.is_modified(found) else None
        memberships = await repository.limited_memberships_of(session, found.user_id)
    workspaces = [(workspace, role) for workspace, role, _ in memberships]
    limits = {workspace.id: tuple(ids) for workspace, _, ids in memberships if ids is not None}
    zone = times.zone_named(found.user.zone, request.cookies.get(times.ZONE_COOKIE))
    return Viewer(installation, request, found.user, found.id, zone, workspaces, limits, prolonged)


async def signed_in(request: Request, _: InstallationDep) -> Viewer:
    """Return the signed-in person. Raises SignInNeeded."""
    admitted: Viewer | None = getattr(request.state, "viewer", None)
    viewer = replace(admitted, request=request) if admitted else await find_viewer(request)
    if viewer is None:
        raise SignInNeeded
    return viewer


def member(role: str) -> Callable[..., Awaitable[Member]]:
    """Return the dependency of a page that needs at least this role.

    It raises NotFound for people outside the workspace, and AppError 403 for a lower role.
    """
    assert role in service.ROLES

    async def check(workspace_id: str, viewer: Annotated[Viewer, Depends(signed_in)]) -> Member:
        chosen = parse_id(workspace_id)
        for workspace, own in viewer.workspaces:
            if workspace.id == chosen:
                found = Member(**vars(viewer), workspace=workspace, role=own)
                if not found.may(role):
                    message = f"This needs the role {role}; your role is {own}. Ask an owner for it."
                    raise AppError(403, "role_missing", message)
                return await _with_sidebar(_limited(found))
        raise NotFound("workspace", workspace_id)

    return check


def _limited(member: Member) -> Member:
    """Return the member, whose installation shows the clients that the member sees."""
    if not member.is_limited:
        return member
    limit = limit_to(member.limits[member.workspace.id], member.user.id)
    installation = member.installation
    return replace(member, installation=replace(installation, database=limited(installation.database, limit)))


async def _with_sidebar(member: Member) -> Member:
    """Return the member with what the sidebar shows.

    If the address names a client that was deleted, or that the member does not see, the pages that show one client's
    part show all, and say so. Everything else raises NotFound: it would act on the wrong accounts.
    """
    async with member.installation.database.session() as session:
        clients = tuple(await all_clients(session, member.workspace.id))
        shown: dict[str, ColumnElement[Any]] = {
            "unread": inbox.unread_sql(member.user.id, member.workspace.id), "publishes": is_publishing_sql()
        }  # fmt: skip
        if not is_htmx(member.request):
            shown["to_review"] = waiting_sql(member.workspace.id, member.user.id, member.may("editor"))
            shown["needy_accounts"] = needy_sql(member.workspace.id)
        # One statement for all: a page has time for some dozens.
        values = (await session.execute(select(*shown.values()))).one()
    member = replace(member, clients=clients, **dict(zip(shown, values, strict=True)))
    if (name := member.request.query_params.get("client", "")) in ("", NO_CLIENT):
        return member
    chosen = next((one for one in clients if one.id == parse_id(name)), None)
    if chosen is None and (member.request.method != "GET" or member.request.url.path not in _filtered(member.base)):
        raise NotFound("client", name)
    return replace(member, client=chosen, client_is_gone=chosen is None)


def _filtered(base: str) -> set[str]:
    """Return the paths of the pages that show one client's part."""
    return {base + path for path in FILTERED.values()}


async def count_guess(request: Request, email: str = "") -> None:
    """Count an attempt at a password or another secret. Raises AppError 429 for too many."""
    address, person = network_of(address_of(request)), email.strip().lower()
    attempts: list[tuple[str, tuple[Rate, ...]]] = [(f"from {address}", FROM_ADDRESS)]
    if person:
        attempts += [(f"at {person} from {address}", AT_PERSON_FROM_ADDRESS), (f"at {person}", AT_PERSON)]
    if wait := await count_attempts(installation_of(request).database, attempts):
        raise AppError(
            429, "rate_limited", f"Too many sign-in attempts. Try again in {wait // 60 + 1} minutes.",
            headers={"Retry-After": str(wait)},
        )  # fmt: skip


Viewing = Annotated[Viewer, Depends(signed_in)]
Looking = Annotated[Member, Depends(member("viewer"))]
Reviewing = Annotated[Member, Depends(member("reviewer"))]
Editing = Annotated[Member, Depends(member("editor"))]
Owning = Annotated[Member, Depends(member("owner"))]
