"""Tracks that are copied, packet by packet."""

from fractions import Fraction
from typing import Any

from clipcast.rendering.encode.source import VideoSource
from clipcast.rendering.encode.target import Target
from clipcast.rendering.errors import ConversionError
from clipcast.rendering.recipe import COPIED_DELAY, COPIED_PICTURES, COPIED_SOUNDS

# The most pictures that codecs reorder, twice.
REORDERED_MAX = 32


def can_copy_sound(source: VideoSource) -> bool:
    """Return whether the sound can be copied: AAC that starts with the picture."""
    if source.audio.codec_context.codec.canonical_name not in COPIED_SOUNDS or not source.audio.codec_context.extradata:
        return False
    start = Fraction(source.audio.start_time or 0) * Fraction(source.audio.time_base) - source.start
    return start <= COPIED_DELAY


class CopiedPicture:
    """The picture's packets from the time `start`, which has to be that of a key frame, to the time `end`."""

    def __init__(self, source: VideoSource, target: Target, start: Fraction, end: Fraction | None) -> None:
        codec = source.video.codec_context.codec.canonical_name
        if codec not in COPIED_PICTURES:
            raise ConversionError("conversion_failed", f"The codec {codec} cannot be copied. Convert the picture, too.")
        self._source = source
        self._target = target
        self._start, self._end = start, end
        self._stream = target.add_copy(source.video)
        self._begun = False
        # Packets without a time of decoding: Matroska has none, and FFmpeg finds it after the first reordered pictures.
        self._undated: list[Any] = []
        self.done = False

    def push(self, packet: Any) -> None:
        """Copy a packet, as soon as its time of decoding is known."""
        self._undated.append(packet)
        if packet.pts is None or (packet.dts is None and len(self._undated) > REORDERED_MAX):
            message = "The pictures have no times, so that they cannot be copied. Convert the picture, too."
            raise ConversionError("conversion_failed", message)
        if packet.dts is not None:
            self._copy_undated()

    def _copy_undated(self) -> None:
        """Copy the packets up to a dated one. Each earlier one is decoded a picture before the next."""
        *undated, later = self._undated
        for packet in reversed(undated):
            packet.dts = min(packet.pts, later.dts - max(1, packet.duration or 1))
            later = packet
        for packet in self._undated:
            self._copy(packet)
        self._undated = []

    def _copy(self, packet: Any) -> None:
        time = self._source.time_of(packet)
        base = Fraction(packet.time_base)
        if self._end is not None and Fraction(packet.dts) * base - self._source.start >= self._end:
            self.done = True
        # Pictures before the first key frame, and those of its open group, cannot be decoded.
        if self.done or time < self._start - base or (not self._begun and not packet.is_keyframe):
            return
        shift = round((self._source.start + self._start) / base)
        packet.dts -= shift
        packet.pts -= shift
        if not self._begun:
            # A track without an edit list starts at 0: the first picture is shown from then on.
            packet.dts -= packet.pts
            packet.pts = 0
            self._begun = True
        packet.stream = self._stream
        self._target.write([packet])
        self._target.report(time - self._start)

    def finish(self) -> None:
        """End the track."""
        if self._undated and not self.done:
            self._undated[-1].dts = min(packet.pts for packet in self._undated)
            self._copy_undated()
        if not self._begun:
            raise ConversionError("conversion_failed", "The first pictures cannot be copied. Convert the picture, too.")


class CopiedSound:
    """The sound's packets from the time `start` to the time `end`."""

    def __init__(self, source: VideoSource, target: Target, start: Fraction, end: Fraction | None) -> None:
        self._source = source
        self._target = target
        self._start, self._end = start, end
        self._stream = target.add_copy(source.audio)
        self._shift: int | None = None
        self.done = False

    def push(self, packet: Any) -> None:
        """Copy a packet, unless it ends before the start: players that ignore edit lists would play it."""
        if packet.pts is None:
            return
        time, base = self._source.time_of(packet), Fraction(packet.time_base)
        if self._end is not None and time >= self._end:
            self.done = True
        if self.done or time + Fraction(packet.duration or 0) * base / 2 <= self._start:
            return
        if self._shift is None:
            self._shift = packet.pts
        packet.pts = packet.dts = packet.pts - self._shift
        packet.stream = self._stream
        self._target.write([packet])

    def finish(self) -> None:
        """End the track."""
