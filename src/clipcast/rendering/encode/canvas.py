"""The way of a decoded frame onto the canvas: upright, with square pixels, in SDR and BT.709, padded or cropped."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import itemgetter
from typing import Any

from av.filter import Graph

from clipcast.platforms.rules import ASPECT_TOLERANCE
from clipcast.rendering.encode.graphs import Line, Step, buffer_options, chain
from clipcast.rendering.frames import BT709, HDR, LIMITED, MATRICES, RGB, ROTATIONS, is_full_range, matrix_of
from clipcast.rendering.recipe import Picture
from clipcast.rendering.tracks import orientation

TAGS: Step = ("setparams", "colorspace=bt709:range=limited")
# The default intent clips at 203 nits, the white of graphics. This one keeps the steps of highlights.
TONE_MAP = "out_transfer=bt709:out_primaries=bt709:out_color_matrix=bt709:out_range=tv:intent=perceptual"
# The blurred background is made at a quarter of the size.
BLUR_SHARE, BLUR = 4, "sigma=6"


@dataclass(frozen=True)
class _Frame:
    """What a graph depends on. Sizes are in stored pixels, `aspect` is that of a stored pixel."""

    width: int
    height: int
    format: str
    matrix: int
    range: int
    aspect: Fraction
    turned: tuple[int, bool]
    transfer: int


class Canvas:
    """Puts frames onto a canvas."""

    def __init__(self, picture: Picture, aspect: Fraction, time_base: Fraction) -> None:
        """Prepare for frames whose pixels have this aspect. `time_base` is that of `put`."""
        self._picture = picture
        self._aspect = aspect
        self._time_base = time_base
        self._turned: tuple[int, bool] | None = None
        self._known: _Frame | None = None
        self._line: Line | None = None
        self._last: tuple[Any, Any] = (None, None)
        self._moves = picture.fit == "crop" and len(picture.focus) > 1

    def put(self, frame: Any, tick: int) -> Any:
        """Return the canvas with this frame at a tick of the output."""
        if self._last[0] is frame and not self._moves:
            return self._last[1]
        if self._turned is None:
            # Only the first frame of some files has it.
            self._turned = orientation(frame)
        seen = _Frame(
            frame.width,
            frame.height,
            frame.format.name,
            int(frame.colorspace),
            int(frame.color_range or 0),
            self._aspect,
            self._turned,
            int(frame.color_trc or 0),
        )
        if seen != self._known:
            self._known, self._line = seen, self._build(frame, seen)
        shown = frame
        if self._line is not None:
            frame.pts, frame.time_base = tick, self._time_base
            shown = self._line.through(frame)
        # What is drawn over it takes its matrix from here; untagged frames would be taken for BT.601.
        shown.colorspace, shown.color_range = BT709, LIMITED
        self._last = frame, shown
        return shown

    def _build(self, frame: Any, seen: _Frame) -> Line | None:
        """Return the graph to the canvas; None if the frame is a canvas already."""
        rotation, mirrored = seen.turned
        width, height, aspect = seen.width, seen.height, seen.aspect
        steps: list[Step] = [("hflip", "")] if mirrored else []
        steps += ROTATIONS[rotation]
        if rotation % 180:
            width, height, aspect = height, width, 1 / aspect
        graph = Graph()
        source = graph.add(
            "buffer", buffer_options(frame, f"{self._time_base.numerator}/{self._time_base.denominator}")
        )
        shape, last = self._shaped(graph, source, steps, width, height, aspect, _Colours(seen))
        if last is source and not shape:
            return None
        last = chain(graph, last, [*shape, ("setsar", "1"), ("format", "yuv420p")])
        return Line(graph, source, last)

    def _shaped(
        self,
        graph: Graph,
        source: Any,
        steps: list[Step],
        width: int,
        height: int,
        aspect: Fraction,
        colours: "_Colours",
    ) -> tuple[list[Step], Any]:
        """Return the steps that are left, behind the returned filter."""
        picture = self._picture
        shown, wanted = Fraction(width) * aspect / height, Fraction(picture.width, picture.height)
        fills = abs(shown / wanted - 1) <= ASPECT_TOLERANCE
        if fills or picture.fit == "crop":
            if not fills:
                steps.append(_crop(width, height, shown / wanted, picture))
            elif (width, height) == (picture.width, picture.height) and not colours.steps():
                return steps, source
            return [*steps, colours.scale(picture.width, picture.height), *colours.tone_map()], source
        inner = _inside(shown, picture)
        steps += [colours.scale(*inner), *colours.tone_map()]
        left, top = ((picture.width - inner[0]) // 4 * 2, (picture.height - inner[1]) // 4 * 2)
        if picture.fit == "pad":
            color = picture.pad_color.replace("#", "0x")
            return [
                *steps,
                ("format", "yuv420p"),
                TAGS,  # on which the values of the colour depend
                ("pad", f"{picture.width}:{picture.height}:{left}:{top}:{color}"),
            ], source
        split = chain(graph, source, [*steps, ("setsar", "1"), ("format", "yuv420p"), ("split", "")])
        small = picture.width // BLUR_SHARE // 2 * 2 or 2, picture.height // BLUR_SHARE // 2 * 2 or 2
        back = chain(
            graph,
            split,
            [
                _crop(*inner, Fraction(*inner) / wanted, Picture(*small, picture.rate)),
                ("scale", f"{small[0]}:{small[1]}"),
                ("gblur", BLUR),
                ("scale", f"{picture.width}:{picture.height}"),
            ],
        )
        overlay = graph.add("overlay", f"{left}:{top}")
        back.link_to(overlay, 0, 0)
        split.link_to(overlay, 1, 1)
        return [("null", "")], overlay


class _Colours:
    """The conversion of a frame's colours to SDR in BT.709 with limited range and 8 bits."""

    def __init__(self, seen: _Frame) -> None:
        height = seen.width if seen.turned[0] % 180 else seen.height
        self._rgb = seen.matrix == RGB or seen.format.startswith(("rgb", "bgr", "gbr", "argb", "abgr", "pal"))
        self._matrix = matrix_of(seen.matrix, height)
        self._full = is_full_range(seen.range, seen.format)
        self._is_plain = seen.format == "yuv420p" and self._matrix == BT709 and not self._full
        self.hdr = HDR.get(seen.transfer)

    def steps(self) -> bool:
        """Return whether anything has to be converted."""
        return not self._is_plain or self.hdr is not None

    def scale(self, width: int, height: int) -> Step:
        """Return the filter that scales, and converts the matrix of SDR."""
        options = f"{width}:{height}"
        if self.hdr is not None or self._is_plain:
            return "scale", options
        options += f":in_range={'full' if self._full else 'limited'}:out_range=limited:out_color_matrix=bt709"
        if not self._rgb:
            options += f":in_color_matrix={MATRICES.get(self._matrix, 'bt709')}"
        return "scale", options

    def tone_map(self) -> list[Step]:
        """Return the filters from HDR to SDR."""
        return [] if self.hdr is None else [("scale", TONE_MAP)]


def _even(value: Fraction) -> int:
    return max(2, round(value / 2) * 2)


def _inside(shown: Fraction, picture: Picture) -> tuple[int, int]:
    """Return the size of a picture of aspect `shown` that fits into the canvas."""
    if shown > Fraction(picture.width, picture.height):
        return picture.width, min(picture.height, _even(picture.width / shown))
    return min(picture.width, _even(picture.height * shown)), picture.height


def _crop(width: int, height: int, ratio: Fraction, picture: Picture) -> Step:
    """Return the filter that cuts the canvas's aspect out of a picture that is `ratio` times as wide."""
    kept = (round(width / ratio), height) if ratio > 1 else (width, round(height * ratio))
    # FFmpeg rounds edges of yuv420p down to even numbers, and one pixel to none.
    kept = min(width, max(2, kept[0])), min(height, max(2, kept[1]))
    x = _path([(one.at, one.x) for one in picture.focus])
    y = _path([(one.at, one.y) for one in picture.focus])
    options = f"{kept[0]}:{kept[1]}:x='clip(({x})*iw-ow/2,0,iw-ow)':y='clip(({y})*ih-oh/2,0,ih-oh)'"
    return "crop", options


def _path(points: Sequence[tuple[float, float]]) -> str:
    """Return the expression of a value that is linear between these points of time and value."""
    points = sorted(points, key=itemgetter(0))
    parts = [_line(*ends) for ends in itertools.pairwise(points)]
    return _chosen([f"{points[0][1]:.6f}", *parts, f"{points[-1][1]:.6f}"], [f"{at:.6f}" for at, _ in points])


def _line(first: tuple[float, float], second: tuple[float, float]) -> str:
    (start, value), (end, target) = first, second
    slope = (target - value) / (end - start) if end > start else 0.0
    return f"{value:.6f}+({slope:.9f})*(t-{start:.6f})"


def _chosen(parts: list[str], times: list[str]) -> str:
    """Return the expression of the part that time `t` chooses. The times divide the parts.

    A tree, because FFmpeg's parser accepts at most 100 levels of operators, and a sum of n terms has n.
    """
    if not times:
        return parts[0]
    middle = len(times) // 2
    early = _chosen(parts[: middle + 1], times[:middle])
    return f"if(lt(t,{times[middle]}),{early},{_chosen(parts[middle + 1 :], times[middle + 1 :])})"
