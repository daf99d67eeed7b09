"""The responses of the endpoints for renders."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from clipcast.clock import clock
from clipcast.common.pagination import Pagination
from clipcast.common.problems import Problem, ProblemDetail
from clipcast.common.schemas import Id, Meanings, ResponseModel, Timestamp
from clipcast.database.models.clips import Render
from clipcast.database.models.renditions import RenditionAhead
from clipcast.renders.service import output_of
from clipcast.renders.watching import state_tag

Status = Annotated[
    Literal["queued", "active", "completed", "failed", "cancelled", "expired"],
    Meanings(
        {
            "queued": "It waits for a renderer.",
            "active": "A renderer makes it.",
            "completed": "Its file exists.",
            "failed": "It could not be made. `error` names the reason.",
            "cancelled": "It was cancelled before it was made.",
            "expired": "Its file was deleted.",
        }
    ),
]
StatusFilter = Annotated[
    Literal["queued", "active", "processing", "completed", "failed", "cancelled", "expired"],
    Meanings(
        {
            "queued": "Renders that wait for a renderer.",
            "active": "Renders that a renderer makes.",
            "processing": "Both.",
            "completed": "Renders whose file exists.",
            "failed": "Renders that could not be made.",
            "cancelled": "Renders that were cancelled before they were made.",
            "expired": "Renders whose file was deleted.",
        }
    ),
]
MadeBy = Annotated[
    Literal["remux", "audio", "video"],
    Meanings(
        {
            "remux": "Written anew as MP4, with the same picture and sound.",
            "audio": "The sound is encoded.",
            "video": "The picture is encoded, and the sound unless it fits.",
        }
    ),
    Field(description="What is done to the clip.", examples=["video"]),
]
STATUS = Field(description="The state of the render.", examples=["completed"])
WARNINGS = Field(
    description="What the render leaves out, by field. What was found when its file was made, such as a missing font, "
    "has an empty `path` and the code `made_differently`.",
    examples=[[]],
)
RENDER_ID = Field(description="The render's id, for GET /renders/{render_id}.")
EDIT = Field(description="Pass it as `editId` to POST /posts.")
RESOLUTION = Field(description="The shorter side, such as 1080p.", examples=["1080p"])
DOWNLOAD_URL = "https://clipcast.example/files/eyJmaWxlIjoiMDE5OCJ9/clip.mp4"


class RenderCreated(BaseModel):
    """A render, new or existing."""

    render_id: Annotated[Id, RENDER_ID]
    edit_setting_id: Annotated[Id, EDIT]
    status: Annotated[Status, STATUS]
    output_resolution: Annotated[str | None, RESOLUTION]
    has_watermark: Annotated[
        Literal[False], Field(description="Always false: Clipcast adds no watermark of its own.")
    ] = False
    from_cache: Annotated[bool, Field(description="Whether the same render exists already, or is being made.")]
    download_url: Annotated[
        str | None, Field(description="Null until the render is completed.", examples=[DOWNLOAD_URL])
    ] = None
    warnings: Annotated[list[ProblemDetail], WARNINGS] = []


class RenderOut(ResponseModel):
    """A render: the postable form of a video."""

    render_id: Annotated[Id, RENDER_ID, Field(validation_alias="id")]
    edit_setting_id: Annotated[Id, EDIT]
    video_id: Annotated[Id, Field(validation_alias="clip_id", description="The video.")]
    name: Annotated[str, Field(description="The render's name.", examples=["First light"])]
    status: Annotated[Status, STATUS, Field(validation_alias="current_status")]
    progress: Annotated[
        int, Field(ge=0, le=100, description="The share of the work that is done, in %.", examples=[100])
    ]
    output_resolution: Annotated[str | None, RESOLUTION]
    created_at: Annotated[Timestamp, Field(description="When it was created.")]
    started_at: Annotated[Timestamp | None, Field(description="When a renderer began it.")]
    completed_at: Annotated[Timestamp | None, Field(description="When its file was complete.")]

    @classmethod
    def of(cls, render: Render) -> "RenderOut":
        """Return the response for a render."""
        return cls.model_validate(_times(render))


class RenderOutput(BaseModel):
    """The properties of a render's file."""

    width: Annotated[int, Field(description="In pixels.", examples=[1080])]
    height: Annotated[int, Field(description="In pixels.", examples=[1920])]
    duration: Annotated[float, Field(description="In seconds.", examples=[42.5])]
    size: Annotated[int, Field(description="In bytes.", examples=[24_000_000])]
    frame_rate: Annotated[float, Field(description="Frames per second.", examples=[30.0])]
    video_codec: Annotated[str, Field(description="The codec of the picture.", examples=["h264"])]
    audio_codec: Annotated[str | None, Field(description="The codec of the sound. null: silent.", examples=["aac"])]
    is_final: Annotated[bool, Field(description="False while these are predictions.", examples=[True])]


class RenderError(BaseModel):
    """Why a render failed, or what it waits for."""

    code: Annotated[str, Field(description="The stable code of the error.", examples=["conversion_failed"])]
    message: Annotated[str, Field(description="What happened, in a sentence.")]
    fix: Annotated[str | None, Field(description="What to do.")] = None


class RenderConversion(BaseModel):
    """What a platform gets of a render, made before a post needs it."""

    platform: Annotated[str, Field(description="The platform.", examples=["linkedin"])]
    action: MadeBy
    status: Annotated[Status, Field(description="The state of the file.")]
    progress: Annotated[int, Field(ge=0, le=100, description="The share of the work that is done, in %.")]
    size: Annotated[int | None, Field(description="Bytes. null until it is completed.")]


class RenderDetail(RenderOut):
    """A render with its error, its place in the queue, its file and its changes."""

    error: Annotated[
        RenderError | None, Field(description="Why the render failed, or what it waits for.", examples=[None])
    ]
    eta_seconds: Annotated[
        int | None, Field(description="Until it is completed, if known. Null when it has ended.", examples=[None])
    ]
    position: Annotated[
        int | None,
        Field(description="Its place among the workspace's conversions that wait, from 1.", examples=[None]),
    ]
    output: Annotated[RenderOutput | None, Field(description="The file.")]
    edit: Annotated[
        dict[str, Any],
        Field(description="The body of POST /renders, without defaults.", examples=[{"aspect_ratio": "9:16"}]),
    ]
    warnings: Annotated[list[ProblemDetail], WARNINGS]
    state_tag: Annotated[
        str,
        Field(
            description="Differs after each change of the status or error. Send it as `seen` to wait for the next one.",
            examples=["completed"],
        ),
    ]
    conversions: Annotated[
        list[RenderConversion],
        Field(description="What `conform_for` ordered. A platform that takes the file as it is needs none."),
    ]

    @classmethod
    def detailed(cls, render: Render, position: int | None, ahead: Sequence[RenditionAhead]) -> "RenderDetail":
        """Return the response for a render, with its `position` in the queue and what was ordered with it."""
        shown = _times(render)
        error = render.rendition.error if render.rendition else render.error
        output = None
        if media := output_of(render):
            final = render.rendition is None or render.rendition.media is not None
            output = RenderOutput(**{name: getattr(media, name) for name in _OUTPUT}, is_final=final)
        more = {
            "error": RenderError.model_validate(error) if error else None,
            "eta_seconds": _eta(render),
            "position": position,
            "output": output,
            "edit": render.edit,
            "warnings": warnings_of(render),
            "state_tag": state_tag(render),
            "conversions": [_conversion(one) for one in ahead],
        }
        return cls.model_validate(shown | more)


def warnings_of(render: Render) -> list[ProblemDetail]:
    """Return all warnings of a render: those of its order, and what was found when its file was made."""
    made = render.rendition.warnings if render.rendition else []
    found = [Problem("", "made_differently", message).as_dict() for message in made]
    return [ProblemDetail(**one) for one in [*render.warnings, *found]]


_OUTPUT = ("width", "height", "duration", "size", "frame_rate", "video_codec", "audio_codec")


def _times(render: Render) -> dict[str, Any]:
    """Return the fields of a render. Its times are the rendition's if it has one."""
    made = render.rendition or render
    return vars(render) | {
        "current_status": render.current_status,
        "progress": render.progress,
        "output_resolution": render.output_resolution,
        "started_at": made.started_at,
        "completed_at": made.completed_at,
    }


def _conversion(ahead: RenditionAhead) -> RenderConversion:
    made = ahead.rendition
    return RenderConversion(
        platform=ahead.platform, action=made.action, status=made.status, progress=made.progress, size=made.size
    )


def _eta(render: Render) -> int | None:
    """Return the seconds until a render under way is completed, by its progress."""
    made = render.rendition
    if made is None or made.status != "active" or made.started_at is None or not made.progress:
        return None
    elapsed = (clock.now() - made.started_at).total_seconds()
    return max(1, round(elapsed * (100 - made.progress) / made.progress))


class RenderList(BaseModel):
    """A page of the workspace's renders."""

    renders: Annotated[list[RenderOut], Field(description="Newest first.")]
    pagination: Annotated[Pagination, Field(description="The position of this page.")]


class Download(BaseModel):
    """The address of a render's file."""

    url: Annotated[str, Field(description="A signed URL of the file.", examples=[DOWNLOAD_URL])]
    filename: Annotated[str, Field(description="The name to save it by.", examples=["clip.mp4"])]


class RenderUsage(BaseModel):
    """The renders of the workspace that are not complete."""

    active_count: Annotated[int, Field(ge=0, description="Renderers make so many now.")]
    queued_count: Annotated[int, Field(ge=0, description="So many wait.")]
    total_pending: Annotated[int, Field(ge=0, description="The sum of both.", examples=[2])]
    max_concurrent: Annotated[int, Field(ge=0, description="The most that renderers make at once.", examples=[2])]


class RenderPlan(BaseModel):
    """The limits of this installation, which has no plan."""

    video_quality: Annotated[str, Field(description="`original`: the file's own.", examples=["original"])]
    watermark: Annotated[bool, Field(description="Always false: Clipcast adds no watermark of its own.")]
    priority_processing: Annotated[bool, Field(description="Always true: no render waits for a plan.", examples=[True])]
    max_concurrent_renders: Annotated[int, Field(ge=0, description="As `max_concurrent`.", examples=[2])]
    render_expiry_hours: Annotated[int, Field(description="0: renders are kept until they are deleted.", examples=[0])]


class RenderLimits(BaseModel):
    """The renders under way, and the limits."""

    usage: Annotated[RenderUsage, Field(description="The renders under way.")]
    plan: Annotated[RenderPlan, Field(description="The limits.")]
