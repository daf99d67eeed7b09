"""The accounts page: connect, check, reconnect, pause and remove accounts, and make links for account owners."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import RedirectResponse, Response

from clipcast.api.pagination import PageParams
from clipcast.common.pagination import pagination
from clipcast.common.problems import NotFound
from clipcast.connections import manage, repository
from clipcast.connections.links import hand_out_link, list_links, make_link, withdraw_link
from clipcast.connections.options import quotas_of
from clipcast.database.models.connections import Connection
from clipcast.platforms.base import Platform, app_of
from clipcast.platforms.registry import PLATFORMS
from clipcast.web.viewers import Editing, Looking, Member, Owning

# Links of earlier releases call it `way`.
SignInMethod = Annotated[str | None, Query(alias="way")]
router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")


@router.get("/connections")
async def connections_page(
    member: Looking,
    page: Annotated[PageParams, Depends()],
    platform: str | None = None,
    connected: Annotated[str, Query(max_length=2000)] = "",
    expected: str = "",
) -> Response:
    """Return the list of accounts.

    After an authorization, the address contains the `connected` ids, and the `expected` id of a reconnect.
    """
    if platform and platform not in PLATFORMS:
        raise NotFound("platform", platform)
    chosen = platform or None
    async with member.installation.database.session() as session:
        found, total = await repository.list_connections(session, member.workspace.id, chosen, page.offset, page.limit)
        new = [
            one for text in connected.split(",")[:50]
            if (one := await repository.get_connection(session, member.workspace.id, text))
        ]  # fmt: skip
        missed = await repository.get_connection(session, member.workspace.id, expected) if expected else None
    return await _page(
        member,
        found,
        total,
        page,
        platform=chosen,
        new=new,
        missed=missed if missed not in new else None,
    )


@router.get("/connections/{connection_id}")
async def connection_page(member: Looking, connection_id: str) -> Response:
    """Return the page of one account."""
    async with member.installation.database.session() as session:
        found = await repository.get_connection(session, member.workspace.id, connection_id)
    if found is None:
        raise NotFound("connection", connection_id)
    return await _page(member, [found], 1, PageParams(), only=found)


async def _page(member: Member, found: list[Connection], total: int, page: PageParams, **shown: Any) -> Response:
    """Return a page with the accounts. `only` is the account of a page for one account."""
    async with member.installation.database.session() as session:
        health = await manage.health_of(session, found)
        links = await list_links(session, member.workspace.id) if member.may("editor") else []
    return member.render(
        "connections.html",
        section="connections",
        connections=found,
        health=health,
        quotas={one.id: await quotas_of(member.installation, one) for one in found if one.status == "active"},
        pagination=pagination(page, total),
        sign_in_methods=[
            sign_in_method for one in PLATFORMS.values() for sign_in_method in _sign_in_methods(member, one)
        ],
        links=links,
        grace=member.installation.settings.reconnect_grace,
        **({"platform": None, "new": [], "missed": None, "only": None} | shown),
    )


def _sign_in_methods(member: Member, platform: Platform[Any]) -> list[dict[str, Any]]:
    """Return the platform's sign-in methods, and whether the operator has configured the app of each."""
    return [
        {"platform": platform, "method": name, "title": platform.sign_in_title(name),
         "configured": app_of(member.installation.settings, sign_in) is not None,
         "variable": f"CLIPCAST_{sign_in.app.upper()}_CLIENT_ID"}
        for name, sign_in in platform.sign_in_methods.items()
    ]  # fmt: skip


def _checked_method(platform: str, sign_in_method: str | None) -> str | None:
    """Return the sign-in method, None for the default. Raises NotFound for an unknown platform or method."""
    if platform not in PLATFORMS:
        raise NotFound("platform", platform)
    if sign_in_method and sign_in_method not in PLATFORMS[platform].other_sign_in_methods:
        raise NotFound("sign-in method", sign_in_method)
    return sign_in_method or None


@router.get("/connections/new/{platform}")
async def connect_account(
    member: Editing, platform: str, sign_in_method: SignInMethod = None, expects: str | None = None
) -> Response:
    """Start an authorization that returns to the page. `expects` is the id of a connection to reconnect.

    Raises NotFound for an unknown platform, sign-in method or connection.
    """
    method = _checked_method(platform, sign_in_method)
    if expects:
        async with member.installation.database.session() as session:
            expected = await repository.get_connection(session, member.workspace.id, expects)
        if expected is None or expected.platform != platform:
            raise NotFound("connection", expects)
    maker = (str(member.user.id), member.user.name)
    link = make_link(member.installation, member.workspace.id, platform, method, maker, in_app=True, expects=expects)
    return RedirectResponse(link.removeprefix(member.installation.settings.public_base), 303)


@router.post("/connections/links/{platform}")
async def share_link(member: Editing, platform: str, sign_in_method: SignInMethod = None) -> Response:
    """Create a link for an account owner who has no sign-in to Clipcast. It works once, for a day."""
    method = _checked_method(platform, sign_in_method)
    maker = (str(member.user.id), member.user.name)
    async with member.installation.database.begin() as session:
        link = await hand_out_link(member.installation, session, member.workspace.id, platform, method, maker)
        member.record(session, "connection.link_made", PLATFORMS[platform].title)
    return member.render("parts/shared_link.html", link=link, title=PLATFORMS[platform].title)


@router.post("/connections/links/{link_id}/withdraw")
async def withdraw(member: Editing, link_id: str) -> Response:
    """Withdraw a link, which then no longer works."""
    async with member.installation.database.begin() as session:
        link = await withdraw_link(session, member.workspace.id, link_id)
        member.record(session, "connection.link_withdrawn", PLATFORMS[link.platform].title, made_by=link.maker_name)
    return member.redirect("/connections#links")


@router.post("/connections/{connection_id}/off")
async def switch_off(member: Owning, connection_id: str) -> Response:
    """Pause an account."""
    async with member.installation.database.begin() as session:
        connection = await manage.switch_off(session, member.workspace.id, connection_id)
        member.record(session, "connection.disabled", _name(connection), connection.id)
    return member.redirect("/connections")


@router.post("/connections/{connection_id}/on")
async def switch_on(member: Owning, connection_id: str) -> Response:
    """Resume an account."""
    async with member.installation.database.begin() as session:
        connection = await manage.switch_on(session, member.workspace.id, connection_id)
        member.record(session, "connection.enabled", _name(connection), connection.id)
    return member.redirect("/connections")


@router.post("/connections/{connection_id}/remove")
async def remove(member: Owning, connection_id: str) -> Response:
    """Remove an account: revoke its authorization if the platform has a call for that, and delete its tokens anyway."""
    async with member.installation.database.session() as session:
        connection = await repository.get_connection(session, member.workspace.id, connection_id)
    if connection is None:
        raise NotFound("connection", connection_id)
    message = await manage.revoke(member.installation, connection)
    async with member.installation.database.begin() as session:
        removed = await manage.remove(member.installation, session, member.workspace.id, connection_id)
        member.record(session, "connection.removed", _name(removed), removed.id, platform_said=message)
    return member.render("removed.html", section="connections", connection=removed, message=message)


def _name(connection: Connection) -> str:
    return f"{PLATFORMS[connection.platform].title} @{connection.username}"
