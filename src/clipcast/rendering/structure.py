"""The structure of a file, read before FFmpeg: facts that FFmpeg lacks, or reports too late.

MP4 and MOV files consist of boxes (ISO/IEC 14496-12), Matroska files of elements (RFC 8794 and 9559). Of files in other
containers only the first bytes are read.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from clipcast.common.containers import FIRST_BOXES, SNIFFED, TITLES, family_of
from clipcast.rendering.errors import UnreadableMedia, cut_off, encrypted, index_missing, too_many
from clipcast.rendering.joined import JOINABLE, is_joined

# Limits far above any real clip: 12 hours at 60 pictures per second with sound have 5 million samples.
MAX_SAMPLES = 8_000_000
MAX_STREAMS = 32
MAX_MOOV = 256 * 1024 * 1024
MAX_BOXES = 50_000
MAX_PIXELS = 36_000_000

SEGMENT, CLUSTER, BLOCK_GROUP = 0x18538067, 0x1F43B675, 0xA0
# The most elements after the last picture or sound of a Matroska file.
MAX_TAIL = 256
# Seconds. An edit that starts later in the media cuts pictures; the delays of encoders are shorter.
LONGEST_DELAY = 0.25


class Source(Protocol):
    """A seekable file."""

    def read(self, size: int = -1, /) -> bytes: ...

    def seek(self, offset: int, whence: int = 0, /) -> int: ...

    def tell(self) -> int: ...


@dataclass(frozen=True)
class Structure:
    """The structure of a file. `family` is one of containers.family_of; the other fields are those of Media."""

    family: str
    brand: str | None = None
    index_first: bool = True
    fragmented: bool = False
    edit_list: str = "none"
    # Whether the times of the packets jump within the file (joined.py).
    joined: bool = False

    @property
    def is_mp4(self) -> bool:
        """Whether the file consists of boxes: MP4, MOV or 3GP."""
        return self.family == "mp4"


@dataclass(frozen=True)
class Box:
    """A box of an MP4 file, with the range of its content."""

    kind: bytes
    start: int
    end: int


def read_structure(file: Source, size: int) -> Structure:
    """Read the structure of a file of `size` bytes.

    Raise UnreadableMedia if its container is not accepted, or if it is truncated or encrypted, or exceeds the limits.
    """
    file.seek(0)
    family = family_of(file.read(SNIFFED))
    if family is None:
        raise _not_a_video()
    if family == "mp4":
        return _read_mp4(file, size)
    if family == "matroska":
        _check_segment(file, size)
    return Structure(family, joined=family in JOINABLE and is_joined(file, size))


def _not_a_video() -> UnreadableMedia:
    return UnreadableMedia("not_a_video", f"The file is not a video. Upload a file in {TITLES}.")


def _read_mp4(file: Source, size: int) -> Structure:
    brand, moov, media_at, fragmented = None, None, None, False
    end, first, last = 0, b"", b""
    for box in _top_boxes(file, size):
        first = first or box.kind
        if box.kind == b"ftyp":
            file.seek(box.start)
            brand = file.read(4).decode("latin-1").strip("\0 ")
        elif box.kind == b"moov" and moov is None:
            moov = box
        elif box.kind in (b"mdat", b"moof") and media_at is None:
            media_at = box.start
        fragmented |= box.kind == b"moof"
        end = box.end
        last = box.kind
    if moov is None:
        if first in FIRST_BOXES and (end > size or media_at is not None):
            raise index_missing(size)
        raise _not_a_video()
    if moov.end > size or (end > size and fragmented and last in (b"moof", b"mdat")):
        raise cut_off(size, max(moov.end, end))
    if moov.end - moov.start > MAX_MOOV:
        message = (
            f"The index (moov) is too large: {moov.end - moov.start:,} bytes, maximum {MAX_MOOV:,}. Export it again."
        )
        raise UnreadableMedia("too_many_samples", message, MAX_MOOV, moov.end - moov.start)
    file.seek(moov.start)
    edit_list, extends = _read_moov(file.read(moov.end - moov.start))
    return Structure("mp4", brand, media_at is None or moov.start < media_at, fragmented or extends, edit_list)


def _top_boxes(file: Source, size: int) -> Iterator[Box]:
    """Yield the outermost boxes. The last one may end beyond the file."""
    at = 0
    for _ in range(MAX_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return
        length, kind, header = int.from_bytes(head[:4], "big"), head[4:8], 8
        if length == 1 and len(head) == 16:
            length, header = int.from_bytes(head[8:], "big"), 16
        elif length == 0:
            length = size - at
        if length < header:
            return  # padding, not a box
        yield Box(kind, at + header, at + length)
        at += length
        if at >= size:
            return


def _boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the complete boxes in `data`, the content of a box."""
    at = 0
    while at + 8 <= len(data):
        length, header = int.from_bytes(data[at : at + 4], "big"), 8
        if length == 1 and at + 16 <= len(data):
            length, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        if length < header or at + length > len(data):
            return
        yield bytes(data[at + 4 : at + 8]), data[at + header : at + length]
        at += length


def _inside(data: memoryview, *path: bytes) -> memoryview | None:
    """Return the content of the first box at `path`, or None."""
    for name in path:
        found = next((content for kind, content in _boxes(data) if kind == name), None)
        if found is None:
            return None
        data = found
    return data


def _read_moov(content: bytes) -> tuple[str, bool]:
    """Return the kind of edit list, and whether fragments follow."""
    moov = memoryview(content)
    edits, extends, samples, tracks = {"none"}, False, 0, 0
    for kind, box in _boxes(moov):
        extends |= kind == b"mvex"
        if kind != b"trak":
            continue
        tracks += 1
        if tracks > MAX_STREAMS:
            raise too_many("streams", MAX_STREAMS, sum(kind == b"trak" for kind, _ in _boxes(moov)))
        samples += _check_samples(box)
        if samples > MAX_SAMPLES:
            raise too_many("samples", MAX_SAMPLES, samples)
        edits.add(_edit_list(box))
    kinds = ("cut", "delay", "none")
    return next(kind for kind in kinds if kind in edits), extends


def _check_samples(trak: memoryview) -> int:
    """Return the number of samples that a track declares. Raise UnreadableMedia if it is encrypted or too large."""
    table = _inside(trak, b"mdia", b"minf", b"stbl")
    if table is None:
        return 0
    description = _inside(table, b"stsd")
    if description is not None and len(description) > 8:
        for kind, entry in _boxes(description[8:]):
            # The boxes of an entry follow 78 bytes of a video description, or 28 of an audio description.
            if kind in (b"encv", b"enca") or any(_inside(entry[skip:], b"sinf") for skip in (78, 28)):
                raise encrypted()
    handler = _inside(trak, b"mdia", b"hdlr")
    if handler is not None and bytes(handler[8:12]) == b"vide" and description is not None and len(description) >= 44:
        width, height = struct.unpack(">HH", description[40:44])
        check_pixels(width, height)
    sizes = _inside(table, b"stsz") or _inside(table, b"stz2")
    return int.from_bytes(sizes[8:12], "big") if sizes is not None and len(sizes) >= 12 else 0


def check_pixels(width: int, height: int) -> None:
    """Raise UnreadableMedia if a picture has more than MAX_PIXELS pixels."""
    if width * height > MAX_PIXELS:
        message = f"The video is too large: {width}x{height} px, maximum {MAX_PIXELS:,} px in total. Resize it."
        raise UnreadableMedia("too_many_pixels", message, MAX_PIXELS, width * height)


def _edit_list(trak: memoryview) -> str:
    edits = _inside(trak, b"edts", b"elst")
    header = _inside(trak, b"mdia", b"mdhd")
    if edits is None or header is None or len(edits) < 8 or len(header) < 24:
        return "none"
    wide = edits[0] == 1
    layout = ">Qqi" if wide else ">Iii"
    step, count = struct.calcsize(layout), int.from_bytes(edits[4:8], "big")
    timescale = int.from_bytes(header[20:24] if header[0] == 1 else header[12:16], "big") or 1
    shown = []
    for index in range(min(count, (len(edits) - 8) // step)):
        _, media_time, rate = struct.unpack_from(layout, edits, 8 + index * step)
        if media_time >= 0:
            shown.append((media_time / timescale, rate))
    if len(shown) > 1 or any(start > LONGEST_DELAY or rate != 0x10000 for start, rate in shown):
        return "cut"
    return "delay" if count > 1 or any(start for start, _ in shown) else "none"


def _check_segment(file: Source, size: int) -> None:
    """Raise UnreadableMedia if a Matroska segment of known size ends beyond the file."""
    at = 0
    for _ in range(16):
        file.seek(at)
        head = file.read(12)
        identifier, id_length = _number(head, keep_marker=True)
        if not id_length:
            return
        length, length_length = _number(head[id_length:])
        if not length_length:
            return
        start = at + id_length + length_length
        unknown = length == (1 << 7 * length_length) - 1
        if identifier == SEGMENT:
            if not unknown and start + length > size:
                raise cut_off(size, start + length)
            return
        at = start + length


def end_of_elements(file: Source, size: int, at: int) -> int:
    """Return the end of a Matroska file by its elements, given the start `at` of one of them.

    It exceeds `size` if the file ends within an element. Keep the file's position.
    """
    before = file.tell()
    try:
        for _ in range(MAX_TAIL):
            file.seek(at)
            head = file.read(12)
            identifier, id_length = _number(head, keep_marker=True)
            length, length_length = _number(head[id_length:])
            if not id_length or not length_length:
                return min(at, size)  # the end, or invalid data
            at += id_length + length_length
            if identifier not in (CLUSTER, BLOCK_GROUP):
                at += length
            if at > size:
                return at
        return at
    finally:
        file.seek(before)


def _number(data: bytes, keep_marker: bool = False) -> tuple[int, int]:
    """Return the number of variable length at the start of `data` and its length in bytes; (0, 0) without one."""
    if not data or not data[0]:
        return 0, 0
    length = 9 - data[0].bit_length()
    if len(data) < length:
        return 0, 0
    number = int.from_bytes(data[:length], "big")
    return number if keep_marker else number & ((1 << 7 * length) - 1), length
