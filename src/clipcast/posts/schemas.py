"""The request and response bodies of posts."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, create_model
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from clipcast.common.pagination import Pagination
from clipcast.common.problems import ProblemDetail
from clipcast.common.schemas import DATE_TIME, UUID, Body, Id, Meanings, ResponseModel, Timestamp
from clipcast.common.timestamps import Instant
from clipcast.database.models.jobs import Attempt, AttemptEvent
from clipcast.database.models.posts import Item, Post
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.clients import only_client
from clipcast.posts.conversion_schemas import ConversionOut, RenditionOut
from clipcast.posts.status import STATUS_MEANINGS, PostStatus, post_status
from clipcast.posts.watching import state_tag
from clipcast.reviews.schemas import REVIEW, ReviewRequest
from clipcast.reviews.states import ShownState, shown_state

MAX_VIDEOS = 100
MAX_TARGETS = 50

PLATFORM = "The platform's name, such as `youtube`."
Details = create_model(
    "Details",
    __base__=Body,
    __doc__="Holds one object, named after the connection's platform.",
    **{  # type: ignore[call-overload]
        name: (
            Annotated[platform.metadata | None, Field(description=f"The metadata of an item on {platform.title}.")],
            None,
        )
        for name, platform in PLATFORMS.items()
    },
)


class _DocumentedAsDetails:
    """The documented schema of `metadata`.

    Requests accept plain JSON: only the connection determines which platform's rules apply.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        documented = handler.generate_schema(Details)
        return core_schema.no_info_plain_validator_function(self._check, json_schema_input_schema=documented)

    def _check(self, value: Any) -> dict[str, Any] | None:
        if value is not None and not isinstance(value, dict):
            raise PydanticKnownError("dict_type")
        return value


Metadata = Annotated[
    dict[str, Any] | None,
    _DocumentedAsDetails(),
    Field(
        description="Holds one object, named after the connection's platform. It may be left out where the platform "
        "requires nothing.",
        examples=[{"youtube": {"title": "First light in the harbour"}}],
    ),
]


TEXTS = Field(
    description="Texts for all targets that have no own. The texts of a video come before those of the post.",
    examples=[{"text": "First light in the harbour"}],
)


class CommonTexts(Body):
    """Texts that each platform gets in its own field. The metadata of a target comes before them."""

    title: Annotated[
        str | None,
        Field(description="For platforms that have a title beside the text.", examples=["First light"]),
    ] = None
    text: Annotated[
        str | None,
        Field(
            description="The caption, description or text, by whatever name the platform has it. Limits are those of "
            "each platform.",
            examples=["First light in the harbour"],
        ),
    ] = None
    tags: Annotated[
        list[str] | None,
        Field(
            max_length=250,
            description="For platforms that have tags beside the text, without #. Write others' hashtags in `text`.",
            examples=[["harbour"]],
        ),
    ] = None


class TargetIn(Body):
    """An account to which the clip is published."""

    connectionId: Annotated[
        str,
        Field(
            description="From GET /connections, or the account's name: `@username`, or `platform:@username` if several "
            "platforms have it. May be spelt `connection_id`.",
            examples=["0198c7a4-7d31-70b2-8a4f-2b6d8e0f1c35"],
        ),
    ]
    metadata: Metadata = None


Conform = Annotated[
    Literal["auto", "never"],
    Meanings({"auto": "What a platform does not take is converted.", "never": "The clip is sent as it is."}),
]
SAYS = (
    "auto: what a platform does not take is converted before it is sent. never: it is an error, and every platform "
    "gets the clip bit for bit."
)
CONFORM = Field(description=SAYS)
DEFAULT_CONFORM = Field(description=f"{SAYS} By default, what the workspace's settings say.")


class VideoIn(Body):
    """A clip, with the accounts to which it is published."""

    editId: Annotated[
        str,
        Field(description="A render's `edit_setting_id`. May be spelt `edit_id`.", json_schema_extra=UUID),
    ]
    conform: Annotated[Conform | None, DEFAULT_CONFORM] = None
    common: Annotated[CommonTexts | None, TEXTS] = None
    targets: Annotated[
        list[TargetIn],
        Field(min_length=1, max_length=MAX_TARGETS, description="The accounts. Each becomes one item of the post."),
    ]


TIMEZONE = Field(
    description="The IANA name of the time zone of a `scheduled_at` without an offset. A local time that is skipped or "
    "repeated when clocks change is an error that names both instants.",
    examples=["America/Sao_Paulo"],
)
SCHEDULED_AT = Field(
    description="When to publish: ISO 8601 with an offset, in the future, within 365 days. Left out: now. With "
    "`timezone`, a local time without an offset. A zone in brackets (RFC 9557) is accepted.",
    examples=["2026-12-24T18:00:00-03:00"],
)


EXAMPLE: dict[str, Any] = {
    "videos": [
        {
            "editId": "0198c7a4-6a0e-7cc1-9c5e-1f2d3c4b5a69",
            "targets": [
                {
                    "connectionId": "0198c7a4-7d31-70b2-8a4f-2b6d8e0f1c35",
                    "metadata": {"youtube": {"title": "First light in the harbour", "privacyStatus": "public"}},
                },
                {
                    "connectionId": "0198c7a4-8e52-7f13-b6c8-4d5e6f7a8b9c",
                    "metadata": {"tiktok": {"title": "First light", "privacyLevel": "PUBLIC_TO_EVERYONE"}},
                },
            ],
        }
    ],
    "scheduled_at": "2026-12-24T18:00:00-03:00",
}


class Schedule(Body):
    """A time that Clipcast chooses."""

    slot: Annotated[
        Literal["next"],
        Field(description="The next posting time that all its accounts have and that none of them has taken."),
    ]


class CreatePost(Body):
    """A post: clips, the accounts to which they are published, and the time."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    videos: Annotated[
        list[VideoIn], Field(min_length=1, max_length=MAX_VIDEOS, description="The clips with their accounts.")
    ]
    common: Annotated[CommonTexts | None, TEXTS] = None
    scheduled_at: Annotated[Instant | None, SCHEDULED_AT] = None
    timezone: Annotated[str | None, TIMEZONE] = None
    schedule: Annotated[
        Schedule | None,
        Field(
            description="Publish at a posting time instead of `scheduled_at`: one clip, and accounts of one client "
            "(`GET /clients/{client_id}/next-times`). The response names the time.",
        ),
    ] = None
    review: Annotated[ReviewRequest | None, REVIEW] = None
    allow_duplicate: Annotated[
        bool,
        Field(
            description="Whether the same clip and words may go to an account again within 48 hours "
            "(`CLIPCAST_DUPLICATE_WINDOW`). It matters if the workspace refuses that (`duplicates`)."
        ),
    ] = False


class ItemChange(Body):
    """A change of an item. What it leaves out stays."""

    metadata: Metadata = None
    connectionId: Annotated[
        str | None, Field(description="Another account, from GET /connections. May be spelt `connection_id`.")
    ] = None
    editId: Annotated[
        Annotated[str, Field(json_schema_extra=UUID)] | None,
        Field(description="Another clip: a render's `edit_setting_id`. May be spelt `edit_id`."),
    ] = None
    conform: Annotated[Conform | None, CONFORM] = None


class ItemPatch(ItemChange):
    """A change of the item `id`. What it leaves out stays."""

    id: Annotated[str, Field(description="The item's id.", json_schema_extra=UUID)]


class UpdatePost(Body):
    """A change of a post. What it leaves out stays."""

    scheduled_at: Annotated[
        Instant | None, Field(description="A new time; null publishes now.", examples=["2026-12-24T18:00:00-03:00"])
    ] = None
    timezone: Annotated[str | None, TIMEZONE] = None
    items: Annotated[
        list[ItemPatch],
        Field(
            max_length=MAX_VIDEOS * MAX_TARGETS,
            description="The changes of single items.",
            examples=[
                [
                    {
                        "id": "0198c7a4-a074-7b35-9c2e-4d5e6f7a8b9c",
                        "metadata": {"youtube": {"title": "First light in the harbour"}},
                    }
                ]
            ],
        ),
    ] = []


SCHEDULED = Field(description="When Clipcast publishes it. null: at once.")
ITEM_COUNT = Field(ge=0, description="The number of items: one for each clip on each account.", examples=[1])


class PostCreated(BaseModel):
    """A created post."""

    post_id: Annotated[Id, Field(description="The post's id, for GET /posts/{post_id}.")]
    item_count: Annotated[int, ITEM_COUNT]
    status: Annotated[
        Literal["pending", "processing"],
        Meanings({"pending": "The post waits for its time.", "processing": "Workers publish the items now or soon."}),
        Field(description="The status right after the creation."),
    ]
    scheduled_at: Annotated[Timestamp | None, SCHEDULED]


class PostCreatedInPart(PostCreated):
    """The response with `partial=true`."""

    errors: Annotated[list[ProblemDetail], Field(description="The problems of the targets that were left out.")]


class Account(ResponseModel):
    """The account of an item."""

    username: Annotated[str, Field(description="The name on the platform, without @.", examples=["harbour.films"])]
    display_name: Annotated[str, Field(description="The name that people read.", examples=["Harbour Films"])]
    avatar_url: Annotated[str | None, Field(description="The URL of the account's picture.", examples=[None])]


class PlatformSaid(BaseModel):
    """The platform's own error, for its support."""

    http_status: Annotated[int | None, Field(description="The status of its response.", examples=[403])]
    code: Annotated[str | None, Field(description="Its code.", examples=["spam_risk_too_many_posts"])]
    message: Annotated[
        str | None, Field(description="Its message, verbatim.", examples=["Daily post cap reached for this account."])
    ]
    request_id: Annotated[
        str | None, Field(description="Its name of the request, for its support.", examples=["20261224-6a0e"])
    ]


ErrorClass = Annotated[
    Literal["transient", "rate_limited", "reconnect", "invalid", "media", "policy", "outcome_unknown", "internal"],
    Meanings(
        {
            "transient": "A failure that is likely to pass, such as a lost connection. Clipcast retries.",
            "rate_limited": "A limit of the platform is used up. Clipcast waits and retries.",
            "reconnect": "The authorization ended. The account must be connected again.",
            "invalid": "The platform rejects the metadata.",
            "media": "The platform rejects the file.",
            "policy": "The platform rejects the account or the content by its policy.",
            "outcome_unknown": "The video may be live, and nobody can confirm it. Clipcast does not resend it.",
            "internal": "A fault in Clipcast.",
        }
    ),
]
Actor = Annotated[
    Literal["nobody", "caller", "account_owner", "operator", "platform"],
    Meanings(
        {
            "nobody": "Clipcast continues without help.",
            "caller": "Whoever calls the API.",
            "account_owner": "The person who owns the account.",
            "operator": "Whoever runs Clipcast.",
            "platform": "The platform.",
        }
    ),
]


class ItemError(BaseModel):
    """Why an item is not published, and who must act."""

    code: Annotated[
        str,
        Field(description="The stable code of the error. Decide by it, not by the text.", examples=["daily_limit"]),
    ]
    message: Annotated[
        str, Field(description="What happened, in a sentence.", examples=["The account has used up its daily posts."])
    ]
    error_class: Annotated[
        ErrorClass,
        Field(alias="class", description="The kind of error, which decides about retries.", examples=["rate_limited"]),
    ]
    retryable: Annotated[bool, Field(description="Whether a retry of the item can succeed.", examples=[True])]
    actor: Annotated[Actor, Field(description="Who must act.")]
    fix: Annotated[
        str,
        Field(
            description="What that person must do.",
            examples=["Wait until the platform's limit resets. Clipcast then retries by itself."],
        ),
    ]
    docs_url: Annotated[str | None, Field(description="The platform's page about this error.", examples=[None])]
    platform: Annotated[PlatformSaid | None, Field(description="The platform's own error. null: it sent none.")]
    at: Annotated[str, Field(description="When the error occurred.", json_schema_extra=DATE_TIME)]


class ItemWarning(BaseModel):
    """A missing part of a live video, such as a thumbnail that the platform rejected."""

    code: Annotated[str, Field(description="The stable code of the warning.", examples=["thumbnail_rejected"])]
    message: Annotated[
        str, Field(description="What is missing, in a sentence.", examples=["YouTube rejected the thumbnail."])
    ]
    fix: Annotated[
        str,
        Field(
            description="What the account's owner, or the next caller, can do about it.",
            examples=["Set the thumbnail on YouTube."],
        ),
    ]


ItemStatus = Annotated[
    Literal["pending", "processing", "published", "failed"],
    Meanings(
        {
            "pending": "It waits for the post's time.",
            "processing": "A worker publishes it, or it waits for its next attempt.",
            "published": "The video is live, or delivered as a draft.",
            "failed": "It ended without a video. `error` names the reason.",
        }
    ),
]
Stage = Annotated[
    Literal["preparing", "uploading", "waiting", "publishing", "verifying"],
    Meanings(
        {
            "preparing": "Before the first byte of the file.",
            "uploading": "The platform receives the file.",
            "waiting": "The platform processes the file.",
            "publishing": "The request that makes the video visible.",
            "verifying": "Clipcast asks the platform whether the video is there.",
        }
    ),
]
CREATED_AT, UPDATED_AT = Field(description="When it was created."), Field(description="When it last changed.")


class ItemOut(ResponseModel):
    """An item: one clip on one account."""

    id: Annotated[Id, Field(description="The item's id.")]
    edit_id: Annotated[Id, Field(description="The clip: a render's `edit_setting_id`.")]
    connection_id: Annotated[Id, Field(description="The account's connection.")]
    platform: Annotated[str, Field(description=PLATFORM, examples=["youtube"])]
    account: Annotated[Account, Field(validation_alias="connection", description="The account's names.")]
    status: Annotated[ItemStatus, Field(description="The state of the item.", examples=["processing"])]
    stage: Annotated[
        Stage | None,
        Field(
            validation_alias="visible_stage",
            description="What happens now. null: no attempt is under way.",
            examples=["uploading"],
        ),
    ]
    progress: Annotated[
        int, Field(ge=0, le=100, description="The share of the work that is done, in %.", examples=[40])
    ]
    metadata: Annotated[
        dict[str, Any],
        Field(
            validation_alias="named_details",
            description="The metadata of the request, under the platform's name.",
            examples=[{"youtube": {"title": "First light in the harbour"}}],
        ),
    ]
    attempts: Annotated[int, Field(ge=0, description="The number of attempts so far.", examples=[1])]
    next_attempt_at: Annotated[
        Timestamp | None, Field(description="When the next attempt begins. null: none is planned.", examples=[None])
    ]
    held_until: Annotated[
        Timestamp | None,
        Field(
            description="Until when it waits for a person who connects or resumes its account. It fails then. null: it "
            "does not wait for that.",
            examples=[None],
        ),
    ]
    published_at: Annotated[Timestamp | None, Field(description="When the video became live.", examples=[None])]
    platform_post_id: Annotated[str | None, Field(description="The post's id on the platform.", examples=[None])]
    platform_post_url: Annotated[
        str | None, Field(description="The post's address. null: not published, or the platform has none.",
                          examples=[None])
    ]  # fmt: skip
    error: Annotated[
        ItemError | None,
        Field(
            validation_alias="shown_error",
            description="Why it failed, or why it waits for its next attempt.",
            examples=[None],
        ),
    ]
    warnings: Annotated[
        list[ItemWarning],
        Field(description="What a published video lacks; empty when it has everything.", examples=[[]]),
    ]
    stage_text: Annotated[
        str | None,
        Field(
            # Not an attribute of the row: `of` sets it.
            validation_alias="shown_stage_text",
            description="What the stage `preparing` waits for, for people.",
            examples=["Being converted for LinkedIn: H.264 1080x1920 (42 %)"],
        ),
    ] = None
    conform: Annotated[Conform, CONFORM]
    rendition: Annotated[
        RenditionOut | None,
        Field(
            # Not an attribute of the row: `of` sets it.
            validation_alias="shown_rendition",
            description="The file that is made of the clip for this item; null if the clip is sent as it is.",
            examples=[None],
        ),
    ] = None
    can_delete: Annotated[
        bool,
        Field(
            validation_alias="shown_can_delete",
            description="Whether DELETE accepts it now. false: a worker publishes it, or its video may still appear.",
        ),
    ] = True
    version: Annotated[int, Field(description="Counts the changes of the clip, account and metadata. See ETag.")]
    created_at: Annotated[Timestamp, CREATED_AT]
    updated_at: Annotated[Timestamp, UPDATED_AT]

    @classmethod
    def of(cls, item: Item, rendition: dict[str, Any] | None, can_delete: bool, stage_text: str | None) -> "ItemOut":
        """Read an item, whose connection and job are loaded, its conversion, and what it waits for."""
        shown = cls.model_validate(item)
        shown.can_delete = can_delete
        shown.stage_text = stage_text
        shown.rendition = RenditionOut.model_validate(rendition) if rendition else None
        return shown


class AttemptEventOut(ResponseModel):
    """An event of an attempt."""

    kind: Annotated[
        Literal["request", "journal", "wait", "decision"],
        Meanings(
            {
                "request": "A request to the platform.",
                "journal": "A saved result, which later runs do not repeat.",
                "wait": "A pause between two runs.",
                "decision": "The end of the run, with its reason.",
            }
        ),
        Field(description="What kind of event it is."),
    ]
    name: Annotated[str, Field(description="What was sent, waited for or decided.", examples=["upload_part"])]
    started_at: Annotated[Timestamp, Field(description="When it began.")]
    ended_at: Annotated[Timestamp, Field(description="When it ended.")]
    http_status: Annotated[int | None, Field(description="The status of the platform's response.", examples=[200])]
    bytes_sent: Annotated[int | None, Field(description="The bytes of the request's body.", examples=[5242880])]
    platform_request_id: Annotated[
        str | None, Field(description="What the platform's support asks for.", examples=["20261224-6a0e"])
    ]
    detail: Annotated[str | None, Field(description="More about the event, in words.", examples=[None])]


class AttemptOut(ResponseModel):
    """An attempt to publish an item, from its start to a decision."""

    number: Annotated[int, Field(ge=1, description="Counts the attempts of the item from 1.")]
    started_at: Annotated[Timestamp, Field(description="When it began.")]
    ended_at: Annotated[Timestamp | None, Field(description="When it ended. null: it is under way.")]
    decision: Annotated[
        Annotated[
            Literal["published", "retry", "failed", "lost"],
            Meanings(
                {
                    "published": "The video is live.",
                    "retry": "The item waits for another attempt.",
                    "failed": "The item failed.",
                    "lost": "The worker died; another one continues.",
                }
            ),
        ]
        | None,
        Field(description="null while it is under way."),
    ]
    reason: Annotated[str | None, Field(description="Why it was decided so.", examples=["The platform confirmed it."])]
    error: Annotated[ItemError | None, Field(description="The error that ended it.", examples=[None])]
    events: Annotated[list[AttemptEventOut], Field(description="What happened, in order.")]

    @classmethod
    def of(cls, attempt: Attempt, events: list[AttemptEvent]) -> "AttemptOut":
        """Read an attempt and its events."""
        return cls.model_validate(vars(attempt) | {"events": events})


class AttemptList(BaseModel):
    """The attempts of an item."""

    attempts: Annotated[list[AttemptOut], Field(description="In order, the first one first.")]


VERSION = Field(description="Counts the changes of the time, the items and their metadata. See ETag.")


class PostSummary(BaseModel):
    """A post without its items."""

    post_id: Annotated[Id, Field(description="The post's id.")]
    status: Annotated[
        PostStatus,
        STATUS_MEANINGS,
        Field(description="The state of the post, from its items.", examples=["processing"]),
    ]
    scheduled_at: Annotated[Timestamp | None, SCHEDULED]
    item_count: Annotated[int, ITEM_COUNT]
    client_id: Annotated[
        Id | None,
        Field(description="The client of all its accounts. null: they have none, or several.", examples=[None]),
    ]
    review: Annotated[
        ShownState | None,
        Field(
            description="The state of its review. null: it needs no approval. Until it is `approved`, the post stays "
            "`pending` and is not sent.",
            examples=[None],
        ),
    ]
    version: Annotated[int, VERSION]
    created_at: Annotated[Timestamp, CREATED_AT]
    updated_at: Annotated[Timestamp, UPDATED_AT]

    @classmethod
    def of(
        cls, post: Post, status: str, item_count: int, changed_at: datetime, client_id: uuid.UUID | None = None
    ) -> "PostSummary":
        """Read a post of which an item last changed at `changed_at`."""
        return cls.model_validate(cls._fields_of(post, status, item_count, changed_at, client_id))

    @staticmethod
    def _fields_of(
        post: Post, status: str, item_count: int, changed_at: datetime, client_id: uuid.UUID | None
    ) -> dict[str, Any]:
        return {
            "post_id": post.id,
            "status": status,
            "scheduled_at": post.scheduled_at,
            "item_count": item_count,
            "client_id": client_id,
            "review": shown_state(post),
            "version": post.version,
            "created_at": post.created_at,
            "updated_at": max(post.updated_at, changed_at),
        }


class PostOut(PostSummary):
    """A post with its items."""

    items: Annotated[list[ItemOut], Field(description="One item for each clip on each account.")]
    state_tag: Annotated[
        str,
        Field(
            description="Differs after each change of an item's status or error, and so of the post's status. "
            "Send it as `seen` to wait for the next change.",
            examples=["3f9c1a07d2b64e58"],
        ),
    ]

    @classmethod
    def without_items(
        cls, post: Post, status: str, item_count: int, changed_at: datetime, client_id: uuid.UUID | None
    ) -> "PostOut":
        """Read a post with more items than fit into an event."""
        return cls.model_validate(cls._fields_of(post, status, item_count, changed_at, client_id) | {"items": []})

    @classmethod
    def with_items(cls, post: Post, items: list[Item], shown: list[ItemOut]) -> "PostOut":
        """Read a post and its items, of which it has at least one, and which are `shown`. Connections are loaded."""
        status, changed_at = post_status(item.status for item in items), max(item.updated_at for item in items)
        client_id = only_client([item.connection.client_id for item in items])
        fields = cls._fields_of(post, status, len(items), changed_at, client_id)
        return cls.model_validate(fields | {"items": shown, "state_tag": state_tag(items)})


class ItemRetried(BaseModel):
    """An item that is due now."""

    item_id: Annotated[Id, Field(description="The item's id.")]
    reconciles_first: Annotated[
        bool, Field(description="Its outcome is unknown: the platform is asked for the video before it is sent.")
    ]


class ItemSkipped(BaseModel):
    """An item that was not retried."""

    item_id: Annotated[Id, Field(description="The item's id.")]
    code: Annotated[
        Literal["item_pending", "item_processing", "item_published", "connection_removed"],
        Meanings(
            {
                "item_pending": "It waits for the post's time.",
                "item_processing": "It is under way.",
                "item_published": "It is published.",
                "connection_removed": "Its account was removed from the workspace.",
            }
        ),
        Field(description="Why it was not retried: it has not failed, or its account was removed."),
    ]
    message: Annotated[str, Field(description="The same in a sentence.", examples=["The item is pending, not failed."])]


class PostRetried(BaseModel):
    """The result of a retry of a whole post."""

    post_id: Annotated[Id, Field(description="The post's id.")]
    status: Annotated[
        PostStatus, STATUS_MEANINGS, Field(description="The state of the post now.", examples=["processing"])
    ]
    retried: Annotated[list[ItemRetried], Field(description="The items that are due now.")]
    skipped: Annotated[list[ItemSkipped], Field(description="The other items of the post.")]


class PostList(BaseModel):
    """A page of the workspace's posts."""

    posts: Annotated[list[PostSummary], Field(description="Newest first, without their items.")]
    pagination: Annotated[Pagination, Field(description="The position of this page.")]


class Validated(BaseModel):
    """The result of a validation."""

    valid: Annotated[bool, Field(description="Whether POST /posts would create the post.", examples=[False])]
    errors: Annotated[list[ProblemDetail], Field(description="What prevents the post: at most the first 100.")]
    warnings: Annotated[
        list[ProblemDetail], Field(description="What does not prevent the post: at most the first 100.", examples=[[]])
    ]
    more_errors: Annotated[int, Field(description="How many there are beside those in `errors`.", examples=[0])] = 0
    more_warnings: Annotated[int, Field(description="How many there are beside those in `warnings`.", examples=[0])] = 0
    conversions: Annotated[
        list[ConversionOut],
        Field(description="What will be done to clips before their accounts get them.", examples=[[]]),
    ]
