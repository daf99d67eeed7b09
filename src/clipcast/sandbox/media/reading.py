"""The properties that the sandbox reads from a file, and helpers of the readers."""

from dataclasses import dataclass
from typing import BinaryIO

# Platforms do not measure exactly. The first two tolerances are shares of a limit, the third is in seconds.
RATE_TOLERANCE = ASPECT_TOLERANCE = 0.005
DURATION_TOLERANCE = 0.05
# Frames are steady if at most this share of them, or one, differs by more than a quarter from the median.
UNSTEADY = 0.05
# The maximum size in bytes of a box, element or header that is read as a whole.
LONGEST = 32 * 1024 * 1024


class Damaged(Exception):
    """A file that ends early or is contradictory."""


@dataclass(frozen=True)
class Sound:
    codec: str
    rate: int
    channels: int


@dataclass(frozen=True)
class Reading:
    """A file's headers.

    Width and height are those of the display, in square pixels, after rotation. The duration is the longer one of
    picture and sound, in seconds. `chroma` is for instance 4:2:0, or None if the file does not state it.
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
    # True if the headers precede the pictures, so that a player can start at once.
    headers_first: bool = True
    sound: Sound | None = None

    def has_rate(self, least: float, most: float) -> bool:
        """Return whether the frame rate is in the range, or the file states no rate."""
        return self.frame_rate is None or _about(least, self.frame_rate, most, RATE_TOLERANCE)

    def has_aspect(self, least: float, most: float) -> bool:
        """Return whether width divided by height is in the range."""
        return self.height > 0 and _about(least, self.width / self.height, most, ASPECT_TOLERANCE)

    def lasts(self, least: float, most: float) -> bool:
        """Return whether the duration is in the range, in seconds."""
        return least - DURATION_TOLERANCE <= self.duration <= most + DURATION_TOLERANCE


def _about(least: float, value: float, most: float, tolerance: float) -> bool:
    return least * (1 - tolerance) <= value <= most * (1 + tolerance)


def take(file: BinaryIO, size: int) -> bytes:
    """Read exactly `size` bytes. Raises Damaged if the file has fewer or the size exceeds LONGEST."""
    if not 0 <= size <= LONGEST:
        raise Damaged
    content = file.read(size)
    if len(content) != size:
        raise Damaged
    return content


def rate_of(ticks: dict[int, int], timescale: int) -> float | None:
    """Return the frames per second: the steady rate if there is one, else the mean.

    `ticks` counts the frames of each length.
    """
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
