"""The request and response bodies of webhooks."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from clipcast.common.pagination import Pagination
from clipcast.common.schemas import Body, Id, Meanings, ResponseModel, Timestamp
from clipcast.common.timestamps import Instant
from clipcast.webhooks.events import MEANINGS, TypeName

DESCRIPTION_MAX = 200
EventName = Annotated[TypeName, Meanings(MEANINGS)]
URL = Field(
    description="Where the events are sent: an https address of the public internet, at most 2048 characters.",
    examples=["https://hooks.example.org/clipcast"],
)
EVENTS = Field(
    min_length=1,
    description="The types of events to send. null: all, and those of later versions.",
    examples=[["item.published", "post.completed"]],
)
NOTE = Field(max_length=DESCRIPTION_MAX, description="A note for people.", examples=["n8n"])
SECRET = Field(
    description="The secret that verifies signatures. It is shown once.",
    examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw1h2k3l4m5n6o"],
)


class CreateWebhook(Body):
    """An address that shall receive events."""

    url: Annotated[str, URL]
    events: Annotated[list[EventName] | None, EVENTS] = None
    description: Annotated[str, NOTE] = ""


class UpdateWebhook(Body):
    """Changes of a webhook. Fields that are left out stay."""

    url: Annotated[str, URL] = ""
    events: Annotated[list[EventName] | None, EVENTS] = None
    description: Annotated[str, NOTE] = ""
    enabled: Annotated[
        bool, Field(description="false: nothing is sent. true: sent again, as if it had never failed.")
    ] = True


class ReplayEvents(Body):
    """The events to send again."""

    since: Annotated[Instant, Field(description="Send the events from this time on again.")]
    after: Annotated[
        int,
        Field(
            ge=0,
            le=2**63 - 1,
            description="Send only events with a higher `sequence`: `continue_after` of the response before.",
            examples=[0],
        ),
    ] = 0


class WebhookOut(ResponseModel):
    """An address that receives events."""

    id: Annotated[Id, Field(description="The webhook's id.")]
    url: Annotated[str, URL]
    events: Annotated[
        list[EventName] | None,
        Field(description="The types of events that it receives. null: all.", examples=[["item.published"]]),
    ]
    description: Annotated[str, NOTE]
    status: Annotated[
        Literal["active", "failing", "disabled"],
        Meanings(
            {
                "active": "Events are sent.",
                "failing": "The last request failed. Events are sent again, with growing pauses.",
                "disabled": "Nothing is sent. PATCH with `enabled: true` resumes it.",
            }
        ),
        Field(description="How well it responds."),
    ]
    disabled_reason: Annotated[
        Annotated[
            Literal["by_person", "gone", "failures"],
            Meanings(
                {
                    "by_person": "A caller or a person disabled it.",
                    "gone": "It responded with 410.",
                    "failures": "Every request failed for 5 days.",
                }
            ),
        ]
        | None,
        Field(description="Why it is disabled; null if it is not."),
    ]
    failing_since: Annotated[Timestamp | None, Field(description="Since when every request failed.", examples=[None])]
    last_error: Annotated[str | None, Field(description="The last failure.", examples=["It responded with 500."])]
    last_success_at: Annotated[Timestamp | None, Field(description="When it last accepted an event.")]
    created_at: Annotated[Timestamp, Field(description="When it was created.")]
    updated_at: Annotated[Timestamp, Field(description="When it last changed.")]


class WebhookCreated(WebhookOut):
    """A new webhook with its secret."""

    secret: Annotated[str, SECRET]


class SecretRotated(BaseModel):
    """The new secret of a webhook."""

    secret: Annotated[str, SECRET]
    former_until: Annotated[
        Timestamp, Field(description="Until then, requests carry signatures of the former secret, too.")
    ]


class WebhookList(BaseModel):
    """A page of the workspace's webhooks."""

    webhooks: Annotated[list[WebhookOut], Field(description="Newest first.")]
    pagination: Annotated[Pagination, Field(description="The position of this page.")]


class DeliveryAttempt(BaseModel):
    """One request that tried to deliver an event."""

    at: Annotated[str, Field(description="When it began.", json_schema_extra={"format": "date-time"})]
    seconds: Annotated[float, Field(description="How long it took.", examples=[0.042])]
    status: Annotated[int | None, Field(description="The status of the response; null without one.", examples=[500])]
    error: Annotated[
        str | None, Field(description="Why it failed; null if it succeeded.", examples=["It responded with 500."])
    ]


DeliveryStatus = Annotated[
    Literal["pending", "delivered", "failed"],
    Meanings(
        {
            "pending": "It was not sent yet, or is sent again.",
            "delivered": "The webhook responded with 2xx.",
            "failed": "No attempt is left, or the webhook was disabled.",
        }
    ),
]


class DeliveryOut(ResponseModel):
    """One event for one webhook."""

    id: Annotated[Id, Field(description="The delivery's id.")]
    event_id: Annotated[Id, Field(description="The event's id: the `webhook-id` of each request.")]
    type: Annotated[str, Field(description="The event's type.", examples=["item.published"])]
    sequence: Annotated[int, Field(description="The event's `sequence`.", examples=[4711])]
    status: Annotated[DeliveryStatus, Field(description="What came of it.")]
    attempts: Annotated[int, Field(description="The number of attempts since it was created or replayed.")]
    next_attempt_at: Annotated[
        Timestamp | None, Field(description="The earliest time of the next attempt; null if there is none.")
    ]
    tries: Annotated[list[DeliveryAttempt], Field(description="The last 20 attempts, the oldest first.")]
    created_at: Annotated[Timestamp, Field(description="When the delivery was created.")]
    ended_at: Annotated[Timestamp | None, Field(description="When it was delivered or given up.")]


class DeliveryDetail(DeliveryOut):
    """One event for one webhook, with its body."""

    body: Annotated[
        dict[str, Any] | None,
        Field(description="The body that is sent.", examples=[{"type": "item.published", "data": {}}]),
    ]


class DeliveryList(BaseModel):
    """A page of a webhook's deliveries."""

    deliveries: Annotated[list[DeliveryOut], Field(description="Those of the newest events first.")]
    pagination: Annotated[Pagination, Field(description="The position of this page.")]


class EventsReplayed(BaseModel):
    """The number of events that are sent again."""

    replayed: Annotated[int, Field(description="The number of events, at most 1000.", examples=[12])]
    continue_after: Annotated[
        int | None,
        Field(
            description="There are further events: replay them with the same `since` and this as `after`. null: these "
            "were all.",
            examples=[None],
        ),
    ]
