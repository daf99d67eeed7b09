"""Health checks of a process.

`/livez` shows that the process works; restart it if it does not. `/readyz` checks what requests and items need: both
connection pools of the database, the storage, the free disk space and the clock. Send a process no requests while it
is not ready.
"""

import asyncio
import os
import shutil
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from fastapi import Request
from sqlalchemy import func, select
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clipcast.clock import clock
from clipcast.database.hot_queries import Statement
from clipcast.installation import Installation

log = structlog.get_logger()

# In seconds, for all checks together: less than the timeout of load balancers.
PATIENCE = 4.0
# In seconds. Many load balancers share one result.
REMEMBERED = 1.0
# In seconds. Requests to a storage cost money, so a working one is checked less often.
STORAGE_REMEMBERED = 30.0
# In the data directory: the minimum for the next uploads and PostgreSQL's log.
FREE_BYTES = 100 * 1024 * 1024
CLOCKS_MAY_DIFFER = timedelta(seconds=5)
# In seconds. A worker looks for items every second, and within this time even if the database does not respond.
SEARCH_WITHIN = 60.0

# A write that changes nothing. It fails on a standby, a full disk and a stuck server.
WRITE = Statement("UPDATE installation SET key_since = key_since WHERE id = 1", timeout=PATIENCE)


@dataclass
class Result:
    """The result of one check. `trouble` is None if it passed, else a text without addresses and secrets."""

    trouble: str | None
    checked_at: float


class Health:
    """The checks of one process. Each runs at most once at a time, and keeps its result for a short time."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self._results: dict[str, Result] = {}
        self._checking = asyncio.Lock()
        # Checks that exceeded PATIENCE, by name.
        self._late: dict[str, asyncio.Task[str | None]] = {}
        # Returns the monotonic time at which this process's worker last looked for items. None without a worker.
        self.last_search: Callable[[], float] | None = None

    def is_alive(self) -> bool:
        """Return whether the worker of this process, if it has one, still looks for items."""
        return self.last_search is None or clock.monotonic() - self.last_search() < SEARCH_WITHIN

    async def check(self) -> dict[str, str | None]:
        """Return the problem of each part, or None if the part works."""
        checks: dict[str, tuple[float, Callable[[], Awaitable[str | None]]]] = {
            "database": (REMEMBERED, self._database),
            "hot_database": (REMEMBERED, self._hot_database),
            "storage": (STORAGE_REMEMBERED, self._storage),
            "disk": (REMEMBERED, self._disk),
        }
        async with self._checking:
            await asyncio.gather(*(self._refresh(name, *check) for name, check in checks.items()))
        found = {name: self._results[name].trouble for name in checks}
        if not self.is_alive():
            found["worker"] = f"It has not looked for items for {SEARCH_WITHIN:.0f} s."
        return found

    async def _refresh(self, name: str, remembered: float, check: Callable[[], Awaitable[str | None]]) -> None:
        before = self._results.get(name)
        age = clock.monotonic() - before.checked_at if before else None
        if before and age is not None and 0 <= age < (REMEMBERED if before.trouble else remembered):
            return
        try:
            trouble = await self._within_patience(name, check)
        except Exception as error:
            log.error("not_ready", check=name, error=str(error).split("\n", 1)[0], error_type=type(error).__name__)
            trouble = "It does not work now. The log states the reason."
        self._results[name] = Result(trouble, clock.monotonic())

    async def _within_patience(self, name: str, check: Callable[[], Awaitable[str | None]]) -> str | None:
        """Return the result of `check`, or a timeout. Do not wait for its end, which a silent server can delay."""
        late = self._late.get(name)
        if late is None or late.done():
            task = self._late[name] = asyncio.ensure_future(check())
            await asyncio.wait({task}, timeout=PATIENCE)
            if task.done():
                return self._late.pop(name).result()
            task.cancel()
        return f"It did not respond within {PATIENCE:.0f} s."

    async def _database(self) -> str | None:
        async with self.installation.database.connect() as connection:
            database_now: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
        difference = abs(database_now - clock.now())
        if difference > CLOCKS_MAY_DIFFER:
            return f"Its clock differs from this process's by {difference.total_seconds():.0f} s."
        return None

    async def _hot_database(self) -> str | None:
        await self.installation.database.hot_pool.fetch(WRITE, {})
        return None

    async def _storage(self) -> str | None:
        key = f"health/{socket.gethostname()}-{os.getpid()}"
        await self.installation.storage.put_bytes(key, b"ready")
        await self.installation.storage.delete(key)
        return None

    async def _disk(self) -> str | None:
        free = (await asyncio.to_thread(shutil.disk_usage, self.installation.settings.data_dir)).free
        if free < FREE_BYTES:
            minimum = FREE_BYTES // 1024**2
            return f"Too little space is free in the data directory: {free // 1024**2} MiB, minimum {minimum} MiB."
        return None


async def livez(request: Request) -> Response:
    """Return 200 while the process works, else 503."""
    alive = _health_of(request).is_alive()
    return JSONResponse({"status": "ok" if alive else "stuck"}, 200 if alive else 503)


async def readyz(request: Request) -> Response:
    """Return 200 with `{"status": "ok", "checks": {...}}`, or 503 with the problem of each part."""
    found = await _health_of(request).check()
    ready = not any(found.values())
    checks = {name: trouble or "ok" for name, trouble in found.items()}
    headers = {"Cache-Control": "no-store"} | ({} if ready else {"Retry-After": "5"})
    return JSONResponse({"status": "ok" if ready else "unavailable", "checks": checks}, 200 if ready else 503, headers)


def _health_of(request: Request) -> Health:
    """Return the checks of the application's installation. Create them at the first request."""
    state = request.app.state
    health: Health | None = getattr(state, "health", None)
    if health is None or health.installation is not state.installation:
        state.health = health = Health(state.installation)
    return health


def health_app(health: Health) -> Starlette:
    """Return an application with only these endpoints, for a process without the API."""
    app = Starlette(routes=[Route(path, handler) for path, handler in ROUTES.items()])
    app.state.health, app.state.installation = health, health.installation
    return app


# `/healthz` is the older name of `/readyz`.
ROUTES = {"/livez": livez, "/readyz": readyz, "/healthz": readyz}
