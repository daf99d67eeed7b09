"""The types of events, as data: what each one means, what it holds, and which changes of rows it needs."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field, create_model

from clipcast.common.schemas import DATE_TIME, Id, Meanings, Timestamp
from clipcast.connections.schemas import ConnectionOut
from clipcast.posts.schemas import ItemOut, PostOut
from clipcast.posts.status import STATUS_MEANINGS
from clipcast.renders.schemas import RenderOut
from clipcast.reviews.states import ShownState

POST_ID = Field(description="The post.")

ErrorFacts = Annotated[
    dict[str, Any] | None,
    Field(
        description="As `error` of the item: `code`, `message`, `class`, `actor`, `fix`. null without an error.",
        examples=[None],
    ),
]


class ItemFacts(BaseModel):
    """An item, as of the event."""

    item_id: Annotated[Id, Field(description="The item.")]
    post_id: Annotated[Id, POST_ID]
    edit_id: Annotated[Id, Field(description="The clip: a render's `edit_setting_id`.")]
    connection_id: Annotated[Id, Field(description="The account's connection.")]
    platform: Annotated[str, Field(description="The platform's name.", examples=["youtube"])]
    status: Annotated[str, Field(description="The item's status at the event.", examples=["published"])]
    error: ErrorFacts
    platform_post_id: Annotated[str | None, Field(description="The post's id on the platform.", examples=["dQw4"])]
    platform_post_url: Annotated[
        str | None, Field(description="The post's address.", examples=["https://youtu.be/dQw4"])
    ]
    published_at: Annotated[Timestamp | None, Field(description="When the video became live.")]
    item: Annotated[
        ItemOut | None,
        Field(description="The item as GET shows it, when the event was prepared. null: it was deleted."),
    ]


class ActionFacts(ItemFacts):
    """An item for which a person must act."""

    reason: Annotated[
        Literal["outcome_unknown", "reconnect", "missed_schedule"],
        Meanings(
            {
                "outcome_unknown": "The platform did not confirm it: check the account.",
                "reconnect": "The item waits until the account is connected again, or resumed.",
                "missed_schedule": "No worker ran in time. A retry publishes it.",
            }
        ),
        Field(description="Why a person must act.", examples=["reconnect"]),
    ]


class EndFacts(BaseModel):
    """A post whose items have all ended."""

    post_id: Annotated[Id, POST_ID]
    status: Annotated[
        Literal["completed", "partial", "failed"],
        Meanings({name: STATUS_MEANINGS.by_value[name] for name in ("completed", "partial", "failed")}),
        Field(description="The post's status at the event."),
    ]
    published: Annotated[int, Field(description="The number of its published items.", examples=[3])]
    failed: Annotated[int, Field(description="The number of its failed items.", examples=[0])]
    post: Annotated[
        PostOut | None,
        Field(
            description="The post as GET shows it, when the event was prepared. `items` is empty for a post with more "
            "than 50 items. null: it was deleted."
        ),
    ]


class PostFacts(BaseModel):
    """A post, as of the event."""

    post_id: Annotated[Id, POST_ID]
    scheduled_at: Annotated[Timestamp | None, Field(description="When it is published. null: at once.")]
    version: Annotated[int, Field(description="The post's version.", examples=[2])]
    post: Annotated[
        PostOut | None,
        Field(
            description="The post as GET shows it, when the event was prepared. `items` is empty for a post with more "
            "than 50 items. null: it was deleted."
        ),
    ]


class ReviewFacts(BaseModel):
    """A post in review, as of the event."""

    post_id: Annotated[Id, POST_ID]
    state: Annotated[ShownState, Field(description="The state of the review at the event.", examples=["approved"])]
    scheduled_at: Annotated[
        Timestamp | None, Field(description="When the post is published. null: as soon as it is approved.")
    ]
    by: Annotated[str | None, Field(description="Who did it. null: Clipcast.", examples=["Ana"])]
    text: Annotated[
        str | None, Field(description="The message to the reviewers, or the comment.", examples=["Looks good."])
    ]
    post: Annotated[
        PostOut | None,
        Field(
            description="The post as GET shows it, when the event was prepared. `items` is empty for a post with more "
            "than 50 items. null: it was deleted."
        ),
    ]


class ConnectionFacts(BaseModel):
    """An account, as of the event."""

    connection_id: Annotated[Id, Field(description="The connection.")]
    platform: Annotated[str, Field(description="The platform's name.", examples=["youtube"])]
    username: Annotated[str, Field(description="The name on the platform, without @.", examples=["harbour.films"])]
    status: Annotated[str, Field(description="The connection's status at the event.", examples=["active"])]
    reason: Annotated[str | None, Field(description="Why it is not active, for people.", examples=[None])]
    connection: Annotated[
        ConnectionOut | None,
        Field(description="The connection as GET shows it, when the event was prepared. null: it was removed."),
    ]


class RenderFacts(BaseModel):
    """A render, as of the event."""

    render_id: Annotated[Id, Field(description="The render.")]
    edit_setting_id: Annotated[Id, Field(description="Pass it as `editId` to POST /posts.")]
    status: Annotated[str, Field(description="The render's status at the event.", examples=["completed"])]
    error: Annotated[
        dict[str, Any] | None, Field(description="Why it failed: `code`, `message`, `fix`.", examples=[None])
    ]
    render: Annotated[RenderOut | None, Field(description="The render as GET shows it, when the event was prepared.")]


class JobFacts(BaseModel):
    """A dead job."""

    job_id: Annotated[Id, Field(description="The job, for `clipcast jobs show`.")]
    kind: Annotated[str, Field(description="What it does.", examples=["publish"])]
    item_id: Annotated[Id | None, Field(description="The item, if it has one.")] = None
    post_id: Annotated[Id | None, Field(description="The item's post.")] = None
    connection_id: Annotated[Id | None, Field(description="The item's account.")] = None
    error: Annotated[dict[str, Any], Field(description="Why it is dead: `code`, `message`, `fix`.")]


class WebhookFacts(BaseModel):
    """A webhook that fails."""

    webhook_id: Annotated[Id, Field(description="The webhook.")]
    description: Annotated[str, Field(description="What its creator wrote.", examples=["n8n"])]
    host: Annotated[str, Field(description="The host of its address.", examples=["hooks.example.org"])]
    reason: Annotated[
        Annotated[
            Literal["gone", "failures"],
            Meanings({"gone": "It responded with 410.", "failures": "Every request failed for 5 days."}),
        ]
        | None,
        Field(description="Why it is disabled. null: it is not yet."),
    ]
    failing_since: Annotated[Timestamp | None, Field(description="Since when every request to it failed.")]
    error: Annotated[str | None, Field(description="The last failure.", examples=["It responded with 500."])]


class CheckFacts(BaseModel):
    """A test, which one webhook receives because a caller asked for it."""

    webhook_id: Annotated[Id, Field(description="The webhook.")]
    message: Annotated[str, Field(description="A text for people.", examples=["A test of this webhook."])]


@dataclass(frozen=True)
class EventType:
    """A type of events."""

    name: str
    meaning: str
    facts: type[BaseModel]
    # The types that triggers write, from which the router makes this one; empty if triggers write it.
    made_of: tuple[str, ...] = ()


ENDS = ("item.published", "item.failed", "post.updated")
TEST = "webhook.test"
TYPES = {
    one.name: one
    for one in (
        EventType("item.published", "An item's video is live, or delivered as a draft.", ItemFacts),
        EventType("item.failed", "An item ended without a video. Its `error` says why and who acts.", ItemFacts),
        EventType(
            "item.needs_action",
            "A person must act for an item: it waits for its account, its outcome is unknown, or it missed its time. "
            "An item that has failed for such a reason is in `item.failed`, too.",
            ActionFacts,
        ),
        EventType("post.scheduled", "A post was created with a time, or moved to another time.", PostFacts),
        EventType("post.updated", "The time, the items or the metadata of a post changed.", PostFacts),
        EventType("post.deleted", "Clipcast's record of a post was deleted.", PostFacts),
        EventType("post.completed", "All items of a post ended, and all are published.", EndFacts, ENDS),
        EventType("post.partial", "All items of a post ended: some published, some failed.", EndFacts, ENDS),
        EventType("post.failed", "All items of a post ended, and none is published.", EndFacts, ENDS),
        EventType(
            "review.requested", "A post was sent for review, or changed after a decision about it.", ReviewFacts
        ),
        EventType("review.approved", "A post was approved.", ReviewFacts),
        EventType("review.changes_requested", "A reviewer asked for changes of a post.", ReviewFacts),
        EventType("review.commented", "Somebody commented on a post in review.", ReviewFacts),
        EventType("review.expiring", "The time of a post comes within an hour, and it is not approved.", ReviewFacts),
        EventType("review.expired", "The time of a post passed before its approval. It is not sent.", ReviewFacts),
        EventType("connection.connected", "An account was connected, or connected again.", ConnectionFacts),
        EventType(
            "connection.needs_reconnect", "An account must be connected again. Items that come due wait.",
            ConnectionFacts,
        ),
        EventType("connection.removed", "An account was removed from the workspace.", ConnectionFacts),
        EventType("render.completed", "The file of a render exists.", RenderFacts),
        EventType("render.failed", "A render has no file. Its `error` names the reason.", RenderFacts),
        EventType(
            "quota.exhausted",
            "A quota of an account is used up, and an item waits for it. At most once a day for each account.",
            ItemFacts,
        ),
        EventType("job.dead", "A job ended three workers. It runs again when a person retries it.", JobFacts),
        EventType("webhook.failing", "A webhook has failed for 4 days. It is disabled after 5.", WebhookFacts),
        EventType("webhook.disabled", "Clipcast sends nothing to a webhook any more.", WebhookFacts),
    )
}  # fmt: skip
# A later version writes it: a published video is gone.
RESERVED = ("item.removed",)
TypeName = Literal[
    "item.published", "item.failed", "item.needs_action", "post.scheduled", "post.updated", "post.deleted",
    "post.completed", "post.partial", "post.failed", "review.requested", "review.approved",
    "review.changes_requested", "review.commented", "review.expiring", "review.expired", "connection.connected",
    "connection.needs_reconnect", "connection.removed", "render.completed", "render.failed", "quota.exhausted",
    "job.dead", "webhook.failing", "webhook.disabled", "item.removed",
]  # fmt: skip
assert set(get_args(TypeName)) == {*TYPES, *RESERVED}
MEANINGS = {name: one.meaning for name, one in TYPES.items()} | {
    "item.removed": "Reserved. No version of Clipcast sends it yet."
}


class Event(BaseModel):
    """What every event has."""

    timestamp: Annotated[str, Field(description="When it happened.", json_schema_extra=DATE_TIME)]
    sequence: Annotated[
        int, Field(description="It increases along the events of one item. Keep the highest.", examples=[4711])
    ]
    workspace_id: Annotated[Id, Field(description="The workspace.")]


def model_of(name: str, facts: type[BaseModel], meaning: str) -> type[BaseModel]:
    """Return the model of a type's whole body."""
    title = "".join(part.title() for part in name.replace("_", ".").split(".")) + "Event"
    kind = Annotated[Literal[name], Field(description="The type.")]  # type: ignore[valid-type]
    data = Annotated[facts, Field(description="What happened.")]  # type: ignore[valid-type]
    return create_model(title, __base__=Event, __doc__=meaning, type=(kind, ...), data=(data, ...))


def models() -> dict[str, type[BaseModel]]:
    """Return the model of each type's whole body, by type, for documents and tests."""
    found = {one.name: model_of(one.name, one.facts, one.meaning) for one in TYPES.values()}
    return found | {TEST: model_of(TEST, CheckFacts, "A caller asked for a test of this webhook.")}


def written_for(types: list[str] | None) -> list[str] | None:
    """Return the types that triggers must write for a listener that wants `types`; None for all."""
    if types is None:
        return None
    made_of = {name: TYPES[name].made_of or (name,) for name in types if name in TYPES}
    return sorted({name for names in made_of.values() for name in names})
