"""The request and response bodies of clients."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from clipcast.clients.names import NAME_MAX, clean_name
from clipcast.common.pagination import Pagination
from clipcast.common.schemas import Body, Id, ResponseModel, Timestamp
from clipcast.common.timestamps import check_zone

COLORS = 12

Name = Annotated[str, AfterValidator(clean_name)]
NAME = Field(
    description=f"The client's name: at most {NAME_MAX} characters, and no other client's name. Upper and lower case "
    "count as equal.",
    examples=["Harbour Films"],
)
COLOR = Field(ge=1, le=COLORS, description=f"The number of one of {COLORS} colours, for pages.", examples=[4])
Zone = Annotated[str, AfterValidator(check_zone)]
ZONE = Field(description="The IANA name of the client's time zone.", examples=["Europe/Lisbon"])


class CreateClient(Body):
    """A new client."""

    name: Annotated[Name, NAME]
    timezone: Annotated[Zone, ZONE]
    color: Annotated[
        int | None,
        Field(ge=1, le=COLORS, description="Left out: a colour that few clients have.", examples=[4]),
    ] = None


class UpdateClient(Body):
    """A change of a client. What it leaves out stays."""

    name: Annotated[Name | None, NAME] = None
    timezone: Annotated[Zone | None, ZONE] = None
    color: Annotated[int | None, COLOR] = None


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
    account_count: Annotated[int, Field(ge=0, description="The number of its accounts.", examples=[6])]
    created_at: Annotated[Timestamp, Field(description="When it was created.")]
    updated_at: Annotated[Timestamp, Field(description="When it last changed.")]


class ClientList(BaseModel):
    """A page of the workspace's clients."""

    clients: Annotated[list[ClientDetail], Field(description="By name.")]
    pagination: Annotated[Pagination, Field(description="The position of this page.")]
