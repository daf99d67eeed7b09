"""Looking into received files, as the platforms do after the upload.

The reading is the sandbox's own, down to the bytes, and shares nothing with the product's: so the two can disagree.
It looks at headers and never decodes, and what it reads of a file is bounded.
"""

import asyncio
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO

from clipcast.sandbox.media.boxes import read_boxes
from clipcast.sandbox.media.matroska import read_matroska
from clipcast.sandbox.media.reading import Damaged, Reading
from clipcast.sandbox.state import Upload

KEPT = 1000
# What most files of other containers begin with: AVI, MPEG streams, FLV, Windows Media, Ogg.
OTHERS = (b"RIFF", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"G@", b"FLV", b"\x30\x26\xb2\x75", b"OggS")

_readings: OrderedDict[str, Reading | None] = OrderedDict()


async def read_media(upload: Upload) -> Reading | None:
    """What the file is; None when it is no video, or a damaged one. The same content is read once."""
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
    """What the file is; None when it is no video, or a damaged one."""
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
    # The kind of a box is four letters, and any may come first.
    return read_boxes(file, size) if start[4:8].isascii() and len(start) >= 8 else None
