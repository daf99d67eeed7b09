"""Idempotency-Key: a repeated POST gets the first response and does nothing.

draft-ietf-httpapi-idempotency-key-header. One transaction inserts a row that claims the key, runs the operation and
stores its response: all or nothing. A second request with the key waits for that row. When the first request commits,
the second gets the stored response; if the first fails, the second runs the operation.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar, cast
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel
from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import JSONResponse, Response

from clipcast.api.auth import Caller
from clipcast.clock import clock
from clipcast.common.problems import AppError
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.database.models.requests import IdempotentResponseRow
from clipcast.installation import Installation

HEADER = "Idempotency-Key"
KEY_MAX = 255
LIFETIME = timedelta(hours=24)
# The time that a repeated request waits for the first one to end.
PATIENCE = timedelta(seconds=10)
LOCK_NOT_AVAILABLE = "55P03"
T = TypeVar("T")


@dataclass(frozen=True)
class IdempotentResponse:
    """The response of an operation that succeeded. Operations raise errors, which are not stored."""

    status: int
    body: BaseModel
    headers: dict[str, str] = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """Return the body as JSON."""
        return self.body.model_dump(mode="json", by_alias=True)


async def run_idempotent(
    request: Request,
    installation: Installation,
    caller: Caller,
    operation: Callable[[AsyncSession], Awaitable[IdempotentResponse]],
    without_key: Callable[[], Awaitable[IdempotentResponse]] | None = None,
) -> Response:
    """Run `operation` in one transaction, at most once for the request's Idempotency-Key, and return its response.

    Pass `without_key` for an operation that is atomic without a transaction: requests without a key run it instead.

    Raises AppError 400 for an invalid key, 422 if another request used the key, and 409 if the first request with the
    key takes too long.
    """
    key = _key_of(request, caller)
    if key is None:
        if without_key:
            response = await without_key()
        else:
            async with installation.database.begin() as session:
                response = await operation(session)
        return JSONResponse(response.content(), response.status, response.headers)
    fingerprint = _fingerprint(request)
    async with installation.database.begin() as session:
        if not await _claim(session, caller.workspace_id, key, fingerprint):
            stored = await session.get_one(IdempotentResponseRow, (caller.workspace_id, key))
            return _replay(stored, installation, fingerprint)
        response = await operation(session)
        content = response.content()
        values = {"status": response.status, "headers": response.headers}
        await _keep(session, caller.workspace_id, key, values | {"sealed": installation.vault.seal(content)})
    return JSONResponse(content, response.status, response.headers)


async def run_once(
    session: AsyncSession,
    installation: Installation,
    workspace_id: UUID,
    key: str,
    operation: Callable[[], Awaitable[T]],
) -> T:
    """Run `operation` in the caller's transaction, at most once for a key, and return its JSON of that time.

    A key is used by one kind of operation alone. Raises AppError 409 if the first use of the key takes too long.
    """
    if not await _claim(session, workspace_id, key, b""):
        stored = await session.get_one(IdempotentResponseRow, (workspace_id, key))
        return cast(T, installation.vault.open(stored.sealed or b""))
    found = await operation()
    await _keep(session, workspace_id, key, {"sealed": installation.vault.seal(found)})
    return found


async def result_of(session: AsyncSession, installation: Installation, workspace_id: UUID, key: str) -> Any:
    """Return what `run_once` returned for a key; None if the key was not used, or too long ago."""
    stored = await session.get(IdempotentResponseRow, (workspace_id, key))
    if stored is None or stored.created_at < clock.now() - LIFETIME:
        return None
    return installation.vault.open(stored.sealed or b"")


async def replay(request: Request, installation: Installation, caller: Caller) -> Response | None:
    """Return the stored response of the request's Idempotency-Key; None without a key, or if the key is unused.

    Call it before the work that an operation needs outside of its transaction. Raises AppError as `run_idempotent`.
    """
    if (key := _key_of(request, caller)) is None:
        return None
    async with installation.database.session() as session:
        stored = await session.get(IdempotentResponseRow, (caller.workspace_id, key))
    if stored is None or stored.created_at < clock.now() - LIFETIME:
        return None
    return _replay(stored, installation, _fingerprint(request))


def _key_of(request: Request, caller: Caller) -> str | None:
    """Return the key by which the response is stored.

    The keys of a workspace share theirs, so that a request can be repeated after a rotation. A limited one has its own:
    it does not get what another one may see. Raise AppError 400.
    """
    given = request.headers.getlist(HEADER)
    if len(given) > 1:
        message = f"The request has {len(given)} headers {HEADER}. Send one."
        raise AppError(400, "idempotency_key_invalid", message)
    key = given[0] if given else None
    if key is not None and (not 1 <= len(key) <= KEY_MAX or not key.isprintable()):
        message = f"{HEADER} must have 1 to {KEY_MAX} printable characters. Send another key."
        raise AppError(400, "idempotency_key_invalid", message)
    if key is not None and caller.is_limited:
        return hashlib.sha256(f"{caller.key_id} {key}".encode()).hexdigest()
    return key


async def _claim(session: AsyncSession, workspace_id: UUID, key: str, fingerprint: bytes) -> bool:
    """Return whether this request owns the key: the key was unused, or its response expired.

    Raises AppError 409 if another request owns the key for longer than PATIENCE.
    """
    now = clock.now()
    await session.execute(text(f"SET LOCAL lock_timeout = '{int(PATIENCE.total_seconds())}s'"))
    row = {"fingerprint": fingerprint, "status": None, "sealed": None, "body": None, "headers": None, "created_at": now}
    statement = (
        insert(IdempotentResponseRow)
        .values(workspace_id=workspace_id, key=key, **row)
        .on_conflict_do_update(
            index_elements=["workspace_id", "key"], set_=row, where=IdempotentResponseRow.created_at < now - LIFETIME
        )
        .returning(IdempotentResponseRow.key)
    )
    try:
        claimed = await session.execute(statement)
    except DatabaseUnavailable as error:
        if error.sqlstate != LOCK_NOT_AVAILABLE:
            raise
        raise AppError(
            409, "idempotency_in_progress", "The first request with this key is still running. Try again in 5 s.",
            headers={"Retry-After": "5"},
        ) from None  # fmt: skip
    return claimed.first() is not None


async def _keep(session: AsyncSession, workspace_id: UUID, key: str, values: dict[str, Any]) -> None:
    """Store the response under a key that this request owns."""
    mine = (IdempotentResponseRow.workspace_id == workspace_id) & (IdempotentResponseRow.key == key)
    await session.execute(update(IdempotentResponseRow).where(mine).values(values))


def _replay(stored: IdempotentResponseRow, installation: Installation, fingerprint: bytes) -> Response:
    if stored.fingerprint != fingerprint:
        message = f"Another request used this {HEADER}. Use a new key."
        raise AppError(422, "idempotency_key_reused", message)
    assert stored.status is not None
    headers = {**(stored.headers or {}), "Idempotency-Replayed": "true"}
    body = installation.vault.open(stored.sealed) if stored.sealed else stored.body
    return JSONResponse(body, stored.status, headers)


def _fingerprint(request: Request) -> bytes:
    target = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return hashlib.sha256(target + getattr(request.state, "body", b"")).digest()
