"""What the sandbox knows of a file, and how bytes are taken from it."""

from dataclasses import dataclass
from typing import BinaryIO

# Platforms do not measure to the last digit: shares of a limit, and seconds.
RATE_TOLERANCE = ASPECT_TOLERANCE = 0.005
DURATION_TOLERANCE = 0.05
# Frames are steady when at most so many of them, or only one, last much longer or shorter than the usual one.
UNSTEADY = 0.05
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
    """A file's headers.

    Width and height are as shown, with square pixels and turned; the duration is that of the longer one, picture or
    sound; `chroma` is such as 4:2:0, and None when not told.
    """

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
        """Whether the frame rate is in the range; a rate that nobody tells is."""
        return self.frame_rate is None or _about(least, self.frame_rate, most, RATE_TOLERANCE)

    def has_aspect(self, least: float, most: float) -> bool:
        """Whether width divided by height is in the range."""
        return self.height > 0 and _about(least, self.width / self.height, most, ASPECT_TOLERANCE)

    def lasts(self, least: float, most: float) -> bool:
        """Whether it lasts for so many seconds."""
        return least - DURATION_TOLERANCE <= self.duration <= most + DURATION_TOLERANCE


def _about(least: float, value: float, most: float, tolerance: float) -> bool:
    return least * (1 - tolerance) <= value <= most * (1 + tolerance)


def take(file: BinaryIO, size: int) -> bytes:
    """Exactly so many bytes. Raises Damaged when they are not there, or are too many."""
    if not 0 <= size <= LONGEST:
        raise Damaged
    content = file.read(size)
    if len(content) != size:
        raise Damaged
    return content


def rate_of(ticks: dict[int, int], timescale: int) -> float | None:
    """Frames a second where they are steady, else on average; `ticks` counts the frames of each length."""
    lengths = sorted((length, count) for length, count in ticks.items() if length > 0)
    frames = sum(count for _, count in lengths)
    if not frames:
        return None
    seen, usual = 0, 0
    for length, count in lengths:
        usual, seen = length, seen + count
        if 2 * seen >= frames:
            break
    steady = [(length, count) for length, count in lengths if abs(length - usual) * 4 <= usual]
    others = frames - sum(count for _, count in steady)
    counted = steady if others <= max(1, UNSTEADY * frames) else lengths
    return timescale * sum(count for _, count in counted) / sum(length * count for length, count in counted)
