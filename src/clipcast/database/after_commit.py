"""Statements and calls that follow a commit: best effort, and once for all commits of a few milliseconds."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
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


class Gathered:
    """A function that follows all commits of a round once. It gets the pool, and the `noted` values of all of them."""

    def __init__(self, function: "Callable[[AsyncpgPool, frozenset[str]], Awaitable[object]]") -> None:
        self.name = f"{function.__module__}.{function.__qualname__}"
        self._function = function

    async def follow(self, pool: "AsyncpgPool", values: Mapping[str, Any]) -> None:
        await self._function(pool, values["noted"])


class AfterCommit:
    """The statements that are to follow. The first one is sent at once; those of the next PAUSE together.

    A `Gathered` function does not wait for the others.
    """

    def __init__(self, pool: "AsyncpgPool") -> None:
        self._pool = pool
        self._pending: dict[str, dict[tuple[Any, ...], tuple[Follower, Mapping[str, Any]]]] = {}
        self._sending: dict[str, asyncio.Task[None]] = {}

    def add(self, follower: "Follower", values: Mapping[str, Any]) -> None:
        """Send the statement soon, unless the same one with the same values is about to be sent."""
        gathers = isinstance(follower, Gathered)
        lane = follower.name if gathers else ""
        key = (follower.name,) if gathers else (follower.name, *values.items())
        pending = self._pending.setdefault(lane, {})
        if gathers and key in pending:
            values = {"noted": pending[key][1]["noted"] | values["noted"]}
        pending[key] = follower, values
        if lane not in self._sending or self._sending[lane].done():
            self._sending[lane] = asyncio.get_running_loop().create_task(self._send(lane))

    async def _send(self, lane: str) -> None:
        while pending := self._pending.pop(lane, None):
            for follower, values in pending.values():
                try:
                    await follower.follow(self._pool, values)
                except DatabaseUnavailable as error:
                    log.warning("not_sent_after_commit", error=str(error))
                except Exception:
                    log.exception("not_sent_after_commit")
            await asyncio.sleep(PAUSE)

    async def close(self) -> None:
        """Wait for the statements under way."""
        await asyncio.gather(*self._sending.values(), return_exceptions=True)


def after_commit(session: AsyncSession, follower: "Follower", values: Mapping[str, Any]) -> None:
    """Send the statement soon after the session's transaction commits."""
    following: AfterCommit = session.info["after_commit"]
    event.listen(session.sync_session, "after_commit", lambda _: following.add(follower, values), once=True)
