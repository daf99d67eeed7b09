"""Where the bytes are: a local folder by default, S3, GCS or Azure by URL. Always streamed in bounded pieces."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import obstore
from obstore.store import LocalStore, from_url

from clipcast.unavailable import StorageUnavailable

# What one upload holds of a clip in memory at a time; with everything on its way, about three times this.
PIECE = 512 * 1024
PART = 8 * 1024 * 1024
# Parts of one upload under way at a time; with `PART` this bounds an upload's memory.
PARTS_AT_ONCE = 2


class StorageError(Exception):
    """The storage's address cannot be used, or an object is missing, or shorter than it was. This does not pass."""


class Reader:
    """A stored object as the file that PyAV wants."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.size: int = file.size
        self.seek = file.seek
        self.tell = file.tell
        self.close = file.close

    def read(self, size: int = -1) -> bytes:
        return bytes(self._file.read(None if size < 0 else size))


class Storage:
    def __init__(self, url: str | None, data_dir: Path) -> None:
        """`url` names a store (file, s3, gs, az, memory); without one it is a folder of the data directory."""
        folder = data_dir / "media"
        try:
            self._store: Any = from_url(url) if url else LocalStore(prefix=folder, mkdir=True, automatic_cleanup=True)
        except (ValueError, OSError, obstore.exceptions.BaseError) as error:
            reason = str(error).split("\n", 1)[0]
            name = "CLIPCAST_STORAGE_URL" if url else str(folder)
            raise StorageError(f"The storage ({name}) cannot be used: {reason}") from error

    async def put(self, key: str, pieces: AsyncIterator[bytes]) -> None:
        """Stores everything or, when `pieces` raises, nothing."""
        await obstore.put_async(
            self._store, key, pieces, chunk_size=PART, max_concurrency=PARTS_AT_ONCE, use_multipart=True
        )

    async def put_bytes(self, key: str, content: bytes) -> None:
        await obstore.put_async(self._store, key, content)

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes start..end-1 in pieces.

        Raises StorageError when they are not all there, StorageUnavailable when the store does not give them now.
        """
        left = end - start
        if left <= 0:
            return
        try:
            async for piece in self._pieces(key, start, end):
                left -= len(piece)
                yield bytes(piece)
        except (FileNotFoundError, obstore.exceptions.NotFoundError) as error:
            raise StorageError(f"{key} is not there") from error
        except (OSError, ValueError, obstore.exceptions.BaseError) as error:
            if await self._is_shorter(key, end):
                raise StorageError(f"{key} is shorter than it was") from error
            raise StorageUnavailable(f"{key} cannot be read ({type(error).__name__})") from error
        if left:
            raise StorageError(f"{key} ended {left} bytes early")

    async def _is_shorter(self, key: str, end: int) -> bool:
        """Return whether the store answers, and has fewer bytes than `end`."""
        try:
            return int((await obstore.head_async(self._store, key))["size"]) < end
        except (OSError, ValueError, obstore.exceptions.BaseError):
            return False

    async def _pieces(self, key: str, start: int, end: int) -> AsyncIterator[Any]:
        if isinstance(self._store, LocalStore):
            # A stream of a local file comes 8 KiB at a time, which takes eight times as long.
            for at in range(start, end, PIECE):
                yield await obstore.get_range_async(self._store, key, start=at, end=min(at + PIECE, end))
            return
        result = await obstore.get_async(self._store, key, options={"range": (start, end)})
        async for piece in result.stream(min_chunk_size=PIECE):
            yield piece

    async def open(self, key: str) -> "Reader":
        """A seekable, blocking reader: for a thread."""
        return Reader(await asyncio.to_thread(obstore.open_reader, self._store, key, buffer_size=PIECE))

    async def list(self, prefix: str) -> list[tuple[str, int]]:
        """The keys that begin so, with the sizes of their objects."""
        found = []
        async for batch in obstore.list(self._store, prefix.rstrip("/")):
            found += [(str(one["path"]), int(one["size"])) for one in batch]
        return found

    async def delete_all(self, prefix: str) -> None:
        """Deletes whatever begins so."""
        for key, _ in await self.list(prefix):
            await self.delete(key)

    async def delete(self, key: str) -> None:
        """Deletes the object; one that is not there is fine."""
        with suppress(FileNotFoundError, obstore.exceptions.NotFoundError):
            await obstore.delete_async(self._store, key)
