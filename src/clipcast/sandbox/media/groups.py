"""The check of a video track's first groups of pictures: whether each can be shown without the group before."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from clipcast.sandbox.media.bits import is_field
from clipcast.sandbox.media.reading import Damaged, take
from clipcast.sandbox.media.tracks import Sample

# The number of key frames whose content is read, and of units that are read of each.
KEYS, UNITS = 5, 64
# The bytes of a unit that hold the start of a slice's header.
SLICE = 24


@dataclass(frozen=True)
class Units:
    """A codec's units: how many bits to shift and mask for a unit's kind, and the kinds of slices and of resets."""

    shift: int
    mask: int
    slices: range
    # The slices of a frame that resets the decoder: no frame after it needs one before it.
    resets: range

    def kind(self, unit: bytes) -> int:
        return unit[0] >> self.shift & self.mask


H264 = Units(0, 31, range(1, 6), range(5, 6))
HEVC = Units(1, 63, range(32), range(16, 21))


@dataclass(frozen=True)
class Coding:
    """How the key frames are coded: whether one is a field, and whether a later one does not reset the decoder."""

    fields: bool = False
    continues: bool = False


def has_closed_groups(samples: Sequence[tuple[int, bool]]) -> bool:
    """Return whether no frame after a key frame is shown before it.

    `samples` are in the order of the file: when each is shown, and whether it is a key frame.
    """
    key: int | None = None
    for shown_at, is_key in samples:
        if is_key:
            key = shown_at
        elif key is not None and shown_at < key:
            return False
    return True


def read_coding(file: BinaryIO, head: Sequence[Sample], units: Units, length_size: int, field_bits: int) -> Coding:
    """Read the first key frames of a track, whose units begin with lengths of `length_size` bytes."""
    fields = continues = False
    keys = itertools.islice((sample for sample in head if sample.is_key and sample.at is not None), KEYS)
    for index, sample in enumerate(keys):
        slices = [unit for unit in _units(file, sample, length_size) if units.kind(unit) in units.slices]
        resets = any(units.kind(unit) in units.resets for unit in slices)
        continues = continues or (index > 0 and bool(slices) and not resets)
        fields = fields or (field_bits > 0 and any(_is_field(unit, field_bits) for unit in slices))
    return Coding(fields, continues)


def _is_field(unit: bytes, field_bits: int) -> bool:
    try:
        return is_field(unit[1:], field_bits)
    except Damaged:
        return False


def _units(file: BinaryIO, sample: Sample, length_size: int) -> Iterator[bytes]:
    """Yield the start of each unit of a sample."""
    assert sample.at is not None
    at, end = sample.at, sample.at + sample.size
    for _ in range(UNITS):
        if at + length_size >= end:
            return
        file.seek(at)
        length = int.from_bytes(take(file, length_size), "big")
        at += length_size
        if not 0 < length <= end - at:
            return
        yield take(file, min(length, SLICE))
        at += length
