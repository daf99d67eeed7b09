"""Hot statements, sent by asyncpg itself: there, each costs a fifth of what it costs through SQLAlchemy.

`make bench` shows what that is worth. Everything that is not hot goes through SQLAlchemy.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import asyncpg
from pydantic_core import from_json
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.database.errors import translated


class Statement:
    """SQL with `:name` parameters, made ready once."""

    def __init__(self, sql: str) -> None:
        compiled = text(sql).compile(dialect=dialect())  # type: ignore[no-untyped-call]
        self.sql = str(compiled)
        self.named = sql
        self._names: list[str] = list(compiled.positiontup or ())

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        return [values[name] for name in self._names]


class Sender(Protocol):
    """What a hot statement can be sent by: `Direct`, where it commits by itself, or a `Transaction`."""

    async def fetch(self, statement: Statement, values: Mapping[str, Any]) -> list[asyncpg.Record]: ...


class Direct:
    """A pool of asyncpg's own connections, opened when it is first used."""

    def __init__(self, url: URL, size: int) -> None:
        self._url = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._size = size
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    async def fetch(self, statement: Statement, values: Mapping[str, Any]) -> list[asyncpg.Record]:
        """Runs one statement, which commits by itself. Raises DatabaseUnavailable."""
        arguments = statement.arguments(values)
        with translated():
            pool = self._pool or await self._open()
            rows: list[asyncpg.Record] = await pool.fetch(statement.sql, *arguments)
        return rows

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Transaction"]:
        """Several statements that commit together at the end of the block. Raises DatabaseUnavailable."""
        with translated():
            pool = self._pool or await self._open()
            async with pool.acquire() as connection, connection.transaction():
                yield Transaction(connection)

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def _open(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._url, min_size=0, max_size=self._size, init=_prepare, reset=_as_it_is
                )
        return self._pool


class Transaction:
    """One that is under way. JSON columns come as text where it is a session's: read them by `CAST(... AS text)`."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetch(self, statement: Statement, values: Mapping[str, Any]) -> list[asyncpg.Record]:
        arguments = statement.arguments(values)
        with translated():
            rows: list[asyncpg.Record] = await self._connection.fetch(statement.sql, *arguments)
        return rows


async def within(session: AsyncSession) -> Transaction:
    """The session's own transaction, for hot statements in it. What the session has not flushed, they do not see."""
    connection = (await (await session.connection()).get_raw_connection()).driver_connection
    assert connection is not None
    if not connection.is_in_transaction():  # SQLAlchemy begins it with the first statement of its own
        await session.execute(text("SELECT 1"))
    return Transaction(connection)


# A plan is made once for each connection: planning the claim anew took as long as claiming. Hot statements find their
# rows by index alone; a plan made while a table was small must not read it whole when it is large.
PLANS = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off"


async def _prepare(connection: Any) -> None:
    """Plans are made once; JSON comes as what it says, and is sent as text."""
    await connection.execute(PLANS)
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(kind, schema="pg_catalog", encoder=str, decoder=from_json)


async def _as_it_is(connection: Any) -> None:
    """Nothing of ours changes a connection's state, so nothing need be reset before its next user."""
