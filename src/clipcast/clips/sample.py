"""Generated sample clips with a moving picture and sound, for the tests and the benchmarks."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.filter import Graph

RATE = 48_000
SAMPLES = 1024  # of one AAC frame


def make_clip(
    path: Path, seconds: float = 6, width: int = 720, height: int = 1280, tone: int = 440, quality: int = 28
) -> Path:
    """Write an MP4 with H.264 at 30 frames per second and AAC to `path`, and return the path.

    `quality` is x264's CRF: 0 is lossless, 51 makes the smallest file.
    """
    with av.open(path, "w", options={"movflags": "+faststart"}) as container:
        video: Any = container.add_stream("libx264", rate=30)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.options = {"preset": "veryfast", "crf": str(quality)}
        audio: Any = container.add_stream("aac", rate=RATE)
        # Threads takes nothing else; a mono tone takes fewer bits than it may.
        audio.layout, audio.bit_rate = "stereo", 128_000
        pictures = _source("testsrc2", f"size={width}x{height}:rate=30:duration={seconds}", "buffersink")
        sounds = _source("sine", f"frequency={tone}:sample_rate={RATE}:samples_per_frame={SAMPLES}:duration={seconds}",
                         "abuffersink")  # fmt: skip
        _encode(container, video, pictures, audio, sounds)
    return path


def _encode(container: Any, video: Any, pictures: Iterator[Any], audio: Any, sounds: Iterator[Any]) -> None:
    for frame in pictures:
        picture = frame.reformat(format="yuv420p")
        picture.pts, picture.time_base = frame.pts, Fraction(1, 30)
        container.mux(video.encode(picture))
    for frame in sounds:
        container.mux(audio.encode(frame))
    container.mux(video.encode(None))
    container.mux(audio.encode(None))


def _source(kind: str, options: str, sink: str) -> Any:
    """Yield the frames of a test source of FFmpeg."""
    graph = Graph()
    source, end = graph.add(kind, options), graph.add(sink)
    source.link_to(end)
    graph.configure()
    while True:
        try:
            yield graph.pull()
        except (av.EOFError, av.BlockingIOError):
            return
