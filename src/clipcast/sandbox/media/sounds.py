"""The sound descriptions of MP4 and QuickTime files."""

from dataclasses import dataclass

from clipcast.sandbox.media.bits import aac_sound
from clipcast.sandbox.media.reading import Sound
from clipcast.sandbox.media.tracks import Track
from clipcast.sandbox.media.tree import inside, number

CODECS = {
    b"ac-3": "ac3", b"ec-3": "eac3", b".mp3": "mp3", b"Opus": "opus", b"fLaC": "flac", b"alac": "alac", b"samr": "amr",
    b"sowt": "pcm", b"twos": "pcm", b"lpcm": "pcm", b"in24": "pcm", b"in32": "pcm", b"fl32": "pcm", b"fl64": "pcm",
    b"raw ": "pcm", b"ipcm": "pcm", b"fpcm": "pcm", b"ulaw": "pcm", b"alaw": "pcm",
}  # fmt: skip
# The codecs of an elementary stream, by its object type.
OBJECT_TYPES = {
    0x20: "mpeg4", 0x40: "aac", 0x66: "aac", 0x67: "aac", 0x68: "aac", 0x69: "mp3", 0x6B: "mp3", 0x6C: "jpeg",
    **dict.fromkeys(range(0x60, 0x66), "mpeg2video"),
}  # fmt: skip


@dataclass(frozen=True)
class Stream:
    """An elementary stream: its codec and its configuration."""

    codec: str = "unknown"
    configuration: bytes = b""


def read_sound(track: Track) -> Sound:
    """Return the sound of a track."""
    entry = track.entry
    version, channels, rate = number(entry, 8, 2), number(entry, 16, 2), number(entry, 24, 2)
    if version == 2:
        channels, rate = number(entry, 40), track.timescale
    children = 28 + {1: 16, 2: 36}.get(version, 0)
    if track.codec != b"mp4a":
        return Sound(CODECS.get(track.codec, "unknown"), rate or track.timescale, channels)
    stream = elementary_stream(entry, children)
    if stream.codec == "aac" and stream.configuration:
        stated_rate, stated_channels = aac_sound(stream.configuration)
        rate, channels = stated_rate or rate, stated_channels or channels
    return Sound(stream.codec, rate or track.timescale, channels)


def elementary_stream(entry: bytes, start: int) -> Stream:
    """Read the `esds` box among these. In QuickTime files it is inside a `wave` box."""
    for kind, content in inside(entry, start):
        if kind == b"esds":
            return _descriptor(content[4:])
        if kind == b"wave" and (found := elementary_stream(content, 0)) != Stream():
            return found
    return Stream()


def _descriptor(content: bytes) -> Stream:
    codec, configuration, at = "unknown", b"", 0
    while at + 2 <= len(content):
        tag, at, length = content[at], at + 1, 0
        for _ in range(4):
            byte = number(content, at, 1)
            length, at = length << 7 | byte & 0x7F, at + 1
            if not byte & 0x80:
                break
        if tag == 3:
            flags = number(content, at + 2, 1)
            at += 3 + (2 if flags & 0x80 else 0) + (2 if flags & 0x20 else 0)
            if flags & 0x40:
                at += 1 + number(content, at, 1)
        elif tag == 4:
            codec = OBJECT_TYPES.get(number(content, at, 1), "unknown")
            at += 13
        elif tag == 5:
            configuration = content[at : at + length]
            at += length
        else:
            at += length
    return Stream(codec, configuration)
