"""The response bodies of conversions."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

MadeBy = Annotated[
    Literal["remux", "audio", "video"],
    Field(
        description="remux: written anew as MP4, with the same picture and sound. audio: the sound is encoded. video: "
        "the picture is encoded, and the sound unless it fits."
    ),
]
Reasons = Annotated[
    list[str], Field(description="The codes of the platform's rules that the clip breaks and the file keeps.")
]


class MediaFacts(BaseModel):
    """The properties of a converted file."""

    container: str
    duration: Annotated[float, Field(description="Seconds.")]
    width: int
    height: int
    resolution: Annotated[str, Field(description="The length of the short edge.", examples=["1080p"])]
    frame_rate: float
    video_codec: str
    audio_codec: str | None


class ConversionOut(BaseModel):
    """What will be done to a clip before one account gets it."""

    path: Annotated[str, Field(description="The target: a JSON pointer into the request's body.")]
    platform: str
    action: MadeBy
    reasons: Reasons
    output: Annotated[MediaFacts, Field(description="As predicted.")]
    estimate_seconds: Annotated[int, Field(ge=0, description="About how long it takes, without waiting.")]
    shared_with: Annotated[list[str], Field(description="The paths of the targets that get the same file.")]


class RenditionOut(BaseModel):
    """The file that was made of the clip for this item."""

    action: MadeBy
    reasons: Reasons
    status: Literal["queued", "active", "completed", "failed", "cancelled", "expired"]
    progress: Annotated[int, Field(ge=0, le=100)]
    media: Annotated[MediaFacts | None, Field(description="As predicted until it is completed.")]
    size: Annotated[int | None, Field(description="Bytes. null until it is completed.")]
