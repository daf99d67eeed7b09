"""The request and response bodies of plans."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from clipcast.common.problems import ProblemDetail
from clipcast.common.schemas import Id, Timestamp
from clipcast.posts.schemas import PLATFORM, SCHEDULED, PostCreated

EXAMPLE = (
    "edit_id,to,text,at,timezone,youtube.privacyStatus\r\n"
    "0198c7a4-6a0e-7cc1-9c5e-1f2d3c4b5a69,youtube:@harbour.films;bluesky:@harbour.films,First light,"
    "2026-12-24 18:00,America/Sao_Paulo,unlisted\r\n"
)
LINE = Field(description="The first line of the row. The columns' names are line 1.", examples=[2])


class Plan(RootModel[str]):
    """A CSV file in UTF-8, with one post per row. `,`, `;` or tab separates the columns."""

    model_config = ConfigDict(json_schema_extra={"format": "binary", "example": EXAMPLE})


class PlannedItem(BaseModel):
    """An item of a row, as it would be created."""

    clip: Annotated[
        str,
        Field(description="The clip as the row names it.", examples=["0198c7a4-6a0e-7cc1-9c5e-1f2d3c4b5a69"]),
    ]
    connection_id: Annotated[Id, Field(description="The account's connection.")]
    platform: Annotated[str, Field(description=PLATFORM, examples=["youtube"])]
    metadata: Annotated[
        dict[str, Any],
        Field(
            description="The metadata under the platform's name, with the shared texts in the platform's fields.",
            examples=[{"youtube": {"title": "First light in the harbour"}}],
        ),
    ]


class PlannedRow(BaseModel):
    """A row, as it would be posted."""

    line: Annotated[int, LINE]
    scheduled_at: Annotated[Timestamp | None, SCHEDULED]
    items: Annotated[
        list[PlannedItem],
        Field(description="One for each clip on each account. Targets with an unknown account are left out."),
    ]


class PlanChecked(BaseModel):
    """The result of a dry run. Nothing was created."""

    valid: Annotated[bool, Field(description="Whether the plan has no error, so that it can be created.")]
    rows: Annotated[list[PlannedRow], Field(description="The rows in order.")]
    errors: Annotated[list[ProblemDetail], Field(description="What prevents the plan, by line and column.")]
    warnings: Annotated[list[ProblemDetail], Field(description="What prevents nothing, by line and column.")]
    more_errors: Annotated[int, Field(ge=0, description="The number of errors that are not listed.", examples=[0])]
    more_warnings: Annotated[int, Field(ge=0, description="The number of warnings that are not listed.", examples=[0])]


class RowPost(PostCreated):
    """The post of a row."""

    line: Annotated[int, LINE]


class PlanCreated(BaseModel):
    """The created posts of a plan."""

    post_count: Annotated[int, Field(description="The number of posts: one for each row.", examples=[1])]
    item_count: Annotated[int, Field(description="The number of items of all posts.", examples=[2])]
    posts: Annotated[list[RowPost], Field(description="The posts, in the order of the rows.")]
    status: Annotated[Literal["created"], Field(description="Always the same: all posts were created together.")] = (
        "created"
    )
