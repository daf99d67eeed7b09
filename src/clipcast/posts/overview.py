"""The data of the overview page: what needs a person, today, the next days, and the last 30 days.

Each query reads a bounded number of rows, so that the page is fast beside a million posts. `accounts` are the ids of
the connections that count; None: all of the workspace.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import cast as cast_type
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Date, Select, any_, cast, extract, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from clipcast.clock import clock
from clipcast.connections.manage import UNFINISHED
from clipcast.database import among
from clipcast.database.limits import Limit, limit_of
from clipcast.database.models.connections import Connection
from clipcast.database.models.jobs import Job, JobState
from clipcast.database.models.people import Membership
from clipcast.database.models.posts import Item, Post
from clipcast.posts import needy
from clipcast.posts.listing import COUNTED, STARTS_AT, has_item
from clipcast.posts.repository import had_failed
from clipcast.posts.states import item_state
from clipcast.reviews.repository import stuck_posts

NEEDY = 20
DAYS = 30
# The rows of today, the days ahead, and the posts that they count.
TODAY_MAX = 12
AHEAD = 7
AHEAD_MAX = 1000
# The items whose lateness counts, and those that are read to say what waits for an account.
LATE_OF = 1000
FAILED_OF = 3000
WAITING_OF = 5000
# The past days of so many workspaces are kept in this process: they do not change any more.
KEPT = 500


@dataclass(frozen=True)
class Day:
    """One day in the viewer's zone, with its items."""

    date: str
    published: int
    failed: int


@dataclass(frozen=True)
class Today:
    """The posts of a day: the last ones that are out and the next ones to go, and the numbers of both."""

    past: list[Post]
    ahead: list[Post]
    out: int
    to_go: int


@dataclass
class Ahead:
    """The posts by account and by day from today, and whether they are more than were read."""

    by_account: dict[UUID, dict[date, set[UUID]]] = field(default_factory=dict)
    is_more: bool = False


Accounts = Collection[UUID] | None


def _of(accounts: Accounts) -> list[ColumnElement[bool]]:
    """Return the conditions on an item."""
    return [] if accounts is None else [among(Item.connection_id, accounts)]


def _posts_of(accounts: Accounts) -> list[ColumnElement[bool]]:
    """Return the conditions on a post."""
    return [] if accounts is None else [has_item(*_of(accounts))]


async def stuck_items(session: AsyncSession, workspace_id: UUID, accounts: Accounts = None) -> list[Item]:
    """Return the latest items that need a person: failed, or waiting for their account or a worker that knows them."""
    found: list[Item] = []
    held = select(Job.subject_id).where(Job.workspace_id == workspace_id, needy.in_state(JobState.HELD))
    stranded = select(Job.subject_id).where(Job.workspace_id == workspace_id, needy.in_state(JobState.STRANDED))
    stranded = stranded.where(Job.program.is_not(None))
    shown = _is_any(stranded) & Item.error.is_not(None)
    for stuck in (needy.has_status("failed"), _is_any(held), shown):  # an index each
        query = select(Item).where(Item.workspace_id == workspace_id, stuck, *_of(accounts))
        query = query.options(joinedload(Item.connection), joinedload(Item.job))
        found += await session.scalars(query.order_by(Item.id.desc()).limit(NEEDY))
    return sorted(found, key=lambda item: item.id, reverse=True)[:NEEDY]


def _is_any(ids: Select[UUID]) -> ColumnElement[bool]:
    """Return whether an item has one of these ids.

    They are found first. The planner might join them to all items from the latest one on, and the items of scheduled
    posts come first.
    """
    return Item.id == any_(func.array(ids.scalar_subquery()))


async def stuck_reviews(session: AsyncSession, workspace_id: UUID, accounts: Accounts = None) -> list[Post]:
    """Return posts in review that nobody can approve any more, the next ones to go out first."""
    return await stuck_posts(session, workspace_id, NEEDY, *_posts_of(accounts))


async def lost_accounts(
    session: AsyncSession, workspace_id: UUID, most: int, accounts: Accounts = None
) -> list[tuple[Connection, int]]:
    """Return accounts that must be connected again, each with the number of items that wait for it, most first."""
    query = select(Connection).where(
        Connection.workspace_id == workspace_id,
        Connection.status == "needs_reconnect",
        Connection.removed_at.is_(None),
        *([] if accounts is None else [among(Connection.id, accounts)]),
    )
    lost = list(await session.scalars(query.limit(most)))
    if not lost:
        return []
    waiting = (
        select(Item.connection_id)
        .where(among(Item.connection_id, [account.id for account in lost]), UNFINISHED)
        .limit(WAITING_OF)
        .subquery()
    )
    counted = select(waiting.c.connection_id, func.count()).group_by(waiting.c.connection_id)
    numbers = {row[0]: row[1] for row in await session.execute(counted)}
    return sorted(((one, numbers.get(one.id, 0)) for one in lost), key=lambda pair: -pair[1])


def needy_items(stuck: Iterable[Item], lost: Collection[UUID]) -> dict[UUID, Item]:
    """Return the newest item of each post that needs a person, without those that only wait for a lost account."""
    newest: dict[UUID, Item] = {}
    for item in stuck:
        if not (item_state(item) == "held" and item.connection_id in lost):
            newest.setdefault(item.post_id, item)
    return newest


def waiting_count(items: Iterable[Item]) -> int:
    """Return the number of items that wait and have not failed."""
    return sum(1 for item in items if item_state(item) in ("held", "waiting"))


async def needs_of_person(session: AsyncSession, user_id: UUID) -> int:
    """Return the number of accounts and posts that need somebody, in all workspaces of a person."""
    mine = select(Membership.workspace_id).where(Membership.user_id == user_id)
    total = 0
    for workspace_id in (await session.scalars(mine)).all():
        lost = await lost_accounts(session, workspace_id, NEEDY)
        stuck = await stuck_items(session, workspace_id)
        waiting = waiting_count(needy_items(stuck, {account.id for account, _ in lost}).values())
        total += len(lost) + await needy.failed_count(session, workspace_id, COUNTED) + waiting
        total += len(await stuck_reviews(session, workspace_id))
    return total


async def today(
    session: AsyncSession, workspace_id: UUID, begins: datetime, ends: datetime, accounts: Accounts = None
) -> Today:
    """Return the posts of the day between these instants."""
    now = clock.now()
    of_day = select(Post).where(Post.workspace_id == workspace_id, begins <= STARTS_AT, ends > STARTS_AT)
    of_day = of_day.where(*_posts_of(accounts))
    out, to_go = of_day.where(now >= STARTS_AT), of_day.where(now < STARTS_AT)
    past = await session.scalars(out.order_by(STARTS_AT.desc(), Post.id.desc()).limit(TODAY_MAX))
    ahead = await session.scalars(to_go.order_by(STARTS_AT, Post.id).limit(TODAY_MAX))
    counted = (query.with_only_columns(Post.id).limit(COUNTED + 1).subquery() for query in (out, to_go))
    numbers = (select(func.count()).select_from(ids).scalar_subquery() for ids in counted)
    number_out, number_to_go = (await session.execute(select(*numbers))).one()
    return Today(list(past)[::-1], list(ahead), number_out, number_to_go)


async def next_post(session: AsyncSession, workspace_id: UUID, accounts: Accounts = None) -> Post | None:
    """Return the next post that goes out."""
    if accounts is not None:  # along the index of unfinished items
        coming = select(Item.post_id).where(*_of(accounts), Item.status == "pending", Item.goes_at > clock.now())
        query = select(Post).where(Post.id == coming.order_by(Item.goes_at).limit(1).scalar_subquery())
        return (await session.scalars(query)).first()
    query = select(Post).where(Post.workspace_id == workspace_id, clock.now() < STARTS_AT)
    return (await session.scalars(query.order_by(STARTS_AT, Post.id).limit(1))).first()


async def days_ahead(session: AsyncSession, workspace_id: UUID, zone: ZoneInfo, accounts: Accounts = None) -> Ahead:
    """Return the posts of the next days by account."""
    now = clock.now()
    until = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=AHEAD)
    query = select(Post.id, STARTS_AT).where(Post.workspace_id == workspace_id, now < STARTS_AT, until > STARTS_AT)
    query = query.where(*_posts_of(accounts))
    posts = {row[0]: row[1] for row in await session.execute(query.order_by(STARTS_AT, Post.id).limit(AHEAD_MAX + 1))}
    found = Ahead(is_more=len(posts) > AHEAD_MAX)
    days = {post_id: at.astimezone(zone).date() for post_id, at in posts.items()}
    items = select(Item.post_id, Item.connection_id).where(among(Item.post_id, posts), *_of(accounts)).distinct()
    for post_id, connection_id in await session.execute(items) if posts else []:
        found.by_account.setdefault(connection_id, {}).setdefault(days[post_id], set()).add(post_id)
    return found


def _local_day(at: ColumnElement[datetime], zone: ZoneInfo) -> ColumnElement[date]:
    return cast(func.timezone(zone.key, at), Date)


def _published(
    workspace_id: UUID, accounts: Accounts, zone: ZoneInfo, since: datetime, until: datetime
) -> Select[date, int]:
    """Return the numbers of published items by day."""
    at = cast_type("ColumnElement[datetime]", Item.published_at)
    query = select(_local_day(at, zone), func.count()).where(Item.workspace_id == workspace_id, *_of(accounts))
    return query.where(at >= since, at < until).group_by(text("1"))


def _failed(workspace_id: UUID, accounts: Accounts, zone: ZoneInfo, since: datetime) -> Select[date, int]:
    """Return the numbers of failed items by day: of the newest ones."""
    newest = select(Item.updated_at).where(
        Item.workspace_id == workspace_id, needy.has_status("failed"), *_of(accounts)
    )
    at = newest.order_by(Item.id.desc()).limit(FAILED_OF).subquery().c.updated_at
    return select(_local_day(at, zone), func.count()).where(at >= since).group_by(text("1"))


# By workspace, accounts, zone and day.
_past_days: dict[tuple[UUID, Limit | None, frozenset[UUID] | None, str, date], dict[date, int]] = {}


async def by_day(session: AsyncSession, workspace_id: UUID, zone: ZoneInfo, accounts: Accounts = None) -> list[Day]:
    """Return the last 30 days in this zone, oldest first. Those before today are counted once a day."""
    now = clock.now()
    local = now.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    first = (midnight - timedelta(days=DAYS - 1)).replace(fold=0)
    key = workspace_id, limit_of(session), None if accounts is None else frozenset(accounts), zone.key, local.date()
    if key not in _past_days:
        rows = await session.execute(_published(workspace_id, accounts, zone, first, midnight))
        while len(_past_days) >= KEPT:
            del _past_days[next(iter(_past_days))]
        _past_days[key] = {row[0]: row[1] for row in rows}
    rows = await session.execute(_published(workspace_id, accounts, zone, midnight, now + timedelta(days=1)))
    published = _past_days[key] | {row[0]: row[1] for row in rows}
    rows = await session.execute(_failed(workspace_id, accounts, zone, first))
    failed = {row[0]: row[1] for row in rows}
    days = [local.date() - timedelta(days=ago) for ago in range(DAYS - 1, -1, -1)]
    return [Day(str(day), published.get(day, 0), failed.get(day, 0)) for day in days]


async def lateness(session: AsyncSession, workspace_id: UUID, accounts: Accounts = None) -> float | None:
    """Return the median of the seconds from due to live, of the newest published items; None without any.

    An item that failed and was retried does not count: it waited for a person.
    """
    newest = select(Item.post_id, Item.published_at, Item.created_at).where(
        Item.workspace_id == workspace_id,
        Item.published_at.is_not(None),
        ~had_failed(Item.id.expression),
        *_of(accounts),
    )
    item = newest.order_by(Item.published_at.desc()).limit(LATE_OF).subquery()
    due = func.coalesce(Post.scheduled_at, Post.started_at, item.c.created_at)
    median = func.percentile_cont(0.5).within_group(extract("epoch", item.c.published_at - due))
    query = select(median).select_from(item).join(Post, Post.id == item.c.post_id)
    seconds = (await session.execute(query)).scalar_one()
    return None if seconds is None else float(seconds)
