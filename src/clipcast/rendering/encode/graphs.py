"""Graphs of FFmpeg's filters."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from av.error import BlockingIOError as Starved
from av.filter import Graph

# A filter: its name and its options.
Step = tuple[str, str]


class Line:
    """A graph from one buffer to one sink."""

    def __init__(self, graph: Graph, source: Any, last: Any, sink: str = "buffersink") -> None:
        """Finish a graph by a sink behind `last`. `source` is its buffer; None for a graph that makes its frames."""
        self._graph = graph  # which its filters do not keep alive
        self._source = source
        self._sink = graph.add(sink)
        last.link_to(self._sink)
        graph.configure()

    def push(self, frame: Any) -> None:
        """Push a frame, or the end for None. A graph that needs no more frames takes none."""
        if self._source is not None:
            with suppress(EOFError):
                self._source.push(frame)

    def frames(self) -> Iterator[Any]:
        """Yield the frames that are ready."""
        while True:
            try:
                yield self._sink.pull()
            except (Starved, EOFError):
                return

    def through(self, frame: Any) -> Any:
        """Return what becomes of a frame in a graph that keeps none."""
        self._source.push(frame)
        return self._sink.pull()


def chain(graph: Graph, last: Any, steps: Iterable[Step]) -> Any:
    """Add filters behind `last`, and return the last of them."""
    for name, options in steps:
        step = graph.add(name, options or None)
        last.link_to(step)
        last = step
    return last


def buffer_options(frame: Any, time_base: str) -> str:
    """Return the options of a `buffer` for frames like this one."""
    return (
        f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:time_base={time_base}:"
        f"colorspace={int(frame.colorspace)}:range={int(frame.color_range)}"
    )
