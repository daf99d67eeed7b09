"""The timeline of a video, made in a child: a film strip as one JPEG, and the peaks of the sound."""

import base64
import time
from array import array
from collections.abc import Iterator
from itertools import dropwhile, islice
from typing import Any

import av
from av.error import FFmpegError
from av.filter import Graph

from clipcast.common.media import Media
from clipcast.rendering.joined import packets_of
from clipcast.rendering.structure import Source, Structure, read_structure
from clipcast.rendering.thumbnail import encode_jpeg, upright
from clipcast.rendering.timeline import FRAMES, POINTS
from clipcast.rendering.tracks import main_audio, main_video, open_media, start_of

# The longer edge of a frame of the strip in pixels, and the least of the shorter one.
EDGE, LEAST_EDGE = 160, 16
# The most pixels that are decoded for the strip: 1000 frames of 1920x1080, which take about 4 s of CPU.
PIXELS_MAX = 2_000_000_000
# The most packets of pictures that are read for the next key frame of a joined file.
PACKETS_MAX = 600
# Sound is resampled to this rate. Longer sound is sampled at each point.
RATE, WHOLE_SECONDS = 8000, 600
SAMPLED_FRAMES = 2
# After this CPU time in seconds, the timeline has no peaks.
CPU_MAX = 25


def make_timeline(file: Source, size: int, media: Media) -> dict[str, Any]:
    """Return the film strip of a file with these facts, and its peaks from 0 to 100. Either is empty if unreadable."""
    structure = read_structure(file, size)
    file.seek(0)
    with open_media(file, structure) as container:
        strip = _strip(container, structure, main_video(container), media, size)
        file.seek(0)
    with open_media(file, structure) as container:
        peaks = _peaks(container, structure, main_audio(container), media.duration, size)
    return {"strip": base64.b64encode(strip).decode(), "peaks": peaks}


def _strip(container: Any, structure: Structure, video: Any, media: Media, size: int) -> bytes:
    """Return `FRAMES` frames side by side, each from the middle of its part of the video."""
    shares = [(number + 0.5) / FRAMES for number in range(FRAMES)]
    times = [media.duration * share for share in shares]
    most = int(PIXELS_MAX // (media.width * media.height))
    if media.duration * media.frame_rate <= most:
        frames = list(_in_one_pass(container, structure, video, times))
    elif structure.joined:  # several places have the same time
        frames = [_first_behind(container, video, int(size * share), most // FRAMES) for share in shares]
    else:
        frames = [_nearest(container, video, at, max(1, most // FRAMES)) for at in times]
    usable = [frame for frame in frames if frame is not None]
    if not usable:
        return b""
    scale = EDGE / max(media.width, media.height)
    width, height = (max(LEAST_EDGE, round(edge * scale / 2) * 2) for edge in (media.width, media.height))
    # An unreadable frame is replaced by the one before it.
    shown, last = [], usable[0]
    for frame in frames:
        last = frame or last
        shown.append(last)
    return encode_jpeg(_beside_each_other([upright(frame, media, width, height) for frame in shown]))


def _in_one_pass(container: Any, structure: Structure, video: Any, times: list[float]) -> Iterator[Any]:
    start, frame, wanted = start_of(container), None, iter(times)
    at = next(wanted, None)
    for frame in _frames(packets_of(container, structure, video)):
        while at is not None and (frame.time or 0) - start >= at:
            yield frame
            at = next(wanted, None)
        if at is None:
            return
    while at is not None:
        yield frame
        at = next(wanted, None)


def _nearest(container: Any, video: Any, at: float, most: int) -> Any:
    """Return the frame at this time, or the last of `most` frames after the key frame before it."""
    start, frame = start_of(container), None
    try:
        container.seek(int((start + at) * av.time_base))
    except FFmpegError:
        return None
    for frame in islice(_decoded(container, video), most):
        if (frame.time or 0) - start >= at:
            break
    return frame


def _first_behind(container: Any, video: Any, at: int, most: int) -> Any:
    """Return the first frame behind a byte of the file that one of `most` packets from a key frame holds."""
    try:
        container.seek(at, unsupported_byte_offset=True)
        packets = islice(container.demux(video), PACKETS_MAX)
        return next(_frames(islice(dropwhile(lambda packet: not packet.is_keyframe, packets), max(1, most))), None)
    except FFmpegError:
        return None


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    return _frames(container.demux(stream))


def _frames(packets: Iterator[Any]) -> Iterator[Any]:
    """Yield the frames until the end, or until damaged data."""
    try:
        for packet in packets:
            yield from packet.decode()
    except FFmpegError:
        return


def _beside_each_other(frames: list[Any]) -> Any:
    first, graph = frames[0], Graph()
    source = graph.add_buffer(width=first.width, height=first.height, format=first.format, time_base=first.time_base)
    tile, sink = graph.add("tile", f"{FRAMES}x1"), graph.add("buffersink")
    source.link_to(tile)
    tile.link_to(sink)
    graph.configure()
    for number, frame in enumerate(frames):
        frame.pts = number
        graph.push(frame)
    return graph.pull()


def _peaks(container: Any, structure: Structure, audio: Any, duration: float, size: int) -> list[int]:
    if audio is None or audio.codec_context is None:
        return []
    try:
        if duration <= WHOLE_SECONDS:
            return _of_the_whole(container, audio, duration)
        return _sampled(container, audio, duration, size if structure.joined else None)
    except (FFmpegError, ValueError):
        return []


def _of_the_whole(container: Any, audio: Any, duration: float) -> list[int]:
    """Return the peak of each part of the sound."""
    resampler, start = _resampler(), start_of(container)
    samples: array[int] = array("h")
    for frame in _decoded(container, audio):
        if not samples and (late := int(((frame.time or 0) - start) * RATE)) > 0:
            samples.extend([0] * min(late, int(duration * RATE)))
        for made in resampler.resample(frame):
            samples.extend(_samples(made))
        if len(samples) > duration * RATE:
            break
        if time.process_time() > CPU_MAX:
            return []
    part = duration * RATE / POINTS
    return [_peak(samples[int(number * part) : int((number + 1) * part) + 1]) for number in range(POINTS)]


def _sampled(container: Any, audio: Any, duration: float, size: int | None) -> list[int]:
    """Return the peak of a little sound at each point: of time, or of the `size` of a file whose times jump."""
    found, start = [], start_of(container)
    for number in range(POINTS):
        if size is None:
            container.seek(int((start + duration * number / POINTS) * av.time_base))
        else:
            container.seek(size * number // POINTS, unsupported_byte_offset=True)
        resampler = _resampler()
        frames = list(islice(_decoded(container, audio), SAMPLED_FRAMES))
        found.append(max((_peak(_samples(one)) for frame in frames for one in resampler.resample(frame)), default=0))
        if time.process_time() > CPU_MAX:
            return []
    return found


def _resampler() -> Any:
    return av.AudioResampler(format="s16", layout="mono", rate=RATE)


def _samples(frame: Any) -> "array[int]":
    found: array[int] = array("h")
    found.frombytes(bytes(frame.planes[0])[: frame.samples * 2])
    return found


def _peak(samples: "array[int]") -> int:
    return min(100, max(max(samples), -min(samples)) * 100 // 32767) if samples else 0
