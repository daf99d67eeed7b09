"""What is drawn over the canvas: captions, a watermark, and fades."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.filter import Graph
from PIL import Image

from clipcast.rendering.encode.graphs import Line, Step, buffer_options, chain
from clipcast.rendering.encode.lettering import Lettering
from clipcast.rendering.recipe import Cue

# The canvas is in BT.709 with limited range.
TO_CANVAS: tuple[Step, ...] = (("scale", "out_color_matrix=bt709:out_range=limited"), ("format", "yuva420p"))


@dataclass(frozen=True)
class Placed:
    """A picture with transparency and its place on the canvas. Places are even, as the samples of colours are."""

    image: Image.Image
    left: int
    top: int


@dataclass(frozen=True)
class Fades:
    """The seconds of the fades from black and to black, of a part that lasts `lasts` seconds."""

    start: float
    end: float
    lasts: float

    def at(self, seconds: float) -> tuple[Step, ...]:
        """Return the filter of the fade at this time."""
        if seconds < self.start:
            return (("fade", f"t=in:st=0:d={self.start:.6f}"),)
        if seconds >= self.lasts - self.end:
            return (("fade", f"t=out:st={self.lasts - self.end:.6f}:d={self.end:.6f}"),)
        return ()


class Overlays:
    """Draws over the canvas. `cues` are in seconds from the start of the part."""

    def __init__(
        self,
        tick: Fraction,
        fades: Fades,
        watermark: Placed | None,
        cues: Sequence[Cue] = (),
        lettering: Lettering | None = None,
    ) -> None:
        self._tick = tick
        self._fades = fades
        self._watermark = watermark
        self._cues = sorted(cues, key=lambda cue: cue.start)
        self.lettering = lettering
        self._next = 0
        self._current: list[Cue] = []
        self._drawn: Any = None
        self._line: Line | None = None

    def draw(self, canvas: Any, tick: int) -> Any:
        """Return the canvas with everything that is over it at this tick. Ticks come in their order."""
        seconds = float(tick * self._tick)
        while self._next < len(self._cues) and self._cues[self._next].start <= seconds:
            self._current.append(self._cues[self._next])
            self._next += 1
        self._current = [cue for cue in self._current if seconds < cue.end]
        fade = self._fades.at(seconds)
        wanted = ("\n".join(cue.text for cue in self._current), fade, canvas.format.name)
        if wanted != self._drawn:
            self._drawn, self._line = wanted, self._build(canvas, wanted[0], fade)
        if self._line is None:
            return canvas
        canvas.pts, canvas.time_base = tick, self._tick
        return self._line.through(canvas)

    def _build(self, canvas: Any, text: str, fade: tuple[Step, ...]) -> Line | None:
        """Return the graph of the ticks that show this text and this fade; None if there is nothing to draw."""
        placed = [self._watermark] if self._watermark else []
        if text and self.lettering is not None and (lettered := self.lettering.draw(text)):
            placed.insert(0, Placed(*lettered))
        if not placed and not fade:
            return None
        graph = Graph()
        base = f"{self._tick.numerator}/{self._tick.denominator}"
        source = graph.add("buffer", buffer_options(canvas, base))
        last, pictures = source, []
        for one in placed:
            frame = av.VideoFrame.from_bytes(one.image.tobytes(), one.image.width, one.image.height, "rgba")
            frame.pts, frame.time_base = 0, self._tick
            picture = graph.add("buffer", buffer_options(frame, base))
            overlay = graph.add("overlay", f"{one.left}:{one.top}")
            last.link_to(overlay, 0, 0)
            chain(graph, picture, TO_CANVAS).link_to(overlay, 0, 1)
            last = overlay
            pictures.append((picture, frame))
        line = Line(graph, source, chain(graph, last, [*fade, ("format", "yuv420p")]))
        for picture, frame in pictures:
            picture.push(frame)
            picture.push(None)  # it stays until the end
        return line
