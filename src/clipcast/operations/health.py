"""Whether a process is alive, and whether it can do what it is there for.

`/livez` says that the process responds: restart it when not. `/readyz` uses what requests and items need: the database
by both ways to it, the storage, room on the disk, the clock. Send it no requests while it is not ready.
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

# Seconds for all checks together: less than what load balancers give a check.
PATIENCE = 4.0
# For how long a result is remembered, in seconds: checks of many load balancers cost one.
REMEMBERED = 1.0
# A store that works is written to this often, in seconds; every request to one costs money.
STORAGE_REMEMBERED = 30.0
# Of the data directory: what the next uploads and PostgreSQL's log need at least.
FREE_BYTES = 100 * 1024 * 1024
CLOCKS_MAY_DIFFER = timedelta(seconds=5)
# A worker looks for items every second, and within this many seconds even when the database does not respond.
TURN_WITHIN = 60.0

# A write that changes nothing: a standby, a full disk and a stuck server all show.
WRITE = Statement("UPDATE installation SET key_since = key_since WHERE id = 1", timeout=PATIENCE)


@dataclass
class Result:
    """`trouble` is None where all is well; it is written for operators and holds no address or secret."""

    trouble: str | None
    checked_at: float


class Health:
    """The checks of one process. Each runs at most once at a time, and its result is remembered for a moment."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self._results: dict[str, Result] = {}
        self._checking = asyncio.Lock()
        # Checks that have not ended in time, by name.
        self._late: dict[str, asyncio.Task[str | None]] = {}
        # When, on the monotonic clock, the worker of this process last looked for items; None where it has none.
        self.last_turn: Callable[[], float] | None = None

    def is_alive(self) -> bool:
        """Return whether the process goes on with its work; that it responds at all is known by asking."""
        return self.last_turn is None or clock.monotonic() - self.last_turn() < TURN_WITHIN

    async def check(self) -> dict[str, str | None]:
        """Return the trouble of each part, or None where it works."""
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
            found["worker"] = f"It has not looked for items for {TURN_WITHIN:.0f} s."
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
            trouble = "It does not work now; the log says why."
        self._results[name] = Result(trouble, clock.monotonic())

    async def _within_patience(self, name: str, check: Callable[[], Awaitable[str | None]]) -> str | None:
        """Return what `check` finds, or that it took too long. Its end is not waited for: a silent server delays it."""
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
            theirs: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
        apart = abs(theirs - clock.now())
        if apart > CLOCKS_MAY_DIFFER:
            return f"Its clock differs from this process's by {apart.total_seconds():.0f} s."
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
            return f"{free // 1024**2} MiB are free in the data directory; {FREE_BYTES // 1024**2} MiB are needed."
        return None


async def livez(request: Request) -> Response:
    """200 while the process goes on with its work."""
    alive = _health_of(request).is_alive()
    return JSONResponse({"status": "ok" if alive else "stuck"}, 200 if alive else 503)


async def readyz(request: Request) -> Response:
    """200 with `{"status": "ok", "checks": {...}}`, or 503 with the trouble of each part."""
    found = await _health_of(request).check()
    ready = not any(found.values())
    checks = {name: trouble or "ok" for name, trouble in found.items()}
    headers = {"Cache-Control": "no-store"} | ({} if ready else {"Retry-After": "5"})
    return JSONResponse({"status": "ok" if ready else "unavailable", "checks": checks}, 200 if ready else 503, headers)


def _health_of(request: Request) -> Health:
    """Return the checks of the application's installation, made when they are first asked for."""
    state = request.app.state
    health: Health | None = getattr(state, "health", None)
    if health is None or health.installation is not state.installation:
        state.health = health = Health(state.installation)
    return health


def health_app(health: Health) -> Starlette:
    """The application of a process that serves nothing else."""
    app = Starlette(routes=[Route(path, handler) for path, handler in ROUTES.items()])
    app.state.health, app.state.installation = health, health.installation
    return app


# `/healthz` is the older name of `/readyz`.
ROUTES = {"/livez": livez, "/readyz": readyz, "/healthz": readyz}
