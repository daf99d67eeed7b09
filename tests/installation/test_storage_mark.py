"""The mark in the storage: of several databases that use one storage, none deletes what it does not name."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from clipcast.clips.unwanted import delete_unwanted, record_unwanted
from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.unavailable import StorageUnavailable
from clipcast.database import Database
from clipcast.database.models.clips import UnwantedObject
from clipcast.database.models.installation import StorageMark
from clipcast.installation import storage_mark
from clipcast.installation.storage_mark import KEY, RENEW_EVERY, SEVERAL, Mark, may_delete, read_mark, take_over
from clipcast.storage import Storage
from tests.storage.s3 import s3_server

LATER = RENEW_EVERY + timedelta(seconds=1)


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    if request.param == "folder":
        yield Storage(None, tmp_path)
        return
    with s3_server(monkeypatch) as server:
        yield Storage(server.url, tmp_path)


class Copies:
    """Databases that use one storage: the rows of one, exchanged as by a backup and a restore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def backup(self) -> dict[str, Any]:
        async with self._database.session() as session:
            row = await session.get_one(StorageMark, 1)
            return {one.key: getattr(row, one.key) for one in StorageMark.__mapper__.column_attrs}

    async def restore(self, saved: dict[str, Any] | None) -> dict[str, Any]:
        """Let the database be the saved one, or a new one; return what it was."""
        before = await self.backup()
        async with self._database.begin() as session:
            await session.execute(delete(StorageMark))
            if saved:
                session.add(StorageMark(**saved))
        return before


@pytest.fixture
def copies(database: Database) -> Copies:
    return Copies(database)


async def test_mark_is_written_once_and_renewed_when_due(database: Database, storage: Storage, copies: Copies) -> None:
    assert await may_delete(database, storage)
    first = await read_mark(storage)
    assert first
    assert await may_delete(database, storage)
    assert await read_mark(storage) == first
    clock.move(LATER)
    assert await may_delete(database, storage)
    second = await read_mark(storage)
    assert second
    assert (second.installation_id, second.mark == first.mark) == (first.installation_id, False)
    assert (await copies.backup())["mark"] == second.mark


async def test_restored_copy_and_original_both_stop_until_one_takes_over(
    database: Database, storage: Storage, copies: Copies
) -> None:
    assert await may_delete(database, storage)
    backup = await copies.backup()
    clock.move(LATER)
    assert await may_delete(database, storage)
    original = await copies.restore(backup)
    assert not await may_delete(database, storage)
    assert (await read_mark(storage)) == Mark(SEVERAL)
    copy = await copies.restore(original)
    clock.move(LATER)
    assert not await may_delete(database, storage)
    await take_over(database, storage)
    assert await may_delete(database, storage)
    await copies.restore(copy)
    assert not await may_delete(database, storage)


async def test_copy_that_starts_at_once_stops_the_original_too(
    database: Database, storage: Storage, copies: Copies
) -> None:
    """Nothing tells the two apart when the mark has not changed since the backup: the first renewal does."""
    assert await may_delete(database, storage)
    backup = await copies.backup()
    clock.move(LATER)
    assert await may_delete(database, storage)  # the copy
    copy = await copies.restore(backup)
    assert not await may_delete(database, storage)
    await copies.restore(copy)
    clock.move(LATER)
    assert not await may_delete(database, storage)


async def test_another_installation_is_stopped(database: Database, storage: Storage, copies: Copies) -> None:
    assert await may_delete(database, storage)
    await copies.restore(None)
    assert not await may_delete(database, storage)


async def test_process_that_dies_between_the_database_and_the_storage_keeps_the_mark(
    database: Database, storage: Storage, copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await may_delete(database, storage)
    before = await read_mark(storage)
    clock.move(LATER)

    async def away(self: Storage, key: str, content: bytes) -> None:
        raise StorageUnavailable("away")

    for _ in range(2):
        with monkeypatch.context() as broken:
            broken.setattr(Storage, "put_bytes", away)
            with pytest.raises(StorageUnavailable):
                await storage_mark._renew(database, storage)
        assert await read_mark(storage) == before
        assert await may_delete(database, storage)  # it knows both
    clock.move(LATER)
    assert await may_delete(database, storage)
    after = await read_mark(storage)
    assert after
    assert after.mark == (await copies.backup())["mark"]
    assert after != before


async def test_due_mark_is_renewed_by_one_process_and_nobody_waits_for_it(
    database: Database, storage: Storage, copies: Copies
) -> None:
    assert await may_delete(database, storage)
    clock.move(LATER)
    async with database.begin() as other:
        await other.get_one(StorageMark, 1, with_for_update=True)
        assert not await may_delete(database, storage)
    # Two that have read the row before either renewed it.
    assert await storage_mark._renew(database, storage)
    renewed = (await copies.backup())["mark"]
    assert await storage_mark._renew(database, storage)
    assert (await copies.backup())["mark"] == renewed


async def test_mark_with_more_fields_is_read(storage: Storage) -> None:
    for content, expected in (
        (b'{"mark": "a", "installation_id": "b", "since": 1}', Mark("a", "b")),
        (b'{"mark": "a"}', Mark("a")),
        *((other, Mark("unreadable")) for other in (b"x", b"[]", b"{}", b'"a"')),
    ):
        await storage.put_bytes(KEY, content)
        assert await read_mark(storage) == expected


async def test_recorded_files_stay_in_the_storage_of_another_database(
    database: Database, storage: Storage, copies: Copies
) -> None:
    key = f"clips/{new_id()}/a.mp4"
    await storage.put_bytes(key, b"x")
    assert await may_delete(database, storage)
    await copies.restore(None)
    async with database.begin() as session:
        await record_unwanted(session, key)
    await delete_unwanted(database, storage)
    assert await storage.has(key)
    await take_over(database, storage)
    await delete_unwanted(database, storage)
    assert not await storage.has(key)
    async with database.session() as session:
        assert list(await session.scalars(select(UnwantedObject))) == []
