"""Idempotency-Key: a repeated POST gets the first one's answer, and does nothing.

draft-ietf-httpapi-idempotency-key-header. The key is claimed by a row in the same transaction that does the work, so
the answer is stored if and only if the work was done. A second request with the key waits on that row: it gets the
stored answer once the first commits, or takes its place should the first fail.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from fastapi import Request
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
# How long a repeated request waits for the first one to end.
PATIENCE = timedelta(seconds=10)
LOCK_NOT_AVAILABLE = "55P03"


@dataclass(frozen=True)
class IdempotentResponse:
    """What an operation answers. Only answers of success come here: errors raise, and are not stored."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


async def run_idempotent(
    request: Request,
    installation: Installation,
    caller: Caller,
    operation: Callable[[AsyncSession], Awaitable[IdempotentResponse]],
    without_key: Callable[[], Awaitable[IdempotentResponse]] | None = None,
) -> Response:
    """Runs `act` in one transaction, at most once for the request's Idempotency-Key.

    Without a key, `act_alone` serves where it is given: for what is all or nothing by itself.

    Raises AppError 400 for an unusable key, 422 when the key was used with another request, and 409 when the first
    request with the key takes too long.
    """
    key = request.headers.get(HEADER)
    if key is None:
        if without_key:
            answer = await without_key()
        else:
            async with installation.database.begin() as session:
                answer = await operation(session)
        return JSONResponse(answer.body, answer.status, answer.headers)
    if not 1 <= len(key) <= KEY_MAX or not key.isprintable():
        raise AppError(400, "idempotency_key_invalid", f"{HEADER} must have 1 to {KEY_MAX} printable characters.")
    fingerprint = _fingerprint(request)
    async with installation.database.begin() as session:
        if not await _claim(session, caller, key, fingerprint):
            return await _replay(session, installation, caller, key, fingerprint)
        answer = await operation(session)
        await session.execute(
            update(IdempotentResponseRow)
            .where(IdempotentResponseRow.workspace_id == caller.workspace_id, IdempotentResponseRow.key == key)
            .values(status=answer.status, sealed=installation.vault.seal(answer.body), headers=answer.headers)
        )
    return JSONResponse(answer.body, answer.status, answer.headers)


async def _claim(session: AsyncSession, caller: Caller, key: str, fingerprint: bytes) -> bool:
    """Whether the key is ours now: it was free, or its answer has had its day.

    Raises AppError 409 when another request holds the key for too long.
    """
    now = clock.now()
    await session.execute(text(f"SET LOCAL lock_timeout = '{int(PATIENCE.total_seconds())}s'"))
    row = {"fingerprint": fingerprint, "status": None, "sealed": None, "body": None, "headers": None, "created_at": now}
    statement = (
        insert(IdempotentResponseRow)
        .values(workspace_id=caller.workspace_id, key=key, **row)
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
            409, "idempotency_in_progress", "The first request with this key is still under way.",
            headers={"Retry-After": "5"},
        ) from None  # fmt: skip
    return claimed.first() is not None


async def _replay(
    session: AsyncSession, installation: Installation, caller: Caller, key: str, fingerprint: bytes
) -> Response:
    stored = await session.get_one(IdempotentResponseRow, (caller.workspace_id, key))
    if stored.fingerprint != fingerprint:
        raise AppError(422, "idempotency_key_reused", f"This {HEADER} was used with another request. Use a new one.")
    assert stored.status is not None
    headers = {**(stored.headers or {}), "Idempotency-Replayed": "true"}
    body = installation.vault.open(stored.sealed) if stored.sealed else stored.body
    return JSONResponse(body, stored.status, headers)


def _fingerprint(request: Request) -> bytes:
    target = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return hashlib.sha256(target + getattr(request.state, "body", b"")).digest()
