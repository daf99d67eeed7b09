"""The request bodies and responses of the endpoints for submissions, their clips and templates."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from clipcast.common.names import name_of_at_most
from clipcast.common.pagination import Pagination
from clipcast.common.problems import ProblemDetail
from clipcast.common.schemas import UUID, Body, Id, Meanings, Timestamp
from clipcast.renders.edit_schemas import EditBody, Seconds, language_tag
from clipcast.renders.strategies import LENGTH_MIN, STRATEGIES

Length = Annotated[float, Field(ge=LENGTH_MIN, le=86_400)]
TEMPLATE_MAX = 10_000  # bytes of JSON
EXAMPLE_EDIT = {"aspect_ratio": "9:16", "fit": "crop"}
FILE_URL = "https://clipcast.example/files/eyJmaWxlIjoiMDE5OCJ9"


def _source_language(value: str | None) -> str | None:
    return value if value in (None, "auto") else language_tag(str(value))


class Timeframe(Body):
    """The part of the video to search."""

    start: Annotated[Seconds, Field(description="In seconds.", examples=[0.0])] = 0.0
    end: Annotated[
        Seconds | None, Field(description="In seconds. By default, the end of the video.", examples=[60.0])
    ] = None


class SubmitVideo(Body):
    """A video whose clips are to be found."""

    video_id: Annotated[str, Field(description="The `video_id` of a completed upload.", json_schema_extra=UUID)]
    strategy_id: Annotated[
        str | None,
        Field(
            max_length=100,
            description=f"How to find clips: {', '.join(STRATEGIES)}. Default: whole.",
            examples=["scenes"],
        ),
    ] = None
    template_id: Annotated[
        str | None, Field(max_length=100, description="A template whose changes the clips begin with, or a strategy.")
    ] = None
    source_language: Annotated[
        str | None,
        Field(max_length=35, description="`auto` or a language tag. The built-in strategies need none."),
        AfterValidator(_source_language),
    ] = None
    timeframe: Annotated[Timeframe | None, Field(description="The part of the video to search.")] = None
    min_length: Annotated[Length | None, Field(description="The least seconds of a clip.")] = None
    max_length: Annotated[Length | None, Field(description="The most seconds of a clip.")] = None


class ApplyTemplate(Body):
    """A template for clips of a submission."""

    template_id: Annotated[
        str, Field(max_length=100, description="The `id` of a template or strategy of GET /templates.")
    ]
    clip_ids: Annotated[list[str] | None, Field(max_length=500, description="By default, all clips.")] = None


def fits_a_template(edit: EditBody) -> EditBody:
    """Bound what is stored and shown of each of up to 500 clips."""
    if (size := len(edit.model_dump_json(by_alias=True, exclude_defaults=True).encode())) > TEMPLATE_MAX:
        raise PydanticCustomError(
            "too_large",
            "The template has {actual} bytes, maximum {limit}. Upload captions as an asset, and use its `asset_id`.",
            {"limit": TEMPLATE_MAX, "actual": size},
        )
    return edit


TemplateEdit = Annotated[EditBody, AfterValidator(fits_a_template)]
EDIT_OF_TEMPLATE = Field(
    description=f"A body of POST /renders without `video_id`, `name` and `conform_for`. At most {TEMPLATE_MAX} bytes. "
    "`captions` without `asset_id` and `text` are the look of captions that a person types in the app: clips that get "
    "the template have none.",
    examples=[EXAMPLE_EDIT],
)
TEMPLATE_NAME = Field(min_length=1, max_length=255, description="The template's name.", examples=["Vertical"])


class CreateTemplate(Body):
    """Changes of videos to save."""

    name: Annotated[str, name_of_at_most(255), TEMPLATE_NAME]
    edit: Annotated[TemplateEdit, EDIT_OF_TEMPLATE]


class UpdateTemplate(Body):
    """Changes of a template. A field that is left out stays as it is."""

    name: Annotated[Annotated[str, name_of_at_most(255)] | None, TEMPLATE_NAME] = None
    edit: Annotated[TemplateEdit | None, EDIT_OF_TEMPLATE] = None


SubmissionStatus = Annotated[
    Literal["queued", "analyzing", "completed", "failed"],
    Meanings(
        {
            "queued": "It waits for a renderer.",
            "analyzing": "A renderer reads the video.",
            "completed": "Its clips are found.",
            "failed": "The video could not be analyzed. `error_code` names the reason.",
        }
    ),
]
SUBMISSION_ID = Field(description="The submission's id.")
STATUS = Field(description="The state of the submission.", examples=["completed"])


class Submitted(BaseModel):
    """A new submission."""

    submission_id: Annotated[Id, SUBMISSION_ID]
    video_id: Annotated[Id, Field(description="The video.")]
    status: Annotated[SubmissionStatus, STATUS]
    credits_charged: Annotated[
        int, Field(description="Always 0: a self-hosted installation has no credits.", examples=[0])
    ] = 0
    warnings: Annotated[
        list[ProblemDetail], Field(description="Fields of the request that have no effect, or less.", examples=[[]])
    ] = []


class SubmissionOut(BaseModel):
    """A submission: a video whose clips are found by a strategy."""

    submission_id: Annotated[Id, SUBMISSION_ID]
    video_id: Annotated[Id, Field(description="The video.")]
    strategy_id: Annotated[str, Field(description="The strategy.", examples=["scenes"])]
    status: Annotated[SubmissionStatus, STATUS]
    clips_count: Annotated[int, Field(description="The number of its clips.", examples=[7])]
    queue_position: Annotated[
        int | None, Field(description="Its place among the workspace's waiting submissions, from 1.", examples=[None])
    ]
    estimated_time: Annotated[
        int | None, Field(description="Seconds until it is completed, if known.", examples=[None])
    ]
    error_code: Annotated[
        str | None, Field(description="The code of why it failed, or of what it waits for.", examples=[None])
    ]
    error_message: Annotated[
        str | None, Field(description="Why it failed, or what it waits for, in a sentence.", examples=[None])
    ]
    created_at: Annotated[Timestamp, Field(description="When it was created.")]
    completed_at: Annotated[Timestamp | None, Field(description="When it ended.")]
    warnings: Annotated[
        list[ProblemDetail], Field(description="What its clips leave out of the video.", examples=[[]])
    ] = []


class SubmissionList(BaseModel):
    """A page of submissions."""

    submissions: Annotated[list[SubmissionOut], Field(description="The submissions, newest first.")]
    pagination: Annotated[Pagination, Field(description="The position of the page.")]


class FoundClipOut(BaseModel):
    """A clip that a submission found."""

    id: Annotated[Id, Field(description="The clip's id.")]
    title: Annotated[str, Field(description="The video's title, numbered.", examples=["Harbour (1)"])]
    rating: Annotated[
        float | None, Field(description="From 0 to 100. null: the built-in strategies do not rate.", examples=[None])
    ]
    start_time: Annotated[float, Field(description="In seconds of the video.", examples=[12.4])]
    end_time: Annotated[float, Field(description="In seconds of the video.", examples=[38.0])]
    play_url: Annotated[
        str,
        Field(
            description="A signed address of the video. Players start it at the clip.",
            examples=[f"{FILE_URL}#t=12.4,38"],
        ),
    ]
    download_url: Annotated[
        str | None, Field(description="The rendered clip. Null until it is rendered.", examples=[FILE_URL])
    ]
    render_id: Annotated[str | None, Field(description="Its latest render.", examples=[None])]
    edit: Annotated[
        dict[str, Any], Field(description="The changes that a render makes, beside the cut.", examples=[EXAMPLE_EDIT])
    ]


class FoundClipList(BaseModel):
    """Clips of a submission."""

    clips: Annotated[list[FoundClipOut], Field(description="The clips.")]


class TemplateOut(BaseModel):
    """A template, or a built-in strategy."""

    id: Annotated[str, Field(description="For `template_id`, or a strategy's `strategy_id`.", examples=["scenes"])]
    name: Annotated[str, Field(description="Its name.", examples=["Scenes"])]
    kind: Annotated[
        Literal["template", "strategy"],
        Meanings({"template": "Saved changes of videos.", "strategy": "A built-in way to find clips."}),
        Field(description="What it is."),
    ]
    description: Annotated[str, Field(description="What it does, in a sentence.")]
    edit: Annotated[
        dict[str, Any] | None, Field(description="The saved changes. null: a strategy.", examples=[EXAMPLE_EDIT])
    ]
    created_at: Annotated[Timestamp | None, Field(description="When it was saved. null: a strategy.")]
    updated_at: Annotated[Timestamp | None, Field(description="When it was last changed. null: a strategy.")]


class TemplateList(BaseModel):
    """A page of strategies and templates."""

    templates: Annotated[list[TemplateOut], Field(description="The strategies, then the templates.")]
    pagination: Annotated[Pagination, Field(description="The position of the page.")]
