"""The response bodies of conversions."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from clipcast.common.schemas import Meanings
from clipcast.renders.schemas import MadeBy

Reasons = Annotated[
    list[str],
    Field(
        description="The codes of the platform's rules that the clip breaks and the file keeps.",
        examples=[["video_codec_not_supported"]],
    ),
]


class MediaFacts(BaseModel):
    """The properties of a converted file."""

    container: Annotated[str, Field(description="The format of the file.", examples=["mp4"])]
    duration: Annotated[float, Field(description="Seconds.", examples=[42.5])]
    width: Annotated[int, Field(description="In displayed pixels.", examples=[1080])]
    height: Annotated[int, Field(description="In displayed pixels.", examples=[1920])]
    resolution: Annotated[str, Field(description="The length of the short edge.", examples=["1080p"])]
    frame_rate: Annotated[float, Field(description="Frames per second.", examples=[30.0])]
    video_codec: Annotated[str, Field(description="The codec of the picture.", examples=["h264"])]
    audio_codec: Annotated[str | None, Field(description="The codec of the sound. null: silent.", examples=["aac"])]


class ConversionOut(BaseModel):
    """What will be done to a clip before one account gets it."""

    path: Annotated[
        str,
        Field(description="The target: a JSON pointer into the request's body.", examples=["/videos/0/targets/0"]),
    ]
    platform: Annotated[str, Field(description="The target's platform.", examples=["instagram"])]
    action: MadeBy
    reasons: Reasons
    output: Annotated[MediaFacts, Field(description="As predicted.")]
    estimate_seconds: Annotated[int, Field(ge=0, description="About how long it takes, without waiting.")]
    shared_with: Annotated[
        list[str], Field(description="The paths of the targets that get the same file.", examples=[[]])
    ]


class RenditionOut(BaseModel):
    """The file that was made of the clip for this item."""

    action: MadeBy
    reasons: Reasons
    status: Annotated[
        Literal["queued", "active", "completed", "failed", "cancelled", "expired"],
        Meanings(
            {
                "queued": "It waits for a renderer.",
                "active": "A renderer makes it.",
                "completed": "It exists.",
                "failed": "It could not be made.",
                "cancelled": "It was cancelled before it was made.",
                "expired": "It was deleted.",
            }
        ),
        Field(description="The state of the file."),
    ]
    progress: Annotated[int, Field(ge=0, le=100, description="The share of the work that is done, in %.")]
    media: Annotated[MediaFacts | None, Field(description="As predicted until it is completed.")]
    size: Annotated[int | None, Field(description="Bytes. null until it is completed.")]
    url: Annotated[
        str | None,
        Field(
            description="A signed address of the file. It needs no API key, supports `Range` and works for 6 hours. "
            "null until it is completed.",
            examples=[None],
        ),
    ]
