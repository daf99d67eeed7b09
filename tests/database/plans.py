"""Plans of queries, on tables with rows and with statistics of these rows.

PostgreSQL plans by the numbers of rows and pages that it last noted of a table. Autovacuum notes them at any time, and
a table that it found empty is planned otherwise than one that it did not see. So a test fills each table of its query,
in the transaction that plans: nothing but its own rows decides, and nothing stays.
"""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import event, insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Base, hot_queries
from clipcast.database.hot_queries import Statement

T = TypeVar("T")

# A value of each type, for columns that need one and of which the test says nothing. That of JSON is `object`.
ANY: dict[type, Callable[[], Any]] = {
    UUID: new_id, str: str, bytes: bytes, int: int, bool: bool, datetime: clock.now, list: list, object: dict,
}  # fmt: skip
# Enough for one of them to have few rows.
MANY = [new_id() for _ in range(300)]


def of_many(row: int) -> UUID:
    """Return the id of one of 300 workspaces or accounts, in turn."""
    return MANY[row % len(MANY)]


async def fill_table(session: AsyncSession, table: type[Base], number: int, **values: Callable[[int], Any]) -> None:
    """Add rows to a table, and analyze it. `values` return those of some columns, by the number of the row.

    The rows need no others: references are not checked until the end of the transaction.
    """
    columns = table.__table__.columns
    needed = {
        one.name: ANY[one.type.python_type]
        for one in columns
        if not (one.nullable or one.default or one.server_default)
    }
    rows = [
        {name: value() for name, value in needed.items()} | {name: value(row) for name, value in values.items()}
        for row in range(number)
    ]
    await session.execute(text("SET LOCAL session_replication_role = replica"))
    await session.execute(insert(table.__table__), rows)
    await session.execute(text(f"ANALYZE {table.__tablename__}"))


async def plan_of(session: AsyncSession, run: Callable[[], Awaitable[T]]) -> tuple[str, T]:
    """Run a query, and return the plan of its first statement and its result.

    The plan is the one for all values, as of a prepared statement after some uses.
    """
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    connection = (await session.connection()).sync_connection
    event.listen(connection, "before_cursor_execute", note)
    try:
        found = await run()
    finally:
        event.remove(connection, "before_cursor_execute", note)
    await session.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
    return await _plan(session, sent[0]), found


async def plan_of_hot(session: AsyncSession, statement: Statement) -> str:
    """Return the plan of a hot statement, with the settings of their connections."""
    for name, value in hot_queries.SESSION.items():
        await session.execute(text(f"SET LOCAL {name} = '{value}'"))
    return await _plan(session, statement.sql)


async def _plan(session: AsyncSession, statement: str) -> str:
    connection: Any = (await (await session.connection()).get_raw_connection()).driver_connection
    nulls = ", ".join(["NULL"] * max(map(int, re.findall(r"\$(\d+)", statement)), default=0))
    await connection.execute(f"PREPARE planned AS {statement}")
    rows = await connection.fetch(f"EXPLAIN EXECUTE planned({nulls})" if nulls else "EXPLAIN EXECUTE planned")
    await connection.execute("DEALLOCATE planned")
    return "\n".join(row[0] for row in rows)
