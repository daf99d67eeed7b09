"""What a video file is, as the probe found it."""

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError


@dataclass(frozen=True)
class Media:
    """Facts about one video file.

    `width` and `height` are as shown: after sample aspect ratio and rotation. Durations are seconds, rates per second,
    bit rates bits per second. None means unknown, or that there is none. The defaults are those of an ordinary file.
    """

    container: str  # mp4, mov, webm, mkv
    size: int  # bytes
    duration: float  # of the longer one, picture or sound
    width: int
    height: int
    # The nominal rate; the mean of a file whose rate varies.
    frame_rate: float
    video_codec: str
    audio_codec: str | None
    # Degrees clockwise by which the stored picture is turned when it is shown, after it was mirrored.
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
    # MP4 and MOV: whether the index (moov) comes before the media, as players and some platforms want it.
    index_first: bool = True
    fragmented: bool = False
    # none, delay (what encoders write to line up picture and sound) or cut (parts of the media are not shown).
    edit_list: str = "none"

    @property
    def is_vertical_or_square(self) -> bool:
        return self.width <= self.height


class FactsUnreadable(ValueError):
    """The stored facts of a clip do not have the shape that this version knows."""


_FACTS = TypeAdapter(Media)


def stored_media(facts: Any) -> Media:
    """Return what the probe found in a clip, from how it is stored. Raises FactsUnreadable."""
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
