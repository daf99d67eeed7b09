"""The thumbnail of a video: a small, upright JPEG."""

from fractions import Fraction
from typing import Any

import av
from av.error import FFmpegError
from av.filter import Graph

from clipcast.common.media import Media

WIDTH = 480
# The most frames that are decoded from the key frame to the wanted frame.
FRAMES_DECODED = 300
# The filters of each clockwise rotation; a mirrored picture is mirrored first.
ROTATIONS = {0: (), 90: (("transpose", "clock"),), 180: (("hflip", ""), ("vflip", "")), 270: (("transpose", "cclock"),)}


def make_thumbnail(container: Any, stream: Any, media: Media) -> bytes | None:
    """Return a JPEG of the picture at a tenth of the video, because the first is often black; None without one."""
    picture = _frame_at(container, stream, media.duration / 10)
    return None if picture is None else _encode(_upright(picture, media))


def _frame_at(container: Any, stream: Any, seconds: float) -> Any:
    picture = None
    start = (container.start_time or 0) / av.time_base
    try:
        container.seek(int((start + seconds) * av.time_base))
        for count, frame in enumerate(container.decode(stream)):
            picture = frame
            if count >= FRAMES_DECODED or (frame.time or 0) - start >= seconds:
                break
    except FFmpegError:
        pass  # damaged data: use an earlier picture
    return picture or _first_frame(container, stream)


def _first_frame(container: Any, stream: Any) -> Any:
    try:
        container.seek(0)
        return next(container.decode(stream), None)
    except FFmpegError:
        return None


def _upright(frame: Any, media: Media) -> Any:
    """Return the frame as it is shown, at most `WIDTH` pixels wide."""
    width = min(WIDTH, media.width) // 2 * 2 or 2
    height = max(2, round(media.height * width / media.width) // 2 * 2)
    stored = (height, width) if media.rotation % 180 else (width, height)
    graph = Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25))
    steps = [
        ("scale", f"{stored[0]}:{stored[1]}"),
        *([("hflip", "")] if media.mirrored else []),
        *ROTATIONS[media.rotation],
    ]
    steps += [("setsar", "1"), ("format", "yuvj420p"), ("buffersink", "")]
    last = source
    for name, options in steps:
        step = graph.add(name, options)
        last.link_to(step)
        last = step
    graph.configure()
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    graph.push(frame)
    return graph.pull()


def _encode(picture: Any) -> bytes:
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = picture.width, picture.height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    picture.pts, picture.time_base = 0, Fraction(1, 25)
    return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])
