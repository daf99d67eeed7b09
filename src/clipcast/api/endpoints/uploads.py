"""Signed upload addresses: they take a file at once (PUT) or in pieces (the core of tus 1.0).

An address needs no API key. https://tus.io/protocols/resumable-upload specifies PATCH and HEAD. If the connection
breaks, the server keeps the bytes that have arrived, and HEAD returns the offset at which to continue.
"""

import re
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from sqlalchemy import update
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from clipcast.api.dependencies import InstallationDep
from clipcast.clips import service
from clipcast.clips.addresses import ABANDONED_UPLOAD, UPLOAD_LIFETIME
from clipcast.clips.turns import Turn, superseded
from clipcast.clips.unwanted import delete_unwanted, record_unwanted
from clipcast.clock import clock
from clipcast.common.containers import SNIFFED, SNIFFED_LEAST
from clipcast.common.ids import new_id, parse_id
from clipcast.common.problems import AppError, NotFound
from clipcast.database.models.clips import Clip
from clipcast.installation import Installation

router = APIRouter(include_in_schema=False)

TUS = {"Tus-Resumable": "1.0.0", "Cache-Control": "no-store"}
PIECE_TYPE = "application/offset+octet-stream"


async def _clip(installation: Installation, token: str) -> Clip:
    """Return the clip of the address, which stays valid while bytes arrive. Raises AppError 403, or NotFound."""
    claim, now = installation.vault.verify(token, ABANDONED_UPLOAD), clock.now()
    expired = AppError(403, "upload_url_expired", "The upload address is wrong or has expired. Start a new upload.")
    if claim is None or "put" not in claim:
        raise expired
    async with installation.database.session() as session:
        clip = await session.get(Clip, parse_id(claim["put"]))
    if clip is None:
        raise NotFound("video", claim["put"])
    if claim["exp"] <= now.timestamp() and (not clip.received_at or clip.received_at <= now - UPLOAD_LIFETIME):
        raise expired
    return clip


def _completed() -> AppError:
    return AppError(409, "upload_completed", "This upload is complete. Start a new one.")


@router.put("/uploads/{token}")
async def upload(token: str, request: Request, installation: InstallationDep) -> Response:
    """Store the request's body as the clip's file. If the connection breaks, keep nothing."""
    clip = await _clip(installation, token)
    if clip.status == "ready":
        raise _completed()
    declared = request.headers.get("content-length", "")
    if (size := _bytes_of(declared)) is not None and size > service.size_limit(installation, clip):
        raise service.too_large(installation, clip)
    turn = await Turn.take(installation, clip)
    sha256 = await _store(installation, clip, turn, turn.pieces(request.stream()))
    return Response(headers={"ETag": f'"{sha256}"'})


@router.head("/uploads/{token}")
async def get_offset(token: str, installation: InstallationDep) -> Response:
    """Return the number of bytes that have arrived, as `Upload-Offset`."""
    clip = await _clip(installation, token)
    offset = clip.size if clip.status != "awaiting" else await _offset(installation, clip)
    size = clip.size if clip.declared_size is None else clip.declared_size
    length = {"Upload-Defer-Length": "1"} if size is None else {"Upload-Length": str(size)}
    return Response(headers=TUS | {"Upload-Offset": str(offset)} | length)


@router.patch("/uploads/{token}", status_code=204)
async def upload_piece(token: str, request: Request, installation: InstallationDep) -> Response:
    """Store the next piece of the file. The last piece completes the file.

    409 `wrong_offset`: the piece does not start at the offset that HEAD returns.
    """
    if request.headers.get("content-type") != PIECE_TYPE:
        raise AppError(415, "unsupported_media_type", f"Send a piece as {PIECE_TYPE}.", headers=TUS)
    clip = await _clip(installation, token)
    if clip.status != "awaiting":
        raise _completed()
    if clip.declared_size is None:
        await _declare_size(installation, clip, request.headers.get("upload-length", ""))
    turn = await Turn.take(installation, clip)
    begins, offset = request.headers.get("upload-offset", ""), await _offset(installation, clip)
    if begins != str(offset):
        raise AppError(
            409, "wrong_offset",
            f"Upload-Offset is {begins[:20] or 'missing'}, but {offset} bytes have arrived. Continue at {offset}.",
            headers=TUS | {"Upload-Offset": str(offset)},
        )  # fmt: skip
    arrived = IncomingPart(installation, clip, turn, offset)
    await installation.storage.put(f"{_folder(clip)}{offset:020}-{new_id()}", arrived.pieces(request.stream()))
    offset += arrived.size
    if offset == clip.declared_size:
        await _store(installation, clip, turn, _joined(installation, clip))
    return Response(status_code=204, headers=TUS | {"Upload-Offset": str(offset)})


def _bytes_of(header: str) -> int | None:
    """Return the number of bytes in a header, None if it has none. Digits beyond 19 do not matter: it is too large."""
    return int(header[:19]) if re.fullmatch("[0-9]+", header) else None


async def _declare_size(installation: Installation, clip: Clip, length: str) -> None:
    """Store the length that a piece declares (tus: Upload-Defer-Length). Raises AppError 400 or 413."""
    size = _bytes_of(length)
    if not size:
        detail = "The file size is missing. Send it in bytes: `file_size` when you start the upload, or Upload-Length."
        raise AppError(400, "upload_length_missing", detail, headers=TUS | {"Upload-Defer-Length": "1"})
    if size > installation.settings.max_upload_bytes:
        raise service.too_large(installation, clip)
    async with installation.database.begin() as session:
        await session.execute(update(Clip).where(Clip.id == clip.id).values(declared_size=size))
    clip.declared_size = size


class IncomingPart:
    """A PATCH body in transfer. The server keeps the bytes that arrive before a disconnect."""

    def __init__(self, installation: Installation, clip: Clip, turn: Turn, offset: int) -> None:
        self._installation = installation
        self._clip = clip
        self._turn = turn
        self._offset = offset
        self.size = 0

    async def pieces(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the body's bytes. Raises AppError 409, 413 or 415; the storage then keeps nothing of the body."""
        head = b""
        try:
            async for piece in self._turn.pieces(stream):
                self.size += len(piece)
                if self._offset + self.size > service.size_limit(self._installation, self._clip):
                    raise service.too_large(self._installation, self._clip)
                if self._offset == 0 and len(head) < SNIFFED:
                    head += piece[:SNIFFED]
                    if len(head) >= SNIFFED:
                        service.require_video(head)
                yield piece
        except ClientDisconnect:
            pass
        if SNIFFED_LEAST <= len(head) < SNIFFED:
            service.require_video(head)
        await self._turn.check()


def _folder(clip: Clip) -> str:
    return f"uploads/{clip.id}/"


async def _arrived(installation: Installation, clip: Clip) -> list[tuple[str, int, int]]:
    """Return the pieces that form the longest start of the file, in order: key, start, size.

    Two requests may have sent the same bytes: the browser repeats a request whose response was lost.
    """
    by_start: dict[int, list[tuple[str, int]]] = {}
    for key, size in await installation.storage.list(_folder(clip)):
        if (match := re.search(r"/(\d{20})-[^/]+$", key)) and size:
            by_start.setdefault(int(match[1]), []).append((key, size))
    reach: dict[int, int] = {}
    chosen: dict[int, tuple[str, int]] = {}
    for start in sorted(by_start, reverse=True):
        ends = [(reach.get(start + size, start + size), key, size) for key, size in by_start[start]]
        reach[start], key, size = max(ends)
        chosen[start] = key, size
    pieces, at = [], 0
    while at in chosen:
        key, size = chosen[at]
        pieces.append((key, at, size))
        at += size
    return pieces


async def _offset(installation: Installation, clip: Clip) -> int:
    return sum(size for _, _, size in await _arrived(installation, clip))


async def _joined(installation: Installation, clip: Clip) -> AsyncIterator[bytes]:
    for key, _, size in await _arrived(installation, clip):
        async for piece in installation.storage.read(key, 0, size):
            yield piece


async def _store(installation: Installation, clip: Clip, turn: Turn, pieces: AsyncIterator[bytes]) -> str:
    """Store the bytes as the clip's file and return their SHA-256. Raises AppError, and then stores nothing."""
    # Each upload has its own key: a late upload can never change the file that another upload completed.
    key = service.new_storage_key(clip)
    size, sha256 = await service.receive(installation, clip, key, pieces)
    async with installation.database.begin() as session:
        stored = await session.get(Clip, clip.id, with_for_update=True)
        unwanted, rejection = [key], None
        if stored is None or stored.status == "ready":
            rejection = _completed()
        elif stored.receiving != turn.id:
            rejection = superseded()
        else:
            unwanted = [_folder(clip), *filter(None, [stored.storage_key])]
            stored.storage_key, stored.size, stored.sha256, stored.status = key, size, sha256, "uploaded"
        await record_unwanted(session, *unwanted)
    await delete_unwanted(installation.database, installation.storage, *unwanted)
    if rejection:
        raise rejection
    return sha256
