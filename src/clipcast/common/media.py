"""The properties of a video file, as the probe determines them."""

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError


@dataclass(frozen=True)
class Media:
    """The properties of one video file.

    `width` and `height` include sample aspect ratio and rotation. Durations are in seconds, rates per second, bit rates
    in bits per second. None means that the file has no such track or value, or that it is unknown. The defaults
    describe an ordinary file.
    """

    container: str  # mp4, mov, webm, mkv
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


CONTENT_TYPES = {
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "mkv": "video/x-matroska",
}
