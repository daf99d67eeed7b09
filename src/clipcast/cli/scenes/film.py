"""The encoding of scenes: FFmpeg moves their layers, and computes their sound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Self

import av
from av.filter import Graph
from av.video.frame import PictureType

from clipcast.cli.scenes.drawing import HEIGHT, WIDTH, Layer

FRAMES_PER_SECOND = 25
RATE = 48_000
# x264's output depends on the number of its threads.
THREADS = 2
BT709 = 1


@dataclass(frozen=True)
class Sound:
    """The sound of both channels as FFmpeg expressions of `t`, without what is above `below` Hz."""

    channels: tuple[str, ...]
    below: int

    @classmethod
    def of(cls, parts: Iterable[str], phases: tuple[float, float], below: int) -> Self:
        """Return the sum of parts, in which `{0}` stands for the phase of a channel."""
        together = "+".join(parts)
        return cls(tuple(together.format(phase) for phase in phases), below)


def encode(path: Path, layers: list[Layer], sound: Sound, seconds: float) -> Path:
    """Write an MP4 with H.264 and AAC to `path`, and return the path."""
    with av.open(path, "w", options={"movflags": "+faststart"}) as container:
        video: Any = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        video.width, video.height = WIDTH, HEIGHT
        video.options = {"preset": "veryfast", "crf": "22", "threads": str(THREADS)}
        audio: Any = container.add_stream("aac", rate=RATE)
        audio.layout, audio.bit_rate = "stereo", 128_000
        _fill(container, video, audio, _pictures(layers, seconds), _sounds(sound, seconds))
    return path


def record(path: Path, layers: list[Layer], sound: Sound, seconds: float) -> Path:
    """Write a WebM with VP9 and Opus in three quarters of the size to `path`, and return the path.

    It has no duration in its header, like the recordings of browsers: these write a file that they cannot rewind.
    """
    width, height = WIDTH * 3 // 4, HEIGHT * 3 // 4
    with path.open("wb") as file, av.open(_Unseekable(file), "w", format="webm") as container:
        video: Any = container.add_stream("libvpx-vp9", rate=FRAMES_PER_SECOND)
        video.width, video.height = width, height
        video.options = {"deadline": "realtime", "cpu-used": "8", "crf": "36", "b": "0", "row-mt": "1"}
        audio: Any = container.add_stream("libopus", rate=RATE)
        audio.layout = "stereo"
        pictures = _pictures(layers, seconds, f"{width}:{height}")
        _fill(container, video, audio, pictures, _sounds(sound, seconds, samples=960))
    return path


class _Unseekable:
    """A file that can only be written forwards."""

    def __init__(self, file: BinaryIO) -> None:
        self.write = file.write


def _fill(container: Any, video: Any, audio: Any, pictures: Graph, sounds: Graph) -> None:
    video.pix_fmt = "yuv420p"
    context = video.codec_context
    context.colorspace = context.color_primaries = context.color_trc = BT709
    for frame in _pulled(pictures):
        # The filters keep the type of the layers' pictures, which makes each frame as large as a whole picture.
        frame.pict_type = PictureType.NONE
        container.mux(video.encode(frame))
    for frame in _pulled(sounds):
        container.mux(audio.encode(frame))
    container.mux(video.encode(None))
    container.mux(audio.encode(None))


def _pictures(layers: list[Layer], seconds: float, size: str = f"{WIDTH}:{HEIGHT}") -> Graph:
    graph = Graph()
    graph.threads = THREADS
    one_frame = Fraction(1, FRAMES_PER_SECOND)
    below = graph.add("color", f"color=black:size={WIDTH}x{HEIGHT}:rate={FRAMES_PER_SECOND}:duration={seconds}")
    sources = []
    for one in layers:
        shape = {"width": one.picture.width, "height": one.picture.height}
        source: Any = graph.add_buffer(**shape, format="rgba", time_base=one_frame)  # type: ignore[arg-type]
        sources.append(source)
        picture = _after(graph, source, "scale", "out_color_matrix=bt709:out_range=tv")
        picture = _after(graph, picture, "format", "yuva420p")
        if one.turn:
            picture = _after(graph, picture, "loop", "loop=-1:size=1")
            picture = _after(graph, picture, "setpts", "N")
            picture = _after(graph, picture, "rotate", f"angle='{one.turn}':fillcolor=none")
        options = f"x='{one.left}+({one.x})':y='{one.top}+({one.y})'"
        over = graph.add("overlay", options + (f":enable='{one.shown}'" if one.shown else "") + ":shortest=0")
        below.link_to(over, 0, 0)
        picture.link_to(over, 0, 1)
        below = over
    below = _after(graph, below, "trim", f"end={seconds}")
    below = _after(graph, below, "scale", size)
    below = _after(graph, below, "format", "yuv420p")
    below.link_to(graph.add("buffersink"))
    graph.configure()
    for source, one in zip(sources, layers, strict=True):
        frame = av.VideoFrame.from_bytes(one.picture.tobytes(), one.picture.width, one.picture.height, "rgba")
        frame.pts, frame.time_base = 0, one_frame
        source.push(frame)
        source.push(None)
    return graph


def _sounds(sound: Sound, seconds: float, samples: int = 1024) -> Graph:
    graph = Graph()
    channels = f"exprs='{'|'.join(sound.channels)}':sample_rate={RATE}:duration={seconds}:nb_samples={samples}"
    last = graph.add("aevalsrc", channels + ":channel_layout=stereo")
    last = _after(graph, last, "lowpass", f"frequency={sound.below}")
    last = _after(graph, last, "afade", "type=in:duration=0.4")
    last = _after(graph, last, "afade", f"type=out:start_time={seconds - 0.6}:duration=0.6")
    last = _after(graph, last, "aformat", "sample_fmts=fltp:channel_layouts=stereo")
    last.link_to(graph.add("abuffersink"))
    graph.configure()
    return graph


def _after(graph: Graph, before: Any, name: str, options: str) -> Any:
    added = graph.add(name, options)
    before.link_to(added)
    return added


def _pulled(graph: Graph) -> Iterator[Any]:
    while True:
        try:
            yield graph.pull()
        except (av.EOFError, av.BlockingIOError):
            return
