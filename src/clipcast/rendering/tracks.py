"""The tracks of a file that FFmpeg opens: which of them count, and how their pictures are shown."""

import struct
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import av
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition

from clipcast.rendering.errors import UnreadableMedia, cut_off, too_many
from clipcast.rendering.structure import MAX_PIXELS, MAX_STREAMS, Source, Structure, check_pixels

# The allowed demuxer of each family. Playlists and session descriptions, which open other files and ports, are
# excluded, whatever the file's name or first bytes are. No protocol is allowed: the bytes come from the reader.
DEMUXERS = {
    "mp4": "mov,mp4,m4a,3gp,3g2,mj2",
    "matroska": "matroska,webm",
    "avi": "avi",
    "ts": "mpegts",
    "mpg": "mpeg",
    "wmv": "asf",
    "flv": "flv",
}
OPTIONS = {"protocol_whitelist": "", "max_pixels": str(MAX_PIXELS), "threads": "1"}
# A track of one of these codecs is a cover if there is any other track.
STILLS = {"png", "mjpeg", "bmp", "gif", "tiff", "webp"}
# FFmpeg's numbers of field orders.
UNKNOWN_ORDER, PROGRESSIVE = 0, 1
SANE_PIXEL_ASPECT = (Fraction(1, 10), Fraction(10))


def open_media(file: Source, structure: Structure) -> Any:
    """Open a file with the demuxer of its family alone. Raise UnreadableMedia if it has too many tracks."""
    options = OPTIONS | {"format_whitelist": DEMUXERS[structure.family]}
    container = av.open(file, mode="r", options=options, metadata_errors="replace", buffer_size=256 * 1024)
    if len(container.streams) > MAX_STREAMS:
        container.close()
        raise too_many("streams", MAX_STREAMS, len(container.streams))
    return container


def start_of(container: Any) -> float:
    """Return the time in seconds at which an open file starts."""
    return float(container.start_time or 0) / av.time_base


def main_video(container: Any) -> Any:
    """Return the video track of the pictures. Raise UnreadableMedia without one."""
    # A cover is a stream of one picture.
    videos = [one for one in container.streams.video if not one.disposition & Disposition.attached_pic]
    if not videos:
        raise UnreadableMedia("no_picture", "The file has no video track. Upload a file with moving pictures.")
    decodable = [one for one in videos if one.codec_context is not None]
    if not decodable:
        message = "The file's video codec is unknown. Export it as MP4 with H.264."
        raise UnreadableMedia("video_codec_unknown", message)
    moving = [one for one in decodable if one.codec_context.codec.canonical_name not in STILLS] or decodable
    best = container.streams.best("video")
    video = best if best in moving else moving[0]
    check_pixels(video.codec_context.width, video.codec_context.height)
    video.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    return video


def main_audio(container: Any) -> Any:
    """Return the default audio track, or the best one; None without any."""
    sounds = container.streams.audio
    chosen = [one for one in sounds if one.disposition & Disposition.default]
    return chosen[0] if chosen else container.streams.best("audio")


def reject_missing_bytes(size: int, streams: Iterable[Any]) -> None:
    """Raise UnreadableMedia if the index of an MP4 file names media beyond its `size`."""
    for stream in streams:
        end = max((entry.pos + entry.size for entry in stream.index_entries), default=0)
        if end > size:
            raise cut_off(size, end)


def pixel_aspect(stream: Any) -> Fraction:
    """Return the width of a stored pixel divided by its height."""
    aspect = Fraction(stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or 1)
    least, most = SANE_PIXEL_ASPECT
    return aspect if least <= aspect <= most else Fraction(1)


def orientation(frame: Any) -> tuple[int, bool]:
    """Return the clockwise rotation of the shown picture in degrees, and whether it is mirrored left to right first.

    The display matrix holds both. Its determinant is negative if the picture is mirrored, which no angle can express.
    """
    found = frame.side_data.get(SideDataType.DISPLAYMATRIX)
    if found is None:
        return 0, False
    a, b, _, c, d, *_ = struct.unpack("<9i", bytes(found)[:36])
    mirrored = a * d - b * c < 0
    # The matrix maps the stored picture. The directions of its axes give the rotation in steps of 90 degrees.
    x, y = (-a, -b) if mirrored else (a, b)
    along, across = (0 if x >= 0 else 180), (90 if y > 0 else 270)
    return (along if abs(x) >= abs(y) else across), mirrored
