"""The request bodies and responses of the endpoints for clips."""

import unicodedata
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from clipcast.clips.facts import facts_of
from clipcast.common.containers import CONTENT_TYPE_OF_SUFFIX, CONTENT_TYPES
from clipcast.common.pagination import Pagination
from clipcast.common.schemas import UUID, Body, Id, Meanings, ResponseModel, Timestamp
from clipcast.database.models.clips import Clip

URL_MAX = 4000
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
    """A file that will be uploaded."""

    file_name: FileName
    file_size: Annotated[
        int | None,
        Field(
            gt=0,
            le=2**53,
            description="In bytes. If given, the upload must have exactly this size.",
            examples=[24_000_000],
        ),
    ] = None
    content_type: Annotated[
        Annotated[
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
            ],
            Meanings(
                {
                    "video/mp4": "MP4.",
                    "video/x-m4v": "MP4, as Apple names it.",
                    "video/quicktime": "QuickTime (.mov).",
                    "video/webm": "WebM.",
                    "video/x-matroska": "Matroska (.mkv).",
                    "video/x-msvideo": "AVI.",
                    "video/avi": "AVI, by another name.",
                    "video/mp2t": "MPEG transport stream (.ts).",
                    "video/mpeg": "MPEG program stream (.mpg).",
                    "video/3gpp": "3GP, from phones.",
                    "video/x-ms-wmv": "Windows Media (.wmv).",
                    "video/x-flv": "Flash Video (.flv).",
                    "application/octet-stream": "Not known. Clipcast reads the type from the file.",
                }
            ),
        ]
        | None,
        Field(description="By default, derived from the file name."),
    ] = None


class CompleteUpload(Body):
    """An upload whose bytes have arrived."""

    video_id: Annotated[str, Field(description="From POST /videos/upload.", json_schema_extra=UUID)]
    file_name: Annotated[FileName | None, Field(description="By default, the name of POST /videos/upload.")] = None
    duration: Annotated[float | None, Field(ge=0, description="Ignored: Clipcast reads it from the file.")] = None
    width: Annotated[int | None, Field(ge=0, le=2**31, description="Ignored: Clipcast reads it from the file.")] = None
    height: Annotated[int | None, Field(ge=0, le=2**31, description="Ignored: Clipcast reads it from the file.")] = None


class ImportVideo(Body):
    """A media file to import."""

    url: Annotated[
        str,
        Field(
            min_length=1,
            max_length=URL_MAX,
            description="The http or https address of a media file.",
            examples=["https://media.example.org/harbour.mp4"],
        ),
    ]
    file_name: Annotated[FileName | None, Field(description="By default, the last part of the address.")] = None


class UploadStarted(BaseModel):
    """A video that waits for its bytes."""

    video_id: Annotated[Id, Field(description="The video's id, for POST /videos/upload/complete.")]
    upload_url: Annotated[
        str,
        Field(
            description="The URL for the file's bytes: PUT them without an API key.",
            examples=["https://clipcast.example/uploads/eyJwdXQiOiIwMTk4In0"],
        ),
    ]
    expires_in: Annotated[int, Field(description="In seconds.", examples=[7200])]


# Clipcast has no credits. Callers that check their balance before an action always find enough.
CREDITS = {
    "credits_cost": 0,
    "credits_original": 0,
    "discount_percent": 0,
    "current_balance": 1_000_000,
    "force_watermark": False,
}


class Video(ResponseModel):
    """An uploaded video with the properties of its file."""

    video_id: Annotated[Id, Field(validation_alias="id", description="The video's id, for POST /renders.")]
    title: Annotated[str, Field(description="The file's name without its ending.", examples=["clip"])]
    description: Annotated[str, Field(description="Empty: uploads have none.", examples=[""])]
    author: Annotated[str, Field(description="Empty: uploads have none.", examples=[""])]
    platform: Annotated[Literal["upload"], Field(description="The source of the video: always `upload`.")]
    credits_cost: Annotated[
        int, Field(description="Always 0: a self-hosted installation has no credits.", examples=[0])
    ]
    credits_original: Annotated[int, Field(description="Always 0.", examples=[0])]
    discount_percent: Annotated[int, Field(description="Always 0.", examples=[0])]
    current_balance: Annotated[
        int,
        Field(description="Always the same number: Clipcast has no credits.", examples=[CREDITS["current_balance"]]),
    ]
    force_watermark: Annotated[Literal[False], Field(description="Always false: Clipcast adds no watermark.")]
    duration: Annotated[float, Field(description="In seconds.", examples=[42.5])]
    width: Annotated[int, Field(description="In displayed pixels.", examples=[1080])]
    height: Annotated[int, Field(description="In displayed pixels.", examples=[1920])]
    size: Annotated[int, Field(description="In bytes.", examples=[24_000_000])]
    thumbnail_url: Annotated[
        str | None,
        Field(
            description="A signed URL of a picture of the video. null: the file has none.",
            examples=["https://clipcast.example/files/eyJmaWxlIjoiMDE5OCJ9/thumbnail.jpg"],
        ),
    ]
    file_name: Annotated[str, Field(description="The file's name.", examples=["clip.mp4"])]
    content_type: Annotated[str, Field(description="The type of the file, read from it.", examples=["video/mp4"])]
    container: Annotated[str, Field(description=f"One of: {', '.join(CONTENT_TYPES)}.", examples=["mp4"])]
    frame_rate: Annotated[float, Field(description="Frames per second.", examples=[30.0])]
    video_codec: Annotated[str, Field(description="The codec of the picture.", examples=["h264"])]
    audio_codec: Annotated[str | None, Field(description="The codec of the sound. null: silent.", examples=["aac"])]
    sha256: Annotated[
        str,
        Field(
            description="The SHA-256 of the file, hexadecimal.",
            examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
        ),
    ]
    created_at: Annotated[Timestamp, Field(description="When the upload began.")]

    @classmethod
    def of(cls, clip: Clip, thumbnail_url: str | None) -> "Video":
        """Return the response for a probed clip. Raises ValidationFailed if its stored properties cannot be read."""
        return cls.model_validate(_fields_of(clip, thumbnail_url))


class VideoCompleted(Video):
    """An uploaded video that can be posted as it is."""

    edit_setting_id: Annotated[
        Id,
        Field(description="The video as it is: pass it as `editId` to POST /posts. POST /renders changes it."),
    ]

    @classmethod
    def completed(cls, clip: Clip, thumbnail_url: str | None, edit_setting_id: object) -> "VideoCompleted":
        """Return the response for a probed clip whose render as it is has this `edit_setting_id`."""
        return cls.model_validate(_fields_of(clip, thumbnail_url) | {"edit_setting_id": edit_setting_id})


def _fields_of(clip: Clip, thumbnail_url: str | None) -> dict[str, Any]:
    constant = CREDITS | {"description": "", "author": "", "platform": "upload"}
    return vars(clip) | vars(facts_of(clip)) | constant | {"thumbnail_url": thumbnail_url}


class VideoList(BaseModel):
    """A page of the workspace's videos."""

    clips: Annotated[list[Video], Field(description="The videos whose upload is complete.")]
    pagination: Annotated[Pagination, Field(description="The position of this page.")]
