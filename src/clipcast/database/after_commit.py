"""Statements and calls that follow a commit: best effort, and once for all commits of a few milliseconds."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.common.unavailable import DatabaseUnavailable

if TYPE_CHECKING:
    from clipcast.database.hot_queries import AsyncpgPool, Follower

log = structlog.get_logger()
# Seconds between two rounds of statements.
PAUSE = 0.005


class AfterCommit:
    """The statements that are to follow. The first one is sent at once; those of the next PAUSE together."""

    def __init__(self, pool: "AsyncpgPool") -> None:
        self._pool = pool
        self._pending: dict[tuple[Any, ...], tuple[Follower, Mapping[str, Any]]] = {}
        self._sending: asyncio.Task[None] | None = None

    def add(self, statement: "Follower", values: Mapping[str, Any]) -> None:
        """Send the statement soon, unless the same one with the same values is about to be sent."""
        self._pending[statement.name, *values.items()] = statement, values
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._send())

    async def _send(self) -> None:
        while self._pending:
            pending, self._pending = self._pending, {}
            for statement, values in pending.values():
                try:
                    await statement.follow(self._pool, values)
                except DatabaseUnavailable as error:
                    log.warning("not_sent_after_commit", error=str(error))
                except Exception:
                    log.exception("not_sent_after_commit")
            await asyncio.sleep(PAUSE)

    async def close(self) -> None:
        """Wait for the statements under way."""
        if self._sending:
            await asyncio.gather(self._sending, return_exceptions=True)


def after_commit(session: AsyncSession, statement: "Follower", values: Mapping[str, Any]) -> None:
    """Send the statement soon after the session's transaction commits."""
    following: AfterCommit = session.info["after_commit"]
    event.listen(session.sync_session, "after_commit", lambda _: following.add(statement, values), once=True)
