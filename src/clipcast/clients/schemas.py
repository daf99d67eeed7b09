"""The request and response bodies of clients."""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from clipcast.clients.rule_schemas import CLIENT_REVIEW, ClientReview
from clipcast.common.names import name_of_at_most
from clipcast.common.pagination import Pagination
from clipcast.common.schemas import Body, Id, ResponseModel, Timestamp
from clipcast.common.timestamps import check_zone

COLORS = 12
SIGNATURE_MAX, TAGS_MAX, TAG_MAX = 500, 60, 100
# What separates hashtags: spaces, commas, and the # of the next one.
SEPARATORS = re.compile(r"[\s,#]+")

# Of clients and hashtag sets.
NAME_MAX = 60
Name = Annotated[str, name_of_at_most(NAME_MAX)]
NAME = Field(
    description=f"The client's name: at most {NAME_MAX} characters, and no other client's name. Upper and lower case "
    "count as equal.",
    examples=["Harbour Films"],
)
COLOR = Field(ge=1, le=COLORS, description=f"The number of one of {COLORS} colours, for pages.", examples=[4])
Zone = Annotated[str, AfterValidator(check_zone)]
ZONE = Field(description="The IANA name of the client's time zone.", examples=["Europe/Lisbon"])
SIGNATURE = Field(
    max_length=SIGNATURE_MAX,
    description="A text that the compose page offers for captions, after the words and before the hashtags. Empty: "
    "none. Posts of the API are published as sent.",
    examples=["Made in Lisbon. harbour.example"],
)


class CreateClient(Body):
    """A new client."""

    name: Annotated[Name, NAME]
    timezone: Annotated[Zone, ZONE]
    color: Annotated[
        int | None,
        Field(ge=1, le=COLORS, description="Left out: a colour that few clients have.", examples=[4]),
    ] = None
    review: Annotated[ClientReview | None, CLIENT_REVIEW] = None


class UpdateClient(Body):
    """A change of a client. What it leaves out stays."""

    name: Annotated[Name | None, NAME] = None
    timezone: Annotated[Zone | None, ZONE] = None
    color: Annotated[int | None, COLOR] = None
    signature: Annotated[str | None, SIGNATURE] = None
    review: Annotated[ClientReview | None, CLIENT_REVIEW] = None


class ClientDetail(ResponseModel):
    """A client: a group of accounts."""

    id: Annotated[Id, Field(description="The client's id.")]
    name: Annotated[str, Field(description="The client's name.", examples=["Harbour Films"])]
    color: Annotated[int, COLOR]
    timezone: Annotated[str, Field(description="The IANA name of its time zone.", examples=["Europe/Lisbon"])]
    logo_url: Annotated[
        str | None,
        Field(description="The address of its logo, a small WebP picture, which expires after 6 hours. null: none.",
              examples=[None]),
    ]  # fmt: skip
    signature: Annotated[str, SIGNATURE]
    review: Annotated[ClientReview, CLIENT_REVIEW]
    account_count: Annotated[int, Field(ge=0, description="The number of its accounts.", examples=[6])]
    created_at: Annotated[Timestamp, Field(description="When it was created.")]
    updated_at: Annotated[Timestamp, Field(description="When it last changed.")]


class ClientList(BaseModel):
    """A page of the workspace's clients."""

    clients: Annotated[list[ClientDetail], Field(description="By name.")]
    pagination: Annotated[Pagination, Field(description="The position of this page.")]


def check_tag(typed: str) -> str:
    """Return a hashtag without #. Raise PydanticCustomError if it is empty or has spaces or commas."""
    tag = unicodedata.normalize("NFC", typed).removeprefix("#")
    if not tag or SEPARATORS.search(tag):
        raise PydanticCustomError("invalid", "This is not one hashtag. Write it without spaces, such as harbour.")
    return tag


Tags = Annotated[
    list[Annotated[str, Field(max_length=TAG_MAX), AfterValidator(check_tag)]], Field(min_length=1, max_length=TAGS_MAX)
]
TAGS = Field(
    description=f"The hashtags in their order, each once, at most {TAGS_MAX}.", examples=[["harbour", "sunrise"]]
)
SET_NAME = Field(
    description=f"The set's name: at most {NAME_MAX} characters, and no other set's name of the client.",
    examples=["Mornings"],
)


class CreateHashtagSet(Body):
    """A new hashtag set."""

    name: Annotated[Name, SET_NAME]
    tags: Annotated[Tags, TAGS]


class UpdateHashtagSet(Body):
    """A change of a hashtag set. What it leaves out stays."""

    name: Annotated[Name | None, SET_NAME] = None
    tags: Annotated[Tags | None, TAGS] = None


class HashtagSetDetail(ResponseModel):
    """Hashtags of a client under a name."""

    id: Annotated[Id, Field(description="The set's id.")]
    name: Annotated[str, Field(description="The set's name.", examples=["Mornings"])]
    tags: Annotated[list[str], Field(description="The hashtags without #.", examples=[["harbour", "sunrise"]])]


class HashtagSetList(BaseModel):
    """The hashtag sets of a client."""

    hashtag_sets: Annotated[list[HashtagSetDetail], Field(description="By name.")]
