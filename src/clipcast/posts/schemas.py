"""What callers send and get about posts."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, WithJsonSchema, create_model

from clipcast.common.pagination import Pagination
from clipcast.common.problems import ProblemDetail
from clipcast.common.schemas import Body, inlined
from clipcast.common.timestamps import Instant
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.status import PostStatus

MAX_VIDEOS = 100
MAX_TARGETS = 50

Details = create_model(
    "Details",
    __base__=Body,
    **{name: (platform.metadata | None, None) for name, platform in PLATFORMS.items()},  # type: ignore[call-overload]
)
# What the documents say about `metadata`. It is read as plain JSON: which platform's rules apply is known only once
# the connection is.
Metadata = Annotated[
    dict[str, Any] | None,
    WithJsonSchema(
        inlined(Details.model_json_schema(by_alias=True))
        | {"title": "Metadata", "description": "Holds one object, named after the connection's platform. It may be "
           "left out where the platform requires nothing."}
    ),
]  # fmt: skip


class TargetIn(Body):
    """One account that gets the video."""

    connectionId: Annotated[str, Field(description="From GET /connections. May be spelt `connection_id`.")]
    metadata: Metadata = None


class VideoIn(Body):
    """One clip, with the accounts that get it."""

    editId: Annotated[str, Field(description="A render's `edit_setting_id`. May be spelt `edit_id`.")]
    targets: Annotated[list[TargetIn], Field(min_length=1, max_length=MAX_TARGETS)]


TIMEZONE = Field(
    description="The IANA name of a time zone, with a `scheduled_at` that has no offset. A local time that the clocks "
    "skip or show twice is an error that names both readings.",
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


class ItemPatch(ItemChange):
    id: str


class UpdatePost(Body):
    scheduled_at: Annotated[Instant | None, Field(description="A new time; null publishes now.")] = None
    timezone: Annotated[str | None, TIMEZONE] = None
    items: Annotated[list[ItemPatch], Field(max_length=MAX_VIDEOS * MAX_TARGETS)] = []


class PostCreated(BaseModel):
    post_id: str
    item_count: int
    status: Literal["pending", "processing"]
    scheduled_at: str | None


class PostCreatedInPart(PostCreated):
    """With `partial=true`."""

    errors: Annotated[list[ProblemDetail], Field(description="What was left out, and why.")]


class Account(BaseModel):
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
    """Something that a live video lacks, such as a thumbnail that the platform refused."""

    code: str
    message: str
    fix: Annotated[str, Field(description="What the account's owner, or the next caller, can do about it.")]


class ItemOut(BaseModel):
    id: str
    edit_id: str
    connection_id: str
    platform: str
    account: Account
    status: Literal["pending", "processing", "published", "failed"]
    stage: Literal["preparing", "uploading", "waiting", "publishing", "verifying"] | None
    progress: Annotated[int, Field(ge=0, le=100)]
    metadata: dict[str, Any]
    attempts: int
    next_attempt_at: str | None
    published_at: str | None
    platform_post_id: str | None
    platform_post_url: str | None
    error: ItemError | None
    warnings: Annotated[
        list[ItemWarning], Field(description="What a published video lacks; empty when it has everything.")
    ]
    version: Annotated[int, Field(description="Counts the changes of the clip, account and metadata. See ETag.")]
    created_at: str
    updated_at: str


class AttemptEventOut(BaseModel):
    kind: Literal["request", "journal", "wait", "decision"]
    name: Annotated[str, Field(description="What was sent, waited for or decided.")]
    started_at: str
    ended_at: str
    http_status: int | None
    bytes_sent: int | None
    platform_request_id: Annotated[str | None, Field(description="What the platform's support asks for.")]
    detail: str | None


class AttemptOut(BaseModel):
    number: int
    started_at: str
    ended_at: str | None
    decision: Annotated[
        Literal["published", "retry", "failed", "lost"] | None, Field(description="null while it is under way.")
    ]
    reason: str | None
    error: ItemError | None
    events: list[AttemptEventOut]


class AttemptList(BaseModel):
    attempts: list[AttemptOut]


VERSION = Field(description="Counts the changes of the time, the items and their metadata. See ETag.")


class PostOut(BaseModel):
    post_id: str
    status: PostStatus
    scheduled_at: str | None
    item_count: int
    version: Annotated[int, VERSION]
    created_at: str
    updated_at: str
    items: list[ItemOut]


class ItemRetried(BaseModel):
    item_id: str
    reconciles_first: Annotated[
        bool, Field(description="Its outcome is unknown: the platform is asked for the video before it is sent.")
    ]


class ItemSkipped(BaseModel):
    item_id: str
    code: Annotated[
        Literal["item_pending", "item_processing", "item_published", "connection_removed"],
        Field(description="Why it was not retried: it has not failed, or its account was removed."),
    ]
    message: str


class PostRetried(BaseModel):
    post_id: str
    status: PostStatus
    retried: Annotated[list[ItemRetried], Field(description="The items that are due now.")]
    skipped: Annotated[list[ItemSkipped], Field(description="The other items of the post.")]


class PostSummary(BaseModel):
    post_id: str
    status: PostStatus
    scheduled_at: str | None
    item_count: int
    version: Annotated[int, VERSION]
    created_at: str
    updated_at: str


class PostList(BaseModel):
    posts: list[PostSummary]
    pagination: Pagination


class Validated(BaseModel):
    valid: bool
    errors: list[ProblemDetail]
    warnings: list[ProblemDetail]
    more_errors: Annotated[int, Field(description="How many there are beside those in `errors`.")] = 0
    more_warnings: Annotated[int, Field(description="How many there are beside those in `warnings`.")] = 0
