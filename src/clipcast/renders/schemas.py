"""The responses of the endpoints for renders."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from clipcast.clock import clock
from clipcast.common.pagination import Pagination
from clipcast.common.problems import ProblemDetail
from clipcast.common.schemas import Id, ResponseModel, Timestamp
from clipcast.database.models.clips import Render
from clipcast.renders.service import output_of

Status = Literal["queued", "active", "completed", "failed", "cancelled", "expired"]


class RenderCreated(BaseModel):
    render_id: Id
    edit_setting_id: Annotated[Id, Field(description="Pass it as `editId` to POST /posts.")]
    status: Status
    output_resolution: Annotated[str | None, Field(description="The shorter side, such as 1080p.")]
    has_watermark: Annotated[Literal[False], Field(description="Clipcast adds no watermark of its own.")] = False
    from_cache: Annotated[bool, Field(description="Whether the same render exists already, or is being made.")]
    download_url: Annotated[str | None, Field(description="Null until the render is completed.")] = None
    warnings: Annotated[list[ProblemDetail], Field(description="What the render leaves out, by field.")] = []


class RenderOut(ResponseModel):
    render_id: Annotated[Id, Field(validation_alias="id")]
    edit_setting_id: Id
    video_id: Annotated[Id, Field(validation_alias="clip_id")]
    name: str
    status: Annotated[Status, Field(validation_alias="current_status")]
    progress: Annotated[int, Field(ge=0, le=100)]
    output_resolution: str | None
    created_at: Timestamp
    started_at: Timestamp | None
    completed_at: Timestamp | None

    @classmethod
    def of(cls, render: Render) -> "RenderOut":
        """Return the response for a render."""
        return cls.model_validate(_times(render))


class RenderOutput(BaseModel):
    width: Annotated[int, Field(description="In pixels.")]
    height: int
    duration: Annotated[float, Field(description="In seconds.")]
    size: Annotated[int, Field(description="In bytes.")]
    frame_rate: float
    video_codec: str
    audio_codec: str | None
    is_final: Annotated[bool, Field(description="False while these are predictions.")]


class RenderError(BaseModel):
    code: str
    message: str
    fix: str | None = None


class RenderDetail(RenderOut):
    error: Annotated[RenderError | None, Field(description="Why the render failed, or what it waits for.")]
    eta_seconds: Annotated[int | None, Field(description="Until it is completed, if known. Null when it has ended.")]
    position: Annotated[int | None, Field(description="Its place among the workspace's waiting renders, from 1.")]
    output: Annotated[RenderOutput | None, Field(description="The file.")]
    edit: Annotated[dict[str, Any], Field(description="The body of POST /renders, without defaults.")]

    @classmethod
    def detailed(cls, render: Render, position: int | None) -> "RenderDetail":
        """Return the response for a render, with its `position` in the queue."""
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
        }
        return cls.model_validate(shown | more)


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


def _eta(render: Render) -> int | None:
    """Return the seconds until a render under way is completed, by its progress."""
    made = render.rendition
    if made is None or made.status != "active" or made.started_at is None or not made.progress:
        return None
    elapsed = (clock.now() - made.started_at).total_seconds()
    return max(1, round(elapsed * (100 - made.progress) / made.progress))


class RenderList(BaseModel):
    renders: list[RenderOut]
    pagination: Pagination


class Download(BaseModel):
    url: str
    filename: str


class RenderUsage(BaseModel):
    active_count: int
    queued_count: int
    total_pending: int
    max_concurrent: int


class RenderPlan(BaseModel):
    video_quality: str
    watermark: bool
    priority_processing: bool
    max_concurrent_renders: int
    render_expiry_hours: Annotated[int, Field(description="0: renders are kept until they are deleted.")]


class RenderLimits(BaseModel):
    usage: RenderUsage
    plan: RenderPlan
