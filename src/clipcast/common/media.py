"""The properties of a video file, as the probe determines them."""

import re
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

# A name from a file, such as a tag or a brand, that may be shown.
NAME = re.compile(r"[A-Za-z0-9_.:+() -]{1,60}")


@dataclass(frozen=True)
class Media:
    """The properties of one video file.

    `width` and `height` include sample aspect ratio and rotation. Durations are in seconds, rates per second, bit rates
    in bits per second. None means that the file has no such track or value, or that it is unknown. The defaults
    describe an ordinary file.
    """

    container: str  # a name of containers.CONTAINERS
    size: int  # bytes
    duration: float  # of the longer track, video or audio
    width: int
    height: int
    # The nominal rate, or the mean if the rate varies.
    frame_rate: float
    video_codec: str
    audio_codec: str | None
    # Degrees clockwise by which players rotate the stored picture, after mirroring it.
    rotation: int = 0
    mirrored: bool = False
    video_duration: float | None = None
    audio_duration: float | None = None
    variable_frame_rate: bool = False
    square_pixels: bool = True
    interlaced: bool = False
    bit_depth: int = 8
    chroma: str = "4:2:0"
    hdr: str | None = None  # pq or hlg
    closed_gop: bool = True
    video_bit_rate: int | None = None
    audio_profile: str | None = None
    audio_rate: int | None = None
    audio_channels: int | None = None
    audio_bit_rate: int | None = None
    # MP4 and MOV: whether the index (moov) precedes the media, as streaming and some platforms require.
    index_first: bool = True
    fragmented: bool = False
    # none, delay (encoders write it to synchronize video and audio) or cut (players skip parts of the media).
    edit_list: str = "none"
    # MP4 and MOV: the major brand, and the type of the video samples, such as avc1 or hev1.
    brand: str | None = None
    video_tag: str | None = None
    # Frames divided by the duration of the video. It differs from the nominal rate if frames are missing.
    mean_frame_rate: float | None = None
    # FFmpeg's names, such as yuv420p10le and bt2020.
    pixel_format: str | None = None
    color_primaries: str | None = None
    full_range: bool = False
    audio_layout: str | None = None  # such as stereo or 5.1
    # Seconds from the start of the video to that of the audio. Negative if the audio starts first.
    audio_delay: float = 0.0
    # Tracks beside the main video and the main audio: further languages, covers, data.
    other_tracks: int = 0
    # Whether tags hold the place of the recording.
    has_location: bool = False
    # False for recordings whose header was never completed.
    duration_in_header: bool = True
    # Whether packets at the start of the file are broken, so that players show errors.
    damaged: bool = False

    @property
    def is_vertical_or_square(self) -> bool:
        """Whether the picture is at least as high as wide."""
        return self.width <= self.height


class FactsUnreadable(ValueError):
    """The stored properties of a clip do not have the form that this version reads."""


_FACTS = TypeAdapter(Media)


def stored_media(facts: Any) -> Media:
    """Return a clip's properties from their stored form. Raises FactsUnreadable."""
    try:
        return _FACTS.validate_python(facts)
    except ValidationError as error:
        raise FactsUnreadable(str(error)) from None


def known_media(facts: Any) -> Media | None:
    """Return a file's properties from their stored form. None if there are none, or they cannot be read."""
    try:
        return stored_media(facts) if facts else None
    except FactsUnreadable:
        return None
