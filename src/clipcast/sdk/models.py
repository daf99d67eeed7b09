"""The types of requests and responses. Written by `make docs` from the OpenAPI document. Do not edit it."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

ActionFactsReason = Literal["outcome_unknown", "reconnect", "missed_schedule"]
AssetKind = Literal["captions", "image"]
AttemptDecision = Literal["published", "retry", "failed", "lost"]
AttemptEventKind = Literal["request", "journal", "wait", "decision"]
BlueskyMetadataLabels = Literal["porn", "sexual", "nudity", "graphic-media", "!no-unauthenticated"]
BlueskyMetadataPresentation = Literal["default", "gif"]
BlueskyMetadataThreadgate = Literal["mentioned", "followers", "following"]
BulkDownloadStatus = Literal["processing", "completed", "failed"]
CaptionStylePosition = Literal["top", "middle", "bottom"]
CaptionsMode = Literal["burn", "sidecar"]
ClientReviewRule = Literal["none", "any", "all"]
CommentAuthorKind = Literal["member", "link", "key"]
ConnectionStatus = Literal["active", "needs_reconnect", "disabled"]
ConversionAction = Literal["remux", "audio", "video"]
CreateRenderFit = Literal["pad_blur", "pad", "crop"]
CreateRenderResolution = Literal["source", "720p", "1080p", "1440p", "2160p"]
CreateWebhookEvents = Literal[
    "item.published",
    "item.failed",
    "item.needs_action",
    "post.scheduled",
    "post.updated",
    "post.deleted",
    "post.completed",
    "post.partial",
    "post.failed",
    "review.requested",
    "review.approved",
    "review.changes_requested",
    "review.commented",
    "review.expiring",
    "review.expired",
    "connection.connected",
    "connection.needs_reconnect",
    "connection.removed",
    "render.completed",
    "render.failed",
    "quota.exhausted",
    "job.dead",
    "webhook.failing",
    "webhook.disabled",
    "item.removed",
]
DeliveryStatus = Literal["pending", "delivered", "failed"]
EndFactsStatus = Literal["completed", "partial", "failed"]
ErrorCode = Literal[
    "asset_in_use",
    "body_too_large",
    "connection_disabled",
    "connection_not_disabled",
    "connection_not_usable",
    "database_unavailable",
    "downloads_busy",
    "duplicate_content",
    "fetch_failed",
    "file_deleted",
    "file_missing",
    "file_too_large",
    "file_url_closed",
    "file_url_expired",
    "forbidden_character",
    "http_error",
    "idempotency_in_progress",
    "idempotency_key_invalid",
    "idempotency_key_reused",
    "if_match_invalid",
    "in_the_past",
    "internal_error",
    "invalid_host",
    "invalid_json",
    "invalid_text",
    "item_in_progress",
    "item_not_failed",
    "limited_to_clients",
    "media_unavailable",
    "method_not_allowed",
    "no_failed_items",
    "no_posting_time",
    "not_found",
    "not_in_queue",
    "plan_created",
    "platform_unavailable",
    "post_approved",
    "post_begun",
    "post_in_review",
    "post_not_editable",
    "post_not_pending",
    "posting_time_taken",
    "rate_limited",
    "render_expired",
    "render_in_progress",
    "render_in_use",
    "render_not_completed",
    "render_queue_full",
    "request_timeout",
    "review_changed",
    "review_expired",
    "review_required",
    "review_withdrawn",
    "scope_missing",
    "several_clips",
    "storage_unavailable",
    "submission_queue_full",
    "time_missing",
    "too_many_clients",
    "too_many_comments",
    "too_many_fields",
    "too_many_imports",
    "too_many_links",
    "too_many_rotations",
    "too_many_templates",
    "too_many_waiting",
    "too_many_webhooks",
    "try_again",
    "unauthorized",
    "unknown_host",
    "unsupported_media_type",
    "upload_changed",
    "upload_completed",
    "upload_incomplete",
    "upload_length_missing",
    "upload_missing",
    "upload_not_completed",
    "upload_superseded",
    "upload_url_expired",
    "validation_failed",
    "version_mismatch",
    "video_in_use",
    "webhook_disabled",
    "workspace_required",
    "wrong_offset",
]
FacebookMetadataMediaType = Literal["REELS", "VIDEO"]
FacebookMetadataVideoState = Literal["PUBLISHED", "DRAFT"]
FilterFilter = Literal["mine", "community"]
InstagramMetadataMediaType = Literal["REELS", "STORIES"]
InstagramMetadataTrialGraduationStrategy = Literal["MANUAL", "SS_PERFORMANCE"]
ItemConform = Literal["auto", "never"]
ItemErrorActor = Literal["nobody", "caller", "account_owner", "operator", "platform"]
ItemErrorClass = Literal[
    "transient", "rate_limited", "reconnect", "invalid", "media", "policy", "outcome_unknown", "internal"
]
ItemErrorCode = Literal[
    "access_denied",
    "access_removed",
    "account_banned",
    "account_closed",
    "account_deactivated",
    "account_moved",
    "account_restricted",
    "account_taken_down",
    "account_unknown",
    "action_blocked",
    "active_user_cap",
    "activity_restricted",
    "address_not_public",
    "analysis_failed",
    "api_not_enabled",
    "app_missing",
    "app_not_audited",
    "app_password_needed",
    "app_refused",
    "app_too_old",
    "aspect_refused",
    "audio_refused",
    "bit_rate_refused",
    "blob_not_found",
    "blob_not_stored",
    "blocked",
    "board_busy",
    "board_not_found",
    "cancelled",
    "caption_refused",
    "captions_refused",
    "channel_upload_limit",
    "chunk_refused",
    "clip_damaged",
    "codec_refused",
    "commentary_refused",
    "conflict",
    "connection_disabled",
    "connection_needs_reconnect",
    "connection_removed",
    "container_expired",
    "container_failed",
    "container_not_found",
    "container_not_ready",
    "container_unreadable",
    "content_refused",
    "conversion_cancelled",
    "conversion_crashed",
    "conversion_failed",
    "conversion_timeout",
    "daily_call_cap",
    "daily_post_cap",
    "daily_video_cap",
    "disk_full",
    "domain_not_verified",
    "draft_cap",
    "duplicate",
    "duration_refused",
    "email_not_confirmed",
    "feature_not_available",
    "fetch_failed",
    "file_refused",
    "file_too_large",
    "file_too_small",
    "forbidden",
    "foreign_address",
    "format_refused",
    "frame_rate_refused",
    "grant_refused",
    "handle_unknown",
    "internal_error",
    "invalid_country",
    "invalid_metadata",
    "invalid_parameter",
    "invalid_request",
    "job_unknown",
    "kept_as_draft",
    "media_unavailable",
    "missed_schedule",
    "network",
    "no_account",
    "no_address",
    "no_channel",
    "no_media",
    "no_page",
    "no_progress",
    "no_verdict",
    "not_a_tester",
    "not_cancellable",
    "not_found",
    "not_listed",
    "not_permitted",
    "not_processed",
    "not_processed_yet",
    "not_published",
    "not_readable",
    "offset_wrong",
    "out_of_step",
    "outcome_unknown",
    "page_not_authorized",
    "part_cut_off",
    "password_refused",
    "paused_by_operator",
    "picture_size_refused",
    "picture_too_small",
    "pin_not_found",
    "platform_error_unknown",
    "platform_not_installed",
    "platform_unavailable",
    "playlist_refused",
    "posting_too_fast",
    "privacy_level_not_offered",
    "privacy_not_applied",
    "processing_failed",
    "processing_refused",
    "processing_too_long",
    "program_unknown",
    "project_quota",
    "publish_id_unknown",
    "quota_spent",
    "record_key_taken",
    "response_not_understood",
    "response_unreadable",
    "revoke_in_the_app",
    "run_kills_worker",
    "sandbox_mismatch",
    "scope_missing",
    "secret_key_mismatch",
    "section_not_found",
    "server_mixed_up",
    "server_unknown",
    "service_token_refused",
    "session_conflict",
    "session_expired",
    "session_refused",
    "setting_not_allowed",
    "sign_in_expired",
    "sign_in_refused",
    "spam_block",
    "spam_suspected",
    "storage_full",
    "storage_unavailable",
    "thumb_offset_refused",
    "thumbnail_refused",
    "token_refused",
    "too_many_links",
    "too_many_requests",
    "too_many_uploads",
    "trial_access",
    "trial_not_available",
    "upload_cut_off",
    "upload_expired",
    "upload_failed",
    "upload_forbidden",
    "upload_gone",
    "upload_lost",
    "upload_not_ready",
    "upload_unreadable",
    "value_refused",
    "version_retired",
    "video_not_found",
    "video_not_ready",
    "video_removed",
    "video_too_long",
    "wrong_account",
]
ItemSkippedCode = Literal["item_pending", "item_processing", "item_published", "connection_removed"]
ItemStage = Literal["preparing", "uploading", "waiting", "publishing", "verifying"]
ItemStatus = Literal["pending", "processing", "published", "failed"]
ItemWarningCode = Literal[
    "address_unknown",
    "captions_not_set",
    "collaborator_not_invited",
    "ignored",
    "mention_not_found",
    "not_in_playlist",
    "post_not_identified",
    "thumbnail_not_set",
    "unfinished",
]
LinkedInMetadataVisibility = Literal["PUBLIC", "CONNECTIONS", "LOGGED_IN"]
MissingRenderCode = Literal["render_deleted", "render_expired", "render_not_completed"]
PinterestMetadataAiDisclosures = Literal["AI_MODIFIED", "SYNTHETIC_PERFORMER"]
Plan = str
PlatformFilter = Literal["bluesky", "facebook", "instagram", "linkedin", "pinterest", "threads", "tiktok", "youtube"]
PostCreatedStatus = Literal["pending", "processing"]
PostEvents = str
PostReview = Literal["waiting", "changes_requested", "approved", "expired", "withdrawn"]
PostStatus = Literal["pending", "processing", "completed", "partial", "failed"]
ProblemCode = Literal[
    "address_not_public",
    "after_the_end",
    "ambiguous_account",
    "ambiguous_clip",
    "ambiguous_field",
    "audio_bit_rate_too_high",
    "audio_bit_rate_too_low",
    "audio_codec_not_supported",
    "audio_profile_not_supported",
    "audio_rate_too_high",
    "bit_depth_too_high",
    "bit_rate_too_high",
    "caption_too_long",
    "captions_empty",
    "captions_left_out",
    "captions_not_utf8",
    "captions_time_invalid",
    "captions_too_large",
    "chroma_not_supported",
    "clip_unreadable",
    "conflict",
    "connection_disabled",
    "connection_needs_reconnect",
    "container_not_supported",
    "cover_left_out",
    "damaged",
    "duplicate_column",
    "duplicate_content",
    "duplicate_key",
    "duration_not_stated",
    "edit_list",
    "email_not_confirmed",
    "encrypted",
    "fade_too_long",
    "file_cut_off",
    "file_missing",
    "file_too_large",
    "file_too_small",
    "file_very_large",
    "forbidden_character",
    "fragmented",
    "frame_rate_too_high",
    "frame_rate_too_low",
    "frame_rate_varies",
    "hdr",
    "hev1",
    "https_required",
    "ignored",
    "in_the_past",
    "index_at_the_end",
    "interlaced",
    "invalid",
    "invalid_day",
    "invalid_time",
    "invalid_url",
    "keyframe_not_possible",
    "limit_used_up",
    "local_time_ambiguous",
    "local_time_missing",
    "long_video",
    "made_differently",
    "may_be_late",
    "may_be_too_long",
    "may_stay_a_draft",
    "media_unreadable",
    "mirrored",
    "no_client",
    "no_common_time",
    "no_free_time",
    "no_picture",
    "no_posting_times",
    "no_reviewer",
    "no_sound",
    "not_a_media_file",
    "not_a_video",
    "not_allowed",
    "not_an_image",
    "not_asked",
    "not_available",
    "not_for_pages",
    "not_found",
    "not_looked_at",
    "not_offered",
    "not_unique",
    "not_uploaded",
    "not_utf8",
    "not_webvtt",
    "offset_mismatch",
    "offset_missing",
    "open_gop",
    "picture_cropped",
    "picture_too_flat",
    "picture_too_high",
    "picture_too_large",
    "picture_too_small",
    "picture_too_tall",
    "picture_too_wide",
    "pixels_not_square",
    "plan_empty",
    "platform_not_installed",
    "public_url_not_reachable",
    "quota_used_up",
    "quote_not_closed",
    "render_deleted",
    "repeated_parameter",
    "required",
    "sandbox_mismatch",
    "scheduled_at_missing",
    "scope_missing",
    "several_clients",
    "several_clips",
    "short",
    "sign_in_ends_before",
    "text_after_quote",
    "time_out_of_range",
    "timezone_mismatch",
    "too_deep",
    "too_early",
    "too_far",
    "too_few_cells",
    "too_large",
    "too_long",
    "too_long_to_convert",
    "too_many",
    "too_many_addresses",
    "too_many_audio_channels",
    "too_many_captions",
    "too_many_cells",
    "too_many_clips",
    "too_many_fields",
    "too_many_hashtags",
    "too_many_items",
    "too_many_labels",
    "too_many_links",
    "too_many_pixels",
    "too_many_problems",
    "too_many_rows",
    "too_many_samples",
    "too_many_streams",
    "too_many_values",
    "too_many_views",
    "too_short",
    "too_small",
    "too_weak",
    "trim_empty",
    "two_times",
    "unknown_column",
    "unknown_field",
    "unknown_parameter",
    "unknown_timezone",
    "unsupported_file_type",
    "upload_forbidden",
    "upload_not_completed",
    "video_codec_not_supported",
    "video_codec_unknown",
    "video_too_long",
    "video_too_short",
    "video_very_short",
    "weaker_review",
    "will_be_converted",
    "without_effect",
    "wrong_order",
    "wrong_platform",
    "wrong_type",
]
QuotaScope = Literal["account", "app"]
RenderStatus = Literal["queued", "active", "completed", "failed", "cancelled", "expired"]
RenditionStatus = Literal["queued", "active", "completed", "failed", "cancelled", "expired"]
ReviewRule = Literal["any", "all"]
ReviewerDecision = Literal["approved", "changes_requested"]
ReviewerKind = Literal["member", "link"]
StartUploadContentType = Literal[
    "video/mp4",
    "video/x-m4v",
    "video/quicktime",
    "video/webm",
    "video/x-matroska",
    "video/x-msvideo",
    "video/avi",
    "video/mp2t",
    "video/mpeg",
    "video/3gpp",
    "video/x-ms-wmv",
    "video/x-flv",
    "application/octet-stream",
]
StatusFilter = Literal["queued", "active", "processing", "completed", "failed", "cancelled", "expired"]
SubmissionStatus = Literal["queued", "analyzing", "completed", "failed"]
TemplateKind = Literal["template", "strategy"]
ThreadsMetadataReplyControl = Literal[
    "everyone", "accounts_you_follow", "mentioned_only", "parent_post_author_only", "followers_only"
]
TikTokMetadataPostMode = Literal["DIRECT_POST", "MEDIA_UPLOAD"]
TikTokMetadataPrivacyLevel = Literal["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "FOLLOWER_OF_CREATOR", "SELF_ONLY"]
TrimPrecision = Literal["exact", "keyframe"]
UpdateWorkspaceDuplicates = Literal["warn", "refuse"]
WatermarkPosition = Literal["top_left", "top_right", "bottom_left", "bottom_right", "center"]
WebhookDisabledReason = Literal["by_person", "gone", "failures"]
WebhookFactsReason = Literal["gone", "failures"]
WebhookStatus = Literal["active", "failing", "disabled"]
WeeklyTimeWeekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
YouTubeMetadataLicense = Literal["youtube", "creativeCommon"]
YouTubeMetadataPrivacyStatus = Literal["public", "unlisted", "private"]


class Account(TypedDict):
    """The account of an item."""

    username: str
    display_name: str
    avatar_url: str | None


class AccountTimes(TypedDict):
    """The times of an account that differs from its client."""

    connection_id: str
    times: list[WeeklyTime]


class ActionFacts(TypedDict):
    """An item for which a person must act."""

    item_id: str
    post_id: str
    edit_id: str
    connection_id: str
    platform: str
    status: str
    error: dict[str, Any] | None
    platform_post_id: str | None
    platform_post_url: str | None
    published_at: str | None
    item: Item | None
    reason: ActionFactsReason


class ApplyTemplate(TypedDict):
    """A template for clips of a submission."""

    template_id: str
    clip_ids: NotRequired[list[str] | None]


class ApproveReview(TypedDict):
    """The approval of a revision, for one reviewer."""

    reviewer_id: str
    revision: int


class Asset(TypedDict):
    """A caption file or a picture, which renders use."""

    asset_id: str
    kind: AssetKind
    file_name: str
    content_type: str
    size: int
    sha256: str
    width: NotRequired[int | None]
    height: NotRequired[int | None]
    count: NotRequired[int | None]
    duration: NotRequired[float | None]
    created_at: str


class AssetList(TypedDict):
    """A page of the workspace's assets."""

    assets: list[Asset]
    pagination: Pagination


class AssetStarted(TypedDict):
    """An asset that waits for its bytes."""

    asset_id: str
    upload_url: str
    expires_in: int


class Attempt(TypedDict):
    """An attempt to publish an item, from its start to a decision."""

    number: int
    started_at: str
    ended_at: str | None
    decision: AttemptDecision | None
    reason: str | None
    error: ItemError | None
    events: list[AttemptEvent]


class AttemptEvent(TypedDict):
    """An event of an attempt."""

    kind: AttemptEventKind
    name: str
    started_at: str
    ended_at: str
    http_status: int | None
    bytes_sent: int | None
    platform_request_id: str | None
    detail: str | None


class AttemptList(TypedDict):
    """The attempts of an item."""

    attempts: list[Attempt]


class Audio(TypedDict):
    """Changes of the sound."""

    loudness: NotRequired[float | None]
    mute: NotRequired[bool]
    silent_track: NotRequired[bool]


class Balance(TypedDict):
    """The constant balance of a self-hosted installation."""

    balance: int
    credits: int
    current_balance: int


class BalanceHistory(TypedDict):
    """The empty history of the balance."""

    history: list[dict[str, Any]]
    pagination: Pagination


class BlueskyMetadata(TypedDict):
    """The fields of BlueskyMetadata."""

    text: NotRequired[str]
    langs: NotRequired[list[str]]
    alt: NotRequired[str]
    labels: NotRequired[list[BlueskyMetadataLabels]]
    tags: NotRequired[list[str]]
    captions: NotRequired[list[Caption]]
    presentation: NotRequired[BlueskyMetadataPresentation]
    threadgate: NotRequired[list[BlueskyMetadataThreadgate] | None]
    disableEmbedding: NotRequired[bool]


class BulkDownload(TypedDict):
    """Renders that are downloaded as one archive."""

    job_id: str
    status: BulkDownloadStatus
    progress: int
    file_count: int
    size: NotRequired[int | None]
    download_url: NotRequired[str | None]
    filename: str
    missing: list[MissingRender]
    expires_at: str


class Caption(TypedDict):
    """Subtitles in one language."""

    lang: str
    url: str


class CaptionStyle(TypedDict):
    """The look of burnt captions."""

    font: NotRequired[str | None]
    size: NotRequired[float]
    color: NotRequired[str]
    outline: NotRequired[str | None]
    background: NotRequired[str | None]
    position: NotRequired[CaptionStylePosition]
    max_lines: NotRequired[int]
    uppercase: NotRequired[bool]


class Captions(TypedDict):
    """Captions, from an asset or as a text."""

    asset_id: NotRequired[str | None]
    text: NotRequired[str | None]
    language: NotRequired[str | None]
    mode: NotRequired[CaptionsMode]
    style: NotRequired[CaptionStyle]


class CheckFacts(TypedDict):
    """A test, which one webhook receives because a caller asked for it."""

    webhook_id: str
    message: str


class ClientDetail(TypedDict):
    """A client: a group of accounts."""

    id: str
    name: str
    color: int
    timezone: str
    logo_url: str | None
    signature: str
    review: ClientReview
    account_count: int
    created_at: str
    updated_at: str


class ClientList(TypedDict):
    """A page of the workspace's clients."""

    clients: list[ClientDetail]
    pagination: Pagination


class ClientQueue(TypedDict):
    """The next posting times of a client, with the posts in them."""

    timezone: str
    queue: list[QueueEntry]


class ClientReview(TypedDict):
    """Who approves the posts of a client."""

    rule: ClientReviewRule
    members: NotRequired[list[str]]
    links: NotRequired[list[str]]


class Comment(TypedDict):
    """A comment."""

    id: str
    author_kind: CommentAuthorKind
    author: str
    text: str
    at_second: float | None
    public: bool
    revision: int
    created_at: str


class CommonTexts(TypedDict):
    """Texts that each platform gets in its own field. The metadata of a target comes before them."""

    title: NotRequired[str | None]
    text: NotRequired[str | None]
    tags: NotRequired[list[str] | None]


class CompleteAsset(TypedDict):
    """An asset whose bytes have arrived."""

    asset_id: str


class CompleteUpload(TypedDict):
    """An upload whose bytes have arrived."""

    video_id: str
    file_name: NotRequired[str | None]
    duration: NotRequired[float | None]
    width: NotRequired[int | None]
    height: NotRequired[int | None]


class Connection(TypedDict):
    """A connected account."""

    id: str
    client_id: str | None
    platform: str
    account_id: str
    username: str
    display_name: str
    avatar_url: str | None
    status: ConnectionStatus
    scopes: list[str]
    expires_at: str | None
    created_at: str


class ConnectionConnectedEvent(TypedDict):
    """An account was connected, or connected again."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["connection.connected"]
    data: ConnectionFacts


class ConnectionFacts(TypedDict):
    """An account, as of the event."""

    connection_id: str
    platform: str
    username: str
    status: str
    reason: str | None
    connection: Connection | None


class ConnectionList(TypedDict):
    """A page of the workspace's connected accounts."""

    connections: list[Connection]
    pagination: Pagination


class ConnectionNeedsReconnectEvent(TypedDict):
    """An account must be connected again. Items that come due wait."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["connection.needs_reconnect"]
    data: ConnectionFacts


class ConnectionOptions(TypedDict):
    """What an account offers now."""

    platform: str
    options: dict[str, Any]
    quotas: list[Quota]


class ConnectionRemovedEvent(TypedDict):
    """An account was removed from the workspace."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["connection.removed"]
    data: ConnectionFacts


class Conversion(TypedDict):
    """What will be done to a clip before one account gets it."""

    path: str
    platform: str
    action: ConversionAction
    reasons: list[str]
    output: MediaFacts
    estimate_seconds: int
    shared_with: list[str]


class Cover(TypedDict):
    """The picture that platforms show before the video plays. A post's metadata can choose another one."""

    at: float


class CreateClient(TypedDict):
    """A new client."""

    name: str
    timezone: str
    color: NotRequired[int | None]
    review: NotRequired[ClientReview | None]


class CreateHashtagSet(TypedDict):
    """A new hashtag set."""

    name: str
    tags: list[str]


class CreateLabel(TypedDict):
    """A new label."""

    name: str


class CreatePost(TypedDict):
    """A post: clips, the accounts to which they are published, and the time."""

    videos: list[PostVideo]
    common: NotRequired[CommonTexts | None]
    scheduled_at: NotRequired[str | None]
    timezone: NotRequired[str | None]
    schedule: NotRequired[Schedule | None]
    review: NotRequired[ReviewRequest | None]
    allow_duplicate: NotRequired[bool]


class CreateRender(TypedDict):
    """A render of a video, with its changes."""

    resolution: NotRequired[CreateRenderResolution]
    trim: NotRequired[Trim | None]
    aspect_ratio: NotRequired[str]
    fit: NotRequired[CreateRenderFit]
    pad_color: NotRequired[str]
    focus: NotRequired[FocusPoint | list[FocusPoint] | None]
    speed: NotRequired[float]
    fade: NotRequired[Fade | None]
    audio: NotRequired[Audio | None]
    captions: NotRequired[Captions | None]
    watermark: NotRequired[Watermark | None]
    cover: NotRequired[Cover | None]
    intro: NotRequired[Part | None]
    outro: NotRequired[Part | None]
    strip_metadata: NotRequired[bool]
    video_id: str
    name: NotRequired[str | None]
    conform_for: NotRequired[list[str]]


class CreateReviewLink(TypedDict):
    """A new review link."""

    name: str
    timezone: NotRequired[str]
    client_id: NotRequired[str | None]


class CreateTemplate(TypedDict):
    """Changes of videos to save."""

    name: str
    edit: Edit


class CreateWebhook(TypedDict):
    """An address that shall receive events."""

    url: str
    events: NotRequired[list[CreateWebhookEvents] | None]
    description: NotRequired[str]


class Delivery(TypedDict):
    """One event for one webhook."""

    id: str
    event_id: str
    type: str
    sequence: int
    status: DeliveryStatus
    attempts: int
    next_attempt_at: str | None
    tries: list[DeliveryAttempt]
    created_at: str
    ended_at: str | None


class DeliveryAttempt(TypedDict):
    """One request that tried to deliver an event."""

    at: str
    seconds: float
    status: int | None
    error: str | None


class DeliveryDetail(TypedDict):
    """One event for one webhook, with its body."""

    id: str
    event_id: str
    type: str
    sequence: int
    status: DeliveryStatus
    attempts: int
    next_attempt_at: str | None
    tries: list[DeliveryAttempt]
    created_at: str
    ended_at: str | None
    body: dict[str, Any] | None


class DeliveryList(TypedDict):
    """A page of a webhook's deliveries."""

    deliveries: list[Delivery]
    pagination: Pagination


class Download(TypedDict):
    """The address of a render's file."""

    url: str
    filename: str


class EarlierPost(TypedDict):
    """The post with the same clip and words for the same account."""

    post_id: str
    item_id: str
    account: str
    at: str
    status: str


class Edit(TypedDict):
    """The changes of a video, in this order: trim, speed, shape, captions, watermark, fade, intro and outro."""

    resolution: NotRequired[CreateRenderResolution]
    trim: NotRequired[Trim | None]
    aspect_ratio: NotRequired[str]
    fit: NotRequired[CreateRenderFit]
    pad_color: NotRequired[str]
    focus: NotRequired[FocusPoint | list[FocusPoint] | None]
    speed: NotRequired[float]
    fade: NotRequired[Fade | None]
    audio: NotRequired[Audio | None]
    captions: NotRequired[Captions | None]
    watermark: NotRequired[Watermark | None]
    cover: NotRequired[Cover | None]
    intro: NotRequired[Part | None]
    outro: NotRequired[Part | None]
    strip_metadata: NotRequired[bool]


class EndFacts(TypedDict):
    """A post whose items have all ended."""

    post_id: str
    status: EndFactsStatus
    published: int
    failed: int
    post: Post | None


class EventsReplayed(TypedDict):
    """The number of events that are sent again."""

    replayed: int
    continue_after: int | None


class FacebookMetadata(TypedDict):
    """The fields of FacebookMetadata."""

    description: NotRequired[str]
    title: NotRequired[str | None]
    mediaType: NotRequired[FacebookMetadataMediaType]
    videoState: NotRequired[FacebookMetadataVideoState]
    scheduledPublishTime: NotRequired[str | None]
    placeId: NotRequired[str | None]
    targeting: NotRequired[Targeting | None]
    isAiGenerated: NotRequired[bool]
    thumbnailUrl: NotRequired[str | None]
    collaborators: NotRequired[list[str]]
    embeddable: NotRequired[bool]
    noStory: NotRequired[bool]
    contentTags: NotRequired[list[str]]


Fade = TypedDict("Fade", {"in": "NotRequired[float]", "out": "NotRequired[float]"})


class FocusPoint(TypedDict):
    """The point that a crop keeps in view."""

    at: NotRequired[float]
    x: NotRequired[float]
    y: NotRequired[float]


class FoundClip(TypedDict):
    """A clip that a submission found."""

    id: str
    title: str
    rating: float | None
    start_time: float
    end_time: float
    play_url: str
    download_url: str | None
    render_id: str | None
    edit: dict[str, Any]


class FoundClipList(TypedDict):
    """Clips of a submission."""

    clips: list[FoundClip]


class HashtagSetDetail(TypedDict):
    """Hashtags of a client under a name."""

    id: str
    name: str
    tags: list[str]


class HashtagSetList(TypedDict):
    """The hashtag sets of a client."""

    hashtag_sets: list[HashtagSetDetail]


class ImportVideo(TypedDict):
    """A media file to import."""

    url: str
    file_name: NotRequired[str | None]


class InstagramMetadata(TypedDict):
    """The fields of InstagramMetadata."""

    caption: NotRequired[str]
    mediaType: NotRequired[InstagramMetadataMediaType]
    shareToFeed: NotRequired[bool]
    coverUrl: NotRequired[str | None]
    thumbOffset: NotRequired[int | None]
    collaborators: NotRequired[list[str]]
    audioName: NotRequired[str | None]
    locationId: NotRequired[str | None]
    userTags: NotRequired[list[str]]
    trialGraduationStrategy: NotRequired[InstagramMetadataTrialGraduationStrategy | None]
    isAiGenerated: NotRequired[bool]


class Item(TypedDict):
    """An item: one clip on one account."""

    id: str
    edit_id: str
    connection_id: str
    platform: str
    account: Account
    status: ItemStatus
    stage: ItemStage | None
    progress: int
    metadata: dict[str, Any]
    attempts: int
    next_attempt_at: str | None
    held_until: str | None
    published_at: str | None
    platform_post_id: str | None
    platform_post_url: str | None
    error: ItemError | None
    warnings: list[ItemWarning]
    stage_text: NotRequired[str | None]
    conform: ItemConform
    rendition: NotRequired[Rendition | None]
    can_delete: NotRequired[bool]
    version: int
    created_at: str
    updated_at: str


ItemError = TypedDict(
    "ItemError",
    {
        "code": "ItemErrorCode | str",
        "message": "str",
        "class": "ItemErrorClass",
        "retryable": "bool",
        "actor": "ItemErrorActor",
        "fix": "str",
        "docs_url": "str | None",
        "platform": "PlatformError | None",
        "at": "str",
    },
)


class ItemFacts(TypedDict):
    """An item, as of the event."""

    item_id: str
    post_id: str
    edit_id: str
    connection_id: str
    platform: str
    status: str
    error: dict[str, Any] | None
    platform_post_id: str | None
    platform_post_url: str | None
    published_at: str | None
    item: Item | None


class ItemFailedEvent(TypedDict):
    """An item ended without a video. Its `error` says why and who acts."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["item.failed"]
    data: ItemFacts


class ItemNeedsActionEvent(TypedDict):
    """A person must act for an item: it waits for its account, its outcome is unknown, or it missed its time. An
    item that has failed for such a reason is in `item.failed`, too.
    """

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["item.needs_action"]
    data: ActionFacts


class ItemPatch(TypedDict):
    """A change of the item `id`. What it leaves out stays."""

    metadata: NotRequired[Metadata]
    connectionId: NotRequired[str | None]
    editId: NotRequired[str | None]
    conform: NotRequired[ItemConform | None]
    id: str


class ItemPublishedEvent(TypedDict):
    """An item's video is live, or delivered as a draft."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["item.published"]
    data: ItemFacts


class ItemRetried(TypedDict):
    """An item that is due now."""

    item_id: str
    reconciles_first: bool


class ItemSkipped(TypedDict):
    """An item that was not retried."""

    item_id: str
    code: ItemSkippedCode
    message: str


class ItemWarning(TypedDict):
    """A missing part of a live video, such as a thumbnail that the platform rejected."""

    code: ItemWarningCode | str
    message: str
    fix: str


class JobDeadEvent(TypedDict):
    """A job ended three workers. It runs again when a person retries it."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["job.dead"]
    data: JobFacts


class JobFacts(TypedDict):
    """A dead job."""

    job_id: str
    kind: str
    item_id: NotRequired[str | None]
    post_id: NotRequired[str | None]
    connection_id: NotRequired[str | None]
    error: dict[str, Any]


class LabelDetail(TypedDict):
    """A word that people put on posts of the workspace."""

    id: str
    name: str
    created_at: str


class LabelList(TypedDict):
    """Labels of the workspace, or of a post."""

    labels: list[LabelDetail]


class LinkedInMetadata(TypedDict):
    """The fields of LinkedInMetadata."""

    commentary: NotRequired[str]
    visibility: NotRequired[LinkedInMetadataVisibility]
    title: NotRequired[str]
    isReshareDisabledByAuthor: NotRequired[bool]


class MediaFacts(TypedDict):
    """The properties of a converted file."""

    container: str
    duration: float
    width: int
    height: int
    resolution: str
    frame_rate: float
    video_codec: str
    audio_codec: str | None


class Metadata(TypedDict):
    """Holds one object, named after the connection's platform."""

    bluesky: NotRequired[BlueskyMetadata | None]
    facebook: NotRequired[FacebookMetadata | None]
    instagram: NotRequired[InstagramMetadata | None]
    linkedin: NotRequired[LinkedInMetadata | None]
    pinterest: NotRequired[PinterestMetadata | None]
    threads: NotRequired[ThreadsMetadata | None]
    tiktok: NotRequired[TikTokMetadata | None]
    youtube: NotRequired[YouTubeMetadata | None]


class MissingRender(TypedDict):
    """A render that has no file to download."""

    render_id: str
    code: MissingRenderCode
    message: str


class NewComment(TypedDict):
    """A comment on a post in review."""

    text: str
    at_second: NotRequired[float | None]
    public: NotRequired[bool]


class NextTime(TypedDict):
    """A free posting time."""

    posting_time: str
    scheduled_at: str


class NextTimes(TypedDict):
    """The next free posting times."""

    timezone: str
    times: list[NextTime]


class Pagination(TypedDict):
    """The position of a page in its list."""

    current_page: int
    total_pages: int
    total_count: int
    has_next_page: bool
    has_previous_page: bool
    limit: int


class Part(TypedDict):
    """Another video before or after this one."""

    video_id: str


class Pause(TypedDict):
    """Days without posting times."""

    first_day: str
    last_day: str


class PinterestMetadata(TypedDict):
    """The fields of PinterestMetadata."""

    boardId: str
    boardSectionId: NotRequired[str | None]
    title: NotRequired[str]
    description: NotRequired[str]
    link: NotRequired[str | None]
    altText: NotRequired[str]
    coverImageKeyFrameTime: NotRequired[int | None]
    coverImageUrl: NotRequired[str | None]
    aiDisclosures: NotRequired[list[PinterestMetadataAiDisclosures]]
    dominantColor: NotRequired[str | None]


class PlanChecked(TypedDict):
    """The result of a dry run. Nothing was created."""

    valid: bool
    rows: list[PlannedRow]
    errors: list[ProblemDetail]
    warnings: list[ProblemDetail]
    more_errors: int
    more_warnings: int


class PlanCreated(TypedDict):
    """The created posts of a plan."""

    post_count: int
    item_count: int
    posts: list[RowPost]
    status: NotRequired[Literal["created"]]


class PlannedItem(TypedDict):
    """An item of a row, as it would be created."""

    clip: str
    connection_id: str
    platform: str
    metadata: dict[str, Any]


class PlannedRow(TypedDict):
    """A row, as it would be posted."""

    line: int
    scheduled_at: str | None
    items: list[PlannedItem]


class Platform(TypedDict):
    """A platform and its rules."""

    name: str
    title: str
    docs_url: str
    metadata_schema: dict[str, Any]
    media: dict[str, Any]
    media_by_kind: dict[str, dict[str, dict[str, Any]]]


class PlatformError(TypedDict):
    """The platform's own error, for its support."""

    http_status: int | None
    code: str | None
    message: str | None
    request_id: str | None


class PlatformList(TypedDict):
    """All platforms."""

    platforms: list[Platform]


class Post(TypedDict):
    """A post with its items."""

    post_id: str
    status: PostStatus
    scheduled_at: str | None
    item_count: int
    client_id: str | None
    review: PostReview | None
    version: int
    created_at: str
    updated_at: str
    items: list[Item]
    state_tag: str


class PostCompletedEvent(TypedDict):
    """All items of a post ended, and all are published."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["post.completed"]
    data: EndFacts


class PostCreated(TypedDict):
    """A created post."""

    post_id: str
    item_count: int
    status: PostCreatedStatus
    scheduled_at: str | None


class PostCreatedInPart(TypedDict):
    """The response with `partial=true`."""

    post_id: str
    item_count: int
    status: PostCreatedStatus
    scheduled_at: str | None
    errors: list[ProblemDetail]


class PostDeletedEvent(TypedDict):
    """Clipcast's record of a post was deleted."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["post.deleted"]
    data: PostFacts


class PostFacts(TypedDict):
    """A post, as of the event."""

    post_id: str
    scheduled_at: str | None
    version: int
    post: Post | None


class PostFailedEvent(TypedDict):
    """All items of a post ended, and none is published."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["post.failed"]
    data: EndFacts


class PostLabels(TypedDict):
    """The labels that a post then has."""

    labels: list[str]


class PostList(TypedDict):
    """A page of the workspace's posts."""

    posts: list[PostSummary]
    pagination: Pagination


class PostPartialEvent(TypedDict):
    """All items of a post ended: some published, some failed."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["post.partial"]
    data: EndFacts


class PostRetried(TypedDict):
    """The result of a retry of a whole post."""

    post_id: str
    status: PostStatus
    retried: list[ItemRetried]
    skipped: list[ItemSkipped]


class PostScheduledEvent(TypedDict):
    """A post was created with a time, or moved to another time."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["post.scheduled"]
    data: PostFacts


class PostSummary(TypedDict):
    """A post without its items."""

    post_id: str
    status: PostStatus
    scheduled_at: str | None
    item_count: int
    client_id: str | None
    review: PostReview | None
    version: int
    created_at: str
    updated_at: str


class PostUpdatedEvent(TypedDict):
    """The time, the items or the metadata of a post changed."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["post.updated"]
    data: PostFacts


class PostVideo(TypedDict):
    """A clip, with the accounts to which it is published."""

    editId: str
    conform: NotRequired[ItemConform | None]
    common: NotRequired[CommonTexts | None]
    targets: list[Target]


class PostingTimes(TypedDict):
    """All posting times of a client."""

    times: NotRequired[list[WeeklyTime]]
    jitter_minutes: NotRequired[int]
    paused: NotRequired[list[Pause]]
    accounts: NotRequired[list[AccountTimes]]
    timezone: str


class PostsSwapped(TypedDict):
    """Two posts after the exchange of their times."""

    posts: list[SwappedPost]


class ProblemDetail(TypedDict):
    """One entry of `errors`."""

    path: str
    code: ProblemCode | str
    message: str
    limit: NotRequired[Any]
    actual: NotRequired[Any]
    docs_url: NotRequired[str | None]
    line: NotRequired[int | None]
    column: NotRequired[str | None]
    earlier: NotRequired[EarlierPost | None]


class ProblemDocument(TypedDict):
    """The body of an error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    message: str
    code: ErrorCode | str
    request_id: str
    errors: NotRequired[list[ProblemDetail]]
    more_errors: NotRequired[int | None]


class QueueEntry(TypedDict):
    """A posting time, and what is in it."""

    posting_time: str
    scheduled_at: str
    connection_ids: list[str]
    post_ids: list[str]


class Quota(TypedDict):
    """The used and the remaining units of a quota, as the API shows them."""

    name: str
    scope: QuotaScope
    window: str
    limit: int | None
    used: int
    remaining: int | None
    free_at: str | None


class QuotaExhaustedEvent(TypedDict):
    """A quota of an account is used up, and an item waits for it. At most once a day for each account."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["quota.exhausted"]
    data: ItemFacts


class Render(TypedDict):
    """A render: the postable form of a video."""

    render_id: str
    edit_setting_id: str
    video_id: str
    name: str
    status: RenderStatus
    progress: int
    output_resolution: str | None
    created_at: str
    started_at: str | None
    completed_at: str | None


class RenderCompletedEvent(TypedDict):
    """The file of a render exists."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["render.completed"]
    data: RenderFacts


class RenderConversion(TypedDict):
    """What a platform gets of a render, made before a post needs it."""

    platform: str
    action: ConversionAction
    status: RenderStatus
    progress: int
    size: int | None


class RenderCreated(TypedDict):
    """A render, new or existing."""

    render_id: str
    edit_setting_id: str
    status: RenderStatus
    output_resolution: str | None
    has_watermark: NotRequired[Literal[False]]
    from_cache: bool
    download_url: NotRequired[str | None]
    warnings: NotRequired[list[ProblemDetail]]


class RenderDetail(TypedDict):
    """A render with its error, its place in the queue, its file and its changes."""

    render_id: str
    edit_setting_id: str
    video_id: str
    name: str
    status: RenderStatus
    progress: int
    output_resolution: str | None
    created_at: str
    started_at: str | None
    completed_at: str | None
    error: RenderError | None
    eta_seconds: int | None
    position: int | None
    output: RenderOutput | None
    edit: dict[str, Any]
    warnings: list[ProblemDetail]
    state_tag: str
    conversions: list[RenderConversion]


class RenderError(TypedDict):
    """Why a render failed, or what it waits for."""

    code: str
    message: str
    fix: NotRequired[str | None]


class RenderFacts(TypedDict):
    """A render, as of the event."""

    render_id: str
    edit_setting_id: str
    status: str
    error: dict[str, Any] | None
    render: Render | None


class RenderFailedEvent(TypedDict):
    """A render has no file. Its `error` names the reason."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["render.failed"]
    data: RenderFacts


class RenderLimits(TypedDict):
    """The renders under way, and the limits."""

    usage: RenderUsage
    plan: RenderPlan


class RenderList(TypedDict):
    """A page of the workspace's renders."""

    renders: list[Render]
    pagination: Pagination


class RenderOutput(TypedDict):
    """The properties of a render's file."""

    width: int
    height: int
    duration: float
    size: int
    frame_rate: float
    video_codec: str
    audio_codec: str | None
    is_final: bool


class RenderPlan(TypedDict):
    """The limits of this installation, which has no plan."""

    video_quality: str
    watermark: bool
    priority_processing: bool
    max_concurrent_renders: int
    render_expiry_hours: int


class RenderUsage(TypedDict):
    """The renders of the workspace that are not complete."""

    active_count: int
    queued_count: int
    total_pending: int
    max_concurrent: int


class Rendition(TypedDict):
    """The file that was made of the clip for this item."""

    action: ConversionAction
    reasons: list[str]
    status: RenditionStatus
    progress: int
    media: MediaFacts | None
    size: int | None
    url: str | None


class ReplayEvents(TypedDict):
    """The events to send again."""

    since: str
    after: NotRequired[int]


class RequestChanges(TypedDict):
    """What a reviewer wants to be changed."""

    reviewer_id: str
    revision: int
    text: str


class Review(TypedDict):
    """A post's review."""

    post_id: str
    state: PostReview
    rule: ReviewRule
    revision: int
    message: str
    requested_by: str
    requested_at: str
    scheduled_at: str | None
    needs_time: bool
    reviewers: list[Reviewer]
    comments: list[Comment]


class ReviewApprovedEvent(TypedDict):
    """A post was approved."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["review.approved"]
    data: ReviewFacts


class ReviewChangesRequestedEvent(TypedDict):
    """A reviewer asked for changes of a post."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["review.changes_requested"]
    data: ReviewFacts


class ReviewCommentedEvent(TypedDict):
    """Somebody commented on a post in review."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["review.commented"]
    data: ReviewFacts


class ReviewExpiredEvent(TypedDict):
    """The time of a post passed before its approval. It is not sent."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["review.expired"]
    data: ReviewFacts


class ReviewExpiringEvent(TypedDict):
    """The time of a post comes within an hour, and it is not approved."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["review.expiring"]
    data: ReviewFacts


class ReviewFacts(TypedDict):
    """A post in review, as of the event."""

    post_id: str
    state: PostReview
    scheduled_at: str | None
    by: str | None
    text: str | None
    post: Post | None


class ReviewLink(TypedDict):
    """A review link, without its address."""

    id: str
    client_id: str | None
    name: str
    timezone: str
    created_by: str
    created_at: str
    expires_at: str
    opened_at: str | None


class ReviewLinkCreated(TypedDict):
    """A new review link with its address."""

    id: str
    client_id: str | None
    name: str
    timezone: str
    created_by: str
    created_at: str
    expires_at: str
    opened_at: str | None
    url: str


class ReviewLinkList(TypedDict):
    """The review links that have not ended."""

    links: list[ReviewLink]


class ReviewList(TypedDict):
    """A page of reviews."""

    reviews: list[ReviewSummary]
    pagination: Pagination


class ReviewRequest(TypedDict):
    """Who must approve a post before it is sent."""

    members: NotRequired[list[str]]
    links: NotRequired[list[str]]
    rule: NotRequired[ReviewRule]
    message: NotRequired[str]


class ReviewRequestedEvent(TypedDict):
    """A post was sent for review, or changed after a decision about it."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["review.requested"]
    data: ReviewFacts


class ReviewSummary(TypedDict):
    """A post's review without its reviewers and comments."""

    post_id: str
    state: PostReview
    rule: ReviewRule
    revision: int
    message: str
    requested_by: str
    requested_at: str
    scheduled_at: str | None
    needs_time: bool


class Reviewer(TypedDict):
    """A reviewer, and the decision about the present revision."""

    id: str
    kind: ReviewerKind
    name: str
    decision: ReviewerDecision | None
    decided_at: str | None
    decided_by: str | None
    seen_at: str | None
    can_decide: bool


class RowPost(TypedDict):
    """The post of a row."""

    post_id: str
    item_count: int
    status: PostCreatedStatus
    scheduled_at: str | None
    line: int


class Schedule(TypedDict):
    """A time that Clipcast chooses."""

    slot: Literal["next"]


class SecretRotated(TypedDict):
    """The new secret of a webhook."""

    secret: str
    former_until: str


class SetPostingTimes(TypedDict):
    """All posting times of a client. What is left out is empty."""

    times: NotRequired[list[WeeklyTime]]
    jitter_minutes: NotRequired[int]
    paused: NotRequired[list[Pause]]
    accounts: NotRequired[list[AccountTimes]]


class StartAsset(TypedDict):
    """A file that will be uploaded."""

    file_name: str
    file_size: NotRequired[int | None]


class StartBulkDownload(TypedDict):
    """The renders to download as one archive."""

    render_ids: list[str]


class StartUpload(TypedDict):
    """A file that will be uploaded."""

    file_name: str
    file_size: NotRequired[int | None]
    content_type: NotRequired[StartUploadContentType | None]


class Submission(TypedDict):
    """A submission: a video whose clips are found by a strategy."""

    submission_id: str
    video_id: str
    strategy_id: str
    status: SubmissionStatus
    clips_count: int
    queue_position: int | None
    estimated_time: int | None
    error_code: str | None
    error_message: str | None
    created_at: str
    completed_at: str | None
    warnings: NotRequired[list[ProblemDetail]]


class SubmissionList(TypedDict):
    """A page of submissions."""

    submissions: list[Submission]
    pagination: Pagination


class SubmitVideo(TypedDict):
    """A video whose clips are to be found."""

    video_id: str
    strategy_id: NotRequired[str | None]
    template_id: NotRequired[str | None]
    source_language: NotRequired[str | None]
    timeframe: NotRequired[Timeframe | None]
    min_length: NotRequired[float | None]
    max_length: NotRequired[float | None]


class Submitted(TypedDict):
    """A new submission."""

    submission_id: str
    video_id: str
    status: SubmissionStatus
    credits_charged: NotRequired[int]
    warnings: NotRequired[list[ProblemDetail]]


class SwapPosts(TypedDict):
    """Two posts that exchange their times."""

    post_ids: list[str]


class SwappedPost(TypedDict):
    """A post and its time."""

    post_id: str
    scheduled_at: str


class Target(TypedDict):
    """An account to which the clip is published."""

    connectionId: str
    metadata: NotRequired[Metadata]


class Targeting(TypedDict):
    """The audience of the video."""

    countries: NotRequired[list[str]]
    ageMin: NotRequired[int | None]
    locales: NotRequired[list[int]]


class Template(TypedDict):
    """A template, or a built-in strategy."""

    id: str
    name: str
    kind: TemplateKind
    description: str
    edit: dict[str, Any] | None
    created_at: str | None
    updated_at: str | None


class TemplateList(TypedDict):
    """A page of strategies and templates."""

    templates: list[Template]
    pagination: Pagination


class ThreadsMetadata(TypedDict):
    """The fields of ThreadsMetadata."""

    text: NotRequired[str]
    replyControl: NotRequired[ThreadsMetadataReplyControl]
    topicTag: NotRequired[str | None]
    altText: NotRequired[str | None]
    locationId: NotRequired[str | None]
    allowlistedCountryCodes: NotRequired[list[str] | None]
    isSpoilerMedia: NotRequired[bool]
    enableReplyApprovals: NotRequired[bool]


class TikTokMetadata(TypedDict):
    """The fields of TikTokMetadata."""

    title: NotRequired[str]
    privacyLevel: TikTokMetadataPrivacyLevel
    disableComment: NotRequired[bool]
    disableDuet: NotRequired[bool]
    disableStitch: NotRequired[bool]
    videoCoverTimestampMs: NotRequired[int | None]
    brandContentToggle: NotRequired[bool]
    brandOrganicToggle: NotRequired[bool]
    isAigc: NotRequired[bool]
    postMode: NotRequired[TikTokMetadataPostMode]


class Timeframe(TypedDict):
    """The part of the video to search."""

    start: NotRequired[float]
    end: NotRequired[float | None]


class Trim(TypedDict):
    """The part of the video to keep."""

    start: NotRequired[float]
    end: NotRequired[float | None]
    precision: NotRequired[TrimPrecision]


class UpdateClient(TypedDict):
    """A change of a client. What it leaves out stays."""

    name: NotRequired[str | None]
    timezone: NotRequired[str | None]
    color: NotRequired[int | None]
    signature: NotRequired[str | None]
    review: NotRequired[ClientReview | None]


class UpdateConnection(TypedDict):
    """A change of a connection."""

    client_id: str | None


class UpdateHashtagSet(TypedDict):
    """A change of a hashtag set. What it leaves out stays."""

    name: NotRequired[str | None]
    tags: NotRequired[list[str] | None]


class UpdateItem(TypedDict):
    """A change of an item. What it leaves out stays."""

    metadata: NotRequired[Metadata]
    connectionId: NotRequired[str | None]
    editId: NotRequired[str | None]
    conform: NotRequired[ItemConform | None]


class UpdateLabel(TypedDict):
    """Another name of a label."""

    name: str


class UpdatePost(TypedDict):
    """A change of a post. What it leaves out stays."""

    scheduled_at: NotRequired[str | None]
    timezone: NotRequired[str | None]
    items: NotRequired[list[ItemPatch]]


class UpdateTemplate(TypedDict):
    """Changes of a template. A field that is left out stays as it is."""

    name: NotRequired[str | None]
    edit: NotRequired[Edit | None]


class UpdateWebhook(TypedDict):
    """Changes of a webhook. Fields that are left out stay."""

    url: NotRequired[str]
    events: NotRequired[list[CreateWebhookEvents] | None]
    description: NotRequired[str]
    enabled: NotRequired[bool]


class UpdateWorkspace(TypedDict):
    """A change of the workspace. What it leaves out stays."""

    duplicates: NotRequired[UpdateWorkspaceDuplicates | None]
    conform: NotRequired[ItemConform | None]


class UploadStarted(TypedDict):
    """A video that waits for its bytes."""

    video_id: str
    upload_url: str
    expires_in: int


class ValidationResult(TypedDict):
    """The result of a validation."""

    valid: bool
    errors: list[ProblemDetail]
    warnings: list[ProblemDetail]
    more_errors: NotRequired[int]
    more_warnings: NotRequired[int]
    conversions: list[Conversion]


class Video(TypedDict):
    """An uploaded video with the properties of its file."""

    video_id: str
    title: str
    description: str
    author: str
    platform: Literal["upload"]
    credits_cost: int
    credits_original: int
    discount_percent: int
    current_balance: int
    force_watermark: Literal[False]
    duration: float
    width: int
    height: int
    size: int
    thumbnail_url: str | None
    file_name: str
    content_type: str
    container: str
    frame_rate: float
    video_codec: str
    audio_codec: str | None
    sha256: str
    created_at: str


class VideoCompleted(TypedDict):
    """An uploaded video that can be posted as it is."""

    video_id: str
    title: str
    description: str
    author: str
    platform: Literal["upload"]
    credits_cost: int
    credits_original: int
    discount_percent: int
    current_balance: int
    force_watermark: Literal[False]
    duration: float
    width: int
    height: int
    size: int
    thumbnail_url: str | None
    file_name: str
    content_type: str
    container: str
    frame_rate: float
    video_codec: str
    audio_codec: str | None
    sha256: str
    created_at: str
    edit_setting_id: str


class VideoList(TypedDict):
    """A page of the workspace's videos."""

    clips: list[Video]
    pagination: Pagination


class Watermark(TypedDict):
    """A picture over the video."""

    asset_id: str
    position: NotRequired[WatermarkPosition]
    width: NotRequired[float]
    opacity: NotRequired[float]
    margin: NotRequired[float]


class Webhook(TypedDict):
    """An address that receives events."""

    id: str
    url: str
    events: list[CreateWebhookEvents] | None
    description: str
    status: WebhookStatus
    disabled_reason: WebhookDisabledReason | None
    failing_since: str | None
    last_error: str | None
    last_success_at: str | None
    created_at: str
    updated_at: str


class WebhookCreated(TypedDict):
    """A new webhook with its secret."""

    id: str
    url: str
    events: list[CreateWebhookEvents] | None
    description: str
    status: WebhookStatus
    disabled_reason: WebhookDisabledReason | None
    failing_since: str | None
    last_error: str | None
    last_success_at: str | None
    created_at: str
    updated_at: str
    secret: str


class WebhookDisabledEvent(TypedDict):
    """Clipcast sends nothing to a webhook any more."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["webhook.disabled"]
    data: WebhookFacts


class WebhookFacts(TypedDict):
    """A webhook that fails."""

    webhook_id: str
    description: str
    host: str
    reason: WebhookFactsReason | None
    failing_since: str | None
    error: str | None


class WebhookFailingEvent(TypedDict):
    """A webhook has failed for 4 days. It is disabled after 5."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["webhook.failing"]
    data: WebhookFacts


class WebhookList(TypedDict):
    """A page of the workspace's webhooks."""

    webhooks: list[Webhook]
    pagination: Pagination


class WebhookTestEvent(TypedDict):
    """A caller asked for a test of this webhook."""

    timestamp: str
    sequence: int
    workspace_id: str
    type: Literal["webhook.test"]
    data: CheckFacts


class WeeklyTime(TypedDict):
    """A time of the week, by the clock on the wall in the client's time zone."""

    weekday: WeeklyTimeWeekday
    at: str


class Workspace(TypedDict):
    """The workspace of an API key."""

    id: str
    name: str
    plan: str
    role: str
    duplicates: UpdateWorkspaceDuplicates
    seats: int
    conform: ItemConform
    created_at: str


class YouTubeMetadata(TypedDict):
    """The fields of YouTubeMetadata."""

    title: str
    description: NotRequired[str]
    tags: NotRequired[list[str]]
    categoryId: NotRequired[str]
    privacyStatus: NotRequired[YouTubeMetadataPrivacyStatus]
    publishAt: NotRequired[str | None]
    selfDeclaredMadeForKids: NotRequired[bool]
    containsSyntheticMedia: NotRequired[bool]
    embeddable: NotRequired[bool]
    license: NotRequired[YouTubeMetadataLicense]
    publicStatsViewable: NotRequired[bool]
    recordingDate: NotRequired[str | None]
    notifySubscribers: NotRequired[bool]
    playlistId: NotRequired[str | None]
    defaultLanguage: NotRequired[str | None]
    thumbnailUrl: NotRequired[str | None]


# The body of a request to a webhook. Its `type` tells which one it is.
WebhookBody = (
    ConnectionConnectedEvent
    | ConnectionNeedsReconnectEvent
    | ConnectionRemovedEvent
    | ItemFailedEvent
    | ItemNeedsActionEvent
    | ItemPublishedEvent
    | JobDeadEvent
    | PostCompletedEvent
    | PostDeletedEvent
    | PostFailedEvent
    | PostPartialEvent
    | PostScheduledEvent
    | PostUpdatedEvent
    | QuotaExhaustedEvent
    | RenderCompletedEvent
    | RenderFailedEvent
    | ReviewApprovedEvent
    | ReviewChangesRequestedEvent
    | ReviewCommentedEvent
    | ReviewExpiredEvent
    | ReviewExpiringEvent
    | ReviewRequestedEvent
    | WebhookDisabledEvent
    | WebhookFailingEvent
    | WebhookTestEvent
)
