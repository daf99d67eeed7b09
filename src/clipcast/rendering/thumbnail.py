"""The thumbnail of a video: a small, upright JPEG."""

from fractions import Fraction
from typing import Any

import av
from av.error import FFmpegError
from av.filter import Graph

from clipcast.common.media import Media
from clipcast.rendering.frames import MATRICES, ROTATIONS, is_full_range, matrix_of
from clipcast.rendering.tracks import start_of

WIDTH = 480
# The most frames that are decoded from the key frame to the wanted frame.
FRAMES_DECODED = 300
# HDR to SDR: the signal to light (in shares of 10000 or 1000 nits), a curve that maps 203 nits (the white of graphics)
# to 0.61, the primaries of BT.2020 to BT.709, and light to signal (BT.2100, BT.2087, BT.1886).
HALF_LIGHT = 429  # nits that become half the light
PQ_LIGHT = "10000*pow(max(pow({v},1/78.84375)-0.8359375,0)/(18.8515625-18.6875*pow({v},1/78.84375)),1/0.1593017578125)"
HLG_LIGHT = "1000*pow(if(lte({v},0.5),{v}*{v}/3,(exp(({v}-0.55991073)/0.17883277)+0.28466892)/12),1.2)"
TO_BT709 = (1.6605, -0.5876, -0.0728, 0, -0.1246, 1.1329, -0.0083, 0, -0.0182, -0.1006, 1.1187)


def make_thumbnail(container: Any, stream: Any, media: Media) -> bytes | None:
    """Return a JPEG of the picture at a tenth of the video, because the first is often black; None without one."""
    picture = _frame_at(container, stream, media.duration / 10)
    if picture is None:
        return None
    width = min(WIDTH, media.width) // 2 * 2 or 2
    height = max(2, round(media.height * width / media.width) // 2 * 2)
    return encode_jpeg(upright(picture, media, width, height))


def _frame_at(container: Any, stream: Any, seconds: float) -> Any:
    picture = None
    start = start_of(container)
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


def upright(frame: Any, media: Media, width: int, height: int) -> Any:
    """Return the frame as it is shown, in SDR, with these even numbers of pixels."""
    stored = (height, width) if media.rotation % 180 else (width, height)
    graph = Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25))
    steps = [
        ("scale", f"{stored[0]}:{stored[1]}:{_colours(frame, media.height)}"),
        *_to_sdr(media.hdr),
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


def _colours(frame: Any, height: int) -> str:
    """Return the options of `scale` from the colours of a frame to those of a JPEG file: BT.601 and the full range."""
    full = is_full_range(int(frame.color_range or 0), frame.format.name)
    colours = f"in_range={'full' if full else 'limited'}:out_range=full:out_color_matrix=bt601"
    if frame.format.is_rgb:
        return colours
    return f"in_color_matrix={MATRICES.get(matrix_of(int(frame.colorspace), height), 'bt709')}:{colours}"


def _to_sdr(hdr: str | None) -> list[tuple[str, str]]:
    """Return the filters from HDR to SDR; none for SDR."""
    if hdr is None:
        return []
    light = {"pq": PQ_LIGHT, "hlg": HLG_LIGHT}[hdr].format(v="(val/maxval)")
    to_light = f"maxval*({light})/(({light})+{HALF_LIGHT})"
    to_signal = "maxval*pow(val/maxval,1/2.4)"
    mix = ":".join(map(str, TO_BT709))
    return [
        ("format", "gbrp16"),
        ("lutrgb", ":".join(f"{channel}='{to_light}'" for channel in "rgb")),
        ("colorchannelmixer", mix),
        ("lutrgb", ":".join(f"{channel}='{to_signal}'" for channel in "rgb")),
        ("scale", "out_range=full:out_color_matrix=bt601"),
    ]


def encode_jpeg(picture: Any) -> bytes:
    """Return a picture of `upright` as a JPEG file."""
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = picture.width, picture.height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    picture.pts, picture.time_base = 0, Fraction(1, 25)
    return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])
