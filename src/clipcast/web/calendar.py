"""The calendar: what goes out on which day in the viewer's zone, as a month, a week or a list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from clipcast.clients.slots import slots_between
from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.connections.repository import NO_CLIENT, get_connection, platforms_of, search_connections
from clipcast.database.hot_queries import from_session
from clipcast.database.models.clients import Client
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Draft
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import calendar
from clipcast.posts.calendar import MOVABLE, Wanted
from clipcast.posts.draft_lines import draft_lines
from clipcast.posts.lines import PostLine, lines_of
from clipcast.web.calendar_spans import VIEWS, Span, address, bounds, name_of, read_day, span_of
from clipcast.web.pages import is_htmx
from clipcast.web.times import zone_named
from clipcast.web.viewers import Looking, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

# static/app.js sets it: `narrow` or `wide`.
WIDTH_COOKIE = "clipcast_width"
# The most entries and free times of a day. A list is of two weeks, of which it shows the first day at length.
SHOWN = {"month": 3, "week": 30, "list": 20}
LATER_SHOWN = 5
FREE = {"month": 2, "week": 8, "list": 6}
# The most accounts that a search offers.
ACCOUNTS_FOUND = 20
# The most posts that the page follows: those whose time is nearest.
FOLLOWED = 100
# The states that a calendar is filtered by.
FILTERED = (
    "draft", "in_review", "changes", "approved", "scheduled", "publishing", "waiting", "held", "check", "published",
    "partial", "failed", "expired",
)  # fmt: skip
# The states that a link to further entries points out, the worst first.
WORST_FIRST = (
    "check",
    "failed",
    "partial",
    "expired",
    "held",
    "changes",
    "paused",
    "waiting",
    "in_review",
    "publishing",
)


@dataclass(frozen=True)
class Entry:
    """A post or a draft on a day."""

    line: PostLine
    kind: str
    moves: bool

    @property
    def client(self) -> Client | None:
        """The client of all its accounts."""
        return self.line.client

    @property
    def at(self) -> datetime:
        """Its time."""
        return self.line.starts_at


@dataclass(frozen=True)
class Free:
    """A free posting time of a client."""

    at: datetime
    client: Client
    line: None = None


@dataclass
class Cell:
    """A day with its entries. `more` is the number of those that it does not show, as text."""

    day: date
    name: str
    entries: list[Entry] = field(default_factory=list)
    total: int = 0
    more: str = ""
    worst: str = ""
    free: list[Free] = field(default_factory=list)
    # The number of free times that it does not show.
    more_free: int = 0

    @property
    def timeline(self) -> list[Entry | Free]:
        """The entries and the free times of the day, in the order of their times."""
        return sorted([*self.entries, *self.free], key=lambda one: one.at)


@router.get("/calendar")
async def calendar_page(
    member: Looking,
    request: Request,
    view: str = "",
    at: str = "",
    platform: str = "",
    account: str = "",
    state: str = "",
    free: str = "",
) -> Response:
    """Return the calendar. Unknown filters are left out. A narrow screen gets the list, whatever the view."""
    today = clock.now().astimezone(member.zone).date()
    span = span_of(_view(request, view), read_day(at, today))
    async with member.installation.database.session() as session:
        chosen = await get_connection(session, member.workspace.id, account) if account else None
        offered = await platforms_of(session, member.workspace.id)
        filters = {
            "platform": platform if platform in PLATFORMS else "",
            "account": str(chosen.id) if chosen else "",
            "client": member.chosen_client,
            "state": state if state in FILTERED else "",
            "free": free if free == "off" else "",
        }
        cells, loose = await _cells(member, session, span, filters, today)
        has_times = await _add_free_times(member, session, span, cells, filters)
    return member.render(
        "calendar.html",
        section="calendar",
        views=VIEWS,
        span=span,
        today=today,
        now=clock.now(),
        cells=cells,
        shown=[cell for cell in cells if cell.day >= span.at] if span.view == "list" else cells,
        loose=loose,
        filters=filters,
        filtered=any(value for name, value in filters.items() if name != "free"),
        chosen_account=chosen,
        offered=[name for name in PLATFORMS if name in offered],
        states=FILTERED,
        followed=_nearest(cells),
        has_times=has_times,
        wall_time=_wall_time,
        to=lambda **changes: _to(member.base, span, filters, changes),
    )


def _view(request: Request, view: str) -> str:
    """Return the view of a request. The pages' scripts say in a cookie how wide the screen is.

    A page that is open keeps its view: another window of the browser may be narrow.
    """
    width = request.cookies.get(WIDTH_COOKIE)
    is_phone = "Mobi" in request.headers.get("user-agent", "")
    if width == "narrow" and not (is_htmx(request) and view in VIEWS):
        return "list"
    return view if view in VIEWS else "list" if is_phone and width is None else "month"


@router.get("/calendar/accounts")
async def accounts_found(member: Looking, request: Request, find: str = "", view: str = "", at: str = "") -> Response:
    """Return the accounts whose name holds a text, each with the address of the calendar that it filters."""
    today = clock.now().astimezone(member.zone).date()
    span = span_of(_view(request, view), read_day(at, today))
    filters = {name: request.query_params.get(name, "") for name in ("platform", "account", "client", "state", "free")}
    async with member.installation.database.session() as session:
        accounts = await search_connections(session, member.workspace.id, find.strip()[:100], ACCOUNTS_FOUND)
    return member.render(
        "parts/calendar_accounts.html",
        accounts=accounts,
        chosen=filters["account"],
        to=lambda id: _to(member.base, span, filters, {"account": str(id)}),
    )


def _wall_time(at: datetime, zone: str) -> str:
    return f"{at.astimezone(zone_named(zone)):%H:%M}"


def _to(base: str, span: Span, filters: Mapping[str, str], changes: Mapping[str, Any]) -> str:
    """Return the address of this calendar with changes; an empty filter is left out."""
    others = {name: value for name, value in changes.items() if name not in ("view", "at")}
    kept = {name: value for name, value in {**filters, **others}.items() if value}
    return address(base, changes.get("view", span.view), changes.get("at", span.at), kept)


async def _cells(
    member: Member,
    session: AsyncSession,
    span: Span,
    filters: Mapping[str, str],
    today: date,
) -> tuple[list[Cell], list[Entry]]:
    """Return the days of the span, and the drafts without a time."""
    mine, zone = member.workspace.id, member.zone
    wanted = Wanted(
        filters["platform"] or None, parse_id(filters["account"]), filters["client"] or None, filters["state"] or None
    )
    edges = [bounds(day, zone) for day in span.days]
    days = await calendar.days_of(session, mine, edges, wanted)
    planned: list[Draft] = []
    waiting: list[Draft] = []
    if wanted.state in (None, "draft"):
        planned = await calendar.planned_drafts(session, mine, edges[0][0], edges[-1][1])
        waiting = await calendar.loose_drafts(session, mine) if span.view != "month" else []
    entries = await _draft_entries(member, session, [*planned, *waiting], wanted)
    shown = [LATER_SHOWN if span.view == "list" and day != span.at else SHOWN[span.view] for day in span.days]
    ids = [id for of_day, most in zip(days, shown, strict=True) for id, _ in of_day.posts[:most]]
    posts = await _post_entries(member, session, ids)
    cells = []
    for day, edge, of_day, most in zip(span.days, edges, days, shown, strict=True):
        timed = [one for one in entries if (at := one.line.scheduled_at) and edge[0] <= at < edge[1]]
        own = sorted([*(posts[id] for id, _ in of_day.posts[:most]), *timed], key=_by_time)
        cell = Cell(day, name_of(day, today), own[:most], len(of_day.posts) + len(timed))
        hidden = cell.total - len(cell.entries)
        cell.more = f"{hidden}{'' if of_day.is_whole else '+'}" if hidden or not of_day.is_whole else ""
        seen = {entry.line.id for entry in cell.entries}
        states = {state for id, state in of_day.posts if id not in seen}
        cell.worst = next((state for state in WORST_FIRST if state in states), "")
        cells.append(cell)
    return cells, [one for one in entries if one.line.scheduled_at is None]


async def _add_free_times(
    member: Member,
    session: AsyncSession,
    span: Span,
    cells: Sequence[Cell],
    filters: Mapping[str, str],
) -> bool:
    """Add the free times to the days, unless they are hidden; return whether clients have posting times here."""
    shown = {client.id: client for client in member.clients if filters["client"] in ("", str(client.id))}
    since, until = max(clock.now(), bounds(span.days[0], member.zone)[0]), bounds(span.days[-1], member.zone)[1]
    if not shown or since >= until or filters["state"]:
        return False
    executor = await from_session(session)
    slots = await slots_between(executor, member.workspace.id, list(shown), since, until)
    by_day = {cell.day: cell for cell in cells}
    most = FREE[span.view]
    account, platform = parse_id(filters["account"]), filters["platform"]
    for slot in slots if filters["free"] != "off" else ():
        # A time near midnight can vary past the last day.
        cell = by_day.get(slot.at.astimezone(member.zone).date())
        fits = not platform and (account is None or account in slot.account_ids)
        if not cell or not fits or slot.post_ids:
            continue
        if len(cell.free) < most:
            cell.free.append(Free(slot.at, shown[slot.client_id]))
        else:
            cell.more_free += 1
    return bool(slots)


def _by_time(entry: Entry) -> tuple[datetime, UUID]:
    return entry.line.starts_at, entry.line.id


async def _post_entries(member: Member, session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, Entry]:
    """Return the entries of these posts, by the post's id."""
    posts = await calendar.posts_of(session, ids)
    may_move = member.may("editor")
    lines = await lines_of(session, posts)
    return {line.id: Entry(line, "post", may_move and line.state in MOVABLE) for line in lines}


async def _draft_entries(member: Member, session: AsyncSession, found: Sequence[Draft], wanted: Wanted) -> list[Entry]:
    may_move = member.may("editor")
    return [
        Entry(line, "draft", may_move)
        for line, accounts in await draft_lines(session, member.workspace.id, found)
        if fits(accounts, wanted)
    ]


def fits(accounts: Sequence[Connection], wanted: Wanted) -> bool:
    """Return whether a draft with these accounts passes the filters; one without accounts passes none."""
    if not (wanted.platform or wanted.connection_id or wanted.client):
        return True
    return any(
        wanted.platform in (None, one.platform)
        and wanted.connection_id in (None, one.id)
        and wanted.client in (None, str(one.client_id or NO_CLIENT))
        for one in accounts
    )


def _nearest(cells: Sequence[Cell]) -> list[UUID]:
    """Return the posts that the page follows."""
    now = clock.now()
    posts = [one.line for cell in cells for one in cell.entries if one.kind == "post"]
    return [line.id for line in sorted(posts, key=lambda line: abs(line.starts_at - now))[:FOLLOWED]]
