"""The pages of posts: the list, and a post with its items and their fixes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from clipcast.api.pagination import PageParams
from clipcast.clients.repository import get_client
from clipcast.common.ids import new_id, parse_id
from clipcast.common.pagination import pagination
from clipcast.common.problems import AppError, NotFound
from clipcast.common.storable import UNSTORABLE
from clipcast.connections.repository import CHOICES, NO_CLIENT, get_connection, list_names, of_client
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Post
from clipcast.people.repository import list_members
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import captions, draft_lines, listing
from clipcast.posts.labels import get_label, list_labels
from clipcast.posts.lines import PostLine, lines_of
from clipcast.posts.views import list_views
from clipcast.web import times
from clipcast.web.bulk_outcome import ONGOING
from clipcast.web.forms import FilledForm
from clipcast.web.pages import shown_number
from clipcast.web.sent import made_of_draft
from clipcast.web.viewers import Editing, Looking, Member
from clipcast.workspaces.repository import list_keys_of

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

# The most posts of one action on many, and the longest search.
CHOSEN_MAX = listing.COUNTED
QUERY_MAX = 200
# The rows of a page of the list.
ROWS = 50
TABS = {
    "all": "All", "drafts": "Drafts", "in_review": "In review", "scheduled": "Scheduled", "published": "Published",
    "needs": "Needs you",
}  # fmt: skip
# The filters in an address of the list.
FILTERS = ("state", "client", "account", "q", "from", "to", "by", "label")
# Those that the list of drafts has, too.
OF_DRAFTS = ("client", "q")
# What a post may be made from, as a value of `by`.
ORIGINS = {"csv": "CSV file", "repeat": "Repeat"}
# The most members, and the most API keys, from which people choose who made a post.
AUTHORS_MAX = 200


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
async def posts_page(member: Looking, after: str = "", made: str = "") -> Response:
    """Return the list of posts. Its filters are in the address (`read_filters`); `after` is the place of a page.

    After a draft has become several posts, `made` names them (`sign_made`): the page says so, and offers to undo it.
    """
    mine = member.workspace.id
    place = listing.read_place(after)
    async with member.installation.database.session() as session:
        filters = await read_filters(member, session, dict(member.request.query_params))
        counted = bool(filters.words)
        found = await listing.list_lines(session, mine, replace(filters.wanted, after=place), ROWS, count=counted)
        lines = await lines_of(session, found.posts)
        counts = {} if counted else await listing.tab_counts(session, mine)
        accounts = await list_names(session, mine)
        are_all = len(accounts) < CHOICES
        account = filters.typed["account"]
        asked = await get_connection(session, mine, account) if account else None
        nearest = "" if lines or place else await _nearest(session, member, filters)
        labels = await list_labels(session, mine)
        authors = await _authors(session, member, filters.typed["by"])
        views = await list_views(session, mine, member.user.id)
        news = await made_of_draft(session, member, made) if made else None
    accounts += [asked] if asked is not None and asked not in accounts else []
    state = filters.typed["state"] or "all"
    number = counts.get(state, found.total)
    return member.render(
        "posts.html",
        section="posts",
        ongoing=ONGOING,
        lines=lines,
        days=_by_day(lines, member.zone),
        news=news,
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
        press=new_id(),
        here={"after": after if place else ""} | {name: value for name, value in filters.typed.items() if value},
        clients=member.clients,
        all_words=_all_words(number, found.next is not None or place is not None),
        all_number=shown_number(min(number or CHOSEN_MAX, CHOSEN_MAX)),
        labels=labels,
        label=next((one.name for one in labels if str(one.id) == filters.typed["label"]), ""),
        authors=authors,
        origins=ORIGINS,
        views=[(one, f"{member.base}/posts?{one.query}", one.query == _query(filters.typed)) for one in views],
        view_query=_query(filters.typed),
        days_in_words=times.days_in_words(filters.typed["from"], filters.typed["to"], member.zone),
        any_day=_query(filters.typed | {"from": "", "to": ""}),
        searched_newest=shown_number(captions.NEWEST) if filters.typed["q"] and not found.next else "",
    )


@router.get("/drafts")
async def drafts_page(
    member: Editing,
    page: Annotated[PageParams, Depends()],
    q: Annotated[str, Query(max_length=200)] = "",
    client: str = "",
) -> Response:
    """Return the list of the workspace's drafts as a tab of the posts: those with these words, for this client."""
    mine = member.workspace.id
    async with member.installation.database.session() as session:
        filters = await read_filters(member, session, {"q": q, "client": client})
        of = filters.wanted.connection_ids
        found, total = await draft_lines.search(session, mine, filters.typed["q"], page.offset, page.limit, of)
        lines = {line.id: line for line, _ in await draft_lines.draft_lines(session, mine, found)}
        counts = {"drafts": total} if filters.words else await listing.tab_counts(session, mine)
    query = _query(filters.typed)
    return member.render(
        "drafts.html",
        section="posts",
        drafts=found,
        lines=lines,
        typed=filters.typed,
        form=filters.problems,
        filters=filters.words,
        clients=member.clients,
        more_query=f"&{query}" if query else "",
        pagination=pagination(page, total),
        shown_tabs=_tabs(member, filters, counts, None),
    )


async def read_filters(member: Member, session: AsyncSession, given: Mapping[str, str]) -> Filters:
    """Return the filters of an address, or of a form.

    They are `state`, `client`, `account`, `q`, `from`, `to`, `by` and `label`. `account` is a connection's id or a
    platform's name; `from` and `to` are days of the viewer's zone. `by` is the id of a person or an API key, or one of
    `ORIGINS`; `label` is an id. What is invalid has a problem, and is left out.
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
    by, author_id = given.get("by", ""), parse_id(given.get("by", ""))
    if by and by not in ORIGINS and author_id is None:
        problems.add_problem("by", "This is not a person or an API key, so the list shows all.")
        by = ""
    if by:
        made_by = ORIGINS.get(by) or await _author_name(session, member.workspace.id, author_id)
        words.append(f"made by {made_by}" if author_id else made_by)
    label = given.get("label", "")
    if label:
        try:
            words.append(f"#{(await get_label(session, member.workspace.id, label)).name}")
        except NotFound:
            problems.add_problem("label", "This label does not exist, so the list shows all.")
            label = ""
    typed = {
        "state": state if state in listing.TABS and state != "all" else "",
        "client": client,
        "account": "" if "account" in problems.problems else account,
        "q": search,
        "from": since if first else "",
        "to": until if last else "",
        "by": by,
        "label": label,
    }
    wanted = listing.Wanted(
        typed["state"] or "all",
        connection_ids,
        search,
        author_id if by else None,
        by if by in ORIGINS else "",
        parse_id(label),
        first[0] if first else None,
        last[1] if last else None,
    )
    return Filters(typed, wanted, problems, words)


def require_all(filters: Filters) -> None:
    """Raise AppError 422 if a filter was left out, so that nothing is done with posts that it would not show."""
    if any(not filters.typed[name] for name in filters.problems.problems):
        raise AppError(422, "validation_failed", "A filter no longer exists. Reload the list.")


async def _author_name(session: AsyncSession, workspace_id: UUID, author_id: UUID | None) -> str:
    """Return the name of a person or an API key, as the newest of its posts has it."""
    query = select(Post.author_name).where(Post.workspace_id == workspace_id, Post.author_id == author_id)
    return await session.scalar(query.limit(1)) or "somebody"


async def _authors(session: AsyncSession, member: Member, chosen: str) -> list[tuple[str, str, str]]:
    """Return who may have made a post: group, id and name."""
    people, _ = await list_members(session, member.workspace.id, 0, AUTHORS_MAX)
    keys, _ = await list_keys_of(session, member.workspace.id, 0, AUTHORS_MAX)
    found = [("People", str(one.user.id), one.user.name) for one in people]
    found += [("API keys", str(one.id), one.name) for one in keys]
    if (id := parse_id(chosen)) and chosen not in {one[1] for one in found}:
        found.append(("Others", chosen, await _author_name(session, member.workspace.id, id)))
    return found


def _query(typed: Mapping[str, str]) -> str:
    return urlencode({name: value for name, value in typed.items() if value})


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
            query = _query({name: filters.typed[name] for name in OF_DRAFTS})
            address = f"{member.base}/drafts" + (f"?{query}" if query else "")
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
    if number is not None and number <= CHOSEN_MAX:
        return f"All {shown_number(number)} that match"
    return f"The first {shown_number(CHOSEN_MAX)} that match"
