"""Times that jump within a file: recordings of broadcasts that were joined byte by byte (`cat a.ts b.ts`)."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import median_low
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clipcast.rendering.structure import Source, Structure

# The containers that have no index, and whose packets have times of their own.
JOINABLE = {"ts", "mpg"}
# Where the times are looked at: as many places, as many bytes each.
PLACES, BYTES = 16, 128 * 1024
# The distance from the start grows by this factor. Below 2, times that restarted are lower at the next place.
GROWTH = 1.5
# Times that decrease by more restart. Pictures are stored out of order by less, and times begin again from 0 after
# 26.5 hours. Seconds.
CLOCK = 90_000  # per second
LEAST, WRAPS_AT = 1.0, 2**33 / CLOCK
# Times that increase by more within all tracks are those of another recording. Seconds, as in `ffmpeg`.
LONGEST_GAP = 10.0
# The stretches between two places that are searched for a gap, and the most bytes without a time.
SEARCHED, UNTIMED = 3, 1024 * 1024
# What begins each packet, and as many bytes as hold its time.
START, LONGEST_HEAD = b"\0\0\1", 32
# The numbers of streams of pictures, and of pictures and sound.
PICTURES, ALL = range(0xE0, 0xF0), range(0xC0, 0xF0)


def is_joined(file: "Source", size: int) -> bool:
    """Return whether the times of an MPEG file seem to jump. A few parts of it are read."""
    parts = [_read(file, at, BYTES) for at in _places(size)]
    if (end := parts[-1].end) < size:
        at = max(end, size - UNTIMED)
        parts.append(_read(file, at, size - at))
    timed = [part for part in parts if part.times]
    return _restart(parts) or any(_jump(part.times) for part in timed) or _has_gap(file, timed)


@dataclass(frozen=True)
class _Part:
    """The bytes from `at` to `end`, with the times in seconds of what begins there."""

    at: int
    end: int
    pictures: list[float]
    times: list[float]


def _read(file: "Source", at: int, length: int) -> _Part:
    file.seek(at)
    content = file.read(length)
    found = list(_times(content))
    return _Part(at, at + len(content), [time for kind, time in found if kind in PICTURES], [time for _, time in found])


def _restart(parts: list[_Part]) -> bool:
    """Return whether the pictures' times decrease."""
    last = 0.0
    for time in (time for part in parts for time in part.pictures):
        if LEAST < last - time < WRAPS_AT / 2:
            return True
        last = max(last, time) if last - time < WRAPS_AT / 2 else time
    return False


def _has_gap(file: "Source", parts: list[_Part]) -> bool:
    """Return whether the times jump forward in one of the stretches that most exceed the usual seconds per byte."""
    stretches = list(pairwise(parts))
    if not stretches:
        return False
    usual = median_low(_seconds(*one) / (one[1].at - one[0].at) for one in stretches)

    def excess(stretch: tuple[_Part, _Part]) -> float:
        return _seconds(*stretch) - usual * (stretch[1].at - stretch[0].at)

    for stretch in sorted(stretches, key=excess, reverse=True)[:SEARCHED]:
        while _seconds(*stretch) > LONGEST_GAP:
            before, after = stretch
            if after.at - before.end <= BYTES:
                between = _read(file, before.end, after.at - before.end)
                if _jump([*before.times, *between.times, after.times[0]]):
                    return True
                break
            middle = _timed(file, (before.end + after.at) // 2, after.at)
            if middle is None:
                break
            stretch = max((before, middle), (middle, after), key=excess)
    return False


def _seconds(before: _Part, after: _Part) -> float:
    return after.times[0] - before.times[0]


def _timed(file: "Source", at: int, end: int) -> _Part | None:
    """Return the first part from `at` on that has times; None if there is none soon."""
    for start in range(at, min(end, at + UNTIMED), BYTES):
        if (part := _read(file, start, min(BYTES, end - start))).times:
            return part
    return None


def _jump(times: list[float]) -> bool:
    reached = times[0]
    for time in times:
        if time - reached > LONGEST_GAP:
            return True
        reached = max(reached, time)
    return False


def _places(size: int) -> list[int]:
    """Return where parts of the file begin, which do not overlap: evenly, and at a growing distance from the start.

    Behind a first part that is short, the times pass its end within a small part of the whole.
    """
    step = max(BYTES, size // PLACES)
    wanted, distance = set(range(0, max(1, size - BYTES), step)), float(BYTES)
    while distance < step:
        wanted.add(int(distance))
        distance *= GROWTH
    places: list[int] = []
    for at in sorted(wanted):
        places.append(max(at, places[-1] + BYTES) if places else at)
    return places


def _times(content: bytes) -> Iterator[tuple[int, float]]:
    """Yield the streams and times of the packets of pictures and sound (PES) that begin in these bytes."""
    at = content.find(START)
    while 0 <= at < len(content) - LONGEST_HEAD:
        head = content[at : at + LONGEST_HEAD]
        if head[3] in ALL and (time := _time(head)) is not None:
            yield head[3], time
        at = content.find(START, at + len(START))


def _time(head: bytes) -> float | None:
    """Return the time in a packet's head: ISO/IEC 13818-1, 2.4.3.6, or 11172-1, 2.4.3.3. Not every packet has one."""
    if head[6] & 0xC0 == 0x80:  # MPEG-2
        at = 9 if head[7] & 0x80 else 0
    else:
        at = next((at for at in range(6, LONGEST_HEAD - 7) if head[at] != 0xFF), 0)
        at += 2 if head[at] & 0xC0 == 0x40 else 0
    first, second, third, fourth, fifth = head[at : at + 5]
    if not (at and first & 0xE1 == 0x21 and third & fifth & 1):
        return None
    return ((first >> 1 & 7) << 30 | (second << 7 | third >> 1) << 15 | fourth << 7 | fifth >> 1) / CLOCK


class Continued:
    """The packets of a joined file, with times that continue where they jump.

    All streams jump together, but each at a packet of its own.
    """

    def __init__(self) -> None:
        # What is added to the times of each part, and the latest time in it, in seconds.
        self._added = [Fraction(0)]
        self._reached: list[Fraction] = []
        self._parts: dict[int, int] = {}
        self._last: dict[int, Fraction] = {}
        self._end = Fraction(0)

    def add(self, packet: Any) -> None:
        """Move the times of the next packet."""
        ticks = packet.dts if packet.dts is not None else packet.pts
        if ticks is None:
            return
        base, stream = Fraction(packet.time_base), packet.stream.index
        if packet.pts is not None and abs(packet.pts - ticks) * base > LONGEST_GAP:
            # FFmpeg counts on where a packet states only when it is shown.
            ticks = packet.dts = packet.pts - (packet.duration or 1)
        time = ticks * base
        if not self._reached:
            self._reached.append(time)
        if stream not in self._parts:
            self._parts[stream] = self._part_near(time)
        part = self._parts[stream]
        restarts = time < self._last.get(stream, time) - Fraction(LEAST)
        if restarts or time > self._reached[part] + Fraction(LONGEST_GAP):
            part = self._parts[stream] = part + 1
            if part == len(self._added):
                self._added.append(self._end - time)
                self._reached.append(time)
        self._last[stream] = time
        self._reached[part] = max(self._reached[part], time)
        added = round(self._added[part] / base)
        self._end = max(self._end, (ticks + added + (packet.duration or 0)) * base)
        if added:
            packet.dts = None if packet.dts is None else packet.dts + added
            packet.pts = None if packet.pts is None else packet.pts + added

    def _part_near(self, time: Fraction) -> int:
        """Return the part in which a stream begins: the last one with such times. Programs may have several clocks."""
        near = (part for part, reached in enumerate(self._reached) if abs(time - reached) <= LONGEST_GAP)
        return max(near, default=len(self._added) - 1)


def packets_of(container: Any, structure: "Structure", *streams: Any) -> Iterator[Any]:
    """Yield the packets of these streams. Those of a joined file have times that continue."""
    if not structure.joined:
        yield from container.demux(*streams)
        return
    # All are read, so that the times are the same whichever are wanted.
    continued = Continued()
    for packet in container.demux(*container.streams.video, *container.streams.audio):
        if packet.size:
            continued.add(packet)
        if packet.stream in streams:
            yield packet
