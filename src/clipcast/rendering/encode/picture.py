"""The encoded picture."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, Protocol

from av.filter import Graph

from clipcast.rendering.encode.canvas import Canvas
from clipcast.rendering.encode.graphs import Line, buffer_options, chain
from clipcast.rendering.encode.h264 import add_picture
from clipcast.rendering.encode.source import VideoSource
from clipcast.rendering.encode.target import Target
from clipcast.rendering.encode.ticks import Ticks
from clipcast.rendering.errors import ConversionError
from clipcast.rendering.recipe import Picture
from clipcast.rendering.tracks import PROGRESSIVE, UNKNOWN_ORDER, pixel_aspect

DEINTERLACE = "mode=send_frame:deint=interlaced"


class Decoration(Protocol):
    """What is drawn over the canvas."""

    def draw(self, canvas: Any, tick: int) -> Any:
        """Return the canvas with everything that is over it at this tick."""
        ...


class PictureTrack:
    """The track of encoded pictures, which may come from several files in turn."""

    def __init__(self, target: Target, picture: Picture, encoder: str) -> None:
        self.tick = 1 / Fraction(*picture.rate)
        self._target = target
        self._stream = add_picture(target, picture, encoder)
        self._count = 0
        self._bytes = 0

    @property
    def bit_rate(self) -> float:
        """The mean bit rate so far, per second."""
        return 8 * self._bytes / float(max(1, self._count) * self.tick)

    def show(self, canvas: Any) -> None:
        """Encode the picture of the next tick."""
        canvas.pts, canvas.time_base, canvas.pict_type = self._count, self.tick, 0
        self._count += 1
        self._write(self._stream.encode(canvas))
        self._target.report(self._count * self.tick)

    def finish(self) -> None:
        """Encode the last pictures."""
        self._write(self._stream.encode(None))

    def _write(self, packets: Sequence[Any]) -> None:
        self._bytes += sum(packet.size for packet in packets)
        self._target.write(packets)


class EncodedPicture:
    """The pictures of one file. They fill `count` ticks from its time `start`, at `speed`."""

    def __init__(
        self,
        source: VideoSource,
        track: PictureTrack,
        picture: Picture,
        count: int,
        start: Fraction,
        speed: Fraction,
        decoration: Decoration | None,
    ) -> None:
        self._source = source
        self._track = track
        rate = Fraction(source.video.average_rate) if source.video.average_rate else None
        self._ticks = Ticks(count, track.tick * speed, start, rate)
        self._canvas = Canvas(picture, pixel_aspect(source.video), track.tick)
        self._decoration = decoration
        self._interlaced = source.video.codec_context.field_order not in (UNKNOWN_ORDER, PROGRESSIVE)
        self._deinterlacer: _Deinterlacer | None = None
        self._time = Fraction(-1)
        self._any = False

    @property
    def done(self) -> bool:
        return self._ticks.done

    def push(self, packet: Any) -> None:
        """Decode a packet, and encode the pictures before its frames."""
        self._take(self._source.decode(self._source.video, packet))

    def finish(self) -> None:
        """Encode the rest of the pictures."""
        self._take(self._source.decode(self._source.video, None))
        if self._deinterlacer is not None:
            self._shown(self._deinterlacer.finish())
        if not self._any:
            message = "No picture in the wanted part of the file can be decoded. Export it again, as MP4 with H.264."
            raise ConversionError("conversion_failed", message)
        for tick, frame in self._ticks.finish():
            self._show(tick, frame)

    def _take(self, frames: Iterable[Any]) -> None:
        for frame in frames:
            self._interlaced |= bool(frame.interlaced_frame)
            if self._interlaced and self._deinterlacer is None:
                self._deinterlacer = _Deinterlacer(frame)
            self._shown([frame] if self._deinterlacer is None else self._deinterlacer.push(frame))

    def _shown(self, frames: Iterable[Any]) -> None:
        for frame in frames:
            time = self._source.time_of(frame) if frame.pts is not None else self._time + self._track.tick
            # Demuxers guess some times of MPEG, and damaged files have any.
            self._any, self._time = True, max(time, self._time)
            time = self._time
            for tick, shown in self._ticks.push(frame, time):
                self._show(tick, shown)
            if self._ticks.done:
                return

    def _show(self, tick: int, frame: Any) -> None:
        canvas = self._canvas.put(frame, tick)
        self._track.show(canvas if self._decoration is None else self._decoration.draw(canvas, tick))


class _Deinterlacer:
    """Makes whole pictures of interlaced frames. A frame comes out when the next one goes in."""

    def __init__(self, frame: Any) -> None:
        graph = Graph()
        base = Fraction(frame.time_base)
        source = graph.add("buffer", buffer_options(frame, f"{base.numerator}/{base.denominator}"))
        self._line = Line(graph, source, chain(graph, source, [("bwdif", DEINTERLACE)]))
        self._size = frame.width, frame.height, frame.format.name

    def push(self, frame: Any) -> Iterable[Any]:
        if (frame.width, frame.height, frame.format.name) != self._size:
            return [frame]
        self._line.push(frame)
        return self._line.frames()

    def finish(self) -> Iterable[Any]:
        self._line.push(None)
        return self._line.frames()
