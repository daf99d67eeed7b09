"""The analysis of a video, in a child: FFmpeg's `scdet` and `silencedetect` through its filters."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from av.error import FFmpegError
from av.filter import Graph

from clipcast.rendering.analysis import FOUND_MAX
from clipcast.rendering.joined import packets_of
from clipcast.rendering.structure import Source, Structure, read_structure
from clipcast.rendering.tracks import main_audio, main_video, open_media, start_of

# The pictures are compared at this width in pixels: changes of scenes are visible in small ones.
WIDTH = 160
# FFmpeg's own default, of 100: a cut has about 30, a moving camera below 5.
SCENE_THRESHOLD = 10
# Pauses are at least this long, in seconds, and quieter than this, in dB.
SILENCE_SECONDS, SILENCE_LEVEL = 0.4, -35
ENDS = (BlockingIOError, EOFError)


def find_cuts(file: Source, size: int, subject: str) -> dict[str, Any]:
    """Return the seconds of the cuts, from the start of the video."""
    structure = read_structure(file, size)
    file.seek(0)
    with open_media(file, structure) as container:
        start = start_of(container)
        found = _scenes(container, structure) if subject == "scenes" else _silences(container, structure)
        return {"cuts": [at - start for at in islice(found, FOUND_MAX)]}


def _scenes(container: Any, structure: Structure) -> Iterator[float]:
    video = main_video(container)
    video.thread_type = "AUTO"
    graph = Graph()
    source = graph.add_buffer(template=video)
    small = graph.add("scale", f"{WIDTH}:-2:flags=fast_bilinear")
    # Of YUV, the detector compares the brightness alone.
    coloured = graph.add("format", "rgb24")
    detector = graph.add("scdet", f"threshold={SCENE_THRESHOLD}")
    _join(graph, source, small, coloured, detector, graph.add("buffersink"))
    for frame in _filtered(graph, packets_of(container, structure, video)):
        if at := frame.metadata.get("lavfi.scd.time"):
            yield float(at)


def _silences(container: Any, structure: Structure) -> Iterator[float]:
    """Yield the middle of each pause that is followed by sound."""
    audio = main_audio(container)
    if audio is None or audio.codec_context is None:
        return
    graph = Graph()
    source = graph.add_abuffer(template=audio)
    detector = graph.add("silencedetect", f"noise={SILENCE_LEVEL}dB:duration={SILENCE_SECONDS}:mono=0")
    _join(graph, source, detector, graph.add("abuffersink"))
    began: float | None = None
    for frame in _filtered(graph, packets_of(container, structure, audio)):
        if at := frame.metadata.get("lavfi.silence_start"):
            began = float(at)
        if (at := frame.metadata.get("lavfi.silence_end")) and began is not None:
            yield (began + float(at)) / 2
            began = None


def _join(graph: Graph, *filters: Any) -> None:
    graph.link_nodes(*filters)
    graph.configure()


def _filtered(graph: Graph, packets: Iterator[Any]) -> Iterator[Any]:
    """Yield the frames that leave the graph. Broken packets are left out."""
    for frame in _decoded(packets):
        try:
            graph.push(frame)
        except FFmpegError:
            continue  # the format changes in the middle of the file
        yield from _pulled(graph)
    graph.push(None)
    yield from _pulled(graph)


def _pulled(graph: Graph) -> Iterator[Any]:
    while True:
        try:
            yield graph.pull()
        except ENDS:
            return


def _decoded(packets: Iterator[Any]) -> Iterator[Any]:
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            frames = packet.decode()
        except EOFError:
            return
        except FFmpegError:
            continue
        yield from frames
