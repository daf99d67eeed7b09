"""Free posting times: which instants accounts have, which are taken, and which come next.

An item takes a posting time of its account (`items.slot_at`). The index of that column gives each to one item. Posts
that a person scheduled for about a posting time take it, too.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter
from uuid import UUID
from zoneinfo import ZoneInfo

from asyncpg import Range

from clipcast.clients.times import Days, PostingTime, instants_between, varied, window_of
from clipcast.clock import clock
from clipcast.common.problems import AppError
from clipcast.database.hot_queries import Executor, Statement

# Posting times are searched this far ahead, in steps: most searches end with the first one.
HORIZON = timedelta(days=365)
STEP = timedelta(days=28)
# A worker needs a moment for a post that is due.
LEAD = timedelta(minutes=1)

CLIENTS = Statement("""
    SELECT id, timezone, jitter_minutes FROM clients
    WHERE workspace_id = :workspace_id AND id = ANY(:ids) ORDER BY id
""")
# Holds the client until the transaction ends, so that of two requests at once the later one finds what the first took.
LOCK = Statement("""
    SELECT id FROM clients WHERE workspace_id = :workspace_id AND id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE
""")
TIMES = Statement("""
    SELECT client_id, connection_id, weekday, at FROM posting_times WHERE client_id = ANY(:client_ids)
    UNION ALL
    SELECT client_id, connection_id, weekday, at FROM posting_times WHERE connection_id = ANY(:account_ids)
""")
PAUSED = Statement("""
    SELECT client_id, first_day, last_day FROM paused_days WHERE client_id = ANY(:client_ids) AND last_day >= :today
""")
# Posts of all clients take times, also those that the asker does not see: callers that return posts leave these out.
# The index alone says which of the unfinished items are in a window: of tens of thousands, a hundred may be.
TAKEN = Statement(
    """
    WITH near AS MATERIALIZED (
        SELECT DISTINCT connection_id, goes_at FROM items
        WHERE connection_id = ANY(:account_ids) AND goes_at >= :since AND goes_at < :until_late
          AND goes_at <@ CAST(:windows AS tstzmultirange) AND status IN ('pending', 'processing')
    )
    SELECT connection_id, slot_at AS at, true AS is_slot, post_id FROM items
    WHERE connection_id = ANY(:account_ids) AND slot_at >= :since AND slot_at < :until
    UNION ALL
    SELECT items.connection_id, items.goes_at AS at, false AS is_slot, items.post_id FROM near
    JOIN items ON items.connection_id = near.connection_id AND items.goes_at = near.goes_at
    WHERE items.slot_at IS NULL AND items.status IN ('pending', 'processing')
    """,
    sees_all=True,
)
ACCOUNTS = Statement("""
    SELECT id, client_id FROM connections
    WHERE workspace_id = :workspace_id AND client_id = ANY(:client_ids) AND removed_at IS NULL
""")


_time = itemgetter(0)


@dataclass(frozen=True)
class FreeTime:
    """A posting time: its instant, and the instant at which the post goes out, which varies by minutes."""

    slot_at: datetime
    at: datetime


@dataclass(frozen=True)
class Slot:
    """A posting time of a client, the accounts that have it, and the posts in it. It is free if there are none."""

    client_id: UUID
    slot_at: datetime
    at: datetime
    account_ids: tuple[UUID, ...]
    post_ids: tuple[UUID, ...]


@dataclass
class ClientTimes:
    """The posting times of a client, and those of its accounts that have times of their own."""

    id: UUID
    zone: ZoneInfo
    jitter_minutes: int
    times: set[PostingTime] = field(default_factory=set)
    own: dict[UUID, set[PostingTime]] = field(default_factory=dict)
    paused: list[Days] = field(default_factory=list)

    def of_accounts(self, account_ids: Iterable[UUID]) -> set[PostingTime]:
        """Return the times that all of these accounts have. An account's own times replace those of the client."""
        found = [self.own.get(id, self.times) for id in account_ids]
        return set.intersection(*found) if found else set(self.times)

    def groups_of(self, account_ids: Iterable[UUID]) -> list[list[UUID]]:
        """Return the accounts in groups that have the same times, so that each group can share posts."""
        groups: dict[frozenset[PostingTime], list[UUID]] = defaultdict(list)
        for id in account_ids:
            groups[frozenset(self.own.get(id, self.times))].append(id)
        return list(groups.values())

    def between(self, times: Collection[PostingTime], since: datetime, until: datetime) -> Iterator[datetime]:
        return instants_between(times, self.zone, since, until, self.paused)

    def free_time(self, slot_at: datetime) -> FreeTime:
        return FreeTime(slot_at, varied(slot_at, self.id, self.jitter_minutes))

    def has(self, time: FreeTime, account_ids: Iterable[UUID]) -> bool:
        """Return whether all of these accounts have this posting time now, with this instant."""
        found = self.between(self.of_accounts(account_ids), time.slot_at, time.slot_at + timedelta(seconds=1))
        return time.slot_at in found and self.free_time(time.slot_at) == time


@dataclass
class _Taken:
    """What takes the posting times of some accounts in a span."""

    # By account: the posts by posting time, and the other posts in the order of their times.
    slots: dict[UUID, dict[datetime, UUID]] = field(default_factory=lambda: defaultdict(dict))
    others: dict[UUID, list[tuple[datetime, UUID]]] = field(default_factory=lambda: defaultdict(list))

    def posts_at(self, slot_at: datetime, account_ids: Collection[UUID], window: timedelta) -> set[UUID]:
        """Return the posts of these accounts in a posting time, which lasts for the window."""
        found: set[UUID] = set()
        for account in account_ids:
            if post := self.slots.get(account, {}).get(slot_at):
                found.add(post)
            if others := self.others.get(account):
                first = bisect_left(others, slot_at, key=_time)
                end = bisect_left(others, slot_at + window, key=_time)
                found.update(post for _, post in others[first:end])
        return found


async def load_times(
    executor: Executor, workspace_id: UUID, client_ids: Collection[UUID], account_ids: Collection[UUID]
) -> dict[UUID, ClientTimes]:
    """Return the posting times of clients, with the own ones of these accounts, whichever client they belong to."""
    ids = list(client_ids)
    rows = await executor.fetch(CLIENTS, {"workspace_id": workspace_id, "ids": ids})
    found = {row["id"]: ClientTimes(row["id"], ZoneInfo(row["timezone"]), row["jitter_minutes"]) for row in rows}
    own: dict[UUID, set[PostingTime]] = defaultdict(set)
    for row in await executor.fetch(TIMES, {"client_ids": ids, "account_ids": list(account_ids)}):
        into = found[row["client_id"]].times if row["client_id"] else own[row["connection_id"]]
        into.add(PostingTime(row["weekday"], row["at"]))
    # A day before: the client's day may not have ended yet.
    today = (clock.now() - timedelta(days=1)).date()
    for row in await executor.fetch(PAUSED, {"client_ids": ids, "today": today}):
        found[row["client_id"]].paused.append(Days(row["first_day"], row["last_day"]))
    for client in found.values():
        client.own = dict(own)
    return found


async def lock_client(executor: Executor, workspace_id: UUID, client_id: UUID) -> None:
    """Hold the posting times of a client until the executor's transaction ends."""
    await executor.fetch(LOCK, {"workspace_id": workspace_id, "ids": [client_id]})


async def next_free_times(
    executor: Executor,
    client: ClientTimes,
    account_ids: Collection[UUID],
    count: int,
    after: datetime | None = None,
    without: UUID | None = None,
) -> list[FreeTime]:
    """Return the next `count` posting times that all of these accounts have and that none of them has taken.

    Fewer if there are no more within HORIZON. The times of the post `without` are free. To take one, hold the client
    first (`lock_client`), in one transaction with the insertion of the post.
    """
    since = max(after or clock.now(), clock.now()) + LEAD
    until = clock.now() + HORIZON
    times = client.of_accounts(account_ids)
    found: list[FreeTime] = []
    while times and len(found) < count and since < until:
        end = min(since + STEP, until)
        window = window_of(client.jitter_minutes)
        instants = list(client.between(times, since, end))
        taken = await _taken(executor, account_ids, since, end, {(instant, window) for instant in instants})
        free = (one for one in instants if not taken.posts_at(one, account_ids, window) - {without})
        found += map(client.free_time, free)
        since = end
    return found[:count]


async def slots_between(
    executor: Executor, workspace_id: UUID, client_ids: Collection[UUID], since: datetime, until: datetime
) -> list[Slot]:
    """Return the posting times of these clients from `since` until before `until`, by time, with the posts in them.

    Those that only some accounts have are among them. Of times that have passed, only posts that took the posting time
    itself are known.
    """
    rows = await executor.fetch(ACCOUNTS, {"workspace_id": workspace_id, "client_ids": list(client_ids)})
    accounts: dict[UUID, list[UUID]] = defaultdict(list)
    for row in rows:
        accounts[row["client_id"]].append(row["id"])
    all_ids = [row["id"] for row in rows]
    clients = await load_times(executor, workspace_id, client_ids, all_ids)
    having: dict[UUID, dict[datetime, list[UUID]]] = {}
    for client in clients.values():
        # A client without accounts has its times, too.
        usual = list(client.between(client.times, since, until))
        of_client: dict[datetime, list[UUID]] = {instant: [] for instant in usual}
        for group in client.groups_of(accounts[client.id]):
            times = client.of_accounts(group)
            for instant in usual if times == client.times else client.between(times, since, until):
                of_client.setdefault(instant, []).extend(group)
        having[client.id] = of_client
    windows = {id: window_of(client.jitter_minutes) for id, client in clients.items()}
    spans = {(instant, windows[id]) for id, of_client in having.items() for instant in of_client}
    taken = await _taken(executor, all_ids, since, until, spans)
    found: list[Slot] = []
    for client in clients.values():
        window = windows[client.id]
        for instant, ids in having[client.id].items():
            posts = tuple(sorted(taken.posts_at(instant, ids, window)))
            at = varied(instant, client.id, client.jitter_minutes)
            found.append(Slot(client.id, instant, at, tuple(ids), posts))
    return sorted(found, key=lambda slot: (slot.slot_at, slot.client_id))


async def next_slots(executor: Executor, workspace_id: UUID, client_id: UUID, count: int) -> list[Slot]:
    """Return the next `count` posting times of a client, with the posts in them; fewer within HORIZON."""
    since, until = clock.now(), clock.now() + HORIZON
    found: list[Slot] = []
    while len(found) < count and since < until:
        end = min(since + STEP, until)
        found += await slots_between(executor, workspace_id, [client_id], since, end)
        since = end
    return found[:count]


async def _taken(
    executor: Executor,
    account_ids: Collection[UUID],
    since: datetime,
    until: datetime,
    windows: Collection[tuple[datetime, timedelta]],
) -> _Taken:
    """Return what takes posting times between `since` and `until`; of other posts, those in one of these windows.

    Each window is a posting time with how long it lasts. Most of very many posts are in none.
    """
    ranges = [Range(instant, instant + window) for instant, window in windows]
    values = {
        "account_ids": list(account_ids), "since": since, "until": until, "windows": ranges,
        "until_late": max((one.upper for one in ranges), default=until),
    }  # fmt: skip
    taken = _Taken()
    for row in await executor.fetch(TAKEN, values):
        if row["is_slot"]:
            taken.slots[row["connection_id"]][row["at"]] = row["post_id"]
        else:
            taken.others[row["connection_id"]].append((row["at"], row["post_id"]))
    for others in taken.others.values():
        others.sort()
    return taken


def slot_taken() -> AppError:
    """Return the error for a posting time that another request took at the same moment."""
    message = "Another post took this posting time. Send the request again, or choose another time."
    return AppError(409, "posting_time_taken", message)
