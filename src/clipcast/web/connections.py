"""The accounts page: connect, check, reconnect, pause and remove accounts, and make links for account owners."""

from itertools import groupby
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from sqlalchemy import ColumnElement, or_
from starlette.responses import RedirectResponse, Response

from clipcast.api.pagination import PageNumber, PageParams
from clipcast.clients.service import assign_accounts
from clipcast.clock import clock
from clipcast.common.pagination import pagination
from clipcast.common.problems import NotFound
from clipcast.connections import manage, repository
from clipcast.connections.links import hand_out_link, list_links, make_link, withdraw_link
from clipcast.connections.options import quotas_of
from clipcast.connections.repository import NO_CLIENT, of_client
from clipcast.database.models.clients import Client
from clipcast.database.models.connections import Connection
from clipcast.platforms.base import Platform, app_of
from clipcast.platforms.registry import PLATFORMS
from clipcast.web.forms import read_form
from clipcast.web.viewers import Editing, Looking, Member, Owning

# Links of earlier releases call it `way`.
SignInMethod = Annotated[str | None, Query(alias="way")]
router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")
# The rows of a page, and the most accounts that are listed first because they need a person.
ROWS_MAX, URGENT_MAX = 100, 20
# The states by which the list filters, in words.
STATES = {"active": "Ready", "needs_reconnect": "Sign-in ended", "disabled": "Paused"}


@router.get("/connections")
async def connections_page(
    member: Looking,
    page: PageNumber = 1,
    platform: str | None = None,
    state: str | None = None,
    group: str | None = None,
    q: Annotated[str, Query(max_length=100)] = "",
    connected: Annotated[str, Query(max_length=2000)] = "",
    expected: str = "",
) -> Response:
    """Return the accounts: those that need a person, then all by client.

    `group` is NO_CLIENT for those without a client. After an authorization, the address contains the `connected` ids,
    and the `expected` id of a reconnect.
    """
    if platform and platform not in PLATFORMS:
        raise NotFound("platform", platform)
    if state and state not in STATES:
        raise NotFound("state", state)
    client = str(member.client.id) if member.client else NO_CLIENT if group == NO_CLIENT else None
    of_page = [of_client(client)] if client else []
    wanted = [
        *of_page,
        *([Connection.platform == platform] if platform else []),
        *([Connection.status == state] if state else []),
        *([_named(q)] if q.strip() else []),
    ]
    params = PageParams(page, ROWS_MAX)
    async with member.installation.database.session() as session:
        mine = member.workspace.id
        found, total = await repository.list_by_client(session, mine, wanted, params.offset, params.limit)
        urgent, urgent_total = await repository.list_by_client(
            session, mine, [*of_page, manage.needs_person(clock.now())], 0, URGENT_MAX
        )
        new = [
            one for text in connected.split(",")[:50]
            if (one := await repository.get_connection(session, mine, text))
        ]  # fmt: skip
        missed = await repository.get_connection(session, mine, expected) if expected else None
        health = await manage.health_of(session, [*found, *(one for one in urgent if one not in found)])
        links = await list_links(session, mine) if member.may("editor") else []
    kept = {"platform": platform, "state": state, "group": group, "q": q.strip()}
    query = urlencode({name: value for name, value in kept.items() if value})
    return member.render(
        "connections.html",
        section="connections",
        groups=_groups(member, found),
        urgent=urgent,
        urgent_total=urgent_total,
        health=health,
        total=total,
        filters=kept,
        filtered=bool(query),
        query=query + (f"&client={member.client.id}" if member.client else ""),
        pagination=pagination(params, total),
        states=STATES,
        sign_in_methods=_all_methods(member),
        links=links,
        new=new,
        missed=missed if missed not in new else None,
        days_left=days_left,
    )


def _named(text: str) -> ColumnElement[bool]:
    """Return the condition that an account's handle or name contains a text."""
    words = text.strip().lstrip("@")
    return or_(*(column.icontains(words, autoescape=True) for column in (Connection.username, Connection.display_name)))


def _groups(member: Member, accounts: list[Connection]) -> list[tuple[Client | None, list[Connection]]]:
    """Return the accounts by client, in their order."""
    by_id = {one.id: one for one in member.clients}
    grouped = groupby(accounts, lambda one: one.client_id)
    return [(by_id.get(id) if id else None, list(group)) for id, group in grouped]


def days_left(connection: Connection) -> int | None:
    """Return the whole days until a sign-in ends that cannot be renewed; None for any other account."""
    if connection.status != "active" or connection.renewable or connection.signed_in_until is None:
        return None
    return max(0, (connection.signed_in_until - clock.now()).days)


@router.post("/connections/move")
async def move(member: Editing, request: Request) -> Response:
    """Give the chosen accounts to a client, or to none."""
    form = await read_form(request)
    async with member.installation.database.begin() as session:
        await assign_accounts(
            session, member.workspace.id, form.one("to") or None, form.all("account"), member.actor
        )  # fmt: skip
    return member.redirect("/connections" + (f"?{form.one('query')}" if form.one("query") else ""))


@router.get("/connections/{connection_id}")
async def connection_page(member: Looking, connection_id: str) -> Response:
    """Return the page of one account."""
    async with member.installation.database.session() as session:
        found = await repository.get_connection(session, member.workspace.id, connection_id)
    if found is None:
        raise NotFound("connection", connection_id)
    return await _page(member, found)


async def _page(member: Member, connection: Connection) -> Response:
    """Return the page of an account."""
    async with member.installation.database.session() as session:
        health = await manage.health_of(session, [connection])
    return member.render(
        "connection.html",
        section="connections",
        connection=connection,
        health=health,
        quotas=await quotas_of(member.installation, connection) if connection.status == "active" else [],
        client=next((one for one in member.clients if one.id == connection.client_id), None),
        grace=member.installation.settings.reconnect_grace,
    )


def _all_methods(member: Member) -> list[dict[str, Any]]:
    return [method for one in PLATFORMS.values() for method in _sign_in_methods(member, one)]


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
