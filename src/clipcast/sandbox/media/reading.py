"""The properties that the sandbox reads from a file, and helpers of the readers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Literal

# Platforms do not measure exactly. The first two tolerances are shares of a limit, the third is in seconds.
RATE_TOLERANCE = ASPECT_TOLERANCE = 0.005
DURATION_TOLERANCE = 0.05
# Frames are steady if at most this share of them, or one, differs by more than a quarter from the median.
UNSTEADY = 0.05
# The maximum size in bytes of a box, element or header that is read as a whole.
LONGEST = 32 * 1024 * 1024


Trait = Literal["edit list", "fragmented", "more than 8 bit", "no sound", "turned", "wide pixels"]


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
    picture and sound, in seconds. `chroma` is for instance 4:2:0. Bit rates are means, in bits per second. None: the
    file does not state it, or the reader does not read it in this container.
    """

    container: str
    video_codec: str | None
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
    # The bits of a colour component.
    depth: int | None = None
    # False if frames after a key frame may need frames before it.
    closed_groups: bool | None = None
    # False if the frames' lengths differ (UNSTEADY).
    steady: bool = True
    bit_rate: float | None = None
    sound_bit_rate: float | None = None
    # What a platform may refuse, although nobody has verified that it does.
    traits: frozenset[Trait] = frozenset()

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


def rate_of(ticks: Mapping[int, int], timescale: float) -> float | None:
    """Return the frames per second: the steady rate if there is one, else the mean.

    `ticks` counts the frames of each length.
    """
    lengths = {length: count for length, count in ticks.items() if length > 0}
    if not lengths:
        return None
    counted = _usual(lengths) if is_steady(lengths) else lengths
    return timescale * sum(counted.values()) / sum(length * count for length, count in counted.items())


def is_steady(ticks: Mapping[int, int]) -> bool:
    """Return whether nearly all frames have the same length."""
    lengths = {length: count for length, count in ticks.items() if length > 0}
    frames = sum(lengths.values())
    return frames - sum(_usual(lengths).values()) <= max(1, UNSTEADY * frames)


def _usual(lengths: Mapping[int, int]) -> dict[int, int]:
    """Return the lengths that differ by at most a quarter from the median."""
    frames, seen, median = sum(lengths.values()), 0, 0
    for median in sorted(lengths):
        seen += lengths[median]
        if 2 * seen >= frames:
            break
    return {length: count for length, count in lengths.items() if abs(length - median) * 4 <= median}
