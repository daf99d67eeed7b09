"""The list of posts for people: tabs with counts, filters, search, and pages by time.

Filters that match few posts give their ids by an index, and the page is taken from those. One that matches more than
`COUNTED` is a condition of a walk along the index of times: so many matches lie close together. A list is fast either
way, in a workspace of a million posts too.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Select,
    Uuid,
    case,
    false,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.database import among
from clipcast.database.models.clips import Render
from clipcast.database.models.connections import Connection
from clipcast.database.models.lists import PostLabel
from clipcast.database.models.posts import Draft, Item, Post
from clipcast.posts import captions, needy
from clipcast.reviews.states import UNAPPROVED

# Counts are exact up to this number.
COUNTED = 10_000
# A search looks at the names of so many clips and accounts.
NAMES_MAX = 200
# The items that are read to find the posts of a filter.
ITEMS_MAX = 5_000
TABS = ("all", "in_review", "scheduled", "published", "needs")

STARTS_AT = cast("ColumnElement[datetime]", Post.starts_at)


class Place(NamedTuple):
    """The place of a post in the order of a list."""

    starts_at: datetime
    id: UUID

    def __str__(self) -> str:
        return f"{self.starts_at.isoformat()}~{self.id}"


def read_place(text: str) -> Place | None:
    """Return the place that `str(place)` wrote; None for another text."""
    at, _, id = text.partition("~")
    try:
        instant = datetime.fromisoformat(at)
    except ValueError:
        return None
    found = parse_id(id)
    return Place(instant, found) if found and instant.tzinfo else None


@dataclass(frozen=True)
class Wanted:
    """The filters of a list. `connection_ids`: posts with an item on one of these; None for all.

    The tab `scheduled` begins with the earliest post, the others with the latest, unless `earliest_first`.
    """

    tab: str = "all"
    connection_ids: tuple[UUID, ...] | None = None
    query: str = ""
    # Posts that this person or API key made, or of this origin, or with this label.
    author_id: UUID | None = None
    origin: str = ""
    label_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: Place | None = None
    earliest_first: bool = False


@dataclass(frozen=True)
class Listed:
    """A page of posts, and the place after which the next page begins."""

    posts: list[Post]
    next: Place | None
    # The number of posts that match; None if it was not asked for, or would take long.
    total: int | None = None


@dataclass
class _Plan:
    """Ids to choose from (None: all posts of the workspace), and conditions."""

    ids: set[UUID] | None = None
    conditions: list[ColumnElement[bool]] = field(default_factory=list)

    def narrow(self, found: Collection[UUID] | None, otherwise: ColumnElement[bool]) -> None:
        """Choose from these ids; without them, by a condition that says the same."""
        if found is None:
            self.conditions.append(otherwise)
        else:
            self.ids = set(found) if self.ids is None else self.ids & set(found)


async def list_lines(
    session: AsyncSession, workspace_id: UUID, wanted: Wanted, limit: int, count: bool = False
) -> Listed:
    """Return a page of the posts that match, in the order of their times, and their number if it is to be counted.

    A number above `COUNTED` means more than that. A number that would take long to count is None.
    """
    ids, total = await _ids(session, workspace_id, wanted, limit + 1, count)
    return await _listed(session, ids, limit, total)


async def list_ids(session: AsyncSession, workspace_id: UUID, wanted: Wanted, limit: int) -> list[UUID]:
    """Return the ids of the posts that match, in the order of their times, at most `limit`."""
    return list((await _ids(session, workspace_id, wanted, limit, False))[0])


async def _ids(
    session: AsyncSession, workspace_id: UUID, wanted: Wanted, limit: int, count: bool
) -> tuple[Sequence[UUID], int | None]:
    """Return the ids of a page, and the number of all that match if it is to be counted."""
    if wanted == Wanted("needs", since=wanted.since, until=wanted.until, after=wanted.after):
        needing = await needy.page(session, workspace_id, limit, wanted.since, wanted.until, wanted.after)
        if needing is not None:
            span = wanted.since, wanted.until
            return needing, await needy.count(session, workspace_id, COUNTED, *span) if count else None
    plan = await _plan(session, workspace_id, wanted)
    if plan.ids is not None and not plan.ids:
        return [], 0
    matching = _matching(workspace_id, wanted, plan)
    if plan.ids is not None:
        return await _of_few(session, matching, wanted, limit, count)
    ids = (await session.scalars(_page(matching, wanted, STARTS_AT, Post.id).limit(limit))).all()
    return ids, await _number(session, matching.limit(COUNTED + 1)) if count and not plan.conditions else None


async def _of_few(
    session: AsyncSession, matching: Select[UUID], wanted: Wanted, limit: int, count: bool
) -> tuple[Sequence[UUID], int | None]:
    """Return the ids of a page, and the number of all that match if it is to be counted.

    Few posts are found first and sorted then: the planner might otherwise walk along the times.
    """
    found = matching.add_columns(STARTS_AT.label("at")).cte("found").prefix_with("MATERIALIZED")
    page = _page(select(found.c.id), wanted, found.c.at, found.c.id).limit(limit)
    number, ids = await needy.read_counted(session, found, page)
    return ids, min(number, COUNTED + 1) if count else None


def _page(query: Select[UUID], wanted: Wanted, at: ColumnElement[Any], id: Any) -> Select[UUID]:
    """Return the query in the order of a list, from the place after which a page begins."""
    # What goes out next comes first.
    ascending = wanted.tab == "scheduled" or wanted.earliest_first
    if wanted.after:
        after = tuple_(literal(wanted.after.starts_at, DateTime(timezone=True)), literal(wanted.after.id, Uuid()))
        query = query.where(tuple_(at, id) > after if ascending else tuple_(at, id) < after)
    return query.order_by(*(one.asc() if ascending else one.desc() for one in (at, id)))


async def _listed(session: AsyncSession, ids: Sequence[UUID], limit: int, total: int | None) -> Listed:
    """Return a page of posts from their ids, of which one more than the page has may be given."""
    rows = {post.id: post for post in await session.scalars(select(Post).where(among(Post.id, ids[:limit])))}
    posts = [rows[id] for id in ids if id in rows]
    return Listed(posts, Place(posts[-1].starts_at, posts[-1].id) if len(ids) > limit and posts else None, total)


async def tab_counts(session: AsyncSession, workspace_id: UUID) -> dict[str, int]:
    """Return the number of posts of each tab, and of drafts. A number above `COUNTED` means more than that."""
    queries = {
        "all": select(Post.id).where(Post.workspace_id == workspace_id),
        "in_review": select(Post.id).where(Post.workspace_id == workspace_id, Post.review.in_(UNAPPROVED)),
        "scheduled": needy.with_items(workspace_id, "pending"),
        "drafts": select(Draft.id).where(Draft.workspace_id == workspace_id, Draft.post_id.is_(None)),
    }
    numbers = {name: _counted(query.limit(COUNTED + 1)).scalar_subquery() for name, query in queries.items()}
    numbers["needs"] = needy.count_sql(workspace_id, COUNTED)
    counts = dict(zip(numbers, (await session.execute(select(*numbers.values()))).one(), strict=True))
    return counts | {"published": await _published_count(session, workspace_id)}


async def _published_count(session: AsyncSession, workspace_id: UUID) -> int:
    """Return the number of posts of which everything is published: of all posts, those that are not others."""
    unpublished = select(Item.post_id).where(Item.workspace_id == workspace_id, needy.UNPUBLISHED)
    # Their items are counted faster than the posts, and are enough if they leave more posts than are counted.
    items = await _number(session, unpublished)
    most = items + COUNTED + 1
    posts = _counted(select(Post.id).where(Post.workspace_id == workspace_id).limit(most)).cte("posts")
    number: ColumnElement[int] = posts.c.number
    # One statement sees both at one instant: a post that is created meanwhile is in both numbers, or in none.
    others = _counted(unpublished.distinct()).scalar_subquery()
    published = select(case((number == most, COUNTED + 1), else_=number - others)).select_from(posts)
    return int((await session.execute(published)).scalar_one())


def _counted(query: Select[UUID]) -> Select[int]:
    return select(func.count().label("number")).select_from(query.subquery())


async def _number(session: AsyncSession, query: Select[UUID]) -> int:
    return int((await session.execute(_counted(query))).scalar_one())


def _matching(workspace_id: UUID, wanted: Wanted, plan: _Plan) -> Select[UUID]:
    query = select(Post.id).where(Post.workspace_id == workspace_id, *plan.conditions)
    if plan.ids is not None:
        query = query.where(among(Post.id, plan.ids))
    return query.where(*_span(wanted))


def _span(wanted: Wanted) -> list[ColumnElement[bool]]:
    since = [wanted.since <= STARTS_AT] if wanted.since else []
    return since + ([wanted.until > STARTS_AT] if wanted.until else [])


def has_item(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return whether a post has such an item. A scalar subquery is asked post by post, and never joined."""
    found = select(true()).where(Item.post_id == Post.id, *conditions).limit(1).correlate(Post)
    return found.scalar_subquery().is_not(None)


async def _plan(session: AsyncSession, workspace_id: UUID, wanted: Wanted) -> _Plan:
    plan, accounts = _Plan(), wanted.connection_ids
    of_accounts = [among(Item.connection_id, accounts)] if accounts is not None else []
    match wanted.tab:
        case "scheduled":
            found = await _of_status(session, workspace_id, "pending", accounts)
            plan.narrow(found, has_item(needy.has_status("pending"), *of_accounts) & (clock.now() < STARTS_AT))
        case "needs":
            failed = has_item(needy.has_status("failed"), *of_accounts) & (clock.now() >= STARTS_AT)
            plan.narrow(await _needy(session, workspace_id, accounts), failed)
        case "in_review":
            reviewed = (Post.workspace_id == workspace_id) & Post.review.in_(UNAPPROVED)
            plan.narrow(await _few(session, select(Post.id).where(reviewed), COUNTED), Post.review.in_(UNAPPROVED))
        case "published":
            plan.conditions += [
                ~has_item(Item.workspace_id == workspace_id, needy.UNPUBLISHED),
                clock.now() >= STARTS_AT,
            ]
    if accounts is not None and wanted.tab not in ("scheduled", "needs"):
        found = await _few(session, select(Item.post_id).where(*of_accounts), ITEMS_MAX)
        plan.narrow(found, has_item(*of_accounts))
    for ids, condition in _marked(workspace_id, wanted):
        plan.narrow(await _few(session, ids, ITEMS_MAX), condition)
    if wanted.query:
        await _search(session, workspace_id, wanted, plan)
    return plan


def _marked(workspace_id: UUID, wanted: Wanted) -> Iterator[tuple[Select[UUID], ColumnElement[bool]]]:
    """Yield what finds the posts of an author, an origin and a label by an index, and what says it of one post."""
    posts = select(Post.id).where(Post.workspace_id == workspace_id)
    if wanted.author_id:
        yield posts.where(Post.author_id == wanted.author_id), Post.author_id == wanted.author_id
    if wanted.origin:
        yield posts.where(Post.origin == wanted.origin), Post.origin == wanted.origin
    if wanted.label_id:
        labelled = select(PostLabel.post_id).where(PostLabel.label_id == wanted.label_id)
        on_post = select(true()).where(PostLabel.post_id == Post.id, PostLabel.label_id == wanted.label_id)
        yield labelled, on_post.correlate(Post).scalar_subquery().is_not(None)


async def _of_status(
    session: AsyncSession, workspace_id: UUID, status: str, accounts: Collection[UUID] | None
) -> set[UUID] | None:
    """Return the posts with an item of this status, on one of these accounts if there are some; None: too many."""
    if accounts is None:
        return await _few(session, needy.with_items(workspace_id, status), COUNTED)
    query = select(Item.post_id).where(among(Item.connection_id, accounts), Item.status == status)
    return await _few(session, query, ITEMS_MAX)


async def _few(session: AsyncSession, query: Select[UUID], most: int) -> set[UUID] | None:
    """Return the ids of a query; None if they are more than `most`."""
    found = query.limit(most + 1).cte("found").prefix_with("MATERIALIZED")
    number = select(func.count()).select_from(found).scalar_subquery()
    # One value, which is read faster than as many rows. Too many ids stay in the database.
    ids = case((number <= most, func.array(select(*found.c).scalar_subquery(), type_=ARRAY(Uuid()))))
    few: list[UUID] | None = (await session.execute(select(ids))).scalar_one()
    return None if few is None else set(few)


async def _needy(
    session: AsyncSession, workspace_id: UUID, accounts: Collection[UUID] | None = None
) -> set[UUID] | None:
    """Return the posts that need a person: with items that failed, or that wait for their account. None: too many."""
    failed = await _of_status(session, workspace_id, "failed", accounts)
    held = needy.held(workspace_id)
    if accounts is not None:
        held = held.where(among(Item.connection_id, accounts))
    waiting = await _few(session, held, ITEMS_MAX)
    if failed is None or waiting is None:
        return None
    return failed | waiting


async def _search(session: AsyncSession, workspace_id: UUID, wanted: Wanted, plan: _Plan) -> None:
    """Narrow the plan to posts that contain the words: in a caption, a clip's name, a handle, or as an id.

    Frequent captions are a condition of the walk along the times. An index finds the others.
    """
    # The words in this order, with anything between them.
    pattern = f"%{'%'.join(escaped(word) for word in wanted.query.split())}%"
    found: set[UUID] = set()
    if id := parse_id(wanted.query):
        found |= {id, *await session.scalars(select(Item.post_id).where(Item.id == id))}
    many: list[ColumnElement[bool]] = []
    newest = await captions.search_newest(session, workspace_id, pattern, wanted.since, wanted.until)
    older: set[UUID] | None = None if newest.are_frequent else set()
    if not newest.are_all and not newest.are_frequent:
        worded = select(Item.post_id).where(Item.workspace_id == workspace_id, captions.with_words(wanted.query))
        older = await _few(session, worded, ITEMS_MAX)
    if older is None:
        many.append(has_item(captions.has_caption(pattern, wanted.query)))
    else:
        found |= newest.post_ids | older
    clips = select(Render.edit_setting_id).where(Render.workspace_id == workspace_id, Render.name.ilike(pattern))
    edit_ids = list(await session.scalars(clips.order_by(Render.id.desc()).limit(NAMES_MAX)))
    handles = Connection.username.ilike(pattern) | Connection.display_name.ilike(pattern)
    accounts = select(Connection.id).where(Connection.workspace_id == workspace_id, handles)
    connection_ids = list(await session.scalars(accounts.order_by(Connection.id.desc()).limit(NAMES_MAX)))
    for column, ids in ((Item.edit_id, edit_ids), (Item.connection_id, connection_ids)):
        few = await _few(session, select(Item.post_id).where(among(column, ids)), ITEMS_MAX) if ids else set()
        if few is None:
            many.append(has_item(among(column, ids)))
        else:
            found |= few
    if many:
        plan.conditions.append(or_(among(Post.id, found), *many))
    else:
        plan.narrow(found, false())


def escaped(words: str) -> str:
    """Return the words for a pattern of LIKE, in which nothing stands for another character."""
    return re.sub(r"([\\%_])", r"\\\1", words)
