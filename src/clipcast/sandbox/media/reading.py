"""What the sandbox knows of a file, and how bytes are taken from it."""

from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

RATE_TOLERANCE = 0.05
# No box, element or header that is read as a whole is longer.
LONGEST = 32 * 1024 * 1024


class Damaged(Exception):
    """The file ends too early, or contradicts itself."""


@dataclass(frozen=True)
class Sound:
    codec: str
    rate: int
    channels: int


@dataclass(frozen=True)
class Reading:
    """A file's headers. Width and height are as shown, turned; `chroma` is such as 4:2:0, and None when not told."""

    container: str
    video_codec: str
    width: int
    height: int
    duration: float
    size: int
    frame_rate: float | None = None
    chroma: str | None = None
    interlaced: bool = False
    # Whether players find what they need before the pictures.
    headers_first: bool = True
    sound: Sound | None = None

    def has_rate(self, least: float, most: float) -> bool:
        """Whether the frame rate is in the range, give or take a twentieth; a rate that nobody tells is."""
        return self.frame_rate is None or least - RATE_TOLERANCE <= self.frame_rate <= most + RATE_TOLERANCE

    @property
    def aspect(self) -> float:
        return self.width / self.height if self.height else 0.0


def take(file: BinaryIO, size: int) -> bytes:
    """Exactly so many bytes. Raises Damaged when they are not there, or are too many."""
    if not 0 <= size <= LONGEST:
        raise Damaged
    content = file.read(size)
    if len(content) != size:
        raise Damaged
    return content


def rate_of(ticks: dict[int, int], timescale: int) -> float | None:
    """Frames a second by the length that most frames have; `ticks` counts the frames of each length."""
    lengths = {length: count for length, count in ticks.items() if length > 0}
    if not lengths:
        return None
    usual = max(lengths, key=lambda length: lengths[length])
    return float(Fraction(timescale, usual))
