"""The probe of a video file with FFmpeg (PyAV): its facts and a thumbnail.

It rejects only files that cannot be read as a video; the platforms' rules apply later. It runs in a child process
(child.py), because the file may be hostile.
"""

import struct
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice, pairwise
from statistics import median
from typing import Any

import av
from av.error import FFmpegError
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition

from clipcast.common.media import Media
from clipcast.rendering.errors import UnreadableMedia, cut_off
from clipcast.rendering.structure import (
    MAX_PIXELS,
    MAX_STREAMS,
    Source,
    Structure,
    check_pixels,
    ends_within_element,
    read_structure,
)
from clipcast.rendering.thumbnail import make_thumbnail

# The allowed demuxers. Playlists and session descriptions, which open other files and ports, are excluded, whatever the
# file's name or first bytes are. No protocol is allowed: the bytes come from the reader.
OPTIONS = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm",
    "protocol_whitelist": "",
    "max_pixels": str(MAX_PIXELS),
    "threads": "1",
}
# How much of the file's start is read to determine the rates and the groups of pictures: x264 starts a group every 250
# pictures. An index of all pictures holds the rates and the starts of the groups: a few pictures of each suffice then.
PACKETS_READ, BYTES_READ = 320, 32 * 1024 * 1024
PACKETS_READ_WITH_INDEX, GROUPS_READ, PACKETS_OF_A_GROUP = 16, 4, 8
# The rate is variable if this share of the distances between pictures differs from the median by a quarter.
VARIABLE_SHARE = 0.05
HDR = {16: "pq", 18: "hlg"}  # color_trc
WEBM_CODECS = {"vp8", "vp9", "av1", "opus", "vorbis"}
# A track of one of these codecs is a cover if there is any other track.
STILLS = {"png", "mjpeg", "bmp", "gif", "tiff", "webp"}
# FFmpeg's field orders: unknown and progressive.
PROGRESSIVE = (0, 1)
MATROSKA_BLOCK_HEAD = 4  # bytes
SANE_PIXEL_ASPECT = (Fraction(1, 10), Fraction(10))


@dataclass(frozen=True)
class Probed:
    """The facts of a file, and its thumbnail."""

    media: Media
    thumbnail: bytes | None  # JPEG


def probe(file: Source, size: int) -> Probed:
    """Probe the file of `size` bytes. Raise UnreadableMedia."""
    try:
        structure = read_structure(file, size)
        file.seek(0)
        with av.open(file, mode="r", options=OPTIONS, metadata_errors="replace", buffer_size=256 * 1024) as container:
            return _Reading(container, file, structure, size).finish()
    except (FFmpegError, UnicodeError, ValueError, OverflowError, struct.error) as error:
        message = f"The file cannot be read as a video ({type(error).__name__}). Upload an MP4, MOV, WebM or MKV file."
        raise UnreadableMedia("not_a_video", message) from error


@dataclass
class _Times:
    """The times of a stream's packets in seconds, as far as they were read."""

    at: list[float] = field(default_factory=list)
    end: float = 0.0
    size: int = 0
    closed: bool = True
    packets: int = 0
    # The time of the last key frame. A picture shown before but stored after it makes its group open.
    _key: float | None = None

    def add(self, packet: Any, keep: bool) -> None:
        time = packet.pts if packet.pts is not None else packet.dts
        if time is None:
            return
        seconds = float(time * packet.time_base)
        self.end = max(self.end, seconds + float((packet.duration or 0) * packet.time_base))
        self.packets += 1
        self.size += packet.size
        if not keep:
            return
        self.at.append(seconds)
        if packet.is_keyframe:
            self._key = seconds
        elif self._key is not None and seconds < self._key:
            self.closed = False

    def distances(self) -> list[float]:
        shown = sorted(set(self.at))
        return [later - earlier for earlier, later in pairwise(shown)]


class _Reading:
    """The probe of one open file."""

    def __init__(self, container: Any, file: Source, structure: Structure, size: int) -> None:
        self._container = container
        self._file = file
        self._structure = structure
        self._size = size
        if len(container.streams) > MAX_STREAMS:
            raise UnreadableMedia("too_many_streams", "The file has too many tracks. Export it with one of each kind.")
        self._video = self._main_video()
        self._audio = self._main_audio()
        self._starts_at = (container.start_time or 0) / av.time_base
        # True if the file has an index of all pictures.
        self._indexed = structure.is_mp4 and not structure.fragmented

    def _main_video(self) -> Any:
        # A cover is a stream of one picture.
        videos = [one for one in self._container.streams.video if not one.disposition & Disposition.attached_pic]
        if not videos:
            raise UnreadableMedia("no_picture", "The file has no video track. Upload a file with moving pictures.")
        decodable = [one for one in videos if one.codec_context is not None]
        if not decodable:
            message = "The file's video codec is unknown. Export it as MP4 with H.264."
            raise UnreadableMedia("video_codec_unknown", message)
        moving = [one for one in decodable if one.codec_context.codec.canonical_name not in STILLS] or decodable
        best = self._container.streams.best("video")
        video = best if best in moving else moving[0]
        check_pixels(video.codec_context.width, video.codec_context.height)
        video.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        video.codec_context.thread_count = 1
        return video

    def _main_audio(self) -> Any:
        sounds = self._container.streams.audio
        chosen = [one for one in sounds if one.disposition & Disposition.default]
        return chosen[0] if chosen else self._container.streams.best("audio")

    def finish(self) -> Probed:
        self._reject_missing_bytes()
        pictures, sounds, frame = self._read_beginning()
        if self._indexed:
            self._read_groups(pictures)
        if self._container.duration is None:
            self._read_all(pictures, sounds)
        media = self._media(pictures, sounds, frame)
        return Probed(media, make_thumbnail(self._container, self._video, media))

    def _reject_missing_bytes(self) -> None:
        """Raise UnreadableMedia if the index names media beyond the end of the file."""
        if not self._structure.is_mp4:
            return
        for stream in (self._video, self._audio):
            if stream is not None and any(entry.pos + entry.size > self._size for entry in stream.index_entries):
                raise cut_off("its end is missing")

    def _read_beginning(self) -> tuple[_Times, _Times, Any]:
        """Read the first packets, and decode one picture and one piece of sound, which determines the sample rate."""
        pictures, sounds = _Times(), _Times()
        frame = sound = None
        encrypted = False
        streams = [self._video] if self._audio is None else [self._video, self._audio]
        for packet in self._container.demux(streams):
            if packet.stream is self._video:
                pictures.add(packet, keep=True)
            else:
                sounds.add(packet, keep=False)
            encrypted |= packet.has_sidedata("encryption_info")
            if packet.stream is self._video and frame is None:
                frame = _decode(self._video, packet)
            elif packet.stream is self._audio and sound is None and self._audio.codec_context is not None:
                sound = _decode(self._audio, packet)
            wanted = PACKETS_READ_WITH_INDEX if self._indexed else PACKETS_READ
            enough = pictures.packets >= wanted or pictures.size + sounds.size >= BYTES_READ
            if enough and frame is not None:
                break
            if pictures.packets >= 2 * PACKETS_READ:
                break
        if frame is None and encrypted:
            raise UnreadableMedia("encrypted", "The file is encrypted (DRM). Upload a copy without protection.")
        if frame is None:
            raise UnreadableMedia("no_picture", "No picture in the file can be decoded. Export it again, as H.264.")
        return pictures, sounds, frame

    def _read_groups(self, pictures: _Times) -> None:
        """Read the starts of the groups of pictures after the first one."""
        keys = [entry.timestamp for entry in self._video.index_entries if entry.is_keyframe]
        for stamp in keys[1:GROUPS_READ]:
            try:
                self._container.seek(stamp, stream=self._video)
                for packet in islice(self._container.demux(self._video), PACKETS_OF_A_GROUP):
                    pictures.add(packet, keep=True)
            except FFmpegError:
                return

    def _read_all(self, pictures: _Times, sounds: _Times) -> None:
        """Read the whole file to find the ends of its streams, which the header of a live recording lacks."""
        self._container.seek(0)
        pictures.size = sounds.size = pictures.packets = end = 0
        for packet in self._container.demux(self._video, *([self._audio] if self._audio is not None else [])):
            (pictures if packet.stream is self._video else sounds).add(packet, keep=False)
            # FFmpeg returns the position of a block's content, which follows its track, time and flags.
            end = max(end, (packet.pos or 0) + MATROSKA_BLOCK_HEAD + packet.size)
        if not self._structure.is_mp4 and ends_within_element(self._file, self._size, end):
            raise cut_off("its end is missing")

    def _media(self, pictures: _Times, sounds: _Times, frame: Any) -> Media:
        context = self._video.codec_context
        audio = self._audio.codec_context if self._audio is not None else None
        picture_end = self._end(self._video, pictures)
        sound_end = self._end(self._audio, sounds) if self._audio is not None else None
        rate, varies = self._rate(pictures, picture_end)
        whole = self._container.duration
        duration = whole / av.time_base if whole else max(picture_end or 0, sound_end or 0)
        if duration <= 0 and rate:
            duration = 1 / rate  # a single picture
        if duration <= 0:
            raise UnreadableMedia("no_picture", "The file has no moving pictures. Upload a video.")
        width, height, square = _shown_size(self._video, context)
        rotation, mirrored = _orientation(frame)
        if rotation % 180:
            width, height = height, width
        pixels = frame.format
        return Media(
            container=self._kind(context, audio),
            size=self._size,
            duration=round(duration, 3),
            width=width,
            height=height,
            frame_rate=round(rate, 3),
            video_codec=context.codec.canonical_name,
            audio_codec=_audio_codec(self._audio),
            rotation=rotation,
            mirrored=mirrored,
            video_duration=round(picture_end, 3) if picture_end else None,
            audio_duration=round(sound_end, 3) if sound_end else None,
            variable_frame_rate=varies,
            square_pixels=square,
            interlaced=context.field_order not in PROGRESSIVE or bool(frame.interlaced_frame),
            bit_depth=max((one.bits for one in pixels.components), default=8),
            chroma=_chroma(pixels),
            hdr=HDR.get(int(frame.color_trc or 0)),
            closed_gop=pictures.closed,
            video_bit_rate=self._bit_rate(self._video, picture_end or duration),
            audio_profile=audio.profile if audio is not None else None,
            audio_rate=audio.sample_rate or None if audio is not None else None,
            audio_channels=audio.layout.nb_channels or None if audio is not None else None,
            audio_bit_rate=self._bit_rate(self._audio, sound_end or duration) if audio is not None else None,
            index_first=self._structure.index_first,
            fragmented=self._structure.fragmented,
            edit_list=self._structure.edit_list,
        )

    def _end(self, stream: Any, times: _Times) -> float | None:
        """Return the end of a stream in seconds from the file's start; None if it is unknown."""
        if stream.duration:
            end = float((stream.duration + (stream.start_time or 0)) * stream.time_base)
        elif self._container.duration is None:
            end = times.end
        else:
            return None
        return max(0.0, end - self._starts_at)

    def _rate(self, pictures: _Times, end: float | None) -> tuple[float, bool]:
        """Return the nominal rate, or the mean of a variable one, and whether it is variable."""
        distances = self._distances() or pictures.distances()
        if not distances:
            return float(self._video.average_rate or self._video.guessed_rate or 0), False
        usual = median(distances)
        regular = [one for one in distances if abs(one - usual) <= usual / 4]
        if len(distances) - len(regular) <= VARIABLE_SHARE * len(distances):
            return len(regular) / sum(regular), False
        count = len(self._video.index_entries) if self._structure.is_mp4 else 0
        return (count / end if count and end else len(distances) / sum(distances)), True

    def _distances(self) -> list[float]:
        """Return the distances between all pictures by the index; empty without an index."""
        if not self._indexed:
            return []
        base = float(self._video.time_base)
        stamps = [entry.timestamp for entry in self._video.index_entries if not entry.is_discard]
        return [(later - earlier) * base for earlier, later in pairwise(stamps) if later > earlier]

    def _bit_rate(self, stream: Any, seconds: float) -> int | None:
        if self._indexed and (entries := stream.index_entries):
            return int(8 * sum(entry.size for entry in entries) / seconds)
        if stream.codec_context is not None and stream.codec_context.bit_rate:
            return int(stream.codec_context.bit_rate)
        return int(8 * self._size / seconds) if stream is self._video else None

    def _kind(self, context: Any, audio: Any) -> str:
        if self._structure.is_mp4:
            return "mov" if self._structure.brand in ("qt", "") else "mp4"
        codecs = {one.codec.canonical_name for one in (context, audio) if one is not None}
        return "webm" if codecs <= WEBM_CODECS else "mkv"


def _decode(stream: Any, packet: Any) -> Any:
    """Return the first frame of the packet, or None if it has none or is damaged."""
    try:
        return next(iter(stream.codec_context.decode(packet)), None)
    except (FFmpegError, ValueError):
        return None


def _audio_codec(stream: Any) -> str | None:
    if stream is None:
        return None
    return stream.codec_context.codec.canonical_name if stream.codec_context is not None else "unknown"


def _shown_size(stream: Any, context: Any) -> tuple[int, int, bool]:
    """Return width and height with square pixels, and whether the stored pixels are square."""
    aspect = Fraction(stream.sample_aspect_ratio or context.sample_aspect_ratio or 1)
    least, most = SANE_PIXEL_ASPECT
    if aspect == 1 or not least <= aspect <= most:
        return context.width, context.height, True
    return max(1, round(context.width * aspect)), context.height, False


def _orientation(frame: Any) -> tuple[int, bool]:
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


def _chroma(pixels: Any) -> str:
    if len(pixels.components) < 3:
        return "4:0:0"
    if pixels.is_rgb:
        return "4:4:4"
    across, down = pixels.chroma_width(4), pixels.chroma_height(4)
    return {(2, 2): "4:2:0", (2, 4): "4:2:2", (4, 4): "4:4:4", (1, 4): "4:1:1"}.get((across, down), "other")
