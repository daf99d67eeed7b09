"""A connection as responses and events show it."""

from typing import Annotated, Literal

from pydantic import Field

from clipcast.common.schemas import Id, Meanings, ResponseModel, Timestamp

PLATFORM = Field(description="The platform's name.", examples=["youtube"])


class ConnectionOut(ResponseModel):
    """A connected account."""

    id: Annotated[Id, Field(description="Pass it as `connectionId` to POST /posts.")]
    client_id: Annotated[Id | None, Field(description="The client that has it. null: none.", examples=[None])]
    platform: Annotated[str, PLATFORM]
    account_id: Annotated[str, Field(description="The account's id on the platform.", examples=["UC4f1"])]
    username: Annotated[str, Field(description="The name on the platform, without @.", examples=["harbour.films"])]
    display_name: Annotated[str, Field(description="The name that people read.", examples=["Harbour Films"])]
    avatar_url: Annotated[str | None, Field(description="The URL of the account's picture.", examples=[None])]
    status: Annotated[
        Literal["active", "needs_reconnect", "disabled"],
        Meanings(
            {
                "active": "It can publish.",
                "needs_reconnect": "Its owner must connect it again. Items that come due wait.",
                "disabled": "A person paused it in the app. Items that come due wait.",
            }
        ),
        Field(description="Whether the account can publish."),
    ]
    scopes: Annotated[
        list[str], Field(description="The permissions that its owner granted.", examples=[["youtube.upload"]])
    ]
    expires_at: Annotated[
        Timestamp | None,
        Field(description="When the authorization ends, if Clipcast cannot renew it.", examples=[None]),
    ]
    created_at: Annotated[Timestamp, Field(description="When it was connected.")]
