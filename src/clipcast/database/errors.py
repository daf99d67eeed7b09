"""Errors of the database, by whom they are about: the server and the way to it, or the data and the statement."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import AsyncAdaptedQueuePool, PoolProxiedConnection

from clipcast.common.unavailable import DatabaseUnavailable

# Classes of SQLSTATE that say nothing of the statement: connection, rolled back by concurrency, no resources (disk,
# memory, connections), an operator's intervention (shutdown, cancelled), an error outside of PostgreSQL.
PASSING_CLASSES = ("08", "40", "53", "57", "58")
# Read-only (a standby that was the primary), transaction idle for too long, lock not available, a plan made before a
# migration, no such role, password or database.
PASSING_STATES = ("25006", "25P03", "55P03", "0A000", "28000", "28P01", "3D000")
PASSING_TYPES = (OSError, PoolTimeout, asyncpg.InterfaceError)


def unavailable(error: BaseException) -> DatabaseUnavailable | None:
    """`error`, which came from a driver, as DatabaseUnavailable; None where it is about the data or the statement."""
    state = getattr(error, "sqlstate", None)
    if isinstance(error, asyncpg.PostgresError) or state:
        passing = state is not None and (state[:2] in PASSING_CLASSES or state in PASSING_STATES)
    else:
        # Of the client's own errors, those about arguments are ValueErrors; the rest are about the connection.
        passing = isinstance(error, PASSING_TYPES) and not isinstance(error, ValueError)
    if not passing:
        return None
    return DatabaseUnavailable(str(error).split("\n", 1)[0] or type(error).__name__, state)


@contextmanager
def translated() -> Iterator[None]:
    """Raises what asyncpg raises inside, with an unavailable database as DatabaseUnavailable."""
    try:
        yield
    except Exception as error:
        if away := unavailable(error):
            raise away from error
        raise


def translate(context: ExceptionContext) -> DatabaseUnavailable | None:
    """The same for SQLAlchemy, as a listener of `handle_error`."""
    # The driver's error is wrapped twice: by SQLAlchemy, and before that by its adapter.
    error = context.original_exception
    return unavailable(error.__cause__ or error)


class TranslatingPool(AsyncAdaptedQueuePool):
    """SQLAlchemy's pool. Where no connection can be had, it raises DatabaseUnavailable (`handle_error` is not told)."""

    def connect(self) -> PoolProxiedConnection:
        with translated():
            return super().connect()
