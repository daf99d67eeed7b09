"""The accounts page: the accounts that need a person, and all of them by client; and the page of one account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from clipcast.api.pagination import PageNumber, PageParams
from clipcast.clients.posting_times import load_own_times
from clipcast.clock import clock
from clipcast.common.pagination import pagination
from clipcast.common.problems import NotFound
from clipcast.common.timestamps import parse_instant
from clipcast.connections import labels, manage, repository
from clipcast.connections.client_links import LIFETIMES, list_client_links
from clipcast.connections.links import list_links
from clipcast.connections.options import quotas_of, usage_of
from clipcast.connections.repository import of_client
from clipcast.database.models.clients import Client
from clipcast.database.models.connections import Connection
from clipcast.jobs.quotas import QuotaOut, Usage
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import listing
from clipcast.posts.lines import lines_of
from clipcast.web import times
from clipcast.web.client_times import in_words
from clipcast.web.connecting import MYSELF, tiles_of
from clipcast.web.pages import headers
from clipcast.web.viewers import Looking, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")
# The rows of a page, and the most accounts that are listed first because they need a person.
ROWS_MAX, URGENT_MAX = 300, 10
# The most accounts whose limits a page looks at.
METERED_MAX = 2000
# A limit that ends sooner needs nobody: the items wait, and go on.
LONG_WAIT = timedelta(minutes=10)
# The posts that the page of an account shows.
LAST_POSTS = 5
# The table warns this long before the end of an authorization that Clipcast cannot renew.
ENDING = timedelta(days=7)
# The states by which the list filters, in words.
NEEDS = "needs"
STATES = {NEEDS: "Needs you", "active": "Ready", "needs_reconnect": "Sign-in ended", "disabled": "Paused"}


@dataclass(frozen=True)
class Shown:
    """The state of an account: its name in web/states.py, and a note such as `until 16:10`."""

    name: str
    note: str = ""


@router.api_route("/connections", methods=["GET", "POST"])
@router.api_route("/connections/{rest:path}", methods=["GET", "POST"])
async def former_address(request: Request) -> Response:
    """Redirect to the address of today: stored notices, sent e-mails and open pages have the former one."""
    url = request.url
    path = url.path.replace("/connections", "/accounts", 1)
    return RedirectResponse(f"{path}{'?' if url.query else ''}{url.query}", 308, headers())


@router.get("/accounts")
async def connections_page(
    member: Looking,
    page: PageNumber = 1,
    platform: str | None = None,
    state: str | None = None,
    label: Annotated[str, Query(max_length=100)] = "",
    q: Annotated[str, Query(max_length=100)] = "",
    connected: Annotated[str, Query(max_length=2000)] = "",
    expected: str = "",
) -> Response:
    """Return the accounts: those that need a person, then all by client.

    After an authorization, the address contains the `connected` ids, and the `expected` id of a reconnect.
    """
    if platform and platform not in PLATFORMS:
        raise NotFound("platform", platform)
    if state and state not in STATES:
        raise NotFound("state", state)
    mine, client = member.workspace.id, member.chosen_client
    of_page = [of_client(client)] if client else []
    async with member.installation.database.session() as session:
        metered = await repository.list_metered(session, mine, METERED_MAX)
    usage = await usage_of(member.installation, metered)
    spent = {id: quota for id, one in usage.items() if (quota := long_spent(one))}
    needs = manage.needs_person(clock.now(), list(spent))
    wanted = [
        *of_page,
        *([Connection.platform == platform] if platform else []),
        *([needs] if state == NEEDS else [Connection.status == state] if state else []),
        *([Connection.labels.contains([label])] if label else []),
        *([repository.named(q.strip().lstrip("@"))] if q.strip() else []),
    ]
    params = PageParams(page, ROWS_MAX)
    async with member.installation.database.session() as session:
        found, total = await repository.list_by_client(session, mine, wanted, params.offset, params.limit)
        urgent, urgent_total = await repository.list_by_client(session, mine, [*of_page, needs], 0, URGENT_MAX)
        of_person = manage.needs_person(clock.now(), ())
        _, needy = await repository.list_by_client(session, mine, [*of_page, of_person], 0, 1)
        new = [
            one for text in connected.split(",")[:50]
            if (one := await repository.get_connection(session, mine, text))
        ]  # fmt: skip
        missed = await repository.get_connection(session, mine, expected) if expected else None
        health = await manage.health_of(session, [*found, *(one for one in urgent if one not in found)])
        links = await list_links(session, mine) if member.may("editor") else []
        client_links = await list_client_links(session, mine) if member.may("editor") else []
        known_labels = await labels.list_labels(session, mine)
    kept = {"platform": platform, "state": state, "label": label, "q": q.strip()}
    query = urlencode({name: value for name, value in kept.items() if value})
    return member.render(
        "connections.html",
        section="connections",
        groups=_groups(member, found),
        urgent=sorted(urgent, key=lambda one: (_rank(one, spent), -health[one.id].waiting)),
        urgent_total=urgent_total,
        # Without those whose limit ends by itself, as in the sidebar.
        needy=needy,
        health=health,
        usage=usage,
        spent=spent,
        shown={one.id: shown_state(one, spent.get(one.id), member.zone) for one in found},
        near=lambda instant: times.near(parse_instant(instant), member.zone),
        total=total,
        filters=kept,
        filtered=bool(query),
        query=query + (f"&client={client}" if client else ""),
        pagination=pagination(params, total),
        states=STATES,
        labels=known_labels,
        tiles=tiles_of(member.installation),
        links=links,
        client_links=client_links,
        who=MYSELF,
        lifetimes=LIFETIMES,
        new=new,
        missed=missed if missed not in new else None,
        by_id={one.id: one for one in member.clients},
        now=clock.now(),
    )


def _rank(connection: Connection, spent: Mapping[UUID, QuotaOut]) -> int:
    """Return the place among those that need a person: what is stopped, then what will be, then limits."""
    end = connection.signed_in_until
    if connection.status != "active" or (end and not connection.renewable and end <= clock.now()):
        return 0
    return 2 if connection.id in spent else 1


def _groups(member: Member, accounts: Sequence[Connection]) -> list[tuple[Client | None, list[Connection]]]:
    """Return the accounts by client, in their order."""
    by_id = {one.id: one for one in member.clients}
    grouped = groupby(accounts, lambda one: one.client_id)
    return [(by_id.get(id) if id else None, list(group)) for id, group in grouped]


def long_spent(usage: Usage) -> QuotaOut | None:
    """Return the quota of an account that stays used up for long, if one does."""
    free_at = usage.spent and usage.spent.free_at
    return usage.spent if free_at and parse_instant(free_at) > clock.now() + LONG_WAIT else None


def shown_state(connection: Connection, spent: QuotaOut | None, zone: ZoneInfo) -> Shown:
    """Return the state of an account as pages show it."""
    if connection.status != "active":
        return Shown(connection.status)
    if spent and spent.free_at:
        return Shown("limit", f"until {_short(parse_instant(spent.free_at), zone)}")
    end = connection.signed_in_until
    if end and not connection.renewable and end - clock.now() < ENDING:
        return Shown("ending", times.ago(end)) if end > clock.now() else Shown("needs_reconnect")
    return Shown("active")


def _short(instant: datetime, zone: ZoneInfo) -> str:
    """Return the time of an instant, with the day unless that is today."""
    local = instant.astimezone(zone)
    today = clock.now().astimezone(zone).date()
    return f"{local:%H:%M}" if local.date() == today else f"{local:%a} {local:%H:%M}"


@router.get("/accounts/count")
async def account_count(member: Looking) -> Response:
    """Return what the sidebar says: the number of accounts that need a person, and whether posts are published."""
    async with member.installation.database.session() as session:
        member = replace(member, needy_accounts=await manage.count_needy(session, member.workspace.id))
    return member.render("parts/sidebar_state.html")


@router.get("/accounts/{connection_id}")
async def connection_page(member: Looking, connection_id: str) -> Response:
    """Return the page of one account."""
    async with member.installation.database.session() as session:
        found = await repository.get_connection(session, member.workspace.id, connection_id)
    if found is None:
        raise NotFound("connection", connection_id)
    return await _page(member, found)


async def _page(member: Member, connection: Connection) -> Response:
    """Return the page of an account."""
    clients: Mapping[UUID, Client] = {one.id: one for one in member.clients}
    client = clients.get(connection.client_id) if connection.client_id else None
    own_times, weekly = "", 0
    async with member.installation.database.session() as session:
        health = await manage.health_of(session, [connection])
        last = await listing.list_lines(
            session, member.workspace.id, listing.Wanted(connection_ids=(connection.id,)), LAST_POSTS
        )
        lines = await lines_of(session, last.posts)
        if client:
            of_client, own = await load_own_times(session, client)
            own_times, weekly = in_words(own.get(connection.id, ())), len(of_client)
        known_labels = await labels.list_labels(session, member.workspace.id)
    usage = await usage_of(member.installation, [connection]) if connection.status == "active" else {}
    spent = long_spent(usage[connection.id]) if usage else None
    platform = PLATFORMS[connection.platform]
    permissions, others = platform.permissions(connection.scopes)
    return member.render(
        "connection.html",
        section="connections",
        connection=connection,
        health=health,
        shown=shown_state(connection, spent, member.zone),
        quotas=await quotas_of(member.installation, connection) if connection.status == "active" else [],
        client=client,
        own_times=own_times,
        weekly=weekly,
        lines=lines,
        permissions=permissions,
        other_permissions=others,
        sign_in_title=platform.sign_in_title(connection.profile.get("way")),
        labels=known_labels,
        grace=member.installation.settings.reconnect_grace,
        near=lambda instant: times.near(parse_instant(instant), member.zone),
    )
