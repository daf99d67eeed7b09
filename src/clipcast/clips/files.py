"""Signed addresses from which files are fetched, by people and by platforms; and how a file is served."""

import re
from collections.abc import AsyncIterator
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response, StreamingResponse

from clipcast.api.here import installed
from clipcast.api.problems import ApiError
from clipcast.clips.storage import StorageError
from clipcast.ids import parse_id
from clipcast.installation import Installation
from clipcast.posts.models import Item

log = structlog.get_logger()
router = APIRouter(include_in_schema=False)
Here = Annotated[Installation, Depends(installed)]


@router.api_route("/files/{token}", methods=["GET", "HEAD"])
async def fetch(token: str, request: Request, here: Here) -> Response:
    """The file: whole, or the one range that is asked for."""
    claim = here.vault.verify(token)
    if claim is None or "get" not in claim:
        raise ApiError(403, "file_url_expired", "The address is wrong or has expired.")
    if item_id := claim.get("item"):
        await _still_open(here, item_id, claim["round"])
        log.info("clip_fetched", item_id=item_id, method=request.method, range=request.headers.get("range"))
    return await serve(here, request, claim["get"], claim["size"], claim["type"], claim["name"])


async def serve(here: Installation, request: Request, key: str, size: int, content_type: str, name: str) -> Response:
    """Return a stored object: whole, or the one range that is asked for. A `size` of -1 is looked up.

    Raises ApiError 404 when the object is not there, StorageUnavailable when the storage does not give it now.
    """
    if size < 0:
        size = await _size_of(here, key)
    headers = {
        "Content-Type": content_type,
        "Accept-Ranges": "bytes",
        "Content-Disposition": _disposition(name),
        "Cache-Control": "private, max-age=3600",
        "X-Content-Type-Options": "nosniff",
    }
    wanted = byte_range(request.headers.get("range"), size)
    if wanted is None:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
    start, end = wanted
    headers["Content-Length"] = str(end - start)
    status = 200
    if (start, end) != (0, size):
        status = 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    pieces = here.storage.read(key, start, end)
    try:
        # Read before the status is sent: what is away or lost is told, not cut off.
        first = await anext(pieces, b"")
    except StorageError:
        raise _missing() from None
    return StreamingResponse(_joined(first, pieces), status_code=status, headers=headers)


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


async def _size_of(here: Installation, key: str) -> int:
    try:
        reader = await here.storage.open(key)
    except StorageError:
        raise _missing() from None
    reader.close()
    return reader.size


def _missing() -> ApiError:
    return ApiError(404, "file_missing", "The stored file is not there any more. Upload the clip again.")


async def _still_open(here: Installation, item_id: str, number: int) -> None:
    """Raises ApiError once the publication that the address was made for has ended."""
    async with here.database.session() as session:
        item = await session.get(Item, parse_id(item_id))
    if item is None or item.status != "processing" or item.round != number:
        raise ApiError(410, "file_url_closed", "The publication that this address was made for has ended.")


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Start and end (exclusive) of what to send; None when the range cannot be satisfied (RFC 9110, 14.1).

    Several ranges, or a header that is not understood, mean the whole file, as the standard allows.
    """
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", (header or "").replace(" ", ""), re.IGNORECASE)
    if match is None or match.groups() == ("", ""):
        return 0, size
    first, last = match.groups()
    if not first:
        return (max(0, size - int(last)), size) if int(last) and size else None
    if last and int(last) < int(first):
        return 0, size
    if int(first) >= size:
        return None
    return int(first), min(size, int(last) + 1) if last else size


def _disposition(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    return f'inline; filename="{plain}"'
