"""PostgreSQL: the engine, sessions, and the base of every table."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import DateTime, MetaData, Select, Uuid, event, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from clipcast.clock import clock
from clipcast.database.direct import Direct
from clipcast.database.errors import TranslatingPool, translate

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


class Database:
    """One engine and its sessions. Services are given a session and never commit; whoever opened it does."""

    def __init__(self, url: str | URL, pool_size: int = 20) -> None:
        """Beyond `pool_size`, connections are opened for one use each, which is slow: it is what is needed mostly."""
        self.url = normal_url(url)
        self.engine: AsyncEngine = create_async_engine(
            self.url, poolclass=TranslatingPool, pool_size=pool_size, max_overflow=pool_size, pool_timeout=30
        )
        event.listen(self.engine.sync_engine, "checkout", _still_open)
        event.listen(self.engine.sync_engine, "handle_error", translate)
        self.direct = Direct(self.url, pool_size)
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

    async def follow_clock(self) -> None:
        """Steers the process's clock by the database's."""
        async with self.connect() as connection:
            clock.follow((await connection.execute(select(func.clock_timestamp()))).scalar_one())

    async def close(self) -> None:
        await self.direct.close()
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


def normal_url(url: str | URL) -> URL:
    """`url` with our driver, whichever of the usual spellings it came in."""
    return make_url(url).set(drivername="postgresql+asyncpg")
