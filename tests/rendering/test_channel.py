"""The child's reads of the source file."""

import random
from typing import Any

from clipcast.rendering.channel import PIECE, SourceFile


class Asked:
    """A parent that counts what it is asked for."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.bytes = 0

    def read(self, source: int, offset: int, length: int) -> bytes:
        assert source == 3
        assert 0 < length <= PIECE
        assert offset + length <= len(self.content)
        self.bytes += length
        return self.content[offset : offset + length]


def test_alternating_reads_request_each_block_once() -> None:
    chance = random.Random(1)
    parent: Any = Asked(chance.randbytes(3_000_001))
    file = SourceFile(parent, 3, len(parent.content))
    for _ in range(2000):
        at, size = chance.randrange(len(parent.content) + 10), chance.choice((0, 1, 16, 5000, 70_000, 300_000))
        file.seek(at)
        assert file.read(size) == parent.content[at : at + size]
    file.seek(0)
    assert file.read() == parent.content
    assert parent.bytes == len(parent.content)
