"""Hot statements, sent by asyncpg directly: each costs a fifth of its cost through SQLAlchemy (`make bench`).

All other statements use SQLAlchemy.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from copy import copy
from functools import partial
from typing import Any, Protocol

import asyncpg
from pydantic_core import from_json
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.database.after_commit import AfterCommit, Gathered, after_commit
from clipcast.database.connect import Connector
from clipcast.database.errors import translated

# Seconds for one hot statement. The server has the same limit and rolls an unfinished statement back.
COMMAND_TIMEOUT = 10.0
CLOSE_TIMEOUT = 5.0
SESSION = {
    "statement_timeout": "10s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "15s",
    # Each connection plans a statement once: planning the claim took as long as the claim itself. Hot statements find
    # all rows by index, so that a plan from a small table is still right when the table is large.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "jit": "off",
}


class Statement:
    """SQL with `:name` parameters, compiled once. `timeout` is in seconds.

    With `sees_all` it reads everything, whoever sends it, such as whether a time is taken (limits.py).
    """

    def __init__(self, sql: str, timeout: float = COMMAND_TIMEOUT, sees_all: bool = False) -> None:
        self.timeout = timeout
        self.sees_all = sees_all
        compiled = text(sql).compile(dialect=dialect())  # type: ignore[no-untyped-call]
        self.sql = str(compiled)
        self.named = sql
        self._names: list[str] = list(compiled.positiontup or ())

    def narrowed(self, narrow: Callable[[str], str]) -> "Statement":
        """Return the statement with another text, which has the same parameters; unchanged if it sees all."""
        if self.sees_all:
            return self
        found = copy(self)
        found.sql = narrow(self.sql)
        return found

    @property
    def name(self) -> str:
        return self.sql

    async def follow(self, pool: "AsyncpgPool", values: Mapping[str, Any]) -> None:
        await pool.fetch(self, values)

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        return [values[name] for name in self._names]


class Call:
    """A function that may follow a commit. It gets the pool, and the values by name."""

    def __init__(self, function: Callable[..., Awaitable[object]]) -> None:
        self.name = f"{function.__module__}.{function.__qualname__}"
        self._function = function

    async def follow(self, pool: "AsyncpgPool", values: Mapping[str, Any]) -> None:
        await self._function(pool, **values)


Follower = Statement | Call | Gathered


class Executor(Protocol):
    """A sender of hot statements: an `AsyncpgPool`, which commits each statement, or a `Transaction`."""

    async def fetch(self, statement: Statement, values: Mapping[str, Any]) -> list[asyncpg.Record]: ...

    def transaction(self) -> AbstractAsyncContextManager["Transaction"]:
        """Open a transaction, or go on with the one that is open."""

    def after_commit(self, statement: Follower, values: Mapping[str, Any]) -> None:
        """Send or make it soon after the commit of all that was fetched until now. Best effort."""


class AsyncpgPool:
    """A pool of asyncpg connections, opened at first use."""

    def __init__(self, connector: Connector, size: int) -> None:
        self._connector = connector
        self._size = size
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()
        self.following = AfterCommit(self)

    async def fetch(self, statement: Statement, values: Mapping[str, Any]) -> list[asyncpg.Record]:
        """Run one statement and commit it.

        Raise DatabaseUnavailable. The statement may have been committed even then: only a read can tell.
        """
        arguments = statement.arguments(values)
        with translated():
            pool = self._pool or await self._open()
            async with pool.acquire() as connection:
                return await _fetch(connection, statement, arguments)

    def after_commit(self, statement: Follower, values: Mapping[str, Any]) -> None:
        self.following.add(statement, values)  # every fetch has been committed

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Transaction"]:
        """Open a transaction, committed at the end of the block. Raise DatabaseUnavailable."""
        followers: list[tuple[Follower, Mapping[str, Any]]] = []
        with translated():
            pool = self._pool or await self._open()
            async with pool.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                try:
                    yield Transaction(connection, lambda *follower: followers.append(follower))
                except BaseException:
                    with suppress(Exception):  # a closed connection must not hide a cancellation
                        await transaction.rollback()
                    raise
                await transaction.commit()
        for follower in followers:
            self.following.add(*follower)

    async def close(self) -> None:
        await self.following.close()
        if self._pool is None:
            return
        pool, self._pool = self._pool, None
        try:
            await asyncio.wait_for(pool.close(), CLOSE_TIMEOUT)
        except TimeoutError:
            pool.terminate()

    async def _open(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    connect=self._connect, min_size=0, max_size=self._size, init=_set_codecs, reset=_keep_state
                )
        return self._pool

    async def _connect(self, _dsn: None, **pool: Any) -> Any:
        return await self._connector.connect(session=SESSION, command_timeout=COMMAND_TIMEOUT, **pool)


class Transaction:
    """An open transaction. In a session's transaction, JSON columns need `CAST(... AS text)`."""

    def __init__(
        self,
        connection: Any,
        follow: Callable[[Follower, Mapping[str, Any]], object],
        narrow: Callable[[str], str] | None = None,
    ) -> None:
        self._connection = connection
        self._follow = follow
        self._narrow = narrow

    def narrowed(self, narrow: Callable[[str], str]) -> "Transaction":
        """Return the transaction for somebody who sees a part of the rows (limits.py)."""
        return Transaction(self._connection, self._follow, narrow)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Transaction"]:
        yield self

    def after_commit(self, statement: Follower, values: Mapping[str, Any]) -> None:
        self._follow(statement, values)

    async def fetch(self, statement: Statement, values: Mapping[str, Any]) -> list[asyncpg.Record]:
        arguments = statement.arguments(values)
        if self._narrow:
            statement = statement.narrowed(self._narrow)
        with translated():
            return await _fetch(self._connection, statement, arguments)


async def _fetch(connection: Any, statement: Statement, arguments: list[Any]) -> list[asyncpg.Record]:
    try:
        rows: list[asyncpg.Record] = await connection.fetch(statement.sql, *arguments, timeout=statement.timeout)
    except (TimeoutError, asyncio.CancelledError, asyncpg.ReadOnlySQLTransactionError):
        # The server does not respond, or has become a standby. The next statement gets another connection. A release of
        # this one would wait until the server confirms the cancelled statement, which a silent server never does.
        connection.terminate()
        raise
    return rows


async def from_session(session: AsyncSession) -> Transaction:
    """Return the session's transaction for hot statements. They do not see unflushed changes of the session."""
    connection = (await (await session.connection()).get_raw_connection()).driver_connection
    assert connection is not None
    if not connection.is_in_transaction():  # SQLAlchemy begins it with the first statement of its own
        await session.execute(text("SELECT 1"))
    limit = session.info.get("limit")
    return Transaction(connection, partial(after_commit, session), limit and limit.narrow)


async def _set_codecs(connection: Any) -> None:
    """Decode JSON columns to Python values; send JSON as text."""
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(kind, schema="pg_catalog", encoder=str, decoder=from_json)


async def _keep_state(connection: Any) -> None:
    """Skip asyncpg's reset of a returned connection: hot statements do not change its state."""
