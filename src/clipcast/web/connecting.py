"""How accounts get connected from the app: the dialog, the way to each platform, its guide, and links for others."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from clipcast.clients.repository import get_client
from clipcast.common.problems import AppError, NotFound
from clipcast.connections import repository
from clipcast.connections.attempts import redirect_uri
from clipcast.connections.client_links import LIFETIMES, make_client_link, revoke_client_link
from clipcast.connections.links import hand_out_link, make_link, withdraw_link
from clipcast.database.models.clients import Client
from clipcast.installation import Installation
from clipcast.platforms.base import OAuth, Platform, app_of
from clipcast.platforms.registry import PLATFORMS
from clipcast.web.forms import read_form
from clipcast.web.pages import is_htmx
from clipcast.web.viewers import Editing, Member

# Links of earlier releases call it `way`.
SignInMethod = Annotated[str | None, Query(alias="way")]
router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")
# Who signs in: the member, or somebody else with a link.
MYSELF, OTHERS = "me", "link"


@dataclass(frozen=True)
class Way:
    """A sign-in method of a platform as pages show it. `title` is empty for an only one."""

    method: str | None
    title: str
    is_configured: bool


@dataclass(frozen=True)
class Tile:
    """A platform of the dialog, with its sign-in methods."""

    platform: Platform[Any]
    ways: tuple[Way, ...]

    @property
    def is_configured(self) -> bool:
        """Whether an account can be connected by one of the methods."""
        return any(way.is_configured for way in self.ways)


def tiles_of(installation: Installation) -> list[Tile]:
    """Return the platforms, each with its sign-in methods: all of them, as one without an app leads to its guide."""
    settings = installation.settings
    return [
        Tile(
            one,
            tuple(
                Way(name, one.sign_in_title(name), app_of(settings, sign_in) is not None)
                for name, sign_in in one.sign_in_methods.items()
            ),
        )
        for one in PLATFORMS.values()
    ]


@router.get("/accounts/connect")
async def connect_page(member: Editing, who: str = MYSELF) -> Response:
    """Return the dialog as a page: for which client, who signs in, and the platforms."""
    return member.render(
        "connect_account.html",
        section="connections",
        tiles=tiles_of(member.installation),
        who=who if who in (MYSELF, OTHERS) else MYSELF,
        lifetimes=LIFETIMES,
    )


@router.get("/accounts/guide/{platform}")
async def guide_page(member: Editing, platform: str) -> Response:
    """Return how the operator sets up an app of a platform."""
    if platform not in PLATFORMS:
        raise NotFound("platform", platform)
    found, settings = PLATFORMS[platform], member.installation.settings
    apps = {one.app: one for one in found.sign_in_methods.values() if isinstance(one, OAuth)}
    return member.render(
        "connect_guide.html",
        section="connections",
        platform=found,
        missing=[name.upper() for name, sign_in in apps.items() if app_of(settings, sign_in) is None],
        needs_app=bool(apps),
        redirect_uri=redirect_uri(member.installation, platform),
    )


def _checked_method(platform: str, sign_in_method: str | None) -> str | None:
    """Return the sign-in method, None for the default. Raises NotFound for an unknown platform or method."""
    if platform not in PLATFORMS:
        raise NotFound("platform", platform)
    if sign_in_method and sign_in_method not in PLATFORMS[platform].other_sign_in_methods:
        raise NotFound("sign-in method", sign_in_method)
    return sign_in_method or None


@router.get("/accounts/new/{platform}")
async def connect_account(
    member: Editing, platform: str, sign_in_method: SignInMethod = None, expects: str | None = None
) -> Response:
    """Start an authorization that returns to the page. `expects` is the id of a connection to reconnect.

    A new account goes to the client of the address. Raises NotFound for an unknown platform, sign-in method or
    connection.
    """
    method = _checked_method(platform, sign_in_method)
    if expects:
        async with member.installation.database.session() as session:
            expected = await repository.get_connection(session, member.workspace.id, expects)
        if expected is None or expected.platform != platform:
            raise NotFound("connection", expects)
    elif member.is_limited and not member.client:
        raise AppError(403, "limited_to_clients", "You see some clients only: choose the client of the account first.")
    maker = (str(member.user.id), member.user.name)
    client = str(member.client.id) if member.client else None
    link = make_link(
        member.installation, member.workspace.id, platform, method, maker, in_app=True, expects=expects, client=client
    )
    return RedirectResponse(link.removeprefix(member.installation.settings.public_base), 303)


@router.post("/accounts/links/{platform}")
async def share_link(member: Editing, platform: str, sign_in_method: SignInMethod = None) -> Response:
    """Create a link for an account owner who has no sign-in to Clipcast. It works once, for a day."""
    method = _checked_method(platform, sign_in_method)
    if member.is_limited:
        raise AppError(403, "limited_to_clients", "You see some clients only: make a link for one of them.")
    maker = (str(member.user.id), member.user.name)
    async with member.installation.database.begin() as session:
        link = await hand_out_link(member.installation, session, member.workspace.id, platform, method, maker)
        member.record(session, "connection.link_made", PLATFORMS[platform].title)
    return shared_page(member, link, PLATFORMS[platform].title)


@router.post("/accounts/client-links")
async def share_client_link(member: Editing, request: Request) -> Response:
    """Create a link with which the people of a client connect its accounts, for some days."""
    form = await read_form(request)
    days = next((days for days in LIFETIMES if str(days) == form.line("days")), LIFETIMES[1])
    async with member.installation.database.begin() as session:
        client = await get_client(session, member.workspace.id, form.line("for"))
        link = await link_for_client(session, member, client, days)
    return shared_page(member, link, client=client, days=days)


async def link_for_client(session: AsyncSession, member: Member, client: Client, days: int = LIFETIMES[1]) -> str:
    """Return the address of a new link for a client. Raises AppError 409."""
    maker = member.user.id, member.user.name
    link = await make_client_link(member.installation, session, member.workspace.id, client.id, days, maker)
    member.record(session, "client.link_made", client.name, client.id, days=days)
    return link


def shared_page(member: Member, link: str, title: str = "", client: Client | None = None, days: int = 1) -> Response:
    """Return a new link: of a client for some days, or of one account on the platform with this title."""
    template = "parts/shared_link.html" if is_htmx(member.request) or not client else "shared_link.html"
    return member.render(template, section="connections", link=link, title=title, client=client, lifetime=days)


@router.post("/accounts/client-links/{link_id}/revoke")
async def revoke(member: Editing, link_id: str) -> Response:
    """Revoke a link for a client, which then no longer works."""
    async with member.installation.database.begin() as session:
        link = await revoke_client_link(session, member.workspace.id, link_id)
        client = next((one.name for one in member.clients if one.id == link.client_id), "")
        member.record(session, "client.link_revoked", client, link.client_id, made_by=link.maker_name)
    return member.redirect("/accounts#links")


@router.post("/accounts/links/{link_id}/withdraw")
async def withdraw(member: Editing, link_id: str) -> Response:
    """Withdraw a link, which then no longer works."""
    async with member.installation.database.begin() as session:
        link = await withdraw_link(session, member.workspace.id, link_id)
        member.record(session, "connection.link_withdrawn", PLATFORMS[link.platform].title, made_by=link.maker_name)
    return member.redirect("/accounts#links")
