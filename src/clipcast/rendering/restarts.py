"""Times that restart within a file: recordings of broadcasts that were joined byte by byte (`cat a.ts b.ts`)."""

from collections.abc import Iterator
from fractions import Fraction
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
# What begins each packet, and as many bytes as hold its time.
START, LONGEST_HEAD = b"\0\0\1", 32


def has_restarts(file: "Source", size: int) -> bool:
    """Return whether the times of an MPEG file seem to restart. A few parts of it are read."""
    last = 0.0
    places = _places(size)
    if (end := places[-1] + BYTES) < size:
        places.append(max(end, size - BYTES))
    for at in places:
        file.seek(at)
        for time in _times(file.read(BYTES)):
            if LEAST < last - time < WRAPS_AT / 2:
                return True
            last = max(last, time) if last - time < WRAPS_AT / 2 else time
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


def _times(content: bytes) -> list[float]:
    """Return the times of the packets of pictures (PES) that begin in these bytes."""
    times, at = [], content.find(START)
    while 0 <= at < len(content) - LONGEST_HEAD:
        head = content[at : at + LONGEST_HEAD]
        if head[3] & 0xF0 == 0xE0 and (time := _time(head)) is not None:
            times.append(time)
        at = content.find(START, at + len(START))
    return times


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
    """The packets of a file whose times restart, with times that continue instead.

    All streams restart together, but each at a packet of its own.
    """

    def __init__(self) -> None:
        # What is added to the times of each part, in seconds.
        self._added = [Fraction(0)]
        self._parts: dict[int, int] = {}
        self._last: dict[int, Fraction] = {}
        self._end = Fraction(0)

    def add(self, packet: Any) -> None:
        """Move the times of the next packet."""
        ticks = packet.dts if packet.dts is not None else packet.pts
        if ticks is None:
            return
        base, stream = Fraction(packet.time_base), packet.stream.index
        time = ticks * base
        part = self._parts.setdefault(stream, 0)
        if time < self._last.get(stream, time) - Fraction(LEAST):
            part = self._parts[stream] = part + 1
            if part == len(self._added):
                self._added.append(self._end - time)
        self._last[stream] = time
        added = round(self._added[part] / base)
        self._end = max(self._end, (ticks + added + (packet.duration or 0)) * base)
        if added:
            packet.dts = None if packet.dts is None else packet.dts + added
            packet.pts = None if packet.pts is None else packet.pts + added


def packets_of(container: Any, structure: "Structure", *streams: Any) -> Iterator[Any]:
    """Yield the packets of these streams. If the times of the file restart, they continue instead."""
    if not structure.restarts:
        yield from container.demux(*streams)
        return
    continued = Continued()
    for packet in container.demux(*streams):
        if packet.size:
            continued.add(packet)
        yield packet
