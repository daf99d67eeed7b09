"""Errors of the database: both drivers separate an unavailable database from a rejected value."""

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.database import Database
from clipcast.database.errors import unavailable
from clipcast.database.hot_queries import Statement

RAISE = "DO $$ BEGIN RAISE EXCEPTION 'raised by a test' USING ERRCODE = '{state}'; END $$"
PASSING = ["08006", "40001", "40P01", "53100", "53200", "53300", "57014", "57P01", "58030", "25006", "55P03"]
REFUSING = ["22021", "22P05", "22003", "23505", "23514", "42P01", "42703", "54000"]


@pytest.mark.parametrize("state", PASSING)
async def test_statement_to_an_unavailable_server_raises_unavailable(database: Database, state: str) -> None:
    sql = RAISE.format(state=state)
    with pytest.raises(DatabaseUnavailable, match="raised by a test") as caught:
        await database.hot_pool.fetch(Statement(sql), {})
    assert caught.value.sqlstate == state
    with pytest.raises(DatabaseUnavailable, match="raised by a test") as caught:
        async with database.begin() as session:
            await session.execute(text(sql))
    assert caught.value.sqlstate == state
    with pytest.raises(DatabaseUnavailable):
        async with database.hot_pool.transaction() as transaction:
            await transaction.fetch(Statement(sql), {})


@pytest.mark.parametrize("state", REFUSING)
async def test_rejected_statement_raises_the_drivers_error(database: Database, state: str) -> None:
    sql = RAISE.format(state=state)
    with pytest.raises(asyncpg.PostgresError):
        await database.hot_pool.fetch(Statement(sql), {})
    with pytest.raises(IntegrityError if state.startswith("23") else DBAPIError):
        async with database.begin() as session:
            await session.execute(text(sql))


@pytest.mark.parametrize("value", ["a\x00b", "\ud800"])
async def test_text_that_cannot_be_stored_does_not_raise_unavailable(database: Database, value: str) -> None:
    with pytest.raises((asyncpg.DataError, asyncpg.InterfaceError)):
        await database.hot_pool.fetch(Statement("SELECT CAST(:value AS text)"), {"value": value})
    with pytest.raises(DBAPIError):
        async with database.begin() as session:
            await session.execute(text("SELECT CAST(:value AS text)"), {"value": value})


async def test_address_without_a_server_raises_unavailable() -> None:
    database = Database("postgresql://127.0.0.1:9/none")
    with pytest.raises(DatabaseUnavailable):
        await database.hot_pool.fetch(Statement("SELECT 1"), {})
    with pytest.raises(DatabaseUnavailable):
        async with database.begin() as session:
            await session.execute(text("SELECT 1"))
    await database.close()


async def test_closed_connection_raises_unavailable(database: Database) -> None:
    end = "SELECT pg_terminate_backend(pg_backend_pid())"
    with pytest.raises(DatabaseUnavailable):
        await database.hot_pool.fetch(Statement(end), {})
    with pytest.raises(DatabaseUnavailable):
        async with database.begin() as session:
            await session.execute(text(end))
    async with database.begin() as session:
        assert (await session.execute(text("SELECT 1"))).scalar_one() == 1


async def test_used_up_pool_raises_unavailable(database: Database) -> None:
    small = Database(database.url, pool_size=1)
    small.engine.pool._pool.timeout = 0.05  # type: ignore[attr-defined]
    small.engine.sync_engine.pool._timeout = 0.05  # type: ignore[attr-defined]
    held = [await small.engine.connect() for _ in range(2)]
    with pytest.raises(DatabaseUnavailable):
        await small.engine.connect()
    for connection in held:
        await connection.close()
    await small.close()


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), asyncpg.InvalidTextRepresentationError("x")])
def test_other_errors_are_not_unavailable(error: Exception) -> None:
    assert unavailable(error) is None


def test_timeout_is_unavailable() -> None:
    found = unavailable(TimeoutError())
    assert found is not None
    assert str(found) == "TimeoutError"
