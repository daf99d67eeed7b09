"""The body of a render: what a caller may change of a video. Templates are stored bodies without a video."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, WithJsonSchema, WrapValidator
from pydantic_core import InitErrorDetails, PydanticCustomError

from clipcast.common.schemas import Body
from clipcast.renders.captions import CAPTIONS_MAX

FOCUS_MAX = 100
# Width divided by height, and the reverse.
ASPECT_MAX = 3.0
# BCP 47: a language, and perhaps a script, a region and variants.
LANGUAGE = r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8}){0,4}"

Seconds = Annotated[float, Field(ge=0, le=86_400)]
Share = Annotated[float, Field(ge=0, le=1)]


def _color(value: str) -> str:
    if not re.fullmatch("#[0-9A-Fa-f]{6}", value):
        raise PydanticCustomError("invalid", "Use a colour such as #FF8800.")
    return value.upper()


def _language(value: str) -> str:
    if not re.fullmatch(LANGUAGE, value):
        raise PydanticCustomError("invalid", "Use a language tag such as en or pt-BR.")
    return value


def _aspect(value: str) -> str:
    match = re.fullmatch(r"([1-9][0-9]{0,3}):([1-9][0-9]{0,3})", value)
    if value == "source" or (match and 1 / ASPECT_MAX <= int(match[1]) / int(match[2]) <= ASPECT_MAX):
        return value
    raise PydanticCustomError("invalid", "Use source, or a ratio from 1:3 to 3:1, such as 9:16.")


Color = Annotated[str, Field(max_length=7, description="#RRGGBB."), AfterValidator(_color)]
Language = Annotated[str, Field(max_length=35, description="BCP 47.", examples=["pt-BR"]), AfterValidator(_language)]


class TrimBody(Body):
    """The part of the video to keep."""

    start: Annotated[Seconds, Field(description="In seconds of the video.")] = 0.0
    end: Annotated[Seconds | None, Field(description="In seconds. By default, the end of the video.")] = None
    precision: Annotated[
        Literal["exact", "keyframe"],
        Field(description="`keyframe` copies the picture. The start moves back to the last keyframe."),
    ] = "exact"


class FocusPoint(Body):
    """The point that a crop keeps in view."""

    at: Annotated[Seconds, Field(description="In seconds after trim and speed.")] = 0.0
    x: Annotated[Share, Field(description="From the left: 0 to 1.")] = 0.5
    y: Annotated[Share, Field(description="From above: 0 to 1.")] = 0.5


def _points(value: Any, handler: Callable[[Any], Any]) -> Any:
    """Validate one point or a list of points. The path of a problem is that of the body."""
    if not isinstance(value, dict):
        return handler(value)
    try:
        return handler([value])
    except ValidationError as error:
        lines = [
            InitErrorDetails(type=one["type"], loc=one["loc"][1:], input=one["input"], ctx=one.get("ctx", {}))
            for one in error.errors()
        ]
        raise ValidationError.from_exception_data(error.title, lines) from None


_POINT_SCHEMA = FocusPoint.model_json_schema()
Focuses = Annotated[
    list[FocusPoint],
    Field(min_length=1, max_length=FOCUS_MAX),
    WrapValidator(_points),
    WithJsonSchema(
        {"anyOf": [_POINT_SCHEMA, {"type": "array", "items": _POINT_SCHEMA, "minItems": 1, "maxItems": FOCUS_MAX}]}
    ),
]


class FadeBody(Body):
    """Seconds of fading from and to black and silence."""

    fade_in: Annotated[float, Field(ge=0, le=10, alias="in")] = 0.0
    fade_out: Annotated[float, Field(ge=0, le=10, alias="out")] = 0.0


class AudioBody(Body):
    """Changes of the sound."""

    loudness: Annotated[
        float | None, Field(ge=-30, le=-9, description="In LUFS. Platforms play at about -14.", examples=[-14])
    ] = None
    mute: Annotated[bool, Field(description="Remove the sound.")] = False
    silent_track: Annotated[bool, Field(description="Add a silent track if there is no sound.")] = False


class CaptionStyleBody(Body):
    """The look of burnt captions."""

    font: Annotated[
        str | None, Field(min_length=1, max_length=100, description="A file of the installation's folder of fonts.")
    ] = None
    size: Annotated[float, Field(ge=0.01, le=0.2, description="A share of the picture's height.")] = 0.035
    color: Color = "#FFFFFF"
    outline: Color | None = "#000000"
    background: Color | None = None
    position: Literal["top", "middle", "bottom"] = "bottom"
    max_lines: Annotated[int, Field(ge=1, le=6)] = 2
    uppercase: bool = False


class CaptionsBody(Body):
    """Captions, from an asset or as a text."""

    asset_id: Annotated[str | None, Field(description="The `asset_id` of an uploaded SRT or WebVTT file.")] = None
    text: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=CAPTIONS_MAX,
            description=f"SRT or WebVTT, at most {CAPTIONS_MAX} bytes. Times count after trim and speed.",
        ),
    ] = None
    language: Language | None = None
    mode: Annotated[
        Literal["burn", "sidecar"],
        Field(description="`burn` draws them into the picture. `sidecar` sends them beside the video, where possible."),
    ] = "burn"
    style: CaptionStyleBody = CaptionStyleBody()


class WatermarkBody(Body):
    """A picture over the video."""

    asset_id: Annotated[str, Field(description="The `asset_id` of an uploaded PNG or WebP.")]
    position: Literal["top_left", "top_right", "bottom_left", "bottom_right", "center"] = "bottom_right"
    width: Annotated[float, Field(gt=0, le=1, description="A share of the video's width.")] = 0.15
    opacity: Annotated[float, Field(ge=0, le=1)] = 0.8
    margin: Annotated[float, Field(ge=0, le=0.5, description="A share of the video's width.")] = 0.04


class CoverBody(Body):
    """The picture that platforms show before the video plays."""

    at: Annotated[Seconds, Field(description="In seconds of the finished video.")]


class PartBody(Body):
    """Another video before or after this one."""

    video_id: str


class EditBody(Body):
    """The changes of a video, in this order: trim, speed, shape, captions, watermark, fade, intro and outro."""

    resolution: Annotated[
        Literal["source", "720p", "1080p", "1440p", "2160p"],
        Field(description="The most pixels of the shorter side. Nothing is scaled up."),
    ] = "source"
    trim: TrimBody | None = None
    aspect_ratio: Annotated[
        str,
        Field(max_length=9, description="`source`, or a ratio such as 9:16, 4:5, 1:1 or 16:9.", examples=["9:16"]),
        AfterValidator(_aspect),
    ] = "source"
    fit: Annotated[
        Literal["pad_blur", "pad", "crop"],
        Field(description="How the picture gets another shape: blurred edges, one colour, or a crop."),
    ] = "pad_blur"
    pad_color: Color = "#000000"
    focus: Focuses | None = None
    speed: Annotated[float, Field(ge=0.25, le=4)] = 1.0
    fade: FadeBody | None = None
    audio: AudioBody | None = None
    captions: CaptionsBody | None = None
    watermark: WatermarkBody | None = None
    cover: CoverBody | None = None
    intro: PartBody | None = None
    outro: PartBody | None = None
    strip_metadata: Annotated[bool, Field(description="Remove tags, such as the place of the recording.")] = False

    def canonical(self) -> dict[str, Any]:
        """Return the stored form: equal edits are equal, and fields with their default are left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


class RenderBody(EditBody):
    """The body of POST /renders."""

    video_id: Annotated[str, Field(description="The `video_id` of a completed upload.")]
    name: Annotated[str | None, Field(min_length=1, max_length=255)] = None
    conform_for: Annotated[
        list[str],
        Field(max_length=20, description="Platforms for which Clipcast converts the result ahead of a post."),
    ] = []

    def edit(self) -> EditBody:
        """Return the changes without the video, the name and the platforms."""
        return EditBody.model_validate(self.model_dump(by_alias=True, exclude={"video_id", "name", "conform_for"}))
