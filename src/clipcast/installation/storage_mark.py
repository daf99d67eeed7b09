"""The mark in the storage: it names the one database that may delete files there.

A restored copy of a database has the original's rows, id and key, and it may be started with the original's storage.
Everything that the original has stored since the backup then belongs to no row of the copy. So the mark changes every
ten minutes, and the database keeps the newest one: a copy knows a mark of the past.

A database that finds a foreign mark deletes nothing. It also writes that several databases use the storage, so that the
other one deletes nothing either: only the operator knows which of them is to go on.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from sqlalchemy.dialects.postgresql import insert

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.unavailable import StorageUnavailable
from clipcast.database import Database
from clipcast.database.models.installation import StorageMark
from clipcast.storage import Storage

log = structlog.get_logger()
T = TypeVar("T")

KEY = "installation/mark.json"
RENEW_EVERY = timedelta(minutes=10)
# The mark of a storage that several databases use.
SEVERAL = "several"
# Seconds for a request to the storage while the row is locked, of which there are up to two. The database ends an idle
# transaction after 15 s.
PATIENCE = 6.0


@dataclass(frozen=True)
class Mark:
    """The content of the mark: a random text, and the id of the installation whose database wrote it."""

    mark: str
    installation_id: str = ""


async def may_delete(database: Database, storage: Storage) -> bool:
    """Return whether this database may delete files of its storage now. Renew the mark if it is due.

    A storage without a mark gets this database's. While another process renews a mark that is due, the answer is no.
    Raise DatabaseUnavailable and StorageUnavailable.
    """
    return await held_since(database, storage) is not None


async def held_since(database: Database, storage: Storage) -> datetime | None:
    """Return since when this database may delete files of its storage; None if it may not. Else as `may_delete`."""
    async with database.session() as session:
        row = await session.get(StorageMark, 1)
    if row and _is_fresh(row):
        found = await read_mark(storage)
        if found and found.mark in (row.mark, row.former_mark):
            return row.held_since
    return await _renew(database, storage)


async def read_mark(storage: Storage) -> Mark | None:
    """Return the storage's mark; None if it has none. Raise StorageUnavailable."""
    content = await storage.get_bytes(KEY)
    if content is None:
        return None
    try:
        known = json.loads(content)
        # Another release may write more.
        return Mark(known["mark"], known.get("installation_id", ""))
    except (ValueError, TypeError, KeyError, AttributeError):
        return Mark("unreadable")


async def take_over(database: Database, storage: Storage) -> None:
    """Let this database alone delete files of its storage, whatever the mark is. Raise StorageUnavailable."""
    async with _locked(database) as row:
        assert row
        _change(row)
        row.former_mark, row.held_since = None, clock.now()
    async with _locked(database) as row:
        assert row
        await _soon(storage.put_bytes(KEY, _content_of(row)))


async def _renew(database: Database, storage: Storage) -> datetime | None:
    # The new mark is committed before it is written, and written under the lock: if this process dies in between, the
    # database knows both marks, and no process writes an older one after a newer one.
    async with _locked(database, skip=True) as row:
        if row is None:
            return None
        found = await _soon(read_mark(storage))
        if found is None:
            _change(row)
            row.former_mark, row.held_since = None, clock.now()
        elif found.mark == row.mark:
            if _is_fresh(row):
                return row.held_since  # another process has just renewed it
            _change(row)
        elif found.mark != row.former_mark:
            log.error("storage_of_another_database", installation_id=found.installation_id, found=found.mark)
            if found.mark != SEVERAL:
                await _soon(storage.put_bytes(KEY, _content(Mark(SEVERAL))))
            return None
    async with _locked(database, skip=True) as row:
        if row is None:
            return None
        found = await _soon(read_mark(storage))
        if found is None:
            written = await _soon(storage.put_new(KEY, _content_of(row)))
        elif written := found.mark in (row.mark, row.former_mark):
            await _soon(storage.put_bytes(KEY, _content_of(row)))
        return row.held_since if written else None


def _is_fresh(row: StorageMark) -> bool:
    return row.renewed_at is not None and timedelta() <= clock.now() - row.renewed_at < RENEW_EVERY


def _change(row: StorageMark) -> None:
    row.former_mark, row.mark, row.renewed_at = row.mark, secrets.token_hex(16), clock.now()


def _content_of(row: StorageMark) -> bytes:
    assert row.mark is not None  # `_change` has made one
    return _content(Mark(row.mark, str(row.installation_id)))


def _content(mark: Mark) -> bytes:
    return json.dumps(asdict(mark)).encode()


async def _soon(request: Awaitable[T]) -> T:
    """Return the storage's response, while the row is locked. Raise StorageUnavailable if it takes too long."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await request
    except TimeoutError as error:
        raise StorageUnavailable(f"{KEY}: no response within {PATIENCE:.0f} s") from error


@asynccontextmanager
async def _locked(database: Database, skip: bool = False) -> AsyncIterator[StorageMark | None]:
    """Lock the row of the mark for the block, which commits. Create it if it is missing.

    With `skip`, yield None if another process has locked it: a slow storage would let all others wait.
    """
    async with database.begin() as session:
        made = insert(StorageMark).values(id=1, installation_id=new_id()).on_conflict_do_nothing()
        await session.execute(made)
    async with database.begin() as session:
        yield await session.get(StorageMark, 1, with_for_update={"skip_locked": skip})
