"""Reads of stored clips, in pieces."""

import os
from pathlib import Path

import pytest

from clipcast.storage import PIECE, Storage, StorageError

SIZE = 2 * PIECE + 1234


@pytest.fixture(params=["folder", "memory"])
async def stored(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Storage, bytes]:
    """Store a clip in a local folder, and in a memory store, which is read like all other stores."""
    storage = Storage(None if request.param == "folder" else "memory:///", tmp_path)
    content = os.urandom(SIZE)
    await storage.put_bytes("clip", content)
    return storage, content


@pytest.mark.parametrize(
    ("start", "end"), [(0, SIZE), (0, 1), (PIECE - 1, PIECE + 1), (PIECE, 2 * PIECE), (SIZE - 1, SIZE), (7, 7)]
)
async def test_read_returns_the_requested_range(stored: tuple[Storage, bytes], start: int, end: int) -> None:
    storage, content = stored
    assert b"".join([piece async for piece in storage.read("clip", start, end)]) == content[start:end]


async def test_read_beyond_the_end_raises_an_error(stored: tuple[Storage, bytes]) -> None:
    storage, _ = stored
    for key, end in (("clip", SIZE + 1), ("clip", SIZE + 2 * PIECE), ("other", 10)):
        with pytest.raises(StorageError):
            async for _ in storage.read(key, 0, end):
                pass
