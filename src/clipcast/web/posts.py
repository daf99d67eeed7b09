"""The pages of posts: the list, and a post with its items and their fixes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from clipcast.clients.repository import all_clients, get_client
from clipcast.common.ids import parse_id
from clipcast.common.problems import NotFound
from clipcast.common.storable import UNSTORABLE
from clipcast.connections.repository import CHOICES, NO_CLIENT, get_connection, list_choices, of_client
from clipcast.database.models.connections import Connection
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import captions, listing
from clipcast.posts.lines import PostLine, lines_of
from clipcast.web import times
from clipcast.web.forms import FilledForm
from clipcast.web.pages import shown_number
from clipcast.web.viewers import Looking, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

# The most posts of one action on many, and the longest search.
BULK_MOST = 500
QUERY_MAX = 200
# The rows of a page of the list.
ROWS = 50
TABS = {"all": "All", "drafts": "Drafts", "scheduled": "Scheduled", "published": "Published", "needs": "Needs you"}


@dataclass(frozen=True)
class Filters:
    """The filters of an address: what people typed, what the list makes of it, and the problems with it."""

    typed: dict[str, str]
    wanted: listing.Wanted
    problems: FilledForm
    words: list[str]


@dataclass(frozen=True)
class DayGroup:
    """The posts of one day in the viewer's zone."""

    title: str
    lines: list[PostLine]


@router.get("/posts")
async def posts_page(member: Looking, after: str = "") -> Response:
    """Return the list of posts. Its filters are in the address (`read_filters`); `after` is the place of a page."""
    mine = member.workspace.id
    place = listing.read_place(after)
    async with member.installation.database.session() as session:
        filters = await read_filters(member, session, dict(member.request.query_params))
        counted = bool(filters.words)
        found = await listing.list_lines(session, mine, replace(filters.wanted, after=place), ROWS, count=counted)
        lines = await lines_of(session, found.posts)
        counts = {} if counted else await listing.tab_counts(session, mine)
        accounts = await list_choices(session, mine)
        are_all = len(accounts) < CHOICES
        account = filters.typed["account"]
        asked = await get_connection(session, mine, account) if account else None
        clients = await all_clients(session, mine)
        nearest = "" if lines or place else await _nearest(session, member, filters)
    accounts += [asked] if asked is not None and asked not in accounts else []
    state = filters.typed["state"] or "all"
    number = counts.get(state, found.total)
    return member.render(
        "posts.html",
        section="posts",
        lines=lines,
        days=_by_day(lines, member.zone),
        columns=7 if member.may("editor") else 5,
        next=str(found.next) if found.next else "",
        shown_tabs=_tabs(member, filters, counts, found.total),
        accounts=accounts,
        are_all=are_all,
        typed=filters.typed,
        form=filters.problems,
        filters=filters.words,
        nearest=nearest,
        chosen={name: value for name, value in filters.typed.items() if value},
        here={"after": after if place else ""} | {name: value for name, value in filters.typed.items() if value},
        clients=clients,
        all_words=_all_words(number, found.next is not None or place is not None),
        all_number=str(min(number or BULK_MOST, BULK_MOST)),
        searched_newest=shown_number(captions.NEWEST) if filters.typed["q"] and not found.next else "",
    )


async def read_filters(member: Member, session: AsyncSession, given: Mapping[str, str]) -> Filters:
    """Return the filters of an address, or of a form: `state`, `client`, `account`, `q`, `from` and `to`.

    `account` is a connection's id or a platform's name; `from` and `to` are days of the viewer's zone. What is invalid
    has a problem, and is left out.
    """
    state, account = given.get("state", ""), given.get("account", "")
    since, until = given.get("from", ""), given.get("to", "")
    first, last = times.day(since, member.zone), times.day(until, member.zone)
    problems = FilledForm({})
    for name, text, day in (("from", since, first), ("to", until, last)):
        if text and not day:
            problems.add_problem(name, "This is not a day, so the list ignores it. Choose one.")
    if first and last and first[0] > last[0]:
        problems.add_problem("to", "This day is before the first one, so the list is empty.")
    if state and state not in listing.TABS:
        problems.add_problem("state", f"The state {state[:60]!r} does not exist, so the list shows all.")
    connection_ids: tuple[UUID, ...] | None = None
    words = []
    if account in PLATFORMS:
        query = select(Connection.id).where(Connection.workspace_id == member.workspace.id)
        connection_ids = tuple(await session.scalars(query.where(Connection.platform == account)))
        words.append(PLATFORMS[account].title)
    elif id := parse_id(account):
        connection_ids = (id,)
        known = await get_connection(session, member.workspace.id, account)
        words.append(f"@{known.username}" if known else "one account")
    elif account:
        problems.add_problem("account", f"The account {account[:60]!r} does not exist, so the list shows all.")
    client = given.get("client", "")
    if client == NO_CLIENT:
        query = select(Connection.id).where(Connection.workspace_id == member.workspace.id, of_client(client))
        ids = tuple(await session.scalars(query))
        connection_ids = ids if connection_ids is None else tuple(set(ids) & set(connection_ids))
        words.insert(0, "accounts without a client")
    elif client:
        try:
            chosen = await get_client(session, member.workspace.id, client)
        except NotFound:
            problems.add_problem("client", "This client does not exist, so the list shows all.")
            client = ""
        else:
            query = select(Connection.id).where(Connection.client_id == chosen.id)
            ids = tuple(await session.scalars(query))
            connection_ids = ids if connection_ids is None else tuple(set(ids) & set(connection_ids))
            client, words = str(chosen.id), [chosen.name, *words]
    search = UNSTORABLE.sub("", given.get("q", "")).strip()[:QUERY_MAX]
    words += [f"“{search}”"] if search else []
    words += [f"from {since}"] if first else []
    words += [f"to {until}"] if last else []
    typed = {
        "state": state if state in listing.TABS and state != "all" else "",
        "client": client,
        "account": "" if "account" in problems.problems else account,
        "q": search,
        "from": since if first else "",
        "to": until if last else "",
    }
    wanted = listing.Wanted(
        typed["state"] or "all", connection_ids, search, first[0] if first else None, last[1] if last else None
    )
    return Filters(typed, wanted, problems, words)


async def _nearest(session: AsyncSession, member: Member, filters: Filters) -> str:
    """Return how many posts the search finds without the other filters; empty if it finds none, or is the only one."""
    alone = listing.Wanted(query=filters.typed["q"])
    if not alone.query or alone == filters.wanted:
        return ""
    found = await listing.list_lines(session, member.workspace.id, alone, 1, count=True)
    number = found.total or 0
    return (
        f"{shown_number(number)} {'matches' if number == 1 else 'match'} “{alone.query}” without them. "
        if number
        else ""
    )


def _tabs(
    member: Member, filters: Filters, counts: dict[str, int], total: int | None
) -> list[tuple[str, str, str, str]]:
    """Return the tabs with their addresses. With filters, only the chosen tab has its number."""
    chosen = {name: value for name, value in filters.typed.items() if value and name != "state"}
    shown = []
    for name, title in TABS.items():
        query = urlencode(chosen | ({"state": name} if name != "all" else {}))
        address = f"{member.base}/posts" + (f"?{query}" if query else "")
        if name == "drafts":
            address = f"{member.base}/drafts"
        number = counts.get(name, total if name == filters.wanted.tab and filters.words else None)
        shown.append((name, title, address, shown_number(number) if number else ""))
    return shown


def _by_day(lines: list[PostLine], zone: ZoneInfo) -> list[DayGroup]:
    """Return the lines by their day in this zone, in their order."""
    days = groupby(lines, lambda line: line.starts_at.astimezone(zone).date())
    return [DayGroup(times.day_title(day, zone), list(of_day)) for day, of_day in days]


def _all_words(number: int | None, is_more: bool) -> str:
    """Return the words of the box that chooses all posts that match; empty if they are on this page."""
    if not is_more:
        return ""
    if number is None:
        return f"The first {BULK_MOST} that match"
    if number <= BULK_MOST:
        return f"All {shown_number(number)} that match"
    return f"The first {BULK_MOST} of {shown_number(number)} that match"
