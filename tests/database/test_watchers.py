"""Watchers of rows: a change wakes those who wait, whatever becomes of the notification."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from clipcast.common.ids import new_id
from clipcast.common.problems import AppError
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.database import Database, watchers
from clipcast.database.changes import IDS_MAX, tell
from clipcast.database.hot_queries import AsyncpgPool, Statement
from clipcast.database.models.clips import Clip
from clipcast.database.models.workspaces import Workspace
from clipcast.database.watchers import Kind, Watch, Watchers
from tests.database.servers import PASSWORD, TcpServer, needs_pgbouncer, pgbouncer

NAMES = Statement("""
    SELECT id, id AS workspace_id, name AS state, CAST(hashtext(name) AS bigint) AS detail, false AS is_final,
           CAST('{}' AS uuid[]) AS names
    FROM workspaces WHERE id = ANY(:ids)
""")
NAME = Kind("name", NAMES)
PATIENCE = 60.0


class Counting:
    """A pool that counts its statements."""

    def __init__(self, pool: AsyncpgPool) -> None:
        self._pool = pool
        self.count = 0
        self.error: Exception | None = None

    async def fetch(self, statement: Statement, values: Mapping[str, Any]) -> list[Any]:
        self.count += 1
        if self.error:
            raise self.error
        return await self._pool.fetch(statement, values)


@pytest.fixture
def pool(database: Database) -> Counting:
    return Counting(database.hot_pool)


@pytest.fixture
async def hub(database: Database, pool: Any) -> AsyncIterator[Watchers]:
    made = Watchers(pool, database.connect_for_notifications)
    yield made
    await made.close()


@pytest.fixture
def told_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the polls."""
    monkeypatch.setattr(watchers, "POLL", 3600.0)


@pytest.fixture
def polled_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchers, "POLL", 0.01)


async def make(database: Database, *names: str) -> list[UUID]:
    made = [Workspace(id=new_id(), name=name) for name in names]
    async with database.begin() as session:
        session.add_all(made)
    return [one.id for one in made]


async def rename(database: Database, *ids: UUID, to: str, told: bool) -> None:
    async with database.begin() as session:
        await session.execute(update(Workspace).where(Workspace.id.in_(ids)).values(name=to))
        if told:
            tell(session, *ids)


async def sees(watch: Watch, id: UUID, state: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while (seen := watch.seen(id)) is None or seen.state != state:
            await watch.next(PATIENCE)


@pytest.mark.usefixtures("told_only")
async def test_notification_wakes_the_watchers_of_a_row_alone(database: Database, hub: Watchers) -> None:
    one, other = await make(database, "one", "other")
    async with hub.watch(one, [(NAME, one)]) as watch, hub.watch(other, [(NAME, other)]) as idle:
        await asyncio.wait_for(hub.listens.wait(), PATIENCE)
        await rename(database, one, to="two", told=True)
        await sees(watch, one, "two")
        assert await idle.next(0) == set()


@pytest.mark.usefixtures("told_only")
async def test_changed_rows_of_a_session_are_told_by_themselves(database: Database) -> None:
    heard: list[str] = []
    connection = await database.connect_for_notifications()
    await connection.add_listener("clipcast_changes", lambda *more: heard.extend(more[-1].split(",")))
    [workspace] = await make(database, "one")
    clip = Clip(
        id=new_id(), workspace_id=workspace, file_name="a", title="a", content_type="video/mp4", storage_key="a"
    )
    async with database.begin() as session:
        session.add(clip)
    async with database.session() as session:
        (await session.get_one(Clip, clip.id)).workspace_id = new_id()
        with pytest.raises(IntegrityError):
            await session.flush()
        await session.rollback()
        await session.commit()
    await database.hot_pool.following.close()
    async with asyncio.timeout(PATIENCE):
        while len(heard) < 2:
            await asyncio.sleep(0.005)
    assert sorted(heard) == sorted([clip.id.hex, workspace.hex])
    connection.terminate()


@pytest.mark.usefixtures("polled_only")
async def test_lost_notification_is_made_up_by_a_poll(database: Database, hub: Watchers) -> None:
    [id] = await make(database, "one")
    async with hub.watch(id, [(NAME, id)]) as watch:
        await rename(database, id, to="two", told=False)
        await sees(watch, id, "two")
        async with database.begin() as session:
            await session.delete(await session.get_one(Workspace, id))
        async with asyncio.timeout(PATIENCE):
            while watch.seen(id):
                await watch.next(PATIENCE)


@pytest.mark.usefixtures("told_only")
async def test_listener_that_is_killed_connects_again_and_observes_what_it_missed(
    database: Database, hub: Watchers, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%clipcast_changes%'"
    paused, resume = asyncio.Event(), asyncio.Event()
    connect = database.connect_for_notifications

    async def connect_later() -> Any:
        paused.set()
        await resume.wait()
        return await connect()

    monkeypatch.setattr(watchers, "ERROR_PAUSE", 0.0)
    [id] = await make(database, "one")
    async with hub.watch(id, [(NAME, id)]) as watch:
        await asyncio.wait_for(hub.listens.wait(), PATIENCE)
        hub._connect = connect_later
        async with database.begin() as session:
            await session.execute(text(kill))
        await asyncio.wait_for(paused.wait(), PATIENCE)
        await rename(database, id, to="two", told=True)  # nobody listens
        assert not hub.listens.is_set()
        resume.set()
        await sees(watch, id, "two")
        await rename(database, id, to="three", told=True)
        await sees(watch, id, "three")


async def test_200_watchers_are_woken_by_one_query_and_leave_nothing_behind(
    database: Database, hub: Watchers, pool: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchers, "POLL", 3600.0)
    ids = await make(database, *["one"] * 200)
    async with AsyncExitStack() as stack:
        watches = [await stack.enter_async_context(hub.watch(ids[0], [(NAME, ids[0])]))]
        entered = await asyncio.gather(*(stack.enter_async_context(hub.watch(id, [(NAME, id)])) for id in ids))
        watches += entered
        await asyncio.wait_for(hub.listens.wait(), PATIENCE)
        await asyncio.gather(*(sees(watch, id, "one") for watch, id in zip(entered, ids, strict=True)))
        assert pool.count <= 4
        before = pool.count
        await rename(database, *ids, to="two", told=True)
        assert len(ids) < IDS_MAX
        await asyncio.gather(*(sees(watch, id, "two") for watch, id in zip(entered, ids, strict=True)))
        await sees(watches[0], ids[0], "two")
        assert pool.count == before + 1
    assert not any((hub._rows, hub._named, hub._due, hub._watches, hub._of_workspace))


@pytest.mark.usefixtures("told_only")
async def test_more_ids_than_one_notification_holds_are_all_told(database: Database, hub: Watchers) -> None:
    [id] = await make(database, "one")
    async with hub.watch(id, [(NAME, id)]) as watch:
        await asyncio.wait_for(hub.listens.wait(), PATIENCE)
        await rename(database, id, *(new_id() for _ in range(2 * IDS_MAX)), to="two", told=True)
        await sees(watch, id, "two")


@pytest.mark.usefixtures("polled_only")
async def test_row_of_another_workspace_is_not_seen_and_wakes_nobody(database: Database, hub: Watchers) -> None:
    mine, other = await make(database, "mine", "other")
    async with hub.watch(mine, [(NAME, mine), (NAME, other)]) as watch, hub.watch(other, [(NAME, other)]) as owner:
        assert watch.seen(other) is None
        await rename(database, other, to="changed", told=True)
        await sees(owner, other, "changed")
        assert await watch.next(0) == set()


async def test_stop_wakes_all_watchers_for_the_last_time(database: Database, hub: Watchers) -> None:
    [id] = await make(database, "one")
    async with hub.watch(id, [(NAME, id)]) as watch:
        waiting = asyncio.create_task(watch.next(3600))
        await asyncio.sleep(0)
        hub.stop()
        assert await asyncio.wait_for(waiting, PATIENCE) == set()
        assert watch.is_over
        assert await watch.next(3600) == set()
    async with hub.watch(id, [(NAME, id)]) as late:
        assert await late.next(3600) == set()


@pytest.mark.parametrize("error", [DatabaseUnavailable("gone"), RuntimeError("a bug")])
async def test_database_that_does_not_respond_fails_the_newcomer_alone(
    database: Database, hub: Watchers, pool: Counting, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(watchers, "POLL", 0.01)
    one, other = await make(database, "one", "other")
    async with hub.watch(one, [(NAME, one)]) as watch:
        pool.error = error
        with pytest.raises(DatabaseUnavailable):
            async with hub.watch(other, [(NAME, other)]):
                pass
        pool.error = None
        await rename(database, one, to="two", told=False)
        await sees(watch, one, "two")
        async with hub.watch(other, [(NAME, other)]) as again:
            assert again.seen(other)


async def test_workspace_has_a_limit_of_watchers(
    database: Database, hub: Watchers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchers, "WATCHERS_MAX", 1)
    one, other = await make(database, "one", "other")
    async with hub.watch(one, [(NAME, one)]):
        with pytest.raises(AppError) as refused:
            async with hub.watch(one, [(NAME, one)]):
                pass
        assert (refused.value.status, refused.value.code) == (429, "too_many_waiting")
        async with hub.watch(other, [(NAME, other)]):
            pass
    async with hub.watch(one, [(NAME, one)]):
        pass


@needs_pgbouncer
async def test_watchers_behind_a_pooler_poll(primary: TcpServer, folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchers, "POLL", 0.05)
    async with pgbouncer(folder / "pgbouncer", primary.port) as port:
        database = Database(f"postgresql://clipcast:{PASSWORD}@127.0.0.1:{port}/postgres")
        straight = await asyncpg.connect(primary.url)
        await straight.execute("CREATE TABLE workspaces (id uuid PRIMARY KEY, name text)")
        id = new_id()
        await straight.execute("INSERT INTO workspaces VALUES ($1, 'one')", id)
        async with database.watchers.watch(id, [(NAME, id)]) as watch:
            await straight.execute("UPDATE workspaces SET name = 'two'")
            await sees(watch, id, "two")
            assert not database.watchers.listens.is_set()
        await straight.execute("DROP TABLE workspaces")
        await straight.close()
        await database.close()
