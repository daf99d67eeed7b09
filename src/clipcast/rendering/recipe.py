"""A recipe: what a child makes of a video. It names no row and no platform, and equal recipes make equal files.

The planner writes recipes for platforms (rendering/planner.py), and renders write them for callers (renders/edits.py).
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal

from pydantic import TypeAdapter

# Increased when the same recipe makes other bytes than before.
PROFILE = 3
# The codecs that are copied into an MP4: of pictures with the type of their samples, and of sound.
COPIED_PICTURES = {"h264": "avc1", "hevc": "hvc1", "av1": "av01"}
COPIED_SOUNDS = {"aac"}
# A copied sound cannot start within a packet, and its track cannot start late: there is no edit list. Seconds.
COPIED_DELAY = 0.015

Fit = Literal["pad_blur", "pad", "crop"]
Corner = Literal["top_left", "top_right", "bottom_left", "bottom_right", "center"]


class Action(StrEnum):
    """What has to be done to a file, from the cheapest to the most expensive."""

    NOTHING = "nothing"
    # Copy both streams into a new MP4.
    REMUX = "remux"
    # Copy the picture, encode the sound.
    AUDIO = "audio"
    # Encode the picture, and the sound unless it can be copied.
    VIDEO = "video"


@dataclass(frozen=True)
class Focus:
    """The point that a crop keeps in view: shares of the width and height.

    `at` is in seconds of the main part, after trim and speed.
    """

    at: float = 0.0
    x: float = 0.5
    y: float = 0.5


@dataclass(frozen=True)
class Picture:
    """The encoded picture: progressive H.264 High in BT.709 with square pixels and a constant rate.

    `width` and `height` are the canvas in pixels, both even. `rate` is frames per second as a fraction.
    """

    width: int
    height: int
    rate: tuple[int, int]
    # What fills a canvas of another aspect than the picture's. Nothing is ever stretched.
    fit: Fit = "pad_blur"
    pad_color: str = "#000000"
    # Linear between the points. Used by `crop`.
    focus: tuple[Focus, ...] = (Focus(),)
    # Bits per second: the peak, and the mean if the file's size is limited (else constant quality).
    max_bit_rate: int = 12_000_000
    bit_rate: int | None = None


@dataclass(frozen=True)
class Sound:
    """The encoded sound: AAC-LC. Without sound in the source there is none, unless `silent_track`."""

    bit_rate: int = 128_000
    sample_rate: int = 48_000
    channels: int = 2
    # LUFS; None leaves the loudness as it is.
    loudness: float | None = None
    mute: bool = False
    silent_track: bool = False


@dataclass(frozen=True)
class Trim:
    """The part to keep, in seconds of the source. `keyframe` moves the start back to a keyframe and copies."""

    start: float = 0.0
    end: float | None = None
    precision: Literal["exact", "keyframe"] = "exact"


@dataclass(frozen=True)
class CaptionStyle:
    """`size` is a share of the canvas's height. Colours are #RRGGBB. `font` names a file of the operator's folder."""

    font: str | None = None
    size: float = 0.035
    color: str = "#FFFFFF"
    outline: str | None = "#000000"
    background: str | None = None
    position: Literal["top", "middle", "bottom"] = "bottom"
    max_lines: int = 2
    uppercase: bool = False


@dataclass(frozen=True)
class Cue:
    """A caption from `start` to `end`, in seconds of the main part, after trim and speed. Newlines separate lines."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Captions:
    """Captions that are drawn into the picture."""

    cues: tuple[Cue, ...]
    style: CaptionStyle = CaptionStyle()


@dataclass(frozen=True)
class Watermark:
    """A PNG or WebP over the picture. `input` is its index in the job's inputs; `width` and `margin` are shares of the
    canvas's width."""

    input: int
    position: Corner = "bottom_right"
    width: float = 0.15
    opacity: float = 0.8
    margin: float = 0.04


@dataclass(frozen=True)
class Edit:
    """The changes that a caller asked for, in this order. `intro` and `outro` are indexes of the job's inputs."""

    trim: Trim | None = None
    speed: float = 1.0
    captions: Captions | None = None
    watermark: Watermark | None = None
    fade_in: float = 0.0
    fade_out: float = 0.0
    intro: int | None = None
    outro: int | None = None


@dataclass(frozen=True)
class Recipe:
    """What to make of a job's first input: an MP4 with the index first, no edit list, and at most two tracks.

    Without `picture` the picture is copied; without `sound` the sound is copied. Tags are never copied.
    """

    picture: Picture | None = None
    sound: Sound | None = None
    edit: Edit = Edit()
    # Smaller files are filled up to this size in bytes.
    min_bytes: int = 0
    # A larger file is encoded again with fewer bits for its picture, if that has a `bit_rate`.
    max_bytes: int | None = None

    @property
    def action(self) -> Action:
        return Action.VIDEO if self.picture else Action.AUDIO if self.sound else Action.REMUX

    def as_dict(self) -> dict[str, Any]:
        """Return the recipe's stored form, which `recipe_of` reads."""
        return asdict(self)

    def key(self, *sha256: str) -> str:
        """Return the name of the file that this recipe makes of inputs with these SHA-256: a SHA-256 itself."""
        written = json.dumps([PROFILE, sha256, self.as_dict()], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(written.encode()).hexdigest()


_RECIPE = TypeAdapter(Recipe)


def recipe_of(stored: Any) -> Recipe:
    """Return the recipe of its stored form. Raises ValueError."""
    return _RECIPE.validate_python(stored)
