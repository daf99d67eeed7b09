"""Small real media files, made by PyAV: ordinary, unusual and hostile ones."""

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.filter import Graph

# Of the four quarters of each picture, from the left to the right and from above to below.
RED, GREEN, BLUE, WHITE = (200, 30, 30), (30, 160, 30), (30, 30, 200), (230, 230, 230)
WIDTH, HEIGHT = 128, 192


class Pipe(io.RawIOBase):
    """A file that cannot go back, as browsers' recordings are written: headers tell no duration."""

    def __init__(self) -> None:
        self.content = bytearray()

    def write(self, data: Any) -> int:
        self.content += data
        return len(data)

    def writable(self) -> bool:
        return True


def picture(width: int = WIDTH, height: int = HEIGHT, pix_fmt: str = "yuv420p") -> Any:
    """Return a picture of four colours."""
    frame = av.VideoFrame(width, height, "rgb24")
    plane = frame.planes[0]
    padding = bytes(plane.line_size - width * 3)
    rows = [bytes(one) * (width // 2) + bytes(other) * (width - width // 2) + padding
            for one, other in ((RED, GREEN), (BLUE, WHITE))]  # fmt: skip
    plane.update(rows[0] * (height // 2) + rows[1] * (height - height // 2))
    return frame.reformat(format=pix_fmt)


@contextmanager
def kept_scheduling() -> Iterator[None]:
    """Restore the scheduling policy of this thread at the end.

    If root runs it, the AV1 encoder gives the thread that starts it the highest real-time priority, and keeps it.
    All threads and processes started later inherit it, and nothing else on the machine gets the processor.
    """
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, priority)


@kept_scheduling()
def make(
    path: Path,
    *,
    seconds: float = 2,
    sound_seconds: float | None = None,
    codec: str = "libx264",
    size: tuple[int, int] = (WIDTH, HEIGHT),
    pix_fmt: str = "yuv420p",
    rate: Fraction | int = 30,
    times: Sequence[Fraction | float] | None = None,
    video_options: Mapping[str, str] | None = None,
    aspect: Fraction | None = None,
    sound: str | None = "aac",
    sound_rate: int = 48_000,
    layout: str = "stereo",
    container: Mapping[str, str] | None = None,
    format: str | None = None,
    live: bool = False,
    tags: Mapping[str, str] | None = None,
    rotation: int = 0,
) -> Path:
    """Write a file of four colours and a tone. `times` are those of the pictures, instead of `rate`'s."""
    target: Any = Pipe() if live else path
    options = {"movflags": "+faststart"} if container is None else dict(container)
    with av.open(target, "w", format=format or (_format(path) if live else None), options=options) as output:
        output.metadata.update(tags or {})
        video: Any = output.add_stream(codec, rate=rate)
        video.width, video.height = size
        video.pix_fmt = pix_fmt
        if times is not None:
            video.time_base = video.codec_context.time_base = Fraction(1, 90_000)
        if codec == "libx264":
            video.options = {"preset": "ultrafast"} | dict(video_options or {})
        elif video_options:
            video.options = dict(video_options)
        if codec == "libvpx":
            # Its threads wait for each other in a loop: two took 60 times the CPU time of one.
            video.codec_context.thread_count = 1
        if aspect:
            video.codec_context.sample_aspect_ratio = aspect
        if rotation:
            video.set_display_rotation(rotation)
        streams = [video]
        if sound:
            audio: Any = output.add_stream(sound, rate=sound_rate)
            audio.layout = layout
            if sound == "aac":
                audio.bit_rate = 128_000
            streams.append(audio)
        shown = picture(*size, pix_fmt)
        if times is None:
            times = [Fraction(number) / rate for number in range(round(seconds * rate))]
            tick = Fraction(1) / rate
        else:
            tick = Fraction(1, 90_000)
        for time in times:
            shown.pts, shown.time_base, shown.pict_type = round(Fraction(time) / tick), tick, 0
            output.mux(video.encode(shown))
        output.mux(video.encode(None))
        if sound:
            _tone(output, audio, sound_rate, layout, seconds if sound_seconds is None else sound_seconds)
    if live:
        path.write_bytes(target.content)
    return path


def _format(path: Path) -> str:
    return {".webm": "webm", ".mkv": "matroska", ".mp4": "mp4"}[path.suffix]


def _tone(output: Any, audio: Any, rate: int, layout: str, seconds: float) -> None:
    """Write a steady tone. Unlike silence, it takes the bit rate that the encoder may use."""
    graph = Graph()
    size = audio.codec_context.frame_size or 1024
    source = graph.add("sine", f"frequency=440:sample_rate={rate}:samples_per_frame={size}:duration={seconds}")
    shape = graph.add("aformat", f"sample_fmts={audio.codec_context.format.name}:channel_layouts={layout}")
    end = graph.add("abuffersink")
    source.link_to(shape)
    shape.link_to(end)
    graph.configure()
    while True:
        try:
            output.mux(audio.encode(graph.pull()))
        except (av.EOFError, av.BlockingIOError):
            break
    output.mux(audio.encode(None))


def colours(jpeg: bytes) -> tuple[tuple[int, int], list[str]]:
    """Return the size of a picture, and the names of the colours of its quarters."""
    with av.open(io.BytesIO(jpeg), "r") as source:
        frame = next(source.decode(video=0)).reformat(format="rgb24")
    content, line = bytes(frame.planes[0]), frame.planes[0].line_size
    found = []
    for y in (frame.height // 4, frame.height * 3 // 4):
        for x in (frame.width // 4, frame.width * 3 // 4):
            at = y * line + x * 3
            found.append(_nearest(content[at : at + 3]))
    return (frame.width, frame.height), found


def _nearest(pixel: bytes) -> str:
    named = {"red": RED, "green": GREEN, "blue": BLUE, "white": WHITE}
    return min(named, key=lambda name: sum((a - b) ** 2 for a, b in zip(pixel, named[name], strict=True)))


def box(kind: bytes, *content: bytes) -> bytes:
    """Return a box of an MP4 file."""
    inside = b"".join(content)
    return (8 + len(inside)).to_bytes(4, "big") + kind + inside
