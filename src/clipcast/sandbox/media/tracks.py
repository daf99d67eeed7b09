"""The tracks of MP4 and QuickTime files: their descriptions, and the tables of their samples."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from clipcast.sandbox.media.reading import Damaged
from clipcast.sandbox.media.tree import child, inside, number, numbers, signed

# Limits of the reader's work on an untrusted file.
MOST_TRACKS = 32
MOST_SAMPLES = 2_000_000
# The number of samples at the start whose order the reader checks.
HEAD = 3000


@dataclass(frozen=True)
class Sample:
    """An encoded frame: when it is shown, and its place in the file (None: unknown)."""

    shown_at: int
    is_key: bool
    size: int
    at: int | None


@dataclass
class Track:
    id: int = 0
    kind: bytes = b""
    timescale: int = 0
    duration: int = 0
    # False if players ignore the track until a person chooses it.
    is_enabled: bool = True
    turned: bool = False
    entry: bytes = b""
    codec: bytes = b""
    # The number of samples of each length, and the bytes of all samples.
    ticks: Counter[int] = field(default_factory=Counter)
    size: int = 0
    head: list[Sample] = field(default_factory=list)
    # The length, size and flags of a fragment's sample that states none.
    defaults: tuple[int, int, int] = (0, 0, 0)
    # The end of the last fragment.
    end: int = 0
    # The number of edits, and their duration in the film's timescale; 0 if not stated.
    edits: int = 0
    shown: int = 0

    def seconds(self, film_timescale: int) -> float:
        """Return the duration for which the track is shown."""
        return self.shown / film_timescale if self.shown and film_timescale else self.own_seconds()

    def own_seconds(self) -> float:
        """Return the duration of all samples."""
        ticks = sum(length * samples for length, samples in self.ticks.items())
        return (max(ticks, self.end) or self.duration) / self.timescale if self.timescale > 0 else 0.0

    def bit_rate(self) -> float | None:
        """Return the mean bit rate, or None if it is unknown."""
        seconds = self.own_seconds()
        return 8 * self.size / seconds if self.size and seconds else None


def read_tracks(moov: bytes) -> list[Track]:
    """Read the tracks of a `moov` box. Raises Damaged if a table is contradictory."""
    traks = (content for kind, content in inside(moov) if kind == b"trak")
    tracks = [_track(content) for content in itertools.islice(traks, MOST_TRACKS)]
    for kind, content in inside(child(moov, b"mvex")):
        if kind == b"trex":
            for track in tracks:
                if track.id == number(content, 4):
                    track.defaults = number(content, 12), number(content, 16), number(content, 20)
    return tracks


def _track(trak: bytes) -> Track:
    track = Track()
    for kind, content in inside(trak):
        if kind == b"tkhd":
            long = number(content, 0, 1) == 1
            track.is_enabled = number(content, 3, 1) & 1 == 1
            track.id = number(content, 20 if long else 12)
            matrix = 52 if long else 40
            # The matrix of a quarter turn has zeros on its diagonal.
            track.turned = number(content, matrix) == 0 and number(content, matrix + 4) != 0
        elif kind == b"edts":
            track.edits, track.shown = _edits(child(content, b"elst"))
        elif kind == b"mdia":
            _add_media(track, content)
    return track


def _edits(elst: bytes) -> tuple[int, int]:
    """Return the number of edits and their sum, or 0 if one is open and lasts as long as the fragments."""
    if len(elst) < 8:
        return 0, 0
    wide, step = (8, 20) if elst[0] == 1 else (4, 12)
    edits = [number(elst, at, wide) for at in range(8, min(len(elst) - step + 1, 8 + step * number(elst, 4)), step)]
    return len(edits), sum(edits) if all(edits) else 0


def _add_media(track: Track, mdia: bytes) -> None:
    for kind, content in inside(mdia):
        if kind == b"mdhd":
            long = number(content, 0, 1) == 1
            track.timescale = number(content, 20 if long else 12)
            track.duration = number(content, 24 if long else 16, 8 if long else 4)
        elif kind == b"hdlr":
            track.kind = content[8:12]
        elif kind == b"minf":
            _add_samples(track, dict(inside(child(content, b"stbl"))))


def _add_samples(track: Track, tables: dict[bytes, bytes]) -> None:
    track.codec, track.entry = next(inside(tables.get(b"stsd", b""), 8), (b"", b""))
    lengths = _pairs(tables.get(b"stts", b""))
    for count, length in lengths:
        track.ticks[length] += count
    sizes = _sizes(tables.get(b"stsz", b""), track)
    if track.kind == b"vide" and sizes:
        times = itertools.accumulate(_repeated(lengths), initial=0)
        shifts = itertools.chain(_repeated(_pairs(tables.get(b"ctts", b""))), itertools.repeat(0))
        keys = _keys(tables.get(b"stss"))
        track.head = [
            Sample(time + signed(shift), keys is None or index in keys, size, at)
            for index, (size, time, shift, at) in enumerate(
                zip(sizes, times, shifts, _places(tables, sizes), strict=False)
            )
        ]


def _pairs(table: bytes) -> list[tuple[int, int]]:
    """Return the entries of a table: a count and a value."""
    if not table:
        return []
    entries = number(table, 4)
    if entries > MOST_SAMPLES:
        raise Damaged
    found = numbers(table, 8, 2 * entries)
    return list(zip(found[::2], found[1::2], strict=False))


def _repeated(pairs: Iterable[tuple[int, int]]) -> Iterator[int]:
    return itertools.islice((value for count, value in pairs for _ in range(min(count, HEAD))), HEAD)


def _sizes(stsz: bytes, track: Track) -> list[int]:
    """Add the bytes of all samples to the track. Returns the sizes of the first ones."""
    if not stsz:
        return []
    fixed, samples = number(stsz, 4), number(stsz, 8)
    if samples > MOST_SAMPLES:
        raise Damaged
    if fixed:
        track.size = fixed * samples
        return [fixed] * min(samples, HEAD)
    sizes = numbers(stsz, 12, samples)
    track.size = sum(sizes)
    return sizes[:HEAD].tolist()


def _keys(stss: bytes | None) -> set[int] | None:
    """Return the indexes of the key frames, or None if all are."""
    if stss is None:
        return None
    return {index - 1 for index in numbers(stss, 8, min(number(stss, 4), HEAD))}


def _places(tables: dict[bytes, bytes], sizes: list[int]) -> Iterator[int | None]:
    """Yield the position of each of the first samples in the file."""
    wide = 8 if b"co64" in tables else 4
    offsets, runs = tables.get(b"co64") or tables.get(b"stco", b""), numbers(tables.get(b"stsc", b""), 8, 3 * HEAD)
    left, run = iter(sizes), 0
    for chunk in range(1, min(HEAD, (len(offsets) - 8) // wide) + 1):
        while run + 3 < len(runs) and runs[run + 3] <= chunk:
            run += 3
        at = number(offsets, 8 + wide * (chunk - 1), wide)
        for size in itertools.islice(left, runs[run + 1] if len(runs) > run + 1 else 0):
            yield at
            at += size
    yield from itertools.repeat(None)
