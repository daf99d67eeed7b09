"""The reader of Matroska and WebM files: EBML elements, in which the tracks precede the clusters of pictures."""

import itertools
import struct
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

from clipcast.sandbox.media.bits import Picture, aac_sound, av1_picture, h264_picture, hevc_picture
from clipcast.sandbox.media.groups import has_closed_groups
from clipcast.sandbox.media.reading import Damaged, Reading, Sound, is_steady, rate_of, take
from clipcast.sandbox.media.tracks import HEAD

MOST_ELEMENTS = 2_000_000
DOCTYPE, SEGMENT, INFO, TRACKS, CLUSTER = 0x4282, 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
TIMESTAMP_SCALE, DURATION = 0x2AD7B1, 0x4489
DEFAULT, TRACK, NUMBER, TYPE, CODEC, PRIVATE, FRAME_LENGTH = 0x88, 0xAE, 0xD7, 0x83, 0x86, 0x63A2, 0x23E383
VIDEO, WIDTH, HEIGHT, INTERLACED, AUDIO, RATE, CHANNELS = 0xE0, 0xB0, 0xBA, 0x9A, 0xE1, 0xB5, 0x9F
SHOWN_WIDTH, SHOWN_HEIGHT = 0x54B0, 0x54BA
CLUSTER_TIME, SIMPLE_BLOCK, BLOCK_GROUP, BLOCK, KEY = 0xE7, 0xA3, 0xA0, 0xA1, 0x80
ENCODINGS, ENCRYPTION = 0x6D80, b"\x50\x35"
# Elements that may have an unknown length. They end where the next of their kind begins.
OPEN_ENDED = (SEGMENT, CLUSTER)
CODECS = {
    "V_MPEG4/ISO/AVC": "h264", "V_MPEGH/ISO/HEVC": "hevc", "V_VP8": "vp8", "V_VP9": "vp9", "V_AV1": "av1",
    "V_MPEG4/ISO/ASP": "mpeg4", "V_MPEG2": "mpeg2video", "V_MPEG1": "mpeg1video", "V_PRORES": "prores",
    "V_MJPEG": "mjpeg", "V_THEORA": "theora",
    "A_AAC": "aac", "A_OPUS": "opus", "A_VORBIS": "vorbis", "A_AC3": "ac3", "A_EAC3": "eac3", "A_MPEG/L3": "mp3",
    "A_FLAC": "flac", "A_PCM/INT/LIT": "pcm", "A_PCM/INT/BIG": "pcm", "A_PCM/FLOAT/IEEE": "pcm",
}  # fmt: skip


def read_matroska(file: BinaryIO, size: int) -> Reading:
    """Read a Matroska or WebM file. Raises Damaged if it is incomplete or contradictory."""
    doctype, info, tracks, last, cluster_at = "webm", dict[int, bytes](), list[dict[int, bytes]](), 0, 0
    # The first blocks of each track: when each is shown, and whether it is a key frame.
    blocks: dict[int, list[tuple[int, bool]]] = {}
    for id, length in _walk(file, size):
        if id == DOCTYPE:
            doctype = take(file, length).rstrip(b"\0").decode("latin-1")
        elif id == INFO:
            info = dict(_inside(take(file, length)))
        elif id == TRACKS:
            tracks = [dict(_inside(content)) for kind, content in _inside(take(file, length)) if kind == TRACK]
        elif id == CLUSTER_TIME:
            cluster_at = int.from_bytes(take(file, min(length, 8)), "big")
            last = max(last, cluster_at)
        elif id in (SIMPLE_BLOCK, BLOCK) and length >= 4:
            head = take(file, 4)
            shown_at = cluster_at + int.from_bytes(head[1:3], "big", signed=True)
            last = max(last, shown_at)
            if len(shown := blocks.setdefault(head[0] & 0x7F, [])) < HEAD:
                shown.append((shown_at, id == SIMPLE_BLOCK and bool(head[3] & KEY)))
    video = next((one for one in tracks if one.get(TYPE) == b"\x01"), None)
    if video is None or any(ENCRYPTION in track.get(ENCODINGS, b"") for track in tracks):
        raise Damaged
    scale = int.from_bytes(info.get(TIMESTAMP_SCALE, b"\x0f\x42\x40"), "big") / 1e9
    picture = dict(_inside(video.get(VIDEO, b"")))
    codec, frame = _codec(video), int.from_bytes(video.get(FRAME_LENGTH, b""), "big")
    about = _picture(codec, video.get(PRIVATE, b""))
    sounds = [one for one in tracks if one.get(TYPE) == b"\x02"]
    sound = _sound(next((one for one in sounds if one.get(DEFAULT) != b"\0"), sounds[0] if sounds else None))
    shown = blocks.get(_unsigned(video, NUMBER), [])
    ticks = Counter(after - before for before, after in itertools.pairwise(sorted(at for at, _ in shown)))
    return Reading(
        "webm" if doctype == "webm" else "mkv",
        codec,
        _shown_width(picture),
        _unsigned(picture, HEIGHT),
        (_float(info[DURATION]) if DURATION in info else last) * scale,
        size,
        rate_of(ticks, 1 / scale) if len(shown) > 1 and scale else 1e9 / frame if frame else None,
        about.chroma,
        about.interlaced or picture.get(INTERLACED) == b"\x01",
        sound=sound,
        depth=about.depth,
        closed_groups=has_closed_groups(shown),
        steady=is_steady(ticks),
        traits=frozenset() if sound else frozenset({"no sound"}),
    )


def _walk(file: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    """Yield the id and length of each element whose content is data. The file's position is at the content."""
    at = 0
    for _ in range(MOST_ELEMENTS):
        if at + 2 > size:
            return
        file.seek(at)
        id, length, start = _head(file)
        if id == SEGMENT and length is not None and start + length < size:
            size = start + length  # ignore data after the segment
        if id in (0x1A45DFA3, SEGMENT, CLUSTER, BLOCK_GROUP):
            if length is not None and start + length > size:
                raise Damaged  # the file ends early
            at = start  # continue with the elements inside
            continue
        if length is None or start + length > size:
            raise Damaged
        yield id, length
        at = start + length
    raise Damaged


def _head(file: BinaryIO) -> tuple[int, int | None, int]:
    """Read an element's head. Returns its id, its length (None if unknown) and the position of its content."""
    first = take(file, 1)[0]
    width = 9 - first.bit_length()
    if width > 4:
        raise Damaged
    id = int.from_bytes(bytes([first]) + take(file, width - 1), "big")
    first = take(file, 1)[0]
    width = 9 - first.bit_length()
    if width > 8:
        raise Damaged
    value = int.from_bytes(bytes([first]) + take(file, width - 1), "big") & ((1 << 7 * width) - 1)
    is_open = value == (1 << 7 * width) - 1
    if is_open and id not in OPEN_ENDED:
        raise Damaged
    return id, None if is_open else value, file.tell()


def _inside(content: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(content):
        width = 9 - content[at].bit_length()
        id, at = int.from_bytes(content[at : at + width], "big"), at + width
        if width > 4 or at >= len(content):
            raise Damaged
        width = 9 - content[at].bit_length()
        if width > 8:
            raise Damaged
        length = int.from_bytes(content[at : at + width], "big") & ((1 << 7 * width) - 1)
        at += width
        if at + length > len(content):
            raise Damaged
        yield id, content[at : at + length]
        at += length


def _unsigned(elements: dict[int, bytes], id: int) -> int:
    return int.from_bytes(elements.get(id, b""), "big")


def _shown_width(picture: dict[int, bytes]) -> int:
    """Return the width in square pixels. The display size may be in pixels or only an aspect ratio."""
    across, down = _unsigned(picture, SHOWN_WIDTH), _unsigned(picture, SHOWN_HEIGHT)
    return round(_unsigned(picture, HEIGHT) * across / down) if across and down else _unsigned(picture, WIDTH)


def _codec(track: dict[int, bytes]) -> str:
    return CODECS.get(track.get(CODEC, b"").rstrip(b"\0").decode("latin-1"), "unknown")


def _picture(codec: str, private: bytes) -> Picture:
    readers = {"h264": h264_picture, "hevc": hevc_picture, "av1": av1_picture}
    return readers[codec](private) if codec in readers and private else Picture()


def _sound(track: dict[int, bytes] | None) -> Sound | None:
    if track is None:
        return None
    about = dict(_inside(track.get(AUDIO, b"")))
    rate, channels = round(_float(about.get(RATE, b""))) or 8000, int.from_bytes(about.get(CHANNELS, b"\x01"), "big")
    codec = _codec(track)
    if codec == "aac" and PRIVATE in track:
        stated_rate, stated_channels = aac_sound(track[PRIVATE])
        rate, channels = stated_rate or rate, stated_channels or channels
    return Sound(codec, rate, channels)


def _float(content: bytes) -> float:
    if len(content) not in (4, 8):
        return 0.0
    (value,) = struct.unpack(">f" if len(content) == 4 else ">d", content)
    return float(value) if 0 <= value < 1e12 else 0.0
