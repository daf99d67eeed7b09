"""The request log: what programs sent with an API key, and what they got.

It has requests that change something and those that were refused; not the reads that succeeded, which are most. The
rows of a moment are inserted together after the responses, so that no request waits for them. They are best effort: a
crash loses those of the last moment, and a flood those that exceed WAITING_MAX.
"""

import asyncio
import json
import time
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clipcast.api.auth import Caller
from clipcast.clock import clock
from clipcast.common.masking import masked, masked_query
from clipcast.common.storable import storable
from clipcast.common.timestamps import format_timestamp
from clipcast.common.unavailable import DatabaseUnavailable, Unavailable
from clipcast.database.hot_queries import AsyncpgPool, Statement
from clipcast.installation import Installation

log = structlog.get_logger()

READS = ("GET", "HEAD", "OPTIONS")
# Characters of a body that the log keeps, and of a path.
BODY_MAX = 16_384
PATH_MAX = 500
# Bytes of a body that the log reads.
READ_MAX = 262_144
# Seconds for which rows are gathered, and the most that wait.
GATHER = 0.5
WAITING_MAX = 500

# The commit does not wait for the disk. A workspace may be deleted meanwhile.
INSERT = Statement("""
    INSERT INTO logged_requests (
        id, workspace_id, key_id, key_name, method, path, status, code, is_replay, milliseconds, request_body,
        response_body, created_at
    )
    SELECT new.* FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new(
        id uuid, workspace_id uuid, key_id uuid, key_name text, method text, path text, status int, code text,
        is_replay boolean, milliseconds int, request_body text, response_body text, created_at timestamptz
    )
    JOIN workspaces ON workspaces.id = new.workspace_id
    WHERE set_config('synchronous_commit', 'off', true) IS NOT NULL
    ON CONFLICT (id) DO NOTHING
""")


class RequestLog:
    """The rows that wait in this process. One per application."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self._lost = 0
        self._saving: asyncio.Task[None] | None = None

    def add(self, pool: AsyncpgPool, row: dict[str, Any]) -> None:
        """Save a row soon."""
        if len(self._rows) >= WAITING_MAX:
            self._lost += 1
            return
        self._rows.append(row)
        if self._saving is None or self._saving.done():
            self._saving = asyncio.create_task(self._save_later(pool))

    async def close(self, pool: AsyncpgPool) -> None:
        """Save the rows that wait, now."""
        if self._saving:
            self._saving.cancel()
        await self._save(pool)

    async def _save(self, pool: AsyncpgPool) -> None:
        rows, self._rows = self._rows, []
        lost, self._lost = self._lost, 0
        if lost:
            log.warning("requests_not_logged", number=lost)
        if not rows:
            return
        try:
            await pool.fetch(INSERT, {"rows": json.dumps(rows)})
        except DatabaseUnavailable as error:
            log.warning("requests_not_logged", number=len(rows), error=str(error))

    async def _save_later(self, pool: AsyncpgPool) -> None:
        while self._rows:
            await asyncio.sleep(GATHER)
            await self._save(pool)


class LoggedRequests:
    """ASGI middleware that logs the requests of API keys at addresses that begin with `prefix`."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self.app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix):
            await self.app(scope, receive, send)
            return
        response = _Response()

        async def send_and_see(message: Message) -> None:
            response.see(message)
            await send(message)

        began = time.perf_counter()
        try:
            await self.app(scope, receive, send_and_see)
        except Exception as error:
            response.status = response.status or (503 if isinstance(error, Unavailable) else 500)
            raise
        finally:
            self._log(scope, response, round(1000 * (time.perf_counter() - began)))

    def _log(self, scope: Scope, response: "_Response", milliseconds: int) -> None:
        state = scope.get("state", {})
        caller: Caller | None = state.get("caller")
        status = response.status
        if caller is None or not status or (scope["method"] in READS and status < 400):
            return
        sent, got = _json(state.get("body", b"")), _json(bytes(response.body))
        installation: Installation = scope["app"].state.installation
        query = masked_query(scope["query_string"].decode("latin-1"))
        # The path of a webhook's address is what protects it.
        hosts_only = scope["path"].startswith(f"{self._prefix}webhooks")
        row = {
            "id": state["request_id"],
            "workspace_id": str(caller.workspace_id),
            "key_id": str(caller.key_id),
            "key_name": caller.key_name,
            "method": scope["method"],
            "path": storable(scope["path"] + ("?" + query if query else ""), PATH_MAX),
            "status": status,
            "code": str(got.get("code", "")) if status >= 400 and isinstance(got, dict) else "",
            "is_replay": response.is_replay,
            "milliseconds": milliseconds,
            "request_body": _kept(sent, hosts_only),
            "response_body": _kept(got, hosts_only),
            "created_at": format_timestamp(clock.now()),
        }
        scope["app"].state.request_log.add(installation.database.hot_pool, row)


class _Response:
    """What of a response is logged, seen while it is sent."""

    def __init__(self) -> None:
        self.status = 0
        self.is_replay = False
        self.body = bytearray()
        self._is_json = False

    def see(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = dict(message["headers"])
            self.is_replay = b"idempotency-replayed" in headers
            self._is_json = headers.get(b"content-type", b"").split(b";")[0].endswith(b"json")
        elif self._is_json and len(self.body) <= READ_MAX:
            self.body += message.get("body", b"")


def _json(body: bytes) -> Any:
    """Return the value of a JSON body; None for another one, and for one that is longer than the log reads."""
    if not body or len(body) > READ_MAX:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _kept(value: Any, hosts_only: bool) -> str | None:
    """Return a JSON value as text without secrets; None if it is longer than the log keeps."""
    if value is None:
        return None
    kept = json.dumps(masked(value, hosts_only=hosts_only), ensure_ascii=False, separators=(",", ":"))
    return storable(kept) if len(kept) <= BODY_MAX else None
