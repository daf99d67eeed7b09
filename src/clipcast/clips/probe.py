"""Looking into a video file with FFmpeg (inside PyAV): what it is, and a picture of it."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.error import FFmpegError

from clipcast.clips.media import Media

THUMBNAIL_WIDTH = 480
# FFmpeg's names of demuxers, in ours; MP4 and MOV share one and are told apart by their brand.
CONTAINERS = {"matroska,webm": "mkv", "mov,mp4,m4a,3gp,3g2,mj2": "mp4"}
# Where the end of a file is looked for, in seconds before it; and the share of the video that may lack pictures,
# since sound may run on for longer.
END_SOUGHT = 2.0
END_TOLERANCE = 0.1
# Never more of a broken file is read in search of a picture.
THUMBNAIL_FRAMES = 300


class NotAVideo(Exception):
    """The file cannot be read as a video; the message says why, for its owner."""


@dataclass(frozen=True)
class Probed:
    media: Media
    thumbnail: bytes | None  # JPEG


def probe(reader: Any, size: int) -> Probed:
    """Reads the file behind `reader`. Blocking: call it in a thread. Raises NotAVideo."""
    try:
        with av.open(reader, mode="r", metadata_errors="replace") as container:
            media = _media(container, size)
            thumbnail = _thumbnail(container)
            _reaches_its_end(container, media.duration)
            return Probed(media, thumbnail)
    except (FFmpegError, UnicodeError, ValueError, OverflowError) as error:
        raise NotAVideo(f"The file cannot be read as a video ({type(error).__name__}).") from error


def _media(container: Any, size: int) -> Media:
    if not container.streams.video:
        raise NotAVideo("The file holds no video.")
    stream = container.streams.video[0]
    if container.duration is None and stream.duration is None:
        raise NotAVideo("The file does not tell its duration; it may be cut off.")
    duration = container.duration / av.time_base if container.duration else float(stream.duration * stream.time_base)
    context = stream.codec_context
    if not context.width or not context.height or duration <= 0:
        raise NotAVideo("The file holds no picture.")
    rotation = _rotation(container, stream)
    sideways = rotation % 180 != 0
    sound = container.streams.audio[0].codec_context if container.streams.audio else None
    return Media(
        container=_container(container),
        size=size,
        duration=round(duration, 3),
        width=context.height if sideways else context.width,
        height=context.width if sideways else context.height,
        frame_rate=round(float(stream.average_rate or stream.guessed_rate or Fraction(0)), 3),
        video_codec=context.name.removeprefix("lib").replace("dav1d", "av1"),
        audio_codec=sound.name if sound else None,
        rotation=rotation,
    )


def _reaches_its_end(container: Any, duration: float) -> None:
    """A file that was cut off can still have a whole header. Raises NotAVideo when its last pictures are missing."""
    stream = container.streams.video[0]
    container.seek(max(0, int((duration - END_SOUGHT) * av.time_base)))
    times = [float(packet.dts * packet.time_base) for packet in container.demux(stream) if packet.dts is not None]
    if not times or max(times) < duration * (1 - END_TOLERANCE) - END_TOLERANCE:
        raise NotAVideo("The file was cut off: its end is missing.")


def _container(container: Any) -> str:
    name = CONTAINERS.get(container.format.name, container.format.name)
    if name == "mp4" and container.metadata.get("major_brand", "").strip() == "qt":
        return "mov"
    if name == "mkv" and {stream.codec_context.name for stream in container.streams if stream.codec_context} <= {
        "vp8", "vp9", "libvpx", "libvpx-vp9", "av1", "libdav1d", "opus", "libopus", "vorbis",
    }:  # fmt: skip
        return "webm"  # WebM is Matroska with these codecs alone
    return str(name)


def _rotation(container: Any, stream: Any) -> int:
    """Degrees by which the picture is to be turned, from the first frame's display matrix."""
    for frame in container.decode(stream):
        rotation = int(getattr(frame, "rotation", 0)) % 360
        container.seek(0)
        return rotation
    return 0


def _thumbnail(container: Any) -> bytes | None:
    """A JPEG of a frame at a tenth of the video: the first frame is often black."""
    stream = container.streams.video[0]
    wanted = (container.duration or 0) / av.time_base / 10
    picture = None
    for count, frame in enumerate(container.decode(stream)):
        picture = frame
        if count >= THUMBNAIL_FRAMES or (frame.time or 0) >= wanted:
            break
    if picture is None:
        raise NotAVideo("The file holds no frame that can be decoded.")
    width = min(THUMBNAIL_WIDTH, picture.width) // 2 * 2
    height = max(2, round(picture.height * width / picture.width) // 2 * 2)
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    small = picture.reformat(width, height, "yuvj420p")
    small.pts, small.time_base = 0, Fraction(1, 25)
    packets = [*encoder.encode(small), *encoder.encode(None)]
    return b"".join(bytes(packet) for packet in packets) or None
