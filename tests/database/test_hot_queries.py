"""Hot statements, which asyncpg sends directly."""

import asyncio
from contextlib import suppress

import pytest

from clipcast.common.ids import new_id
from clipcast.database.after_commit import after_commit
from clipcast.database.hot_queries import Executor, Statement, from_session
from clipcast.installation import Installation
from clipcast.workspaces.service import create_workspace

RENAME = Statement("UPDATE workspaces SET name = :name WHERE id = :id RETURNING id")
NAME = Statement("SELECT name FROM workspaces WHERE id = :id")
PLAN = Statement("SELECT current_setting('plan_cache_mode') AS plans, current_setting('enable_seqscan') AS scans")


async def test_hot_statements_in_a_session_join_its_transaction(installation: Installation) -> None:
    async with installation.database.begin() as session:
        workspace = (await create_workspace(session, "Before")).id

    async def name(sender: Executor) -> str:
        [row] = await sender.fetch(NAME, {"id": workspace})
        return str(row["name"])

    async with installation.database.session() as session:  # which rolls back
        sender = await from_session(session)  # it has not said anything by itself
        assert await sender.fetch(RENAME, {"name": "After", "id": workspace})
        assert await name(sender) == "After"
        assert await name(installation.database.hot_pool) == "Before"
    assert await name(installation.database.hot_pool) == "Before"
    async with installation.database.begin() as session:
        await (await from_session(session)).fetch(RENAME, {"name": "After", "id": workspace})
    assert await name(installation.database.hot_pool) == "After"


async def test_hot_statements_commit_alone_or_roll_back_together(installation: Installation) -> None:
    async with installation.database.begin() as session:
        workspace = (await create_workspace(session, "Before")).id
    assert not await installation.database.hot_pool.fetch(RENAME, {"name": "After", "id": new_id()})

    async def rename_and_fail() -> None:
        async with installation.database.hot_pool.transaction() as transaction:
            await transaction.fetch(RENAME, {"name": "After", "id": workspace})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await rename_and_fail()
    [row] = await installation.database.hot_pool.fetch(NAME, {"id": workspace})
    assert row["name"] == "Before"


async def test_hot_statements_are_planned_once_and_by_index(installation: Installation) -> None:
    [row] = await installation.database.hot_pool.fetch(PLAN, {})
    assert tuple(row) == ("force_generic_plan", "off")


SLEEP = Statement("SELECT pg_sleep(30)")


async def test_cancelled_transaction_stays_cancelled(installation: Installation) -> None:
    """Raise CancelledError, not the trouble of a connection that the cancellation has closed."""

    async def sleep() -> None:
        async with installation.database.hot_pool.transaction() as transaction:
            await transaction.fetch(SLEEP, {})

    task = asyncio.create_task(sleep())
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_statements_after_a_commit_follow_it_once_and_not_after_a_rollback(installation: Installation) -> None:
    database = installation.database
    async with database.begin() as session:
        workspace = (await create_workspace(session, "Before")).id
    values = {"name": "After", "id": workspace}
    with suppress(ZeroDivisionError):
        async with database.hot_pool.transaction() as transaction:
            transaction.after_commit(RENAME, values)
            raise ZeroDivisionError
    async with database.session() as session:
        after_commit(session, RENAME, values)
        await session.rollback()
    await database.hot_pool.following.close()
    [row] = await database.hot_pool.fetch(NAME, {"id": workspace})
    assert row["name"] == "Before"
    async with database.begin() as session:
        after_commit(session, RENAME, values)
    await database.hot_pool.following.close()
    [row] = await database.hot_pool.fetch(NAME, {"id": workspace})
    assert row["name"] == "After"
