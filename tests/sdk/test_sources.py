"""Files of every kind are read whole, and others are refused before anything is sent."""

import io
import os
from pathlib import Path

import pytest

from clipcast.sdk import UsageError
from clipcast.sdk.sources import open_source

CONTENT = bytes(range(256)) * 10


class Pipe(io.RawIOBase):
    """A file object that cannot seek, like a socket."""

    def __init__(self) -> None:
        self._rest = CONTENT

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        part, self._rest = self._rest[:100], self._rest[100:]
        return part


def test_files_of_every_kind_are_read_at_any_offset(tmp_path: Path) -> None:
    path = tmp_path / "first light.mp4"
    path.write_bytes(CONTENT)
    started = io.BytesIO(CONTENT)
    started.read(100)
    for file, name in (
        (path, "first light.mp4"), (str(path), "first light.mp4"), (path.open("rb"), "first light.mp4"),
        (CONTENT, "video.mp4"), (started, "video.mp4"), (Pipe(), "video.mp4"),
    ):  # fmt: skip
        source = open_source(file)  # type: ignore[arg-type]
        assert (source.name, source.size) == (name, len(CONTENT))
        assert source.read(200, 300) == CONTENT[200:500]
        assert source.read(0, source.size) == CONTENT
        source.close()
    assert not started.closed
    assert open_source(path, "other.mp4").name == "other.mp4"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text").write_text("text")
    closed = io.BytesIO(b"x")
    closed.close()
    for file, message in (
        (tmp_path, "is not a file"),
        (tmp_path / "pipe", "is not a file"),
        (tmp_path / "missing", "No such file"),
        (tmp_path / "empty.mp4", "is empty"),
        (b"", "is empty"),
        (io.StringIO("text"), "open as text"),
        (7, "int is not a file"),
        ("a\0.mp4", "cannot be read: embedded null byte"),
        ("\ud800.mp4", "cannot be read"),
        (closed, "cannot be read: I/O operation on closed file"),
    ):
        with pytest.raises(UsageError, match=message):
            open_source(file)  # type: ignore[arg-type]


def test_file_that_becomes_shorter_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(CONTENT)
    source = open_source(path)
    path.write_bytes(CONTENT[:50])
    with pytest.raises(UsageError, match="has become shorter"):
        source.read(0, len(CONTENT))


def test_file_that_is_open_for_writing_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(CONTENT)
    with path.open("ab") as opened, pytest.raises(UsageError, match="cannot be read"):
        open_source(opened).read(0, 10)
