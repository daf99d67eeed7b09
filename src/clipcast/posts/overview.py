"""The data of the overview page: what needs a person, today, the next days, and the last 30 days.

Each query reads a bounded number of rows, so that the page is fast beside a million posts.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import DateTime, String, Uuid, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from clipcast.clock import clock
from clipcast.database.models.connections import Connection
from clipcast.database.models.jobs import Job, JobState
from clipcast.database.models.people import Membership
from clipcast.database.models.posts import Item, Post
from clipcast.posts.listing import COUNTED, STARTS_AT, failed_count
from clipcast.posts.states import item_state

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
OPEN = ("pending", "processing")
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


async def stuck_items(session: AsyncSession, workspace_id: UUID) -> list[Item]:
    """Return the latest items that need a person: failed, or waiting for their account or a worker that knows them."""
    found: list[Item] = []
    held = select(Job.subject_id).where(Job.workspace_id == workspace_id, Job.state == JobState.HELD)
    # The condition of the index.
    stranded = select(Job.subject_id).where(Job.state == JobState.STRANDED, Job.program.is_not(None))
    shown = Item.id.in_(stranded) & Item.error.is_not(None)
    for needy in (Item.status == "failed", Item.id.in_(held), shown):  # an index each
        query = select(Item).where(Item.workspace_id == workspace_id, needy)
        query = query.options(joinedload(Item.connection), joinedload(Item.job))
        found += await session.scalars(query.order_by(Item.id.desc()).limit(NEEDY))
    return sorted(found, key=lambda item: item.id, reverse=True)[:NEEDY]


async def lost_accounts(session: AsyncSession, workspace_id: UUID, most: int) -> list[tuple[Connection, int]]:
    """Return accounts that must be connected again, each with the number of items that wait for it, most first."""
    query = select(Connection).where(
        Connection.workspace_id == workspace_id,
        Connection.status == "needs_reconnect",
        Connection.removed_at.is_(None),
    )
    lost = list(await session.scalars(query.limit(most)))
    if not lost:
        return []
    waiting = (
        select(Item.connection_id)
        .where(Item.workspace_id == workspace_id, Item.status.in_(OPEN), Item.status != "published")
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
        total += len(lost) + await failed_count(session, workspace_id) + waiting
    return total


async def today(session: AsyncSession, workspace_id: UUID, begins: datetime, ends: datetime) -> Today:
    """Return the posts of the day between these instants."""
    now = clock.now()
    of_day = select(Post).where(Post.workspace_id == workspace_id, begins <= STARTS_AT, ends > STARTS_AT)
    out, to_go = of_day.where(now >= STARTS_AT), of_day.where(now < STARTS_AT)
    past = await session.scalars(out.order_by(STARTS_AT.desc(), Post.id.desc()).limit(TODAY_MAX))
    ahead = await session.scalars(to_go.order_by(STARTS_AT, Post.id).limit(TODAY_MAX))
    numbers = []
    for query in (out, to_go):
        counted = query.with_only_columns(Post.id).limit(COUNTED + 1).subquery()
        numbers.append((await session.execute(select(func.count()).select_from(counted))).scalar_one())
    return Today(list(past)[::-1], list(ahead), *numbers)


async def next_post(session: AsyncSession, workspace_id: UUID) -> Post | None:
    """Return the next post that goes out."""
    query = select(Post).where(Post.workspace_id == workspace_id, clock.now() < STARTS_AT)
    return (await session.scalars(query.order_by(STARTS_AT, Post.id).limit(1))).first()


async def days_ahead(session: AsyncSession, workspace_id: UUID, zone: ZoneInfo) -> Ahead:
    """Return the posts of the next days by account."""
    now = clock.now()
    until = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=AHEAD)
    query = select(Post.id, STARTS_AT).where(Post.workspace_id == workspace_id, now < STARTS_AT, until > STARTS_AT)
    posts = {row[0]: row[1] for row in await session.execute(query.order_by(STARTS_AT, Post.id).limit(AHEAD_MAX + 1))}
    found = Ahead(is_more=len(posts) > AHEAD_MAX)
    accounts = select(Item.post_id, Item.connection_id).where(Item.post_id.in_(list(posts))).distinct()
    for post_id, connection_id in await session.execute(accounts) if posts else []:
        day = posts[post_id].astimezone(zone).date()
        found.by_account.setdefault(connection_id, {}).setdefault(day, set()).add(post_id)
    return found


PUBLISHED = text("""
    SELECT CAST(published_at AT TIME ZONE :zone AS date), count(*) FROM items
    WHERE workspace_id = :workspace_id AND published_at >= :since AND published_at < :until GROUP BY 1
""").bindparams(
    bindparam("workspace_id", type_=Uuid()),
    bindparam("zone", type_=String()),
    bindparam("since", type_=DateTime(timezone=True)),
    bindparam("until", type_=DateTime(timezone=True)),
)
FAILED = text("""
    SELECT CAST(at AT TIME ZONE :zone AS date), count(*)
    FROM (SELECT updated_at AS at FROM items WHERE workspace_id = :workspace_id AND status = 'failed'
          ORDER BY id DESC LIMIT :most) AS newest
    WHERE at >= :since GROUP BY 1
""").bindparams(
    bindparam("workspace_id", type_=Uuid()),
    bindparam("zone", type_=String()),
    bindparam("since", type_=DateTime(timezone=True)),
)
LATENESS = text("""
    SELECT percentile_cont(0.5) WITHIN GROUP (
        ORDER BY extract(epoch FROM newest.published_at - coalesce(posts.scheduled_at, newest.created_at)))
    FROM (SELECT post_id, published_at, created_at FROM items
          WHERE workspace_id = :workspace_id AND published_at IS NOT NULL
          ORDER BY published_at DESC LIMIT :most) AS newest
    JOIN posts ON posts.id = newest.post_id
""").bindparams(bindparam("workspace_id", type_=Uuid()))

_past_days: dict[tuple[UUID, str, date], dict[date, int]] = {}


async def by_day(session: AsyncSession, workspace_id: UUID, zone: ZoneInfo) -> list[Day]:
    """Return the last 30 days in this zone, oldest first. Those before today are counted once a day."""
    now = clock.now()
    local = now.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    first = (midnight - timedelta(days=DAYS - 1)).replace(fold=0)
    values: dict[str, Any] = {"workspace_id": workspace_id, "zone": zone.key}
    key = workspace_id, zone.key, local.date()
    if key not in _past_days:
        rows = await session.execute(PUBLISHED, values | {"since": first, "until": midnight})
        while len(_past_days) >= KEPT:
            del _past_days[next(iter(_past_days))]
        _past_days[key] = {row[0]: row[1] for row in rows}
    rows = await session.execute(PUBLISHED, values | {"since": midnight, "until": now + timedelta(days=1)})
    published = _past_days[key] | {row[0]: row[1] for row in rows}
    rows = await session.execute(FAILED, values | {"since": first, "most": FAILED_OF})
    failed = {row[0]: row[1] for row in rows}
    days = [local.date() - timedelta(days=ago) for ago in range(DAYS - 1, -1, -1)]
    return [Day(str(day), published.get(day, 0), failed.get(day, 0)) for day in days]


async def lateness(session: AsyncSession, workspace_id: UUID) -> float | None:
    """Return the median of the seconds from due to live, of the newest published items; None without any."""
    seconds = (await session.execute(LATENESS, {"workspace_id": workspace_id, "most": LATE_OF})).scalar_one()
    return None if seconds is None else float(seconds)
