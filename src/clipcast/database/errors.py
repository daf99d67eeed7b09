"""Errors of the database in two groups: those of the server or the network, and those of a statement or its data."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import AsyncAdaptedQueuePool, PoolProxiedConnection

from clipcast.common.unavailable import DatabaseUnavailable

# Classes of SQLSTATE that do not concern the statement: connection, rollback by concurrency, no resources (disk,
# memory, connections), an operator's intervention (shutdown, cancellation), an error outside PostgreSQL.
PASSING_CLASSES = ("08", "40", "53", "57", "58")
# Read-only (a former primary), idle transaction, unavailable lock, a plan from before a migration, and a missing role,
# password or database.
PASSING_STATES = ("25006", "25P03", "55P03", "0A000", "28000", "28P01", "3D000")
PASSING_TYPES = (OSError, PoolTimeout, asyncpg.InterfaceError)


def unavailable(error: BaseException) -> DatabaseUnavailable | None:
    """Return a driver's `error` as DatabaseUnavailable, or None if it concerns a statement or its data."""
    state = getattr(error, "sqlstate", None)
    if isinstance(error, asyncpg.PostgresError) or state:
        passing = state is not None and (state[:2] in PASSING_CLASSES or state in PASSING_STATES)
    else:
        # Errors of asyncpg itself are ValueErrors if they concern arguments; all others concern the connection.
        passing = isinstance(error, PASSING_TYPES) and not isinstance(error, ValueError)
    if not passing:
        return None
    return DatabaseUnavailable(str(error).split("\n", 1)[0] or type(error).__name__, state)


@contextmanager
def translated() -> Iterator[None]:
    """Raise DatabaseUnavailable instead of asyncpg's errors of an unavailable database."""
    try:
        yield
    except Exception as error:
        if away := unavailable(error):
            raise away from error
        raise


def translate(context: ExceptionContext) -> DatabaseUnavailable | None:
    """Return the DatabaseUnavailable of an error, as a listener of SQLAlchemy's `handle_error`."""
    # SQLAlchemy and its adapter each wrap the driver's error.
    error = context.original_exception
    return unavailable(error.__cause__ or error)


class TranslatingPool(AsyncAdaptedQueuePool):
    """SQLAlchemy's pool that raises DatabaseUnavailable if it gets no connection: `handle_error` misses this case."""

    def connect(self) -> PoolProxiedConnection:
        with translated():
            return super().connect()
