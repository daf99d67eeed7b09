"""The request bodies and responses of the endpoints for clips."""

import unicodedata
from pathlib import PurePath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from clipcast.common.containers import CONTENT_TYPE_OF_SUFFIX, CONTENT_TYPES
from clipcast.common.media import stored_media
from clipcast.common.pagination import Pagination
from clipcast.common.schemas import Body, Id, ResponseModel, Timestamp
from clipcast.database.models.clips import Clip

SUFFIXES = ", ".join(CONTENT_TYPE_OF_SUFFIX)

# Characters that change the writing direction, so that a name can look like another one.
DIRECTIONS = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean_file_name(name: str) -> str:
    """Return a file's name without folders, control characters and changes of the writing direction."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = (c for c in last if unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") and c not in DIRECTIONS)
    return "".join(kept).strip()


def _is_video_name(name: str) -> str:
    if PurePath(name).suffix.lower() not in CONTENT_TYPE_OF_SUFFIX:
        raise PydanticCustomError(
            "unsupported_file_type", "Use a file name that ends in {extensions}.", {"extensions": SUFFIXES}
        )
    return name


FileName = Annotated[
    str,
    Field(min_length=1, max_length=255, description=f"Ends in one of: {SUFFIXES}.", examples=["clip.mp4"]),
    AfterValidator(clean_file_name),
    AfterValidator(_is_video_name),
]


class StartUpload(Body):
    file_name: FileName
    file_size: Annotated[
        int | None,
        Field(gt=0, le=2**53, description="In bytes. If given, the upload must have exactly this size."),
    ] = None
    content_type: Annotated[
        Literal[
            "video/mp4",
            "video/x-m4v",
            "video/quicktime",
            "video/webm",
            "video/x-matroska",
            "video/x-msvideo",
            "video/avi",
            "video/mp2t",
            "video/mpeg",
            "video/3gpp",
            "video/x-ms-wmv",
            "video/x-flv",
            "application/octet-stream",
        ]
        | None,
        Field(description="By default, derived from the file name."),
    ] = None


class CompleteUpload(Body):
    video_id: str
    file_name: FileName
    duration: Annotated[float | None, Field(ge=0, description="Ignored: Clipcast reads it from the file.")] = None
    width: Annotated[int | None, Field(ge=0, le=2**31, description="Ignored: Clipcast reads it from the file.")] = None
    height: Annotated[int | None, Field(ge=0, le=2**31, description="Ignored: Clipcast reads it from the file.")] = None


class UploadStarted(BaseModel):
    video_id: Id
    upload_url: Annotated[str, Field(description="The URL for the file's bytes: PUT them without an API key.")]
    expires_in: Annotated[int, Field(description="In seconds.")]


# Clipcast has no credits. Callers that check their balance before an action always find enough.
CREDITS = {
    "credits_cost": 0,
    "credits_original": 0,
    "discount_percent": 0,
    "current_balance": 1_000_000,
    "force_watermark": False,
}


class Video(ResponseModel):
    video_id: Annotated[Id, Field(validation_alias="id")]
    title: str
    description: Annotated[str, Field(description="Empty: uploads have none.")]
    author: Annotated[str, Field(description="Empty: uploads have none.")]
    platform: Annotated[Literal["upload"], Field(description="The source of the video.")]
    credits_cost: Annotated[int, Field(description="Always 0: a self-hosted installation has no credits.")]
    credits_original: Annotated[int, Field(description="Always 0.")]
    discount_percent: Annotated[int, Field(description="Always 0.")]
    current_balance: Annotated[int, Field(description="Always the same number: Clipcast has no credits.")]
    force_watermark: Annotated[Literal[False], Field(description="Clipcast adds no watermark.")]
    duration: float
    width: int
    height: int
    size: int
    thumbnail_url: str | None
    file_name: str
    content_type: str
    container: Annotated[str, Field(description=f"One of: {', '.join(CONTENT_TYPES)}.")]
    frame_rate: float
    video_codec: str
    audio_codec: str | None
    sha256: str
    created_at: Timestamp

    @classmethod
    def of(cls, clip: Clip, thumbnail_url: str | None) -> "Video":
        """Return the response for a probed clip. Raises FactsUnreadable."""
        constant = CREDITS | {"description": "", "author": "", "platform": "upload"}
        return cls.model_validate(
            vars(clip) | vars(stored_media(clip.media)) | constant | {"thumbnail_url": thumbnail_url}
        )


class VideoList(BaseModel):
    clips: list[Video]
    pagination: Pagination
