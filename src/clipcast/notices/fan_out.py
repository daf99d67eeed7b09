"""From events to the entries of the channels that want them."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from clipcast.clock import clock
from clipcast.database.hot_queries import Executor
from clipcast.jobs.kinds import KINDS, NOTIFY
from clipcast.notices import repository
from clipcast.notices.words import DEFAULT_ROLES, OWNERS_ONLY, defaults_of

# The wait of a first entry for others: the items of a post often fail together.
GATHER = timedelta(seconds=10)


async def fan_out(executor: Executor, event_ids: Collection[UUID], has_mail: bool) -> None:
    """Add the events to the channels that want them, with a job for each. `has_mail`: a mail server is set up.

    Safe to repeat. Call it in the transaction that marks the events as routed.
    """
    values = {
        "ids": list(event_ids),
        "now": clock.now(),
        "has_mail": has_mail,
        "owners_only": list(OWNERS_ONLY),
        "of_owner": defaults_of("owner"),
        "of_editor": defaults_of("editor"),
        "default_roles": list(DEFAULT_ROLES),
    }
    if has_mail:
        await executor.fetch(repository.ADD_MAIL_CHANNELS, values)
    rows = await executor.fetch(repository.ADD_ENTRIES, values)
    await add_jobs(executor, {row["channel_id"] for row in rows}, GATHER)


async def add_jobs(executor: Executor, channel_ids: Collection[UUID], delay: timedelta, hurry: bool = False) -> None:
    """Have a worker send what waits in these channels, after `delay`. `hurry`: also what is repeated later."""
    if not channel_ids:
        return
    kind, now = KINDS[NOTIFY], clock.now()
    values = {
        "channels": list(channel_ids), "kind": kind.name, "queue": kind.queue, "priority": kind.priority,
        "due_at": now + delay, "now": now, "hurry": hurry,
    }  # fmt: skip
    await executor.fetch(repository.ADD_JOBS, values)
