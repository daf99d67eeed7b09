"""The request and response bodies of the labels of posts."""

from typing import Annotated

from pydantic import BaseModel, Field

from clipcast.common.labels import LABEL_MAX
from clipcast.common.schemas import Body, Id, ResponseModel, Timestamp
from clipcast.posts.labels import LABELS_MAX, OF_POST_MAX

NAME = Field(
    description=f"The label's name: at most {LABEL_MAX} characters, and no other label's name. Upper and lower case "
    "count as equal.",
    examples=["Winter campaign"],
)


class CreateLabel(Body):
    """A new label."""

    name: Annotated[str, NAME]


class UpdateLabel(Body):
    """Another name of a label."""

    name: Annotated[str, NAME]


class LabelDetail(ResponseModel):
    """A word that people put on posts of the workspace."""

    id: Annotated[Id, Field(description="The label's id.")]
    name: Annotated[str, Field(description="The label's name.", examples=["Winter campaign"])]
    created_at: Annotated[Timestamp, Field(description="When it was created.")]


class LabelList(BaseModel):
    """Labels of the workspace, or of a post."""

    labels: Annotated[list[LabelDetail], Field(description=f"By name, at most {LABELS_MAX}.")]


class PostLabels(Body):
    """The labels that a post then has."""

    labels: Annotated[
        list[str],
        Field(
            max_length=OF_POST_MAX,
            description=f"Names of labels, at most {OF_POST_MAX}. A label that does not exist is made. Empty: none.",
            examples=[["Winter campaign", "Teaser"]],
        ),
    ]
