"""Readers of received files, whose results the simulators check as the platforms do after an upload.

They share no code with Clipcast's own probe, so a test can find a difference between the two. They read headers,
decode nothing, and read a bounded part of each file.
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
# The first bytes of most files in other containers: AVI, MPEG streams, FLV, Windows Media, Ogg.
OTHERS = (b"RIFF", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"G@", b"FLV", b"\x30\x26\xb2\x75", b"OggS")

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
            reading = _read(file, size)
        except Damaged:
            return None
    return reading if reading is None or reading.video_codec else None


def _read(file: BinaryIO, size: int) -> Reading | None:
    start = file.read(12)
    file.seek(0)
    if start[:4] == b"\x1a\x45\xdf\xa3":
        return read_matroska(file, size)
    if start.startswith(OTHERS):
        return Reading("other", "unknown", 0, 0, 0.0, size)
    # The kind of a box is four ASCII characters, and any kind may be the first.
    return read_boxes(file, size) if start[4:8].isascii() and len(start) >= 8 else None
