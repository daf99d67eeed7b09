"""The encoders of H.264, and their options."""

import os
from fractions import Fraction
from typing import Any

import av
from av.error import FFmpegError

from clipcast.rendering.encode.target import Target
from clipcast.rendering.frames import BT709, LIMITED
from clipcast.rendering.recipe import Picture

X264 = "libx264"
# The options of each encoder for constant quality. Platforms encode again, so that bits are cheaper than time.
QUALITY: dict[str, dict[str, str]] = {
    X264: {"preset": "veryfast", "profile": "high", "crf": "19", "a53cc": "0"},
    "h264_nvenc": {"preset": "p4", "profile": "high", "rc": "vbr", "cq": "21", "strict_gop": "1", "a53cc": "0"},
    "h264_qsv": {"preset": "medium", "profile": "high", "global_quality": "21", "a53cc": "0"},
    "h264_videotoolbox": {"profile": "high", "a53cc": "0"},
}
# The pixels that an encoder takes, of which PyAV makes those of a frame.
PIXELS = {"h264_qsv": "nv12"}
# Quality options that a mean bit rate replaces.
QUALITY_OPTIONS = {"crf", "cq", "global_quality"}
# Seconds of the peak bit rate, which the picture may take at once. It is a quarter of a short video, so that its mean
# does not exceed what platforms allow.
BUFFER, LEAST_BUFFER, SHARE_OF_SHORT = 2.0, 0.25, 0.25
GROUP = 2  # seconds from a key frame to the next
TRIED_FRAMES = 10
MOST_THREADS = 6


def thread_count() -> int:
    """Return the number of threads of a decoder, and of an encoder."""
    return min(MOST_THREADS, max(2, os.cpu_count() or 2))


def add_picture(target: Target, picture: Picture, encoder: str) -> Any:
    """Add the track of the encoded picture."""
    rate = Fraction(*picture.rate)
    stream = target.add(encoder, rate=rate)
    configure(stream.codec_context, picture, encoder, float(target.duration))
    stream.time_base = 1 / rate
    stream.options = stream.codec_context.options
    return stream


def configure(context: Any, picture: Picture, encoder: str, seconds: float) -> None:
    """Set the options of an encoder for a video that lasts `seconds`."""
    rate = Fraction(*picture.rate)
    context.width, context.height = picture.width, picture.height
    context.pix_fmt = PIXELS.get(encoder, "yuv420p")
    context.framerate, context.time_base, context.sample_aspect_ratio = rate, 1 / rate, Fraction(1)
    context.color_primaries = context.color_trc = context.colorspace = BT709
    context.color_range = LIMITED
    # The default is one slice for each thread, which costs bits.
    context.thread_type, context.thread_count = "FRAME", thread_count()
    options = dict(QUALITY[encoder])
    buffer = min(BUFFER, max(LEAST_BUFFER, seconds * SHARE_OF_SHORT))
    options |= {"maxrate": str(picture.max_bit_rate), "bufsize": str(int(buffer * picture.max_bit_rate))}
    options |= {"g": str(round(GROUP * rate)), "bf": "2"}
    if picture.bit_rate is not None:
        options = {name: value for name, value in options.items() if name not in QUALITY_OPTIONS}
        options["b"] = str(picture.bit_rate)
    elif encoder == "h264_videotoolbox":  # constant quality is not everywhere
        options["b"] = str(picture.max_bit_rate * 2 // 3)
    context.options = options


def works(encoder: str) -> bool:
    """Return whether an encoder encodes a few frames here. Hardware may be missing or busy."""
    picture = Picture(1280, 720, (30, 1))
    try:
        context: Any = av.CodecContext.create(encoder, "w")
        configure(context, picture, encoder, TRIED_FRAMES / 30)
        packets = []
        for number in range(TRIED_FRAMES):
            frame = av.VideoFrame(picture.width, picture.height, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 30)
            packets += context.encode(frame)
        packets += context.encode(None)
    except (FFmpegError, ValueError, OSError):
        return False
    return len(packets) == TRIED_FRAMES
