"""The units of H.264 and HEVC that start a group of pictures."""

from collections.abc import Iterator
from typing import Any

# The types of units that hold a picture from which decoding can restart completely, and those that hold any picture.
H264_RESTART, H264_PICTURES = {5}, {1, 2, 5}
HEVC_OPEN, HEVC_PICTURES = {21}, set(range(32))
# The most units before the first picture of a packet: parameters, and messages with captions or dates.
MAX_UNITS = 64


class ReferenceReader:
    """Tells whether pictures before a key frame are needed after it, which the container does not state."""

    def __init__(self, context: Any) -> None:
        self._codec = context.codec.canonical_name
        self._length = _length_size(self._codec, bytes(context.extradata or b""))

    def is_open(self, packet: Any) -> bool:
        """Return whether the key frame in `packet` starts an open group. False for other codecs than H.264 and HEVC."""
        if self._codec not in ("h264", "hevc"):
            return False
        for first in self._first_bytes(bytes(packet)):
            kind = first & 31 if self._codec == "h264" else first >> 1 & 63
            if self._codec == "h264" and kind in H264_PICTURES:
                return kind not in H264_RESTART
            if self._codec == "hevc" and kind in HEVC_PICTURES:
                return kind in HEVC_OPEN
        return False

    def _first_bytes(self, data: bytes) -> Iterator[int]:
        """Yield the first byte of each of the first units."""
        at = 0
        for _ in range(MAX_UNITS):
            if self._length:
                start = at + self._length
                at = start + int.from_bytes(data[at:start], "big")
            else:
                start = at = data.find(b"\0\0\1", at) + 3
                if start < 3:
                    return
            if start >= len(data) or at > len(data):
                return
            yield data[start]


def _length_size(codec: str, extradata: bytes) -> int:
    """Return the bytes of a unit's length, as MP4 and Matroska store it; 0 if start codes separate the units."""
    at = {"h264": 4, "hevc": 21}.get(codec, 0)
    if not at or len(extradata) <= at or extradata[0] != 1:
        return 0
    return (extradata[at] & 3) + 1
