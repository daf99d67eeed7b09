"""Who looks at a page: the session behind a cookie, the workspace in the address, and what the role allows."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from clipcast.api.dependencies import get_installation, installation_of
from clipcast.api.rate_limits import Rate, count_attempts, network_of
from clipcast.audit.service import Actor, record
from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError, NotFound
from clipcast.database.models.people import User
from clipcast.database.models.workspaces import Workspace
from clipcast.installation import Installation
from clipcast.people import repository, service
from clipcast.web import times
from clipcast.web.pages import render

# Guesses at a password: from one address, at one person's from one address, and at one person's from anywhere. The
# last is generous, so that strangers cannot easily keep somebody from signing in.
FROM_ADDRESS = (Rate(20, timedelta(minutes=1)), Rate(100, timedelta(hours=1)))
AT_PERSON_FROM_ADDRESS = (Rate(10, timedelta(minutes=15)),)
AT_PERSON = (Rate(100, timedelta(hours=1)),)


# The pages of people who are signed in; a form sent to another one is small.
SIGNED_IN = ("/w/", "/account")
FORM_BYTES_MAX = 64 * 1024


class SignInNeeded(AppError):
    """The page is for people who are signed in, and this browser is not, or no longer."""

    def __init__(self) -> None:
        super().__init__(401, "unauthorized", "Sign in first.")


@dataclass(frozen=True)
class Viewer:
    """Somebody who is signed in."""

    installation: Installation
    request: Request
    user: User
    session_id: Any
    zone: ZoneInfo
    workspaces: list[tuple[Workspace, str]]
    # What the browser keeps of a session that has just been prolonged: it is to keep it longer, too.
    prolonged: str | None

    @property
    def actor(self) -> Actor:
        return Actor("user", self.user.id, self.user.name, address_of(self.request))

    def render(self, template: str, status: int = 200, **context: Any) -> Response:
        """A page that shows who is signed in."""
        response = render(self.request, template, {"viewer": self, "zone": self.zone} | context, status)
        if self.prolonged:
            set_session(response, self.installation, self.prolonged)
        return response


@dataclass(frozen=True)
class Member(Viewer):
    """A viewer in one of their workspaces."""

    workspace: Workspace
    role: str

    @property
    def base(self) -> str:
        """Where the workspace's pages are."""
        return f"/w/{self.workspace.id}"

    def may(self, role: str) -> bool:
        """Whether the member's role is this one, or one that may do more."""
        return service.ROLES.index(self.role) >= service.ROLES.index(role)

    def render(self, template: str, status: int = 200, **context: Any) -> Response:
        return super().render(template, status, member=self, base=self.base, **context)

    def record(self, session: AsyncSession, action: str, subject: str, subject_id: Any = None, **details: Any) -> None:
        """Writes what the member does into the audit log."""
        record(session, self.workspace.id, self.actor, action, subject, subject_id, **details)

    def redirect(self, path: str) -> Response:
        """To another page of the workspace, after something was done."""
        return RedirectResponse(self.base + path, 303)


async def admit(request: Request) -> int:
    """Decide whether a form may be read, and return how many bytes of it. Runs before anything of it is read.

    Raises AppError 403 for what another site makes a browser send, and SignInNeeded.
    """
    require_same_site(request)
    if not request.url.path.startswith(SIGNED_IN):
        return FORM_BYTES_MAX
    viewer = await find_viewer(request)
    if viewer is None:
        raise SignInNeeded
    request.state.viewer = viewer
    return installation_of(request).settings.max_body_bytes


def require_same_site(request: Request) -> None:
    """Raise AppError 403 for what another site makes a browser send.

    Browsers say where a request comes from (Fetch Metadata), or at least its origin; that needs no token in every
    form, which could expire while somebody writes. The Host header has been checked: it is ours.
    """
    site = request.headers.get("sec-fetch-site")
    if site in ("same-origin", "none"):
        return
    origin = request.headers.get("origin")
    if site is None and (origin is None or origin == own_origin(request) or _host(origin) == request.headers["host"]):
        return
    raise AppError(403, "cross_site", "Another site asked for this, so it was not done. Do it on Clipcast's own page.")


def own_origin(request: Request) -> str:
    address = urlsplit(installation_of(request).settings.public_base)
    return f"{address.scheme}://{address.netloc}"


def _host(origin: str) -> str:
    """Return what stands after the scheme. Programs may send an Origin that is no address."""
    return origin.partition("://")[2]


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def cookie_name(installation: Installation) -> str:
    """With https, a name that browsers accept only from this very host."""
    return "__Host-clipcast_session" if is_secure(installation) else "clipcast_session"


def is_secure(installation: Installation) -> bool:
    return installation.settings.public_url.scheme == "https"


def set_session(response: Response, installation: Installation, token: str) -> None:
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
    """Delete the session's cookie. Browsers take a change of a `__Host-` name only with what its making took."""
    response.delete_cookie(
        cookie_name(installation), path="/", secure=is_secure(installation), httponly=True, samesite="lax"
    )


def own_path(text: str | None) -> str:
    """`text` when it is a path of this installation; otherwise the start page. An address of elsewhere never is."""
    if not text or not text.startswith("/") or text[1:2] in ("/", "\\") or any(ord(one) < 33 for one in text):
        return "/"
    return text


async def find_viewer(request: Request) -> Viewer | None:
    """Whoever is signed in in this browser."""
    installation = installation_of(request)
    token = request.cookies.get(cookie_name(installation))
    if not token:
        return None
    async with installation.database.begin() as session:
        found = await service.session_of(session, token)
        if found is None:
            return None
        prolonged = token if session.is_modified(found) else None
        workspaces = await repository.memberships_of(session, found.user_id)
    zone = times.zone_named(found.user.zone, request.cookies.get(times.ZONE_COOKIE))
    return Viewer(installation, request, found.user, found.id, zone, workspaces, prolonged)


async def signed_in(request: Request, _: Annotated[Installation, Depends(get_installation)]) -> Viewer:
    """Raises SignInNeeded."""
    admitted: Viewer | None = getattr(request.state, "viewer", None)
    viewer = replace(admitted, request=request) if admitted else await find_viewer(request)
    if viewer is None:
        raise SignInNeeded
    return viewer


def member(role: str) -> Callable[..., Awaitable[Member]]:
    """The dependency of a page that takes at least this role. Raises NotFound for others, AppError 403 for less."""
    assert role in service.ROLES

    async def check(workspace_id: str, viewer: Annotated[Viewer, Depends(signed_in)]) -> Member:
        chosen = parse_id(workspace_id)
        for workspace, own in viewer.workspaces:
            if workspace.id == chosen:
                found = Member(**vars(viewer), workspace=workspace, role=own)
                if not found.may(role):
                    raise AppError(403, "role_missing", f"This takes the role {role}; yours is {own}. Ask an owner.")
                return found
        raise NotFound("workspace", workspace_id)

    return check


async def count_guess(request: Request, email: str = "") -> None:
    """Raises AppError 429 when passwords, or other secrets that are typed, are guessed too fast."""
    address, person = network_of(address_of(request)), email.strip().lower()
    attempts: list[tuple[str, tuple[Rate, ...]]] = [(f"from {address}", FROM_ADDRESS)]
    if person:
        attempts += [(f"at {person} from {address}", AT_PERSON_FROM_ADDRESS), (f"at {person}", AT_PERSON)]
    if wait := await count_attempts(installation_of(request).database, attempts):
        raise AppError(
            429, "rate_limited", f"Too many attempts to sign in. Try again in {wait // 60 + 1} minutes.",
            headers={"Retry-After": str(wait)},
        )  # fmt: skip


Viewing = Annotated[Viewer, Depends(signed_in)]
Looking = Annotated[Member, Depends(member("viewer"))]
Editing = Annotated[Member, Depends(member("editor"))]
Owning = Annotated[Member, Depends(member("owner"))]
