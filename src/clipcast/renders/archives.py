"""Archives of several renders: one ZIP64 file, made while it is sent. It is held neither in memory nor on disk."""

import re
import unicodedata
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import PurePath
from stat import S_IFREG
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from stream_zip import ZIP_64, stream_zip

from clipcast.clips.schemas import clean_file_name
from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError, NotFound, Problem, ValidationFailed
from clipcast.database.models.clips import BulkDownload, Render
from clipcast.renders import repository
from clipcast.renders.service import file_of
from clipcast.storage import PART, PIECE, Storage, StorageError

RENDERS_MAX = 100
LIFETIME = timedelta(hours=24)
# The file of an archive that names the renders without a file.
MISSING = "MISSING.txt"
# Windows rejects these characters in names, and these names, whatever their ending.
FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
RESERVED = re.compile(r"(CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(\.|$)", re.IGNORECASE)
# In UTF-8. Most systems take 255 bytes, and an ending and a number follow.
STEM_BYTES_MAX = 200
MODE = S_IFREG | 0o644


@dataclass(frozen=True)
class Entry:
    """A file of an archive: its name there, the stored object, and when it was made. `size` is in bytes."""

    render_id: UUID
    name: str
    key: str
    size: int
    made_at: datetime


@dataclass(frozen=True)
class Missing:
    """A render that has no file, nor gets one, and the reason."""

    render_id: UUID
    code: str
    message: str


@dataclass(frozen=True)
class Contents:
    """The contents of an archive, as far as they exist. `progress` is that of the renders under way, in percent."""

    entries: tuple[Entry, ...]
    missing: tuple[Missing, ...]
    status: str
    progress: int

    @property
    def report(self) -> bytes:
        """The text of MISSING.txt; empty if no file is missing."""
        return "".join(f"{one.render_id}: {one.message}\r\n" for one in self.missing).encode()


async def create_bulk_download(session: AsyncSession, workspace_id: UUID, render_ids: list[str]) -> BulkDownload:
    """Store which renders a caller wants. An id that stands twice counts once. Raises ValidationFailed for unknown ids.

    They are downloadable for 24 hours.
    """
    ids = [parse_id(one) for one in render_ids]
    found = await repository.renders_by_id(session, workspace_id, {id for id in ids if id})
    unknown = [
        Problem(f"/render_ids/{index}", "not_found", f"There is no render {written[:60]!r} in this workspace.")
        for index, (written, id) in enumerate(zip(render_ids, ids, strict=True))
        if id not in found
    ]
    if unknown:
        raise ValidationFailed(unknown)
    chosen = list(dict.fromkeys(id for id in ids if id))
    made = BulkDownload(workspace_id=workspace_id, render_ids=chosen, expires_at=clock.now() + LIFETIME)
    session.add(made)
    await session.flush()
    return made


async def get_bulk_download(session: AsyncSession, workspace_id: UUID | None, job_id: str) -> BulkDownload:
    """Return a bulk download, of any workspace without `workspace_id`. Raises NotFound, also when it has expired."""
    made = await session.get(BulkDownload, id) if (id := parse_id(job_id)) else None
    if made is None or made.expires_at <= clock.now() or workspace_id not in (None, made.workspace_id):
        raise NotFound("bulk download", job_id)
    return made


async def contents_of(session: AsyncSession, made: BulkDownload) -> Contents:
    """Return the files of a bulk download, in the caller's order, with names that differ."""
    renders = await repository.renders_by_id(session, made.workspace_id, made.render_ids)
    entries: list[Entry] = []
    missing: list[Missing] = []
    names = Names()
    for id in made.render_ids:
        render = renders.get(id)
        if render is None:
            missing.append(Missing(id, "render_deleted", "The render was deleted."))
            continue
        if render.current_status in repository.PENDING:
            continue
        try:
            file = file_of(render)
        except AppError as error:
            missing.append(Missing(id, error.code, error.detail))
            continue
        name = names.add(render.name, PurePath(file.name).suffix)
        made_at = (render.rendition or render).completed_at or render.created_at
        entries.append(Entry(id, name, file.key, file.size, made_at))
    pending = [one for one in renders.values() if one.current_status in repository.PENDING]
    status = "processing" if pending else "completed" if entries else "failed"
    return Contents(tuple(entries), tuple(missing), status, _progress(made, renders))


def _progress(made: BulkDownload, renders: dict[UUID, Render]) -> int:
    """Return the mean progress of all renders. Those that will have no file are done."""
    pending = [one for one in renders.values() if one.current_status in repository.PENDING]
    left = sum(100 - one.progress for one in pending)
    return 100 - -(-left // len(made.render_ids))


class Names:
    """File names that differ on every system, also on those that ignore case."""

    def __init__(self) -> None:
        self._taken = {MISSING.casefold()}

    def add(self, name: str, suffix: str) -> str:
        """Return a name like `name` that ends in `suffix`: `clip.mp4`, `clip (2).mp4`."""
        stem = safe_stem(name.removesuffix(suffix))
        for number in count(1):
            found = f"{stem}{suffix}" if number == 1 else f"{stem} ({number}){suffix}"
            if found.casefold() not in self._taken:
                break
        self._taken.add(found.casefold())
        return found


def safe_stem(name: str) -> str:
    """Return a name that is no path and that every system accepts, without an ending of its own."""
    clean = clean_file_name(FORBIDDEN.sub("-", unicodedata.normalize("NFC", name)))
    clean = clean.encode()[:STEM_BYTES_MAX].decode(errors="ignore").strip(" .") or "clip"
    return f"_{clean}" if RESERVED.match(clean) else clean


def without(contents: Contents, lost: set[str]) -> Contents:
    """Return the contents without the entries of these storage keys, which are reported."""
    gone = [one for one in contents.entries if one.key in lost]
    missing = [Missing(one.render_id, "file_missing", f"The stored file of {one.name} is missing.") for one in gone]
    kept = tuple(one for one in contents.entries if one.key not in lost)
    return replace(contents, entries=kept, missing=(*contents.missing, *missing))


def archive_size(contents: Contents) -> int:
    """Return the size of the archive in bytes."""
    members = [(name, made_at, size) for name, made_at, size, _ in _members(contents, None)]
    empty = stream_zip([(name, made_at, MODE, ZIP_64, ()) for name, made_at, _ in members], get_compressobj=COMPRESSOR)
    # The headers of ZIP64 have the same size for every size of a file.
    blocks = sum(StoredBlocks.size_of(size) - StoredBlocks.size_of(0) for *_, size in members)
    return sum(map(len, empty)) + blocks


def stream_archive(storage: Storage, contents: Contents) -> Generator[bytes, None, None]:
    """Yield the archive in pieces. Each step blocks, so run it in a thread; close the generator to free its file.

    Raises StorageError if a file is lost or truncated meanwhile, and StorageUnavailable. What was sent is then no
    complete archive.
    """
    members = ((name, made_at, MODE, ZIP_64, chunks) for name, made_at, _, chunks in _members(contents, storage))
    yield from stream_zip(members, chunk_size=PIECE, get_compressobj=COMPRESSOR)


def _members(contents: Contents, storage: Storage | None) -> Iterator[tuple[str, datetime, int, Iterable[bytes]]]:
    """Yield each file of an archive: its name, its time, its size, and its bytes if there is a `storage`."""
    if report := contents.report:
        yield MISSING, clock.now(), len(report), (report,)
    for one in contents.entries:
        yield one.name, one.made_at, one.size, _chunks(storage, one) if storage else ()


def _chunks(storage: Storage, entry: Entry) -> Iterator[bytes]:
    left = entry.size
    with closing(storage.open_in_thread(entry.key, PART)) as reader:
        while left:
            chunk = reader.read(min(PIECE, left))
            if not chunk:
                raise StorageError(f"{entry.key} ended {left} bytes early")
            left -= len(chunk)
            yield chunk


class StoredBlocks:
    """A compressor with zlib's methods that compresses nothing: stored blocks of DEFLATE (RFC 1951, section 3.2.4).

    The ZIP method "stored" needs the checksum before the first byte. This needs it afterwards, so that a file is read
    once; and its size is known before.
    """

    MAX = 65_535

    def __init__(self) -> None:
        self._held = b""

    def compress(self, data: bytes) -> bytes:
        data = self._held + data
        whole = len(data) // self.MAX * self.MAX
        self._held = data[whole:]
        return b"".join(self._block(data[at : at + self.MAX], 0) for at in range(0, whole, self.MAX))

    def flush(self) -> bytes:
        return self._block(self._held, 1)

    def _block(self, data: bytes, final: int) -> bytes:
        size = len(data)
        return bytes([final]) + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little") + data

    @classmethod
    def size_of(cls, size: int) -> int:
        """Return the size of `size` bytes in blocks."""
        return size + 5 * (size // cls.MAX + 1)


# The library's type names zlib's own class, but it calls only these methods.
COMPRESSOR: Any = StoredBlocks
