"""Signed addresses from which people and platforms fetch files; and responses that contain a file."""

import re
from collections.abc import AsyncIterator
from urllib.parse import quote

import structlog
from fastapi import APIRouter, Request
from sqlalchemy.orm import joinedload
from starlette.responses import Response, StreamingResponse

from clipcast.api.dependencies import InstallationDep
from clipcast.clips.addresses import clip_id_of
from clipcast.clips.schemas import clean_file_name
from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError
from clipcast.database.models.clients import Client
from clipcast.database.models.clips import Clip
from clipcast.database.models.posts import Item
from clipcast.database.models.renditions import Rendition
from clipcast.installation import Installation
from clipcast.storage import StorageError

log = structlog.get_logger()
# The attribute characters of RFC 8187, besides letters and digits.
ATTRIBUTE_CHARACTERS = "!#$&+-.^_`|~"
# The folders of renditions and of clients' logos in the storage.
RENDITIONS, LOGOS = "renditions/", "logos/"
router = APIRouter(include_in_schema=False)


@router.api_route("/files/{token}", methods=["GET", "HEAD"])
async def fetch(token: str, request: Request, installation: InstallationDep) -> Response:
    """Return the file of a signed address: whole, or the requested range. Raises AppError 403, 404 or 410."""
    claim = installation.vault.verify(token)
    if claim is None or "get" not in claim:
        raise AppError(403, "file_url_expired", "The file address is wrong or has expired. Request a new one.")
    if item_id := claim.get("item"):
        await _require_open_round(installation, item_id, claim["round"])
        log.info("clip_fetched", item_id=item_id, method=request.method, range=request.headers.get("range"))
    else:
        await _require_file(installation, claim["get"])
    return await serve(installation, request, claim["get"], claim["size"], claim["type"], claim["name"])


async def serve(
    installation: Installation, request: Request, key: str, size: int, content_type: str, name: str
) -> Response:
    """Return the response with a stored object: whole, or the requested range. Pass the `size` -1 if it is unknown.

    Raises AppError 404 if the object is missing, and StorageUnavailable if the storage does not respond.
    """
    if size < 0:
        size = await _size_of(installation, key)
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
    pieces = installation.storage.read(key, start, end)
    try:
        # Read before the status is sent: an error of the storage must become an error status, not a cut-off body.
        first = await anext(pieces, b"")
    except StorageError:
        raise _missing() from None
    return StreamingResponse(_joined(first, pieces), status_code=status, headers=headers)


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


async def _size_of(installation: Installation, key: str) -> int:
    try:
        reader = await installation.storage.open(key)
    except StorageError:
        raise _missing() from None
    reader.close()
    return reader.size


def _missing() -> AppError:
    return AppError(404, "file_missing", "The stored file is missing. Upload the clip again.")


async def _require_file(installation: Installation, key: str) -> None:
    """Raise AppError 410 if the clip, rendition or client of the address has been deleted, or its file replaced."""
    owner: Clip | Rendition | None
    async with installation.database.session() as session:
        if key.startswith(LOGOS):
            client = await session.get(Client, parse_id(key.split("/")[1]))
            if client is None or client.logo_key != key:
                raise AppError(410, "file_deleted", "The client of this address has another logo, or none.")
            return
        if key.startswith(RENDITIONS):
            owner = await session.get(Rendition, parse_id(key.split("/")[1]))
        else:
            owner = await session.get(Clip, parse_id(clip_id_of(key)))
    if owner is None or key not in (owner.storage_key, owner.thumbnail_key):
        raise AppError(410, "file_deleted", "The clip of this address has been deleted.")


async def _require_open_round(installation: Installation, item_id: str, number: int) -> None:
    """Raise AppError 410 if the publication for which the address was made has ended."""
    async with installation.database.session() as session:
        item = await session.get(Item, parse_id(item_id), options=[joinedload(Item.job)])
    if item is None or item.status != "processing" or item.job.round != number:
        raise AppError(410, "file_url_closed", "The publication for which this address was made has ended.")


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the start and the end (exclusive) of the bytes to send; None if no byte is in the range (RFC 9110, 14.1).

    Several ranges, or an invalid header, mean the whole file, as the standard allows.
    """
    match = re.fullmatch(r"bytes=([0-9]*)-([0-9]*)", (header or "").replace(" ", ""), re.IGNORECASE)
    if match is None or match.groups() == ("", ""):
        return 0, size
    first, last = (_position(digits) if digits else None for digits in match.groups())
    if first is None:
        return (max(0, size - last), size) if last and size else None
    if last is not None and last < first:
        return 0, size
    if first >= size:
        return None
    return first, size if last is None else min(size, last + 1)


def _position(digits: str) -> int:
    """Return the number of any count of digits, capped beyond the size of the largest file."""
    significant = digits.lstrip("0")[:20]
    return min(int(significant or "0"), 2**63)


def _disposition(name: str) -> str:
    """Return the Content-Disposition with the file's name, in ASCII for all browsers and exact (RFC 6266, RFC 8187)."""
    name = clean_file_name(name)
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    exact = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe=ATTRIBUTE_CHARACTERS)}"
    return f'inline; filename="{plain}"{exact}'
