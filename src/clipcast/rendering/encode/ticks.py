"""Pictures at a constant rate."""

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

# A frame is shown from the tick before it if it comes later than that by less than this share of a tick: times have
# jitter. Where frames are left out, ticks may stand right between two of them, so that the share is smaller.
LATENESS, LATENESS_OF_MANY = Fraction(499, 1000), Fraction(1, 4)
MANY = Fraction(13, 10)


class Ticks:
    """Tells which frame each tick shows: the latest one, or the first one before it. The last one stays to the end.

    `count` ticks of `length` seconds of the source follow its time `start`. `rate` is the source's, if it is known.
    """

    def __init__(self, count: int, length: Fraction, start: Fraction, rate: Fraction | None) -> None:
        self._count, self._length, self._start = count, length, start
        self._has_many = bool(rate and rate * length > MANY)
        self._late = LATENESS_OF_MANY if self._has_many else LATENESS
        self._next = 0
        # The first tick of the latest frame.
        self._first: int | None = None
        self._shown: Any = None

    @property
    def done(self) -> bool:
        return self._next >= self._count

    def push(self, frame: Any, time: Fraction) -> Iterator[tuple[int, Any]]:
        """Yield the ticks before this frame, each with its frame. Frames come in their order."""
        at = (time - self._start) / self._length
        first = math.ceil(at - self._late)
        if first == self._first and not self._has_many and first + 1 - at <= 1:
            first += 1  # two frames in a tick: neither is left out as long as the second one is hardly late
        if self._shown is None:
            self._shown = frame
        self._first = first
        yield from self._until(first)
        self._shown = frame

    def finish(self) -> Iterator[tuple[int, Any]]:
        """Yield the rest of the ticks; none if there was no frame."""
        if self._shown is not None:
            yield from self._until(self._count)

    def _until(self, end: int) -> Iterator[tuple[int, Any]]:
        while self._next < min(end, self._count):
            self._next += 1
            yield self._next - 1, self._shown
