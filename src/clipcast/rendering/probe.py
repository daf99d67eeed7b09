"""The probe of a video file with FFmpeg (PyAV): its facts and a thumbnail.

It rejects only files that cannot be read as a video; the platforms' rules apply later. It runs in a child process
(child.py), because the file may be hostile.
"""

import re
import struct
from dataclasses import dataclass, field
from itertools import islice, pairwise
from statistics import median
from typing import Any

import av
from av.error import FFmpegError

from clipcast.common.media import NAME, Media
from clipcast.rendering.bitstream import ReferenceReader
from clipcast.rendering.errors import UnreadableMedia, cut_off, encrypted
from clipcast.rendering.frames import FULL_RANGE, HDR
from clipcast.rendering.joined import packets_of
from clipcast.rendering.structure import Source, Structure, end_of_elements, read_structure
from clipcast.rendering.thumbnail import make_thumbnail
from clipcast.rendering.tracks import (
    PROGRESSIVE,
    UNKNOWN_ORDER,
    main_audio,
    main_video,
    open_media,
    orientation,
    pixel_aspect,
    reject_missing_bytes,
    start_of,
)

# How much of the file's start is read to determine the rates and the groups of pictures: x264 starts a group every 250
# pictures. An index of all pictures holds the rates and the starts of the groups: a few pictures of each suffice then.
PACKETS_READ, BYTES_READ = 320, 32 * 1024 * 1024
PACKETS_READ_WITH_INDEX, GROUPS_READ, PACKETS_OF_A_GROUP = 16, 10, 8
# Key frames behind the first one that are decoded to find damage. They lie evenly between the start and the end.
KEY_FRAMES_DECODED = 3
# The rate is variable if this share of the distances between pictures differs from the median by a quarter.
VARIABLE_SHARE = 0.05
# FFmpeg's numbers of color_primaries.
PRIMARIES = {1: "bt709", 5: "bt470bg", 6: "smpte170m", 9: "bt2020", 11: "smpte431", 12: "smpte432"}
MP4_CODECS = {"h264", "hevc", "aac"}
WEBM_CODECS = {"vp8", "vp9", "av1", "opus", "vorbis"}
# Without a field order, some frames of a codec that interlaces tell it.
INTERLACING = {"h264", "mpeg2video", "mpeg1video", "mpeg4", "vc1", "wmv3", "dvvideo"}
FRAMES_DECODED = 30
# Seconds before the end of a file without a complete index from which its last packets are read.
TAIL = 2
MATROSKA_BLOCK_HEAD = 4  # bytes
TAGGED_DURATION = re.compile(r"(\d{1,4}):(\d\d):(\d\d\.\d{1,9})")
HE_AAC_SAMPLES = 2048


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
        with open_media(file, structure) as container:
            return _Reading(container, file, structure, size).finish()
    except MemoryError:
        raise  # the limit of the process, not the file's form
    except (FFmpegError, UnicodeError, ValueError, OverflowError, struct.error) as error:
        message = f"The file cannot be read as a video ({type(error).__name__}). Export it again, as MP4 with H.264."
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
        self._video = main_video(container)
        self._video.codec_context.thread_count = 1
        self._audio = main_audio(container)
        self._starts_at = start_of(container)
        # True if the file has an index of all pictures.
        self._indexed = structure.is_mp4 and not structure.fragmented
        self._references = ReferenceReader(self._video.codec_context)
        self._damaged = False

    def finish(self) -> Probed:
        if self._structure.is_mp4:
            reject_missing_bytes(self._size, self._streams())
        pictures, sounds, frame, sound = self._read_beginning()
        if self._indexed:
            keys = [entry.timestamp for entry in self._video.index_entries if entry.is_keyframe]
            self._read_groups(pictures, keys)
            self._decode_key_frames(keys)
        if self._container.duration is None or self._structure.joined:
            self._read_all(pictures, sounds)
        elif not self._indexed:
            self._read_tail(pictures, sounds)
        media = self._media(pictures, sounds, frame, sound)
        return Probed(media, make_thumbnail(self._container, self._video, media))

    def _read_beginning(self) -> tuple[_Times, _Times, Any, Any]:
        """Read the first packets, and decode a picture and a piece of sound, which determines the sample rate.

        Decode more pictures only if they determine whether the video is interlaced. Return an interlaced one if there
        is any, else the first.
        """
        pictures, sounds = _Times(), _Times()
        frame = sound = None
        protected = False
        context = self._video.codec_context
        unclear = context.field_order == UNKNOWN_ORDER and context.codec.canonical_name in INTERLACING
        left = FRAMES_DECODED if unclear else 1
        for packet in self._container.demux(*self._streams()):
            if packet.stream is self._video:
                self._add_picture(pictures, packet)
            else:
                sounds.add(packet, keep=False)
            protected |= packet.has_sidedata("encryption_info")
            if packet.stream is self._video and left > 0:
                self._damaged |= packet.is_corrupt
                for shown in self._decode(packet):
                    left -= 1
                    if frame is None or (shown.interlaced_frame and not frame.interlaced_frame):
                        frame = shown
                if frame is not None and frame.interlaced_frame:
                    left = 0
            elif packet.stream is self._audio and sound is None and self._audio.codec_context is not None:
                sound = _first_sound(self._audio, packet)
            wanted = PACKETS_READ_WITH_INDEX if self._indexed else PACKETS_READ
            enough = pictures.packets >= wanted or pictures.size + sounds.size >= BYTES_READ
            if enough and left <= 0:
                break
            if pictures.packets >= 2 * PACKETS_READ:
                break
        if frame is None and protected:
            raise encrypted()
        if frame is None:
            raise UnreadableMedia("no_picture", "No picture in the file can be decoded. Export it again, as H.264.")
        return pictures, sounds, frame, sound

    def _read_groups(self, pictures: _Times, keys: list[int]) -> None:
        """Read the starts of the groups of pictures after the first one."""
        for stamp in keys[1:GROUPS_READ]:
            try:
                self._container.seek(stamp, stream=self._video)
                for packet in islice(self._container.demux(self._video), PACKETS_OF_A_GROUP):
                    self._add_picture(pictures, packet)
            except FFmpegError:
                return

    def _decode_key_frames(self, keys: list[int]) -> None:
        """Decode some key frames, because damage is seldom in the first picture alone."""
        context = self._video.codec_context
        places = (len(keys) * part // (KEY_FRAMES_DECODED + 1) for part in range(1, KEY_FRAMES_DECODED + 1))
        for stamp in [keys[place] for place in sorted({*places}) if place]:
            try:
                self._container.seek(stamp, stream=self._video)
                packet = next(self._container.demux(self._video), None)
            except FFmpegError:
                return
            if self._damaged or packet is None:
                return
            if packet.is_keyframe:
                self._decode(packet)
                self._decode(None)  # what the decoder holds back
                context.flush_buffers()

    def _read_tail(self, pictures: _Times, sounds: _Times) -> None:
        """Read the last packets to find the ends of both streams: headers hold only the end of the longer one."""
        start = self._container.start_time or 0
        ends = _Times(), _Times()
        try:
            self._container.seek(start + max(0, self._container.duration - TAIL * av.time_base))
            for packet in self._container.demux(*self._streams()):
                ends[packet.stream is not self._video].add(packet, keep=False)
        except (FFmpegError, OverflowError):
            return
        pictures.end, sounds.end = ends[0].end, ends[1].end

    def _streams(self) -> list[Any]:
        return [self._video] if self._audio is None else [self._video, self._audio]

    def _add_picture(self, pictures: _Times, packet: Any) -> None:
        """Add a packet's time. A group is also open if it starts with a picture that is no full restart."""
        pictures.add(packet, keep=True)
        if packet.is_keyframe and pictures.packets > 1 and self._references.is_open(packet):
            pictures.closed = False

    def _decode(self, packet: Any) -> list[Any]:
        """Return the frames of a packet; none if it is damaged. Recordings of streams may start within a group.

        Decoders conceal errors within a picture. Pictures that lack others count as such, but key frames need none.
        """
        try:
            shown = list(self._video.codec_context.decode(packet))
        except (FFmpegError, ValueError):
            self._damaged |= packet is None or packet.is_keyframe or self._structure.is_mp4
            return []
        self._damaged |= any(one.is_corrupt and one.key_frame for one in shown)
        return shown

    def _read_all(self, pictures: _Times, sounds: _Times) -> None:
        """Read the whole file to find the ends of its streams, which nothing else states."""
        self._container.seek(0)
        pictures.end = sounds.end = 0.0
        pictures.size = sounds.size = pictures.packets = end = 0
        for packet in packets_of(self._container, self._structure, *self._streams()):
            (pictures if packet.stream is self._video else sounds).add(packet, keep=False)
            # FFmpeg returns the position of a block's content, which follows its track, time and flags.
            end = max(end, (packet.pos or 0) + MATROSKA_BLOCK_HEAD + packet.size)
        if self._structure.family == "matroska":
            end = end_of_elements(self._file, self._size, end)
            if end > self._size:
                raise cut_off(self._size, end)

    def _media(self, pictures: _Times, sounds: _Times, frame: Any, sound: Any) -> Media:
        context = self._video.codec_context
        audio = self._audio.codec_context if self._audio is not None else None
        picture_end = self._end(self._video, pictures)
        sound_end = self._end(self._audio, sounds) if self._audio is not None else None
        rate, varies = self._rate(pictures, picture_end)
        whole = self._container.duration
        duration = max(picture_end or 0, sound_end or 0)
        if whole and (self._indexed or not duration):
            duration = whole / av.time_base
        if duration <= 0 and rate:
            duration = 1 / rate  # a single picture
        if duration <= 0:
            raise UnreadableMedia("no_picture", "The file has no moving pictures. Upload a video.")
        width, height, square = _shown_size(self._video, context)
        rotation, mirrored = orientation(frame)
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
            interlaced=context.field_order not in (UNKNOWN_ORDER, PROGRESSIVE) or bool(frame.interlaced_frame),
            bit_depth=max((one.bits for one in pixels.components), default=8),
            chroma=_chroma(pixels),
            hdr=HDR.get(int(frame.color_trc or 0)),
            closed_gop=pictures.closed,
            video_bit_rate=self._bit_rate(self._video, picture_end or duration),
            audio_profile=_profile(audio, sound),
            audio_rate=audio.sample_rate or None if audio is not None else None,
            audio_channels=audio.layout.nb_channels or None if audio is not None else None,
            audio_bit_rate=self._bit_rate(self._audio, sound_end or duration) if audio is not None else None,
            index_first=self._structure.index_first,
            fragmented=self._structure.fragmented,
            edit_list=self._structure.edit_list,
            brand=_name(self._structure.brand),
            video_tag=_name(context.codec_tag) if self._structure.is_mp4 else None,
            mean_frame_rate=self._mean_rate(picture_end),
            pixel_format=_name(pixels.name),
            color_primaries=PRIMARIES.get(int(frame.color_primaries or 0)),
            full_range=int(frame.color_range or 0) == FULL_RANGE,
            audio_layout=_name(audio.layout.name) if audio is not None else None,
            audio_delay=self._audio_delay(),
            other_tracks=len(self._container.streams) - len(self._streams()),
            has_location=self._has_location(),
            duration_in_header=whole is not None,
            damaged=self._damaged,
        )

    def _mean_rate(self, end: float | None) -> float | None:
        if self._indexed and end:
            shown = sum(not entry.is_discard for entry in self._video.index_entries)
            return round(shown / end, 3)
        return round(float(self._video.average_rate), 3) if self._video.average_rate else None

    def _audio_delay(self) -> float:
        if self._audio is None or self._audio.start_time is None or self._video.start_time is None:
            return 0.0
        starts = [float(one.start_time * one.time_base) for one in (self._audio, self._video)]
        return round(starts[0] - starts[1], 3)

    def _has_location(self) -> bool:
        tags = [self._container.metadata, *(stream.metadata for stream in self._container.streams)]
        return any("location" in key.lower() for one in tags for key in one)

    def _end(self, stream: Any, times: _Times) -> float | None:
        """Return the end of a stream in seconds from the file's start; None if it is unknown."""
        if not self._indexed and times.end:
            end = times.end
        elif stream.duration:
            end = float((stream.duration + (stream.start_time or 0)) * stream.time_base)
        else:
            return _tagged_duration(stream)
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
        codecs = {one.codec.canonical_name for one in (context, audio) if one is not None}
        if self._structure.is_mp4:
            brand = self._structure.brand or "qt"
            # 3GP is a profile of MP4. Phones write its brand into ordinary MP4 files, too.
            is_3gp = brand.startswith("3g") and not codecs <= MP4_CODECS
            return "mov" if brand == "qt" else "3gp" if is_3gp else "mp4"
        if self._structure.family != "matroska":
            return self._structure.family
        return "webm" if codecs <= WEBM_CODECS else "mkv"


def _name(text: str | None) -> str | None:
    """Return a name from the file; None if it has odd characters."""
    return text if text and NAME.fullmatch(text) else None


def _first_sound(stream: Any, packet: Any) -> Any:
    """Return the first frame of the packet, or None if it has none or is damaged."""
    try:
        return next(iter(stream.codec_context.decode(packet)), None)
    except (FFmpegError, ValueError):
        return None


def _audio_codec(stream: Any) -> str | None:
    if stream is None:
        return None
    return stream.codec_context.codec.canonical_name if stream.codec_context is not None else "unknown"


def _tagged_duration(stream: Any) -> float | None:
    """Return the duration in seconds that writers of Matroska add as a tag; None without one."""
    found = TAGGED_DURATION.fullmatch(stream.metadata.get("DURATION", ""))
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else None


def _profile(audio: Any, sound: Any) -> str | None:
    """Return the profile of the sound. Headers may name HE-AAC as LC, but its frames have twice the samples."""
    if audio is None:
        return None
    doubled = audio.codec.canonical_name == "aac" and sound is not None and sound.samples >= HE_AAC_SAMPLES
    return "HE-AAC" if doubled and audio.profile == "LC" else _name(audio.profile)


def _shown_size(stream: Any, context: Any) -> tuple[int, int, bool]:
    """Return width and height with square pixels, and whether the stored pixels are square."""
    aspect = pixel_aspect(stream)
    if aspect == 1:
        return context.width, context.height, True
    return max(1, round(context.width * aspect)), context.height, False


def _chroma(pixels: Any) -> str:
    if len(pixels.components) < 3:
        return "4:0:0"
    if pixels.is_rgb:
        return "4:4:4"
    across, down = pixels.chroma_width(4), pixels.chroma_height(4)
    return {(2, 2): "4:2:0", (2, 4): "4:2:2", (4, 4): "4:4:4", (1, 4): "4:1:1"}.get((across, down), "other")
