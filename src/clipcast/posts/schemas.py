"""The request and response bodies of posts."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, WithJsonSchema, create_model

from clipcast.common.pagination import Pagination
from clipcast.common.problems import ProblemDetail
from clipcast.common.schemas import Body, Id, ResponseModel, Timestamp, inlined
from clipcast.common.timestamps import Instant
from clipcast.database.models.jobs import Attempt, AttemptEvent
from clipcast.database.models.posts import Item, Post
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.conversion_schemas import ConversionOut, RenditionOut
from clipcast.posts.status import PostStatus, post_status

MAX_VIDEOS = 100
MAX_TARGETS = 50

Details = create_model(
    "Details",
    __base__=Body,
    **{name: (platform.metadata | None, None) for name, platform in PLATFORMS.items()},  # type: ignore[call-overload]
)
# The documented schema of `metadata`. Requests accept plain JSON: only the connection determines which platform's rules
# apply.
Metadata = Annotated[
    dict[str, Any] | None,
    WithJsonSchema(
        inlined(Details.model_json_schema(by_alias=True))
        | {"title": "Metadata", "description": "Holds one object, named after the connection's platform. It may be "
           "left out where the platform requires nothing."}
    ),
]  # fmt: skip


class TargetIn(Body):
    """An account to which the clip is published."""

    connectionId: Annotated[str, Field(description="From GET /connections. May be spelt `connection_id`.")]
    metadata: Metadata = None


CONFORM = Field(
    description="auto: what a platform does not take is converted before it is sent. never: it is an error, and every "
    "platform gets the clip bit for bit."
)


class VideoIn(Body):
    """A clip, with the accounts to which it is published."""

    editId: Annotated[str, Field(description="A render's `edit_setting_id`. May be spelt `edit_id`.")]
    conform: Annotated[Literal["auto", "never"], CONFORM] = "auto"
    targets: Annotated[list[TargetIn], Field(min_length=1, max_length=MAX_TARGETS)]


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


class CreatePost(Body):
    videos: Annotated[list[VideoIn], Field(min_length=1, max_length=MAX_VIDEOS)]
    scheduled_at: Annotated[Instant | None, SCHEDULED_AT] = None
    timezone: Annotated[str | None, TIMEZONE] = None


class ItemChange(Body):
    metadata: Metadata = None
    connectionId: str | None = None
    editId: str | None = None
    conform: Annotated[Literal["auto", "never"] | None, CONFORM] = None


class ItemPatch(ItemChange):
    id: str


class UpdatePost(Body):
    scheduled_at: Annotated[Instant | None, Field(description="A new time; null publishes now.")] = None
    timezone: Annotated[str | None, TIMEZONE] = None
    items: Annotated[list[ItemPatch], Field(max_length=MAX_VIDEOS * MAX_TARGETS)] = []


class PostCreated(BaseModel):
    post_id: Id
    item_count: int
    status: Literal["pending", "processing"]
    scheduled_at: Timestamp | None


class PostCreatedInPart(PostCreated):
    """The response with `partial=true`."""

    errors: Annotated[list[ProblemDetail], Field(description="The problems of the targets that were left out.")]


class Account(ResponseModel):
    username: str
    display_name: str
    avatar_url: str | None


class PlatformSaid(BaseModel):
    http_status: int | None
    code: str | None
    message: str | None
    request_id: str | None


class ItemError(BaseModel):
    code: str
    message: str
    error_class: Annotated[
        Literal["transient", "rate_limited", "reconnect", "invalid", "media", "policy", "outcome_unknown", "internal"],
        Field(alias="class"),
    ]
    retryable: bool
    actor: Annotated[
        Literal["nobody", "caller", "account_owner", "operator", "platform"], Field(description="Who must act.")
    ]
    fix: str
    docs_url: str | None
    platform: PlatformSaid | None
    at: str


class ItemWarning(BaseModel):
    """A missing part of a live video, such as a thumbnail that the platform rejected."""

    code: str
    message: str
    fix: Annotated[str, Field(description="What the account's owner, or the next caller, can do about it.")]


class ItemOut(ResponseModel):
    """An item: one clip on one account."""

    id: Id
    edit_id: Id
    connection_id: Id
    platform: str
    account: Annotated[Account, Field(validation_alias="connection")]
    status: Literal["pending", "processing", "published", "failed"]
    stage: Annotated[
        Literal["preparing", "uploading", "waiting", "publishing", "verifying"] | None,
        Field(validation_alias="visible_stage"),
    ]
    progress: Annotated[int, Field(ge=0, le=100)]
    metadata: Annotated[dict[str, Any], Field(validation_alias="named_details")]
    attempts: int
    next_attempt_at: Timestamp | None
    published_at: Timestamp | None
    platform_post_id: str | None
    platform_post_url: str | None
    error: Annotated[ItemError | None, Field(validation_alias="shown_error")]
    warnings: Annotated[
        list[ItemWarning], Field(description="What a published video lacks; empty when it has everything.")
    ]
    conform: Literal["auto", "never"]
    rendition: Annotated[
        RenditionOut | None,
        Field(
            # Not an attribute of the row: `of` sets it.
            validation_alias="shown_rendition",
            description="The file that is made of the clip for this item; null if the clip is sent as it is.",
        ),
    ] = None
    version: Annotated[int, Field(description="Counts the changes of the clip, account and metadata. See ETag.")]
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, item: Item, rendition: dict[str, Any] | None) -> "ItemOut":
        """Read an item, whose connection and job are loaded, and its conversion."""
        shown = cls.model_validate(item)
        shown.rendition = RenditionOut.model_validate(rendition) if rendition else None
        return shown


class AttemptEventOut(ResponseModel):
    kind: Literal["request", "journal", "wait", "decision"]
    name: Annotated[str, Field(description="What was sent, waited for or decided.")]
    started_at: Timestamp
    ended_at: Timestamp
    http_status: int | None
    bytes_sent: int | None
    platform_request_id: Annotated[str | None, Field(description="What the platform's support asks for.")]
    detail: str | None


class AttemptOut(ResponseModel):
    number: int
    started_at: Timestamp
    ended_at: Timestamp | None
    decision: Annotated[
        Literal["published", "retry", "failed", "lost"] | None, Field(description="null while it is under way.")
    ]
    reason: str | None
    error: ItemError | None
    events: list[AttemptEventOut]

    @classmethod
    def of(cls, attempt: Attempt, events: list[AttemptEvent]) -> "AttemptOut":
        """Read an attempt and its events."""
        return cls.model_validate(vars(attempt) | {"events": events})


class AttemptList(BaseModel):
    attempts: list[AttemptOut]


VERSION = Field(description="Counts the changes of the time, the items and their metadata. See ETag.")


class PostSummary(BaseModel):
    """A post without its items."""

    post_id: Id
    status: PostStatus
    scheduled_at: Timestamp | None
    item_count: int
    version: Annotated[int, VERSION]
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, post: Post, status: str, item_count: int, changed_at: datetime) -> "PostSummary":
        """Read a post of which an item last changed at `changed_at`."""
        return cls.model_validate(cls._fields_of(post, status, item_count, changed_at))

    @staticmethod
    def _fields_of(post: Post, status: str, item_count: int, changed_at: datetime) -> dict[str, Any]:
        return {
            "post_id": post.id,
            "status": status,
            "scheduled_at": post.scheduled_at,
            "item_count": item_count,
            "version": post.version,
            "created_at": post.created_at,
            "updated_at": max(post.updated_at, changed_at),
        }


class PostOut(PostSummary):
    items: list[ItemOut]

    @classmethod
    def with_items(cls, post: Post, items: list[Item], shown: list[ItemOut]) -> "PostOut":
        """Read a post and its items, of which it has at least one, and which are `shown`."""
        status, changed_at = post_status(item.status for item in items), max(item.updated_at for item in items)
        fields = cls._fields_of(post, status, len(items), changed_at)
        return cls.model_validate(fields | {"items": shown})


class ItemRetried(BaseModel):
    item_id: Id
    reconciles_first: Annotated[
        bool, Field(description="Its outcome is unknown: the platform is asked for the video before it is sent.")
    ]


class ItemSkipped(BaseModel):
    item_id: Id
    code: Annotated[
        Literal["item_pending", "item_processing", "item_published", "connection_removed"],
        Field(description="Why it was not retried: it has not failed, or its account was removed."),
    ]
    message: str


class PostRetried(BaseModel):
    post_id: Id
    status: PostStatus
    retried: Annotated[list[ItemRetried], Field(description="The items that are due now.")]
    skipped: Annotated[list[ItemSkipped], Field(description="The other items of the post.")]


class PostList(BaseModel):
    posts: list[PostSummary]
    pagination: Pagination


class Validated(BaseModel):
    valid: bool
    errors: list[ProblemDetail]
    warnings: list[ProblemDetail]
    more_errors: Annotated[int, Field(description="How many there are beside those in `errors`.")] = 0
    more_warnings: Annotated[int, Field(description="How many there are beside those in `warnings`.")] = 0
    conversions: Annotated[
        list[ConversionOut], Field(description="What will be done to clips before their accounts get them.")
    ]
