"""The boxes of MP4 and QuickTime files, and their numbers."""

import sys
from array import array
from collections.abc import Iterator
from typing import BinaryIO

from clipcast.sandbox.media.reading import Damaged, take

# The boxes that hold a film.
MEDIA = (b"moov", b"mdat", b"moof")


def outermost(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield the outermost boxes: the kind, and the positions of the box, its content and its end.

    Raises Damaged if the file ends early.
    """
    at, seen, last = 0, set[bytes](), b""
    while at + 8 <= size:
        file.seek(at)
        length, kind, start = int.from_bytes(take(file, 4), "big"), take(file, 4), at + 8
        if length == 1:
            length, start = int.from_bytes(take(file, 8), "big"), at + 16
        end = size if length == 0 else at + length
        if not start <= end <= size:
            if kind not in MEDIA and b"moov" in seen and not seen.isdisjoint((b"mdat", b"moof")):
                return  # some phones and sites append data to a complete file
            raise Damaged  # the file ends early
        seen.add(kind)
        last = kind
        yield kind, at, start, end
        at = end
    if last == b"moof":
        raise Damaged  # the fragment's pictures are missing


def inside(content: bytes, start: int = 0) -> Iterator[tuple[bytes, bytes]]:
    """Yield the boxes within a box: kind and content."""
    while start + 8 <= len(content):
        length, kind = int.from_bytes(content[start : start + 4], "big"), content[start + 4 : start + 8]
        head = 8
        if length == 1:
            length, head = int.from_bytes(content[start + 8 : start + 16], "big"), 16
        length = length or len(content) - start
        if length < head or start + length > len(content):
            return
        yield kind, content[start + head : start + length]
        start += length


def child(content: bytes, kind: bytes, start: int = 0) -> bytes:
    """Return the content of the first box of this kind, or no bytes."""
    return next((found for name, found in inside(content, start) if name == kind), b"")


def number(content: bytes, at: int, length: int = 4) -> int:
    """Return an unsigned number. Raises Damaged beyond the end."""
    if at + length > len(content):
        raise Damaged
    return int.from_bytes(content[at : at + length], "big")


def signed(value: int) -> int:
    """Return the signed number of the same four bytes."""
    return value - (1 << 32) if value >> 31 else value


def numbers(content: bytes, start: int, count: int) -> "array[int]":
    """Return up to `count` unsigned numbers of four bytes."""
    found = array("I", content[start : start + 4 * max(0, min(count, (len(content) - start) // 4))])
    if sys.byteorder == "little":
        found.byteswap()
    return found
