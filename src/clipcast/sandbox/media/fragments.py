"""The fragments of MP4 files: `moof` boxes that describe the samples after them."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator

from clipcast.sandbox.media.reading import Damaged
from clipcast.sandbox.media.tracks import HEAD, MOST_SAMPLES, Sample, Track
from clipcast.sandbox.media.tree import inside, number, numbers, signed

BASE, DESCRIPTION, LENGTH, SIZE, FLAGS = 0x1, 0x2, 0x8, 0x10, 0x20
# Of a run: the place of its first sample, that sample's flags, and each sample's own length, size, flags and shift.
PLACE, FIRST_FLAGS, OWN = 0x1, 0x4, (0x100, 0x200, 0x400, 0x800)
NO_KEY = 0x10000


def add_fragment(moof: bytes, at: int, tracks: dict[int, Track]) -> int:
    """Add the samples of a fragment at this position to their tracks. Returns the number of samples."""
    samples = 0
    for kind, traf in inside(moof):
        if kind != b"traf":
            continue
        track, defaults, base, starts_at, runs = Track(), (0, 0, 0), at, None, list[bytes]()
        for kind, content in inside(traf):
            if kind == b"tfhd":
                track = tracks.get(number(content, 4), track)
                base, defaults = _header(content, track, at)
            elif kind == b"tfdt":
                starts_at = number(content, 4, 8 if content[:1] == b"\x01" else 4)
            elif kind == b"trun":
                runs.append(content)
        time = track.end if starts_at is None else starts_at
        for run in runs:
            count, time = _add_run(track, run, defaults, base, time)
            samples += count
        track.end = time
    return samples


def _header(tfhd: bytes, track: Track, at: int) -> tuple[int, tuple[int, int, int]]:
    """Return the position from which the runs count, and the defaults of the samples."""
    flags, place = number(tfhd, 1, 3), 8
    base = number(tfhd, place, 8) if flags & BASE else at
    place += (8 if flags & BASE else 0) + (4 if flags & DESCRIPTION else 0)
    values = list(track.defaults)
    for index, flag in enumerate((LENGTH, SIZE, FLAGS)):
        if flags & flag:
            values[index] = number(tfhd, place)
            place += 4
    return base, (values[0], values[1], values[2])


def _add_run(track: Track, run: bytes, defaults: tuple[int, int, int], base: int, time: int) -> tuple[int, int]:
    """Add the samples of a run. Returns their number and the time at their end."""
    flags, samples = number(run, 1, 3), number(run, 4)
    if samples > MOST_SAMPLES:
        raise Damaged
    own = [flag for flag in OWN if flags & flag]
    start = 8 + (4 if flags & PLACE else 0) + (4 if flags & FIRST_FLAGS else 0)
    values = numbers(run, start, len(own) * samples)
    columns = {flag: values[index :: len(own)] for index, flag in enumerate(own)}
    lengths = Counter(columns[OWN[0]]) if OWN[0] in columns else Counter({defaults[0]: samples})
    if track.kind == b"vide" and len(track.head) < HEAD:
        place = base + signed(number(run, 8)) if flags & PLACE else None
        first = number(run, 12 if flags & PLACE else 8) if flags & FIRST_FLAGS else None
        own_columns: list[Iterable[int]] = [
            columns.get(flag, itertools.repeat(value, samples)) for flag, value in zip(OWN, (*defaults, 0), strict=True)
        ]
        track.head += itertools.islice(_samples(own_columns, first, place, time), HEAD - len(track.head))
    track.ticks.update(lengths)
    track.size += sum(columns[OWN[1]]) if OWN[1] in columns else defaults[1] * samples
    return sum(lengths.values()), time + sum(length * count for length, count in lengths.items())


def _samples(columns: list[Iterable[int]], first: int | None, place: int | None, time: int) -> Iterator[Sample]:
    """Yield the samples of a run, whose columns are their lengths, sizes, flags and shifts."""
    for length, size, flags, shift in zip(*columns, strict=False):
        flags, first = flags if first is None else first, None
        yield Sample(time + signed(shift), not flags & NO_KEY, size, place)
        time += length
        place = None if place is None else place + size
