"""Loudness by EBU R 128: its measurement, and the filters that reach a wanted one."""

import math
from collections.abc import Callable
from typing import Any

from av.filter import Graph

from clipcast.rendering.encode.graphs import Line, Step, chain
from clipcast.rendering.encode.sound import LAYOUTS
from clipcast.rendering.recipe import Sound

# The highest peak, in dB. A limiter keeps it where the gain alone would exceed it.
HIGHEST_PEAK = -1.5
# The limiter takes loudness away: the gain is then corrected. LU, and measurements.
CLOSE_ENOUGH, MOST_PASSES = 0.5, 4
SILENCE = -60.0  # LUFS
MOST_GAIN = 40.0  # dB


class Meter:
    """Measures the sound that is played to it."""

    def __init__(self, sound: Sound) -> None:
        self.sound = sound
        graph = Graph()
        options = f"sample_fmt=fltp:sample_rate={sound.sample_rate}:channel_layout={LAYOUTS[sound.channels]}"
        source = graph.add("abuffer", f"{options}:time_base=1/{sound.sample_rate}")
        self._line = Line(graph, source, chain(graph, source, [("ebur128", "metadata=1:peak=true")]), "abuffersink")
        self._at = 0
        self._last: dict[str, str] = {}

    def play(self, frame: Any) -> None:
        """Measure samples."""
        frame.pts = self._at
        self._at += frame.samples
        self._line.push(frame)
        for measured in self._line.frames():
            self._last = measured.metadata or self._last

    def finish(self) -> tuple[float, float]:
        """Return the loudness in LUFS and the peak in dB."""
        self._line.push(None)
        for measured in self._line.frames():
            self._last = measured.metadata or self._last  # an incomplete last frame has none
        peak = float(self._last.get("lavfi.r128.true_peak", 0))
        return float(self._last.get("lavfi.r128.I", SILENCE)), 20 * math.log10(max(peak, 1e-6))


def find_gain(wanted: float, measure: Callable[[list[Step]], tuple[float, float]]) -> list[Step]:
    """Return the filters that reach a loudness in LUFS. `measure` returns the loudness and the peak behind filters."""
    loudness, peak = measure([])
    if loudness <= SILENCE:
        return []
    gain = min(MOST_GAIN, wanted - loudness)
    if peak + gain <= HIGHEST_PEAK:
        return _gain(gain)
    for _ in range(MOST_PASSES):
        filters = [*_gain(gain), ("alimiter", f"limit={10 ** (HIGHEST_PEAK / 20):.4f}:attack=5:release=50:level=0")]
        missing = wanted - measure(filters)[0]
        if abs(missing) <= CLOSE_ENOUGH:
            break
        gain = min(MOST_GAIN, gain + missing)
    return filters


def _gain(gain: float) -> list[Step]:
    return [("volume", f"{gain:.2f}dB")]
