"""Files to upload: paths, bytes and file objects, read at any offset so that an upload can continue."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from clipcast.sdk.errors import UsageError

File = str | os.PathLike[str] | bytes | IO[bytes]
DEFAULT_NAME = "video.mp4"
# The bytes that are read at once for a hash.
HASHED = 1024 * 1024


class Source:
    """An open file with a name and a size in bytes. Close it after use."""

    def __init__(self, file: IO[bytes], name: str, owned: bool) -> None:
        self._file, self._owned = file, owned
        self._lock = threading.Lock()
        self.name = name
        with _readable(name):
            self.size = file.seek(0, os.SEEK_END)
        self._state = self._state_now()
        if not self.size:
            self.close()
            raise UsageError(f"The file {name!r} is empty.")

    def read(self, start: int, length: int) -> bytes:
        """Return `length` bytes from the offset `start`. Raises UsageError if the file has become shorter."""
        with self._lock, _readable(self.name):
            self._file.seek(start)
            found = self._file.read(length)
        if len(found) != length:
            raise UsageError(f"The file {self.name!r} has become shorter than {self.size} bytes while it was sent.")
        return found

    def require_unchanged(self) -> None:
        """Raise UsageError if somebody has written to the file since it was opened."""
        if self._state_now() != self._state:
            raise UsageError(f"The file {self.name!r} has changed while it was sent. Send it again.")

    def sha256(self) -> str:
        """Return the SHA-256 of the content, in hexadecimal. Raises UsageError as `read`."""
        digest = hashlib.sha256()
        for start in range(0, self.size, HASHED):
            digest.update(self.read(start, min(HASHED, self.size - start)))
        return digest.hexdigest()

    def _state_now(self) -> tuple[int, int] | None:
        """Return the size and the time of the last change; None for a file object that is no file."""
        try:
            found = os.fstat(self._file.fileno())
        except (OSError, AttributeError):
            return None
        return found.st_size, found.st_mtime_ns

    def close(self) -> None:
        """Close the file, unless the caller opened it."""
        if self._owned:
            self._file.close()


def open_source(file: File, name: str | None = None) -> Source:
    """Open a file to upload. `name` replaces the file's own name.

    A file object is sent from its beginning. One that cannot seek is first copied into a temporary file.

    Raises UsageError if it cannot be read.
    """
    if isinstance(file, bytes):
        return Source(io.BytesIO(file), name or DEFAULT_NAME, owned=True)
    if isinstance(file, str | os.PathLike):
        return _open_path(file, name)
    own_name = getattr(file, "name", None)
    name = name or (os.path.basename(own_name) if isinstance(own_name, str) and own_name else DEFAULT_NAME)
    if isinstance(file, io.TextIOBase):
        raise UsageError(f"The file {name!r} is open as text. Open it with mode 'rb'.")
    try:
        with _readable(name):
            seekable = file.seekable()
    except AttributeError:
        raise UsageError(f"{type(file).__name__} is not a file. Pass a path, bytes or a binary file object.") from None
    if not seekable:
        copy: Any = tempfile.TemporaryFile()  # noqa: SIM115
        with _readable(name):
            shutil.copyfileobj(file, copy)
        return Source(copy, name, owned=True)
    return Source(file, name, owned=False)


def _open_path(path: str | os.PathLike[str], name: str | None) -> Source:
    with _readable(os.fspath(path)):
        # A device or a pipe would block, or never end.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise UsageError(f"{os.fspath(path)!r} is not a file.")
        opened = open(path, "rb")  # noqa: SIM115
    return Source(opened, name or os.path.basename(path), owned=True)


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """Raise UsageError if the block cannot read the file."""
    try:
        yield
    except UsageError:
        raise
    except (OSError, ValueError, TypeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"The file {name!r} cannot be read: {reason}.") from None
