"""The body of a render: what a caller may change of a video. Templates are stored bodies without a video."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, ValidationError, WrapValidator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

from clipcast.common.names import name_of_at_most
from clipcast.common.schemas import UUID, Body, Meanings
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


def language_tag(value: str) -> str:
    """Return a language tag (BCP 47). Raises PydanticCustomError."""
    if not re.fullmatch(LANGUAGE, value):
        raise PydanticCustomError("invalid", "Use a language tag such as en or pt-BR.")
    return value


def _aspect(value: str) -> str:
    match = re.fullmatch(r"([1-9][0-9]{0,3}):([1-9][0-9]{0,3})", value)
    if value == "source" or (match and 1 / ASPECT_MAX <= int(match[1]) / int(match[2]) <= ASPECT_MAX):
        return value
    raise PydanticCustomError("invalid", "Use source, or a ratio from 1:3 to 3:1, such as 9:16.")


Color = Annotated[str, Field(max_length=7, description="#RRGGBB."), AfterValidator(_color)]
Language = Annotated[str, Field(max_length=35, description="BCP 47.", examples=["pt-BR"]), AfterValidator(language_tag)]


class TrimBody(Body):
    """The part of the video to keep."""

    start: Annotated[Seconds, Field(description="In seconds of the video.")] = 0.0
    end: Annotated[Seconds | None, Field(description="In seconds. By default, the end of the video.")] = None
    precision: Annotated[
        Literal["exact", "keyframe"],
        Meanings({"exact": "Cut where the times say.", "keyframe": "Copy the picture, from a keyframe on."}),
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


class _OneOrSeveral:
    """The documented schema of a list that may also be written as its only element."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        several = handler(schema)
        return {"anyOf": [several["items"], several]}


Focuses = Annotated[
    list[FocusPoint], Field(min_length=1, max_length=FOCUS_MAX), WrapValidator(_points), _OneOrSeveral()
]


class FadeBody(Body):
    """Seconds of fading from and to black and silence."""

    fade_in: Annotated[float, Field(ge=0, le=10, alias="in", description="From black and silence, in seconds.")] = 0.0
    fade_out: Annotated[float, Field(ge=0, le=10, alias="out", description="To black and silence, in seconds.")] = 0.0


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
    color: Annotated[Color, Field(description="Of the letters: #RRGGBB.")] = "#FFFFFF"
    outline: Annotated[Color | None, Field(description="Of the letters' edge: #RRGGBB. null: no edge.")] = "#000000"
    background: Annotated[Color | None, Field(description="Of a box behind the letters: #RRGGBB.")] = None
    position: Annotated[
        Literal["top", "middle", "bottom"],
        Meanings({"top": "At the top.", "middle": "In the middle.", "bottom": "At the bottom."}),
        Field(description="Where the captions stand."),
    ] = "bottom"
    max_lines: Annotated[int, Field(ge=1, le=6, description="The most lines at once.")] = 2
    uppercase: Annotated[bool, Field(description="Whether to write all letters as capitals.")] = False


class CaptionsBody(Body):
    """Captions, from an asset or as a text."""

    asset_id: Annotated[
        str | None, Field(max_length=100, description="The `asset_id` of an uploaded SRT or WebVTT file.")
    ] = None
    text: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=CAPTIONS_MAX,
            description=f"SRT or WebVTT, at most {CAPTIONS_MAX} bytes. Times count after trim and speed.",
        ),
    ] = None
    language: Annotated[Language | None, Field(description="The captions' language, such as pt-BR.")] = None
    mode: Annotated[
        Literal["burn", "sidecar"],
        Meanings({"burn": "In the picture.", "sidecar": "A file beside the video."}),
        Field(description="`burn` draws them into the picture. `sidecar` sends them beside the video, where possible."),
    ] = "burn"
    style: Annotated[CaptionStyleBody, Field(description="How burnt captions look.")] = CaptionStyleBody()


class WatermarkBody(Body):
    """A picture over the video."""

    asset_id: Annotated[str, Field(max_length=100, description="The `asset_id` of an uploaded PNG or WebP.")]
    position: Annotated[
        Literal["top_left", "top_right", "bottom_left", "bottom_right", "center"],
        Meanings(
            {
                "top_left": "At the top, left.",
                "top_right": "At the top, right.",
                "bottom_left": "At the bottom, left.",
                "bottom_right": "At the bottom, right.",
                "center": "In the middle.",
            }
        ),
        Field(description="Where the picture stands."),
    ] = "bottom_right"
    width: Annotated[float, Field(gt=0, le=1, description="A share of the video's width.")] = 0.15
    opacity: Annotated[float, Field(ge=0, le=1, description="0: invisible. 1: nothing shows through.")] = 0.8
    margin: Annotated[float, Field(ge=0, le=0.5, description="A share of the video's width.")] = 0.04


class CoverBody(Body):
    """The picture that platforms show before the video plays. A post's metadata can choose another one."""

    at: Annotated[Seconds, Field(description="In seconds of the finished video.")]


class PartBody(Body):
    """Another video before or after this one."""

    video_id: Annotated[
        str, Field(max_length=100, description="The `video_id` of a completed upload.", json_schema_extra=UUID)
    ]


class EditBody(Body):
    """The changes of a video, in this order: trim, speed, shape, captions, watermark, fade, intro and outro."""

    resolution: Annotated[
        Literal["source", "720p", "1080p", "1440p", "2160p"],
        Meanings(
            {
                "source": "As many as the video has.",
                "720p": "720 pixels.",
                "1080p": "1080 pixels.",
                "1440p": "1440 pixels.",
                "2160p": "2160 pixels.",
            }
        ),
        Field(description="The most pixels of the shorter side. Nothing is scaled up."),
    ] = "source"
    trim: Annotated[TrimBody | None, Field(description="The part of the video to keep.")] = None
    aspect_ratio: Annotated[
        str,
        Field(max_length=9, description="`source`, or a ratio such as 9:16, 4:5, 1:1 or 16:9.", examples=["9:16"]),
        AfterValidator(_aspect),
    ] = "source"
    fit: Annotated[
        Literal["pad_blur", "pad", "crop"],
        Meanings(
            {
                "pad_blur": "Blurred edges from the picture itself.",
                "pad": "Edges of one colour.",
                "crop": "The picture fills the shape, and loses its edges.",
            }
        ),
        Field(description="How the picture gets another shape: blurred edges, one colour, or a crop."),
    ] = "pad_blur"
    pad_color: Annotated[Color, Field(description="Of the edges: #RRGGBB.")] = "#000000"
    focus: Annotated[Focuses | None, Field(description="What a crop keeps in view: one point, or several.")] = None
    speed: Annotated[float, Field(ge=0.25, le=4, description="1: as it is. 2: twice as fast.")] = 1.0
    fade: Annotated[FadeBody | None, Field(description="Fading from and to black and silence.")] = None
    audio: Annotated[AudioBody | None, Field(description="Changes of the sound.")] = None
    captions: Annotated[CaptionsBody | None, Field(description="Captions, from an asset or as a text.")] = None
    watermark: Annotated[WatermarkBody | None, Field(description="A picture over the video.")] = None
    cover: Annotated[CoverBody | None, Field(description="The picture that shows before the video plays.")] = None
    intro: Annotated[PartBody | None, Field(description="A video before this one.")] = None
    outro: Annotated[PartBody | None, Field(description="A video after this one.")] = None
    strip_metadata: Annotated[bool, Field(description="Remove tags, such as the place of the recording.")] = False

    def canonical(self) -> dict[str, Any]:
        """Return the stored form: equal edits are equal, and fields with their default are left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


class RenderBody(EditBody):
    """A render of a video, with its changes."""

    video_id: Annotated[
        str, Field(max_length=100, description="The `video_id` of a completed upload.", json_schema_extra=UUID)
    ]
    name: Annotated[
        Annotated[str, name_of_at_most(255)] | None,
        Field(min_length=1, max_length=255, description="Default: the video's title.", examples=["First light"]),
    ] = None
    conform_for: Annotated[
        list[str],
        Field(
            max_length=20,
            description="Platforms that will get the result. Clipcast converts it for them at once, by the rules of "
            "their default kind of post.",
        ),
    ] = []

    def edit(self) -> EditBody:
        """Return the changes without the video, the name and the platforms."""
        return EditBody.model_validate(self.model_dump(by_alias=True, exclude={"video_id", "name", "conform_for"}))
