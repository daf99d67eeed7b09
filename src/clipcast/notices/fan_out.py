"""From events to the entries of the channels that want them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from clipcast.clock import clock
from clipcast.database.hot_queries import Executor
from clipcast.jobs.kinds import KINDS, NOTIFY
from clipcast.notices import repository
from clipcast.notices.channels import APP, EMAIL, PUSH
from clipcast.notices.habits import habits_of_row
from clipcast.notices.words import DEFAULT_ROLES, OWNERS_ONLY, URGENT, defaults_of, urgent_of

# Each of these events is a thing of its own. Others say again that something is so.
COUNTED = "review.commented"


async def fan_out(executor: Executor, event_ids: Collection[UUID], has_mail: bool) -> None:
    """Add the events to the channels that want them, with a job for each. `has_mail`: a mail server is set up.

    Call it in the transaction that marks the events as routed.
    """
    now = clock.now()
    values = {
        "ids": list(event_ids),
        "now": now,
        "has_mail": has_mail,
        "by_default": [APP, PUSH, EMAIL] if has_mail else [APP, PUSH],
        "owners_only": list(OWNERS_ONLY),
        "of_owner": defaults_of("owner"),
        "of_editor": defaults_of("editor"),
        "of_reviewer": defaults_of("reviewer"),
        "pushed_to_owner": urgent_of("owner"),
        "pushed_to_editor": urgent_of("editor"),
        "pushed_to_reviewer": urgent_of("reviewer"),
        "default_roles": list(DEFAULT_ROLES),
    }
    await executor.fetch(repository.ADD_CHANNELS, values)
    wanted = await executor.fetch(repository.WANTED, values)
    await _add_to_inbox(executor, [row for row in wanted if row["channel"] == APP], now)
    await _add_entries(executor, [row for row in wanted if row["channel"] != APP], now)


async def _add_to_inbox(executor: Executor, wanted: Sequence[Any], now: datetime) -> None:
    """Add events to notices in the app, of which a post has one by type of event."""
    needy = {row["subject_id"] for row in wanted if row["type"] == "item.needs_action"}
    found: dict[tuple[UUID, str, UUID], list[Any]] = {}
    for row in wanted:
        # An item that needs somebody is not told as failed as well.
        if row["type"] != "item.failed" or row["subject_id"] not in needy:
            key = row["channel_id"], row["type"], row["post_id"] or row["subject_id"]
            found.setdefault(key, []).append(row)
    if found:
        channels, types, about = zip(*found, strict=True)
        values = {
            "channels": list(channels), "types": list(types), "about": list(about), "now": now,
            "events": [rows[-1]["event_id"] for rows in found.values()],
            "numbers": [_number(type, rows) for (_, type, _), rows in found.items()], "counted": COUNTED,
            "subjects": [_items(type, rows) for (_, type, _), rows in found.items()],
        }  # fmt: skip
        await executor.fetch(repository.ADD_TO_INBOX, values)


def _number(type: str, rows: Sequence[Any]) -> int:
    """Return how many things the events are about: items, or comments, or else one."""
    if type == COUNTED:
        return len(rows)
    return len({row["subject_id"] for row in rows}) if type.startswith("item.") else 1


def _items(type: str, rows: Sequence[Any]) -> str:
    """Return the items that the events are about, each once, as an array of PostgreSQL."""
    items = sorted({str(row["subject_id"]) for row in rows}) if type.startswith("item.") else []
    return f"{{{','.join(items)}}}"


async def _add_entries(executor: Executor, wanted: Sequence[Any], now: datetime) -> None:
    """Add events to what waits to be sent, each with its time."""
    if not wanted:
        return
    urgent = [row["type"] in URGENT for row in wanted]
    due = [habits_of_row(row).due_at(row["channel"], one, now) for row, one in zip(wanted, urgent, strict=True)]
    values = {
        "channels": [row["channel_id"] for row in wanted], "events": [row["event_id"] for row in wanted],
        "urgent": urgent, "due": due, "now": now,
    }  # fmt: skip
    first: dict[UUID, datetime] = {}
    for row in await executor.fetch(repository.ADD_ENTRIES, values):
        first[row["channel_id"]] = min(row["due_at"], first.get(row["channel_id"], row["due_at"]))
    await add_jobs(executor, first)


async def add_jobs(executor: Executor, due: Mapping[UUID, datetime], hurry: bool = False) -> None:
    """Have a worker send at these times what waits in these channels. `hurry`: also what is repeated later."""
    if not due:
        return
    kind = KINDS[NOTIFY]
    values = {
        "channels": list(due), "due": list(due.values()), "kind": kind.name, "queue": kind.queue,
        "priority": kind.priority, "now": clock.now(), "hurry": hurry,
    }  # fmt: skip
    await executor.fetch(repository.ADD_JOBS, values)
