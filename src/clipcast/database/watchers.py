"""Watchers of rows: all who wait in this process for a change of a post or a render share one listener.

One connection listens to the notifications of all processes (changes.py). They say which rows to observe. Besides, one
query a second for each kind of row observes everything that is watched. So a lost notification costs 1 s at most, and
the same holds where LISTEN is impossible.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import structlog

from clipcast.common.problems import AppError
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.database.changes import CHANNEL
from clipcast.database.hot_queries import Executor, Statement

log = structlog.get_logger()

# Seconds between two observations of everything that is watched, and before another try to listen.
POLL = 1.0
ERROR_PAUSE = 1.0
# The most watchers of one workspace in this process, and how long one too many is asked to wait (seconds).
WATCHERS_MAX = 1000
RETRY_AFTER = 5


@dataclass(frozen=True)
class Kind:
    """A kind of row that can be watched.

    `query` observes the rows of `:ids` that exist. It returns `id`, the fields of `Seen`, and `names`: the further ids
    whose notifications concern the row.
    """

    name: str
    query: Statement


class Seen(NamedTuple):
    """An observation of a row. `state` differs after each change that ends a wait, `detail` after any change."""

    workspace_id: UUID
    state: str
    detail: int
    is_final: bool


class _Row:
    """A row that somebody watches."""

    def __init__(self, kind: Kind, id: UUID) -> None:
        self.kind = kind
        self.id = id
        # None before the first observation, and if the row does not exist.
        self.seen: Seen | None = None
        # Set by the first observation, to its error if the database did not respond.
        self.observed: asyncio.Future[DatabaseUnavailable | None] = asyncio.get_running_loop().create_future()
        self.names: frozenset[str] = frozenset()
        self.watches: set[Watch] = set()

    def observe(self, seen: Seen | None) -> None:
        before, self.seen = self.seen, seen
        if not self.observed.done():
            self.observed.set_result(None)
        elif seen != before:
            for watch in self.watches:
                if watch.may_see(seen or before):
                    watch.note(self.id)


class Watch:
    """A watcher of some rows, which have been observed at its start."""

    def __init__(self, watchers: "Watchers", workspace_id: UUID) -> None:
        self._watchers = watchers
        self._workspace_id = workspace_id
        self._changed: set[UUID] = set()
        self._woken = asyncio.Event()
        self.rows: dict[UUID, _Row] = {}

    def seen(self, id: UUID) -> Seen | None:
        """Return the newest observation of a row; None if the workspace has no such row."""
        seen = self.rows[id].seen
        return seen if self.may_see(seen) else None

    def may_see(self, seen: Seen | None) -> bool:
        """Return whether an observation is of the watcher's workspace."""
        return seen is not None and seen.workspace_id == self._workspace_id

    @property
    def is_over(self) -> bool:
        """Whether the process stops: nothing more will be observed."""
        return self._watchers.is_stopped

    def note(self, *ids: UUID) -> None:
        """Wake the watcher because these rows have changed."""
        self._changed.update(ids)
        self._woken.set()

    async def next(self, seconds: float) -> set[UUID]:
        """Wait until a row has changed since the last call, and return all that have.

        The result is empty after this time, and when the process stops.
        """
        if not self.is_over:
            try:
                async with asyncio.timeout(seconds):
                    await self._woken.wait()
            except TimeoutError:
                return set()
        self._woken.clear()
        changed, self._changed = self._changed, set()
        return changed


class Watchers:
    """The rows that are watched in this process. The tasks begin with the first watcher."""

    def __init__(self, pool: Executor, connect: Callable[[], Awaitable[Any]]) -> None:
        """Observe by statements of the `pool`, and listen on what `connect` returns: None if that is impossible."""
        self._pool = pool
        self._connect = connect
        self._rows: dict[tuple[Kind, UUID], _Row] = {}
        # By the names of the rows.
        self._named: dict[str, set[_Row]] = {}
        self._due: set[_Row] = set()
        self._woken = asyncio.Event()
        self._watches: set[Watch] = set()
        self._of_workspace: Counter[UUID] = Counter()
        self._tasks: list[asyncio.Task[None]] = []
        self.is_stopped = False
        # Set while this process receives notifications.
        self.listens = asyncio.Event()

    @asynccontextmanager
    async def watch(self, workspace_id: UUID, rows: Collection[tuple[Kind, UUID]]) -> AsyncIterator[Watch]:
        """Watch rows of a workspace until the end of the block. Rows of others count as not existing.

        Raise AppError 429 if too many watch, and DatabaseUnavailable.
        """
        self.require_place(workspace_id)
        self._start()
        watch = Watch(self, workspace_id)
        self._watches.add(watch)
        self._of_workspace[workspace_id] += 1
        try:
            for kind, id in rows:
                watch.rows[id] = self._add(kind, id, watch)
            for row in watch.rows.values():
                if not self.is_stopped and (error := await asyncio.shield(row.observed)):
                    raise error
            yield watch
        finally:
            self._watches.discard(watch)
            self._of_workspace[workspace_id] -= 1
            if not self._of_workspace[workspace_id]:
                del self._of_workspace[workspace_id]
            for row in watch.rows.values():
                self._leave(row, watch)

    def require_place(self, workspace_id: UUID) -> None:
        """Raise AppError 429 if WATCHERS_MAX watch for the workspace."""
        if self._of_workspace.get(workspace_id, 0) >= WATCHERS_MAX:
            raise AppError(
                429, "too_many_waiting",
                f"{WATCHERS_MAX} requests of this workspace wait for changes already. Try again in {RETRY_AFTER} s.",
                headers={"Retry-After": str(RETRY_AFTER)},
            )  # fmt: skip

    def stop(self) -> None:
        """Wake all watchers for the last time: the process stops."""
        self.is_stopped = True
        for row in self._rows.values():
            if not row.observed.done():
                row.observed.set_result(None)
        for watch in self._watches:
            watch.note()

    async def close(self) -> None:
        """End all watches, and the connection."""
        self.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self) -> None:
        if not self._tasks and not self.is_stopped:
            self._tasks = [asyncio.create_task(one()) for one in (self._listen, self._observe_always)]

    def _add(self, kind: Kind, id: UUID, watch: Watch) -> _Row:
        row = self._rows.get((kind, id))
        if row is None:
            row = self._rows[kind, id] = _Row(kind, id)
            self._name(row, frozenset({id.hex}))
            self._due.add(row)
            self._woken.set()
        row.watches.add(watch)
        return row

    def _leave(self, row: _Row, watch: Watch) -> None:
        row.watches.discard(watch)
        if not row.watches:
            self._forget(row)

    def _forget(self, row: _Row) -> None:
        self._name(row, frozenset())
        self._due.discard(row)
        if self._rows.get((row.kind, row.id)) is row:
            del self._rows[row.kind, row.id]

    def _name(self, row: _Row, names: frozenset[str]) -> None:
        for name in row.names - names:
            rows = self._named[name]
            rows.discard(row)
            if not rows:
                del self._named[name]
        for name in names:
            self._named.setdefault(name, set()).add(row)
        row.names = names

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except (DatabaseUnavailable, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("not_listening", error=str(error))
            except Exception:
                log.exception("not_listening")
            await asyncio.sleep(ERROR_PAUSE)

    async def _listen_once(self) -> None:
        """Listen until the connection is lost."""
        connection = await self._connect()
        if connection is None:
            log.info("polling", every_seconds=POLL, reason="the pooler passes no notifications")
            await asyncio.Event().wait()  # never set
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, self._heard)
            self.listens.set()
            # Of what changed before, nobody was told.
            self._due.update(self._rows.values())
            self._woken.set()
            await lost.wait()
        finally:
            self.listens.clear()
            connection.terminate()

    def _heard(self, _connection: Any, _process: int, _channel: str, ids: str) -> None:
        for name in ids.split(","):
            if rows := self._named.get(name):
                self._due.update(rows)
                self._woken.set()

    async def _observe_always(self) -> None:
        """Observe what is due as soon as it is, and everything once in POLL seconds."""
        loop = asyncio.get_running_loop()
        next_poll = loop.time() + POLL
        while True:
            await self._wait(next_poll - loop.time() if self._rows else None)
            due, self._due = self._due, set()
            if loop.time() >= next_poll:
                due, next_poll = set(self._rows.values()), loop.time() + POLL
            try:
                await self._observe(due)
            except DatabaseUnavailable as error:
                self._fail(due, error)
            except Exception:
                log.exception("not_observed")
                self._fail(due, DatabaseUnavailable("The rows could not be observed."))

    async def _wait(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()

    async def _observe(self, due: set[_Row]) -> None:
        by_kind: dict[Kind, dict[UUID, _Row]] = {}
        for row in due:
            by_kind.setdefault(row.kind, {})[row.id] = row
        for kind, rows in by_kind.items():
            found = {one["id"]: one for one in await self._pool.fetch(kind.query, {"ids": list(rows)})}
            for id, row in rows.items():
                one = found.get(id)
                if self._rows.get((kind, id)) is row:
                    self._name(row, frozenset({id.hex, *(name.hex for name in one["names"])} if one else {id.hex}))
                    row.observe(one and Seen(*(one[name] for name in Seen._fields)))

    def _fail(self, due: set[_Row], error: DatabaseUnavailable) -> None:
        """Have those fail who wait for the first observation. All others learn of changes from the next poll."""
        log.warning("not_observed", error=str(error))
        for row in due:
            if not row.observed.done():
                row.observed.set_result(error)
                self._forget(row)
