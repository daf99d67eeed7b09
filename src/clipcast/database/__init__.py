"""PostgreSQL: the engine, sessions, and the base of every table."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import DateTime, MetaData, Select, Uuid, event, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import NullPool

from clipcast.clock import clock
from clipcast.common.database_address import parse_address
from clipcast.database.connect import Connector
from clipcast.database.errors import TranslatingPool, translate, translated
from clipcast.database.hot_queries import AsyncpgPool

T = TypeVar("T")

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        datetime: DateTime(timezone=True),
        UUID: Uuid(),
        dict[str, Any]: JSONB(none_as_null=True),
    }


# Seconds for one statement that is not hot, on our side and, should we be gone, on the server's.
COMMAND_TIMEOUT = 30.0
# Nothing that a transaction waits for takes this long: no network call is made inside one.
SESSION = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "15s",
}
# How long a session waits for a free connection.
POOL_TIMEOUT = 10.0
READ_ONLY = "25006"


class Database:
    """One engine and its sessions. Services are given a session and never commit; whoever opened it does."""

    def __init__(
        self,
        url: str,
        pool_size: int = 20,
        hot_pool_size: int = 20,
        pooler: str = "auto",
        direct_url: str | None = None,
    ) -> None:
        """Connect to `url` when first used. See docs/database.md for what may be in it.

        The engine keeps up to `pool_size` connections, and opens as many again for one use each, which is slow. Hot
        statements have `hot_pool_size` connections of their own. `pooler` is one of `POOLERS`; `direct_url` leads
        past it.

        Raises AddressError.
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
            hide_parameters=True,  # errors reach the log
        )
        event.listen(self.engine.sync_engine, "checkout", _still_open)
        event.listen(self.engine.sync_engine, "handle_error", _end_if_read_only)
        event.listen(self.engine.sync_engine, "handle_error", translate)
        self.hot_pool = AsyncpgPool(self.connector, hot_pool_size)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    def session(self) -> AsyncSession:
        """A session that rolls back unless its user commits."""
        return self._sessions()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """A session in one transaction, committed at the end of the block."""
        async with self._sessions.begin() as session:
            yield session

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """One bare connection in one transaction."""
        async with self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def maintain(self) -> AsyncIterator[AsyncConnection]:
        """One connection in one transaction whose statements may take as long as they need, past the pooler."""
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
        """A connection of the driver's that can LISTEN; None where there is none, and one has to poll.

        Raises DatabaseUnavailable.
        """
        with translated():
            if await self._past_pooler.shares_sessions():
                return None
            return await self._past_pooler.connect()

    async def _connect(self) -> Any:
        return await self.connector.connect(session=SESSION, command_timeout=COMMAND_TIMEOUT)

    async def follow_clock(self) -> None:
        """Steers the process's clock by the database's."""
        async with self.connect() as connection:
            clock.follow((await connection.execute(select(func.clock_timestamp()))).scalar_one())

    async def close(self) -> None:
        await self.hot_pool.close()
        await self.engine.dispose()


async def page_of(session: AsyncSession, query: Select[T], offset: int, limit: int) -> tuple[list[T], int]:
    """One page of an ordered query of one entity, and how many rows there are in all."""
    counted = select(func.count()).select_from(query.order_by(None).subquery())
    total = (await session.execute(counted)).scalar_one()
    return list((await session.execute(query.offset(offset).limit(limit))).scalars()), total


def _still_open(connection: Any, *_: Any) -> None:
    """Has a connection that died replaced before it is used, without the trip that asking the server would be."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _end_if_read_only(context: ExceptionContext) -> None:
    """Has the connections to a server that became a standby replaced: another one is the primary now."""
    error = context.original_exception
    if getattr(error.__cause__ or error, "sqlstate", None) == READ_ONLY:
        context.is_disconnect = True
