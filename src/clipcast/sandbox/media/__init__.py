"""Readers of received files, whose results the simulators check as the platforms do after an upload.

They share no code with Clipcast's own probe, so a test can find a difference between the two. They read headers,
decode nothing, and read a bounded part of each file. Of containers that few platforms accept they read only the name.
"""

import asyncio
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO

from clipcast.sandbox.media.boxes import read_boxes
from clipcast.sandbox.media.matroska import read_matroska
from clipcast.sandbox.media.reading import Damaged, Reading
from clipcast.sandbox.state import Upload

# The number of cached readings.
KEPT = 1000
# Other containers by their first bytes. Transport streams repeat a byte for each packet.
OTHERS = {
    b"RIFF": "avi", b"\x00\x00\x01\xba": "mpg", b"\x00\x00\x01\xb3": "mpg", b"FLV": "flv", b"\x30\x26\xb2\x75": "wmv",
    b"OggS": "ogg",
}  # fmt: skip
SYNC, PACKETS = 0x47, (188, 192)

_readings: OrderedDict[str, Reading | None] = OrderedDict()


async def read_media(upload: Upload) -> Reading | None:
    """Read the file of an upload, like `read_path`. Each content is read once: readings are cached by digest."""
    digest = upload.sha256
    if digest in _readings:
        _readings.move_to_end(digest)
        return _readings[digest]
    reading = await asyncio.to_thread(read_path, upload.path)
    _readings[digest] = reading
    while len(_readings) > KEPT:
        _readings.popitem(last=False)
    return reading


def read_path(path: Path) -> Reading | None:
    """Read a file's headers. Returns None for a damaged file or one that is not a video."""
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            return _read(file, size)
        except Damaged:
            return None


def _read(file: BinaryIO, size: int) -> Reading | None:
    start = file.read(400)
    file.seek(0)
    if start[:4] == b"\x1a\x45\xdf\xa3":
        return read_matroska(file, size)
    other = next((name for magic, name in OTHERS.items() if start.startswith(magic)), None)
    if other or _is_transport_stream(start):
        return Reading(other or "ts", None, 0, 0, 0.0, size)
    # The kind of a box is four ASCII characters, and any kind may be the first.
    return read_boxes(file, size) if start[4:8].isascii() and len(start) >= 8 else None


def _is_transport_stream(start: bytes) -> bool:
    """Return whether packets of a transport stream begin here. Cameras write four bytes before each."""
    return any(start[length - 188 :: length][:2] == bytes([SYNC] * 2) for length in PACKETS)
