"""Notifications of changed rows, for those who wait for a change (watchers.py). A lost one costs 1 s at most.

They follow the commit: a NOTIFY within the transaction would have all commits of the server wait for each other.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from clipcast.database.after_commit import AfterCommit, Gathered, after_commit
from clipcast.database.hot_queries import Executor, Statement

if TYPE_CHECKING:
    from clipcast.database.hot_queries import AsyncpgPool

CHANNEL = "clipcast_changes"
# PostgreSQL accepts less than 8000 bytes, and an id takes 33.
IDS_MAX = 240
NOTIFY = Statement(f"SELECT pg_notify('{CHANNEL}', :ids)")
# The tables whose changes by a session are told by themselves, and the columns that hold the ids.
# Most changes by people have an audit entry, which open pages follow (web/events.py).
TABLES = ("posts", "items", "jobs", "renditions", "renders", "connections", "clips", "audit_entries")
COLUMNS = ("id", "subject_id", "post_id", "workspace_id")


async def _notify(pool: "AsyncpgPool", ids: frozenset[str]) -> None:
    ordered = sorted(ids)
    for start in range(0, len(ordered), IDS_MAX):
        await pool.fetch(NOTIFY, {"ids": ",".join(ordered[start : start + IDS_MAX])})


TELL = Gathered(_notify)


def tell(session: AsyncSession | Executor, *ids: UUID) -> None:
    """Tell all processes, soon after the next commit, that what has these ids has changed.

    An id is that of a post, an item, a rendition or a workspace. Rows that a session loads and changes need no call.
    """
    values = {"noted": frozenset(id.hex for id in ids)}
    if isinstance(session, AsyncSession):
        after_commit(session, TELL, values)
    else:
        session.after_commit(TELL, values)


class TellingSession(Session):
    """A session that tells after its commit which of its rows have changed."""


@event.listens_for(TellingSession, "after_flush")
def _note(session: Session, _: Any) -> None:
    changed = session.info.setdefault("changed", set())
    for row in (*session.new, *session.dirty, *session.deleted):
        changed.update(_ids_of(row))


def _ids_of(row: Any) -> Iterator[str]:
    if row.__tablename__ in TABLES:
        # Of the loaded columns: a flush must not load others.
        yield from (row.__dict__[name].hex for name in COLUMNS if row.__dict__.get(name))


@event.listens_for(TellingSession, "after_commit")
def _tell(session: Session) -> None:
    following: AfterCommit = session.info["after_commit"]
    if changed := session.info.pop("changed", None):
        following.add(TELL, {"noted": frozenset(changed)})


@event.listens_for(TellingSession, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop("changed", None)
