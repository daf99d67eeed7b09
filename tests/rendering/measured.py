"""What a converted file shows and plays: the numbers of its frames, its flashes and its beeps."""

import array
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from tests.rendering.corpus import number_of

RATE = 48_000


@dataclass(frozen=True)
class Measured:
    """Times are in seconds from the start of the file."""

    times: Sequence[float]
    numbers: Sequence[int]
    flashes: Sequence[float]
    beeps: Sequence[float]


def measure(path: Path, ignore_edit_lists: bool = False) -> Measured:
    """Decode a file, as players do that honour edit lists, or as those that ignore them."""
    options = {"ignore_editlist": "1"} if ignore_edit_lists else {}
    with av.open(str(path), options=options, metadata_errors="replace") as container:
        frames = list(container.decode(video=0))
    times = [float(frame.pts * frame.time_base) for frame in frames]
    bright = [centre(frame) > 240 for frame in frames]
    flashes = [time for before, now, time in zip([False, *bright], bright, times, strict=False) if now and not before]
    return Measured(times, [number_of(frame) for frame in frames], flashes, beeps(path, options))


def centre(frame: Any) -> int:
    grey = frame.reformat(format="gray")
    row = bytes(grey.planes[0])[frame.height // 2 * grey.planes[0].line_size :]
    return row[frame.width // 2]


def samples(path: Path, options: dict[str, str] | None = None) -> tuple[Sequence[int], float]:
    """Return the first channel, and the time of its first sample."""
    with av.open(str(path), options=options or {}, metadata_errors="replace") as container:
        if not container.streams.audio:
            return array.array("h"), 0.0
        pieces = av.AudioResampler("s16", "mono", RATE)
        sound = [piece for frame in container.decode(audio=0) for piece in pieces.resample(frame)]
    values = array.array("h", b"".join(bytes(one.planes[0])[: 2 * one.samples] for one in sound))
    return values, float(sound[0].pts * (sound[0].time_base or Fraction(1, RATE))) if sound else 0.0


def beeps(path: Path, options: dict[str, str] | None = None) -> list[float]:
    """Return the starts of sounds after silence."""
    values, start = samples(path, options)
    loudest = max(map(abs, values), default=0)
    if loudest < 500:
        return []
    loud = [at for at, value in enumerate(values) if abs(value) > loudest / 4]
    return [start + at / RATE for before, at in itertools.pairwise([-RATE, *loud]) if at - before > RATE // 8]
