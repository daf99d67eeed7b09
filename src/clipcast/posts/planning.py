"""The posts that one draft makes: one, one for each clip day after day, or the same again and again."""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from clipcast.clients.slots import load_times, next_free_times
from clipcast.common.ids import parse_id
from clipcast.common.timestamps import parse_instant
from clipcast.database.hot_queries import Executor
from clipcast.posts import drafts

SPREAD, REPEAT, NEXT = "spread", "repeat", "next"
UNITS = ("days", "weeks", "months")
# The most posts that one draft makes, and the longest distance between two of them.
POSTS_MAX = 100
EVERY_MAX = 90


@dataclass(frozen=True)
class PlannedPost:
    """One of the posts: its time, or None for now, and the `editId`s of its clips.

    A post at a posting time has `accounts`, the `connectionId`s that share it; other posts go to all of the draft's.
    """

    scheduled_at: datetime | None
    clips: tuple[str, ...]
    accounts: tuple[str, ...] = ()
    client_id: UUID | None = None


def planned_posts(content: dict[str, Any], zone: ZoneInfo) -> list[PlannedPost]:
    """Return the posts of a draft in the order of their times.

    All of them are at the same local time in `zone`. A time that clocks skip moves forward by what they skip. Of a time
    that occurs twice, the first is meant. Without an instant in the draft, nothing is planned but one post for now.
    """
    clips = tuple(dict.fromkeys(clip for clip, _ in drafts.targets(content)))
    first = parse_instant(content["scheduled_at"]) if content["later"] and content["scheduled_at"] else None
    if first is None or not content["plan"] or not clips:
        return [PlannedPost(first, clips)]
    every, unit = content["every"], content["unit"]
    if content["plan"] == SPREAD:
        return [PlannedPost(_later(first, zone, every * n, unit), (clip,)) for n, clip in enumerate(clips)]
    return [PlannedPost(_later(first, zone, every * n, unit), clips) for n in range(content["times"])]


def _later(first: datetime, zone: ZoneInfo, number: int, unit: str) -> datetime:
    """Return the instant of the same local time, a number of days, weeks or months after `first`."""
    if not number:
        return first
    local = first.astimezone(zone).replace(tzinfo=None, fold=0)
    moved = _months_later(local, number) if unit == "months" else local + timedelta(**{unit: number})
    return moved.replace(tzinfo=zone).astimezone(UTC)


def _months_later(local: datetime, number: int) -> datetime:
    """Return the same day of a later month, or its last day."""
    year, month = divmod(local.year * 12 + local.month - 1 + number, 12)
    month += 1
    return local.replace(year=year, month=month, day=min(local.day, calendar.monthrange(year, month)[1]))


async def have_posting_times(executor: Executor, workspace_id: UUID, client_of: Mapping[str, UUID | None]) -> bool:
    """Return whether all of these accounts have posting times: their own ones, or those of their client."""
    ids = [UUID(id) for id in client_of]
    clients = {client for client in client_of.values() if client}
    if not ids or None in client_of.values():
        return False
    times = await load_times(executor, workspace_id, clients, ids)
    return all(client in times and times[client].of_accounts([UUID(id)]) for id, client in client_of.items() if client)


async def posts_at_next_times(
    executor: Executor, workspace_id: UUID, content: dict[str, Any], client_of: Mapping[str, UUID | None]
) -> list[PlannedPost]:
    """Return the posts of a draft at the next free posting times, clip after clip, in the order in which to make them.

    `client_of` has the clients of the accounts. Accounts that have the same times share a post. Nothing is taken:
    `create_post` takes the same times while nobody else does. Accounts without a free posting time have no post. The
    times of the post that the draft replaces are free.
    """
    replaced = parse_id(content["replaces"] or "")
    clients = {client for client in client_of.values() if client}
    times = await load_times(executor, workspace_id, clients, [UUID(id) for id in client_of])
    targets = [(clip, id) for clip, id in drafts.targets(content) if client_of.get(id)]
    clips = dict.fromkeys(clip for clip, _ in targets)
    taken: set[tuple[UUID, datetime]] = set()
    found = []
    for clip in clips:
        accounts: dict[UUID, list[UUID]] = {}
        for one, id in targets:
            if one == clip and (client_id := client_of[id]):
                accounts.setdefault(client_id, []).append(UUID(id))
        for client_id, ids in accounts.items():
            for group in times[client_id].groups_of(ids):
                free = await next_free_times(executor, times[client_id], group, len(clips), without=replaced)
                at = next((one for one in free if not any((id, one.slot_at) in taken for id in group)), None)
                if at is None:
                    continue
                taken |= {(id, at.slot_at) for id in group}
                found.append(PlannedPost(at.at, (clip,), tuple(str(id) for id in group), client_id))
    return found
