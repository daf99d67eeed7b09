"""PostgreSQL: the engine, sessions, and the base of every table."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar, cast
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, DateTime, MetaData, Select, Uuid, any_, event, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import NullPool

from clipcast.clock import clock
from clipcast.common.database_address import parse_address
from clipcast.database.changes import TellingSession
from clipcast.database.connect import Connector
from clipcast.database.errors import TranslatingPool, translate, translated
from clipcast.database.hot_queries import AsyncpgPool
from clipcast.database.watchers import Watchers

T = TypeVar("T")

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The base of every table."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        datetime: DateTime(timezone=True),
        UUID: Uuid(),
        dict[str, Any]: JSONB(none_as_null=True),
    }


# Seconds for one statement that is not hot. The server has the same limit, for clients that are gone.
COMMAND_TIMEOUT = 30.0
# The server's limits. No transaction needs longer: none contains a network call, except the renewal of the storage's
# mark, of up to 12 s (installation/storage_mark.py).
SESSION = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "15s",
    # Compiling a plan takes longer than any query of a page or of the API.
    "jit": "off",
}
# Seconds that a session waits for a free connection.
POOL_TIMEOUT = 10.0
READ_ONLY = "25006"


class Database:
    """One engine and its sessions. A service receives a session and never commits; the code that opened it commits."""

    def __init__(
        self,
        url: str,
        pool_size: int = 20,
        hot_pool_size: int = 20,
        pooler: str = "auto",
        direct_url: str | None = None,
    ) -> None:
        """Set up connections to `url` (docs/database.md), opened at first use.

        The engine keeps up to `pool_size` connections. It opens as many more for a single use each, which is slow. Hot
        statements have `hot_pool_size` connections of their own. `pooler` is one of `POOLERS`; `direct_url` bypasses
        it.

        Raise AddressError.
        """
        self.url = url
        self.connector = Connector(parse_address(url), pooler)
        self._past_pooler = Connector(parse_address(direct_url), "none") if direct_url else self.connector
        self.engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            connect_args={"async_creator_fn": self._connect},
            poolclass=TranslatingPool,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=POOL_TIMEOUT,
            hide_parameters=True,  # errors are logged
        )
        event.listen(self.engine.sync_engine, "checkout", _still_open)
        event.listen(self.engine.sync_engine, "handle_error", _end_if_read_only)
        event.listen(self.engine.sync_engine, "handle_error", translate)
        self.hot_pool = AsyncpgPool(self.connector, hot_pool_size)
        following = {"after_commit": self.hot_pool.following}
        self._sessions = async_sessionmaker(
            self.engine, expire_on_commit=False, info=following, sync_session_class=TellingSession
        )
        # Those who wait in this process for a change of a row.
        self.watchers = Watchers(self.hot_pool, self.connect_for_notifications)

    def session(self) -> AsyncSession:
        """Return a session that rolls back unless its user commits."""
        return self._sessions()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """Open a session in one transaction, committed at the end of the block."""
        async with self._sessions.begin() as session:
            yield session

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection in one transaction, committed at the end of the block."""
        async with self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def maintain(self) -> AsyncIterator[AsyncConnection]:
        """Open a direct connection in one transaction whose statements have no time limit."""
        creator = {"async_creator_fn": self._past_pooler.connect}
        engine = create_async_engine(
            "postgresql+asyncpg://", connect_args=creator, poolclass=NullPool, hide_parameters=True
        )
        event.listen(engine.sync_engine, "handle_error", translate)
        try:
            with translated():
                async with engine.begin() as connection:
                    yield connection
        finally:
            await engine.dispose()

    async def connect_for_notifications(self) -> Any:
        """Return a connection of asyncpg that can LISTEN, or None if the pooler allows none and the caller must poll.

        Raise DatabaseUnavailable.
        """
        with translated():
            if await self._past_pooler.shares_sessions():
                return None
            return await self._past_pooler.connect()

    async def _connect(self) -> Any:
        return await self.connector.connect(session=SESSION, command_timeout=COMMAND_TIMEOUT)

    async def follow_clock(self) -> None:
        """Set the process's clock by the database's."""
        async with self.connect() as connection:
            clock.follow((await connection.execute(select(func.clock_timestamp()))).scalar_one())

    async def close(self) -> None:
        await self.watchers.close()
        await self.hot_pool.close()
        await self.engine.dispose()


async def page_of(session: AsyncSession, query: Select[T], offset: int, limit: int) -> tuple[list[T], int]:
    """Return one page of an ordered query of one entity, and the number of all rows."""
    counted = select(func.count()).select_from(query.order_by(None).subquery())
    total = (await session.execute(counted)).scalar_one()
    return list((await session.execute(query.offset(offset).limit(limit))).scalars()), total


def among(column: Any, ids: Collection[UUID]) -> ColumnElement[bool]:
    """Return whether the column is one of these ids.

    They are one parameter, so that the statement is the same for any number of them: it is compiled once, and each
    connection prepares it once. With IN, each number of ids would be a statement of its own.
    """
    return cast("ColumnElement[bool]", column == any_(literal(list(ids), ARRAY(Uuid()))))


def _still_open(connection: Any, *_: Any) -> None:
    """Have a dead connection replaced before its use. The check needs no round trip to the server."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _end_if_read_only(context: ExceptionContext) -> None:
    """Have the connections to a server replaced that has become a standby."""
    error = context.original_exception
    if getattr(error.__cause__ or error, "sqlstate", None) == READ_ONLY:
        context.is_disconnect = True
