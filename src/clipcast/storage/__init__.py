"""The storage of clips: a local folder by default, or S3, GCS or Azure by URL. Data is streamed in bounded pieces."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import obstore
from obstore.store import LocalStore, from_url

from clipcast.common.unavailable import StorageFull, StorageUnavailable

# Bytes per piece. An upload holds about three pieces in memory, those in transfer included.
PIECE = 512 * 1024
PART = 8 * 1024 * 1024
# Objects per page of a list.
PAGE = 1000
# The most parts of one upload in transfer at a time; with `PART`, this bounds an upload's memory.
PARTS_AT_ONCE = 2
# Retries of a request to a store before it counts as unavailable.
RETRIES: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=15)}
# The end of the name under which a local store writes a file, until it is whole.
UNFINISHED = re.compile(r"#\d+$")
# The errors ENOSPC and EDQUOT of a local store, which have no number of their own.
NO_SPACE = re.compile(r"\(os error (28|122)\)")
MISSING = (FileNotFoundError, obstore.exceptions.NotFoundError)
STORE_ERRORS = (OSError, ValueError, obstore.exceptions.BaseError)


def is_local(url: str | None) -> bool:
    """Return whether the store of this URL is a folder of this machine."""
    return url is None or url.startswith("file:")


def local_folder(url: str | None, data_dir: Path) -> Path | None:
    """Return the folder of the store of this URL; None for one on another machine."""
    if url is None:
        return data_dir / "media"
    return Path(unquote(urlsplit(url).path)) if is_local(url) else None


class StorageError(Exception):
    """The storage's URL is unusable, or an object is missing or truncated. A retry does not help."""


@dataclass(frozen=True)
class StoredObject:
    """An object as lists name it."""

    key: str
    modified_at: datetime


class Reader:
    """A stored object as a readable, seekable file for PyAV."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.size: int = file.size
        self.seek = file.seek
        self.tell = file.tell
        self.close = file.close

    def read(self, size: int = -1) -> bytes:
        return bytes(self._file.read(None if size < 0 else size))


class Storage:
    """The store of one installation."""

    def __init__(self, url: str | None, data_dir: Path) -> None:
        """Open the store of `url` (file, s3, gs, az, memory), or a folder of the data directory without a URL.

        Raise StorageError if it cannot be used.
        """
        self._folder = local_folder(url, data_dir)
        try:
            if url is None:
                self._store: Any = LocalStore(prefix=self._folder, mkdir=True, automatic_cleanup=True)
            else:
                self._store = from_url(url, retry_config=RETRIES)
        except STORE_ERRORS as error:
            reason = str(error).split("\n", 1)[0]
            name = "CLIPCAST_STORAGE_URL" if url else str(self._folder)
            raise StorageError(f"The storage ({name}) cannot be used: {reason}") from error

    async def put(self, key: str, pieces: AsyncIterator[bytes]) -> None:
        """Store all pieces, or nothing if `pieces` raises. Raise StorageUnavailable, or StorageFull."""
        with _translated(key):
            await obstore.put_async(
                self._store, key, pieces, chunk_size=PART, max_concurrency=PARTS_AT_ONCE, use_multipart=True
            )

    async def put_bytes(self, key: str, content: bytes) -> None:
        """Store `content`. Raise StorageUnavailable."""
        with _translated(key):
            await obstore.put_async(self._store, key, content)

    async def put_new(self, key: str, content: bytes) -> bool:
        """Store `content` unless the object exists, and return whether it was stored. Raise StorageUnavailable.

        A store without conditional writes stores it in any case.
        """
        with _translated(key):
            try:
                await obstore.put_async(self._store, key, content, mode="create")
            except obstore.exceptions.AlreadyExistsError:
                return False
            except (NotImplementedError, obstore.exceptions.NotSupportedError):
                await obstore.put_async(self._store, key, content)
        return True

    async def get_bytes(self, key: str) -> bytes | None:
        """Return the content of a small object; None if it is missing. Raise StorageUnavailable."""
        with _translated(key):
            try:
                return bytes(await (await obstore.get_async(self._store, key)).bytes_async())
            except MISSING as error:
                if isinstance(missing := _missing(key, error), StorageUnavailable):
                    raise missing from error
        return None

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes start..end-1 in pieces.

        Raise StorageError if some of them are missing, StorageUnavailable if the store does not return them now.
        """
        left = end - start
        if left <= 0:
            return
        try:
            async for piece in self._pieces(key, start, end):
                left -= len(piece)
                yield bytes(piece)
        except MISSING as error:
            raise _missing(key, error) from error
        except STORE_ERRORS as error:
            if await self._is_shorter(key, end):
                raise StorageError(f"{key} is truncated") from error
            raise StorageUnavailable(f"{key} cannot be read ({_reason(error)})") from error
        if left:
            raise StorageError(f"{key} ended {left} bytes early")

    async def _is_shorter(self, key: str, end: int) -> bool:
        """Return whether the store responds and has fewer bytes than `end`."""
        try:
            return int((await obstore.head_async(self._store, key))["size"]) < end
        except STORE_ERRORS:
            return False

    async def _pieces(self, key: str, start: int, end: int) -> AsyncIterator[Any]:
        if isinstance(self._store, LocalStore):
            # A stream of a local file yields 8 KiB at a time, which takes eight times as long.
            for at in range(start, end, PIECE):
                yield await obstore.get_range_async(self._store, key, start=at, end=min(at + PIECE, end))
            return
        # One request per part: the store's client repeats it if it breaks off, and it has its own time-out.
        for at in range(start, end, PART):
            result = await obstore.get_async(self._store, key, options={"range": (at, min(at + PART, end))})
            async for piece in result.stream(min_chunk_size=PIECE):
                yield piece

    async def open(self, key: str) -> "Reader":
        """Open a seekable, blocking reader, for a thread.

        Raise StorageError if the object is missing, StorageUnavailable if the store does not return it now.
        """
        return await asyncio.to_thread(self.open_in_thread, key)

    def open_in_thread(self, key: str, buffer_size: int = PIECE) -> "Reader":
        """Do the same, in a thread. The reader requests `buffer_size` bytes at a time."""
        with _translated(key):
            try:
                return Reader(obstore.open_reader(self._store, key, buffer_size=buffer_size))
            except MISSING as error:
                raise _missing(key, error) from error

    async def has(self, key: str) -> bool:
        """Return whether the object exists. Raise StorageUnavailable."""
        try:
            with _translated(key):
                try:
                    await obstore.head_async(self._store, key)
                except MISSING as error:
                    raise _missing(key, error) from error
        except StorageError:
            return False
        return True

    async def list(self, prefix: str) -> list[tuple[str, int]]:
        """Return the keys with this prefix and the sizes of their objects. Raise StorageUnavailable."""
        found = []
        with _translated(prefix):
            async for batch in obstore.list(self._store, prefix.rstrip("/")):
                found += [(str(one["path"]), int(one["size"])) for one in batch]
        return found

    async def pages(self, prefix: str) -> AsyncIterator[Sequence[StoredObject]]:
        """Yield the objects with this prefix page by page, at last what `unfinished` returns. Raise StorageUnavailable.

        Objects that appear or vanish meanwhile may be missing or listed.
        """
        with _translated(prefix):
            async for batch in obstore.list(self._store, prefix.rstrip("/"), chunk_size=PAGE):
                yield [StoredObject(str(one["path"]), one["last_modified"]) for one in batch]
            if left := await self.unfinished(prefix):
                yield await asyncio.to_thread(self._with_times, left)

    def _with_times(self, keys: Sequence[str]) -> Sequence[StoredObject]:
        assert self._folder is not None  # only a local store has unfinished files
        found = []
        for key in keys:
            with suppress(FileNotFoundError):
                modified = (self._folder / key).stat().st_mtime
                found.append(StoredObject(key, datetime.fromtimestamp(modified, UTC)))
        return found

    async def unfinished(self, prefix: str) -> Sequence[str]:
        """Return the keys of files that interrupted writes have left in a local store; none of other stores."""
        return await asyncio.to_thread(self._unfinished, prefix)

    def _unfinished(self, prefix: str) -> Sequence[str]:
        if self._folder is None:
            return []
        files = (self._folder / prefix).rglob("*#*")
        return [str(one.relative_to(self._folder)) for one in files if UNFINISHED.search(one.name)]

    async def delete_all(self, prefix: str) -> None:
        """Delete all objects with this prefix. Raise StorageUnavailable."""
        for key, _ in await self.list(prefix):
            await self.delete(key)

    async def delete(self, key: str) -> None:
        """Delete the object if it exists, or a file that `unfinished` returned. Raise StorageUnavailable."""
        try:
            if self._folder and UNFINISHED.search(key):
                await asyncio.to_thread((self._folder / key).unlink, missing_ok=True)
                return
            await obstore.delete_async(self._store, key)
        except MISSING:
            pass
        except STORE_ERRORS as error:
            raise StorageUnavailable(f"{key} cannot be deleted ({_reason(error)})") from error


@contextmanager
def _translated(key: str) -> Iterator[None]:
    """Raise errors of the store as StorageUnavailable, or StorageFull."""
    try:
        yield
    except STORE_ERRORS as error:
        kind = StorageFull if NO_SPACE.search(str(error)) else StorageUnavailable
        raise kind(f"{key}: {_reason(error)}") from error


def _missing(key: str, error: Exception) -> StorageError | StorageUnavailable:
    """Return the error of a missing object. A missing bucket is a wrong setting, which an operator can fix."""
    if "NoSuchBucket" in str(error):
        return StorageUnavailable(f"{key}: {_reason(error)}")
    return StorageError(f"{key} is missing")


def _reason(error: Exception) -> str:
    """Return the first line of a store's error, without URLs."""
    first = str(error).split("\n", 1)[0]
    return re.sub(r"https?://\S+", "...", first)[:300] or type(error).__name__
