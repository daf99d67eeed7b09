"""TikTok's case."""

from clipcast.testing.case import Case, MediaFailure, Refusal, TextLimit


def _envelope(code: str) -> dict[str, object]:
    return {"data": {}, "error": {"code": code, "message": "told by a test", "log_id": "L1"}}


def _refusal(code: str, status: int, error_class: str, ours: str, request: str = "video_init") -> Refusal:
    return Refusal(request, status, _envelope(code), error_class, ours)


BASE = {"title": "Fog over the pier", "privacyLevel": "PUBLIC_TO_EVERYONE"}

CASE = Case(
    platform="tiktok",
    metadata=BASE,
    everything={
        "title": "Fog #pier @tidepool \U0001f30a",
        "privacyLevel": "MUTUAL_FOLLOW_FRIENDS",
        "disableComment": True,
        "disableDuet": True,
        "disableStitch": True,
        "videoCoverTimestampMs": 1000,
        "brandContentToggle": True,
        "brandOrganicToggle": True,
        "isAigc": True,
        "postMode": "DIRECT_POST",
    },
    branches={"draft": lambda sandbox: BASE | {"postMode": "MEDIA_UPLOAD"}},
    requests=("creator_info", "video_init", "chunk", "status"),
    irreversible="chunk",
    visibility="PUBLIC_TO_EVERYONE",
    limits=(
        TextLimit("title", "x" * 2200, "x" * 2201),
        TextLimit("title", "\U0001f30a" * 1100, "\U0001f30a" * 1100 + "x"),
        TextLimit("title", "\u00e9" * 2200, "\u00e9" * 2201),
    ),
    refused=(
        ({"title": "no privacy"}, "/privacyLevel", "required"),
        (BASE | {"privacyLevel": "EVERYBODY"}, "/privacyLevel", "not_allowed"),
        (BASE | {"brandContentToggle": True, "privacyLevel": "SELF_ONLY"}, "", "conflict"),
        (BASE | {"videoCoverTimestampMs": -1}, "/videoCoverTimestampMs", "too_small"),
        (BASE | {"disableDuet": "yes"}, "/disableDuet", "wrong_type"),
        (BASE | {"tittle": "misspelt"}, "/tittle", "unknown_field"),
    ),
    refusals=(
        _refusal("invalid_params", 400, "invalid", "invalid_parameter"),
        _refusal("invalid_param", 400, "invalid", "invalid_parameter"),
        _refusal("invalid_file_upload", 400, "media", "file_refused"),
        _refusal("scope_permission_missed", 400, "reconnect", "scope_missing"),
        _refusal("scope_not_authorized", 401, "reconnect", "scope_missing"),
        _refusal("spam_risk_too_many_posts", 403, "rate_limited", "daily_post_cap"),
        _refusal("spam_risk_too_many_posts", 200, "rate_limited", "daily_post_cap", "creator_info"),
        _refusal("reached_active_user_cap", 200, "rate_limited", "active_user_cap", "creator_info"),
        _refusal("spam_risk_user_banned_from_posting", 200, "policy", "account_banned", "creator_info"),
        _refusal("unaudited_client_can_only_post_to_private_accounts", 403, "policy", "app_not_audited"),
        _refusal("url_ownership_unverified", 403, "invalid", "domain_not_verified"),
        _refusal("privacy_level_option_mismatch", 403, "invalid", "privacy_level_not_offered"),
        _refusal("internal_error", 500, "transient", "platform_unavailable"),
        _refusal("something_new", 418, "transient", "platform_error_unknown"),
        _refusal("invalid_publish_id", 400, "outcome_unknown", "publish_id_unknown", "status"),
        _refusal("token_not_authorized_for_specified_publish_id", 400, "reconnect", "wrong_account", "status"),
        Refusal("chunk", 400, "bad", "invalid", "chunk_refused"),
        Refusal("chunk", 503, "gateway", "transient", "platform_unavailable"),
        Refusal("video_init", 200, "<html>not JSON</html>", "transient", "platform_unavailable"),
    ),
    media_failures=(
        MediaFailure({"fail_reason": "file_format_check_failed"}, "media", "format_refused"),
        MediaFailure({"fail_reason": "duration_check_failed"}, "media", "duration_refused"),
        MediaFailure({"fail_reason": "frame_rate_check_failed"}, "media", "frame_rate_refused"),
        MediaFailure({"fail_reason": "picture_size_check_failed"}, "media", "picture_size_refused"),
        MediaFailure({"fail_reason": "publish_cancelled"}, "invalid", "cancelled"),
        MediaFailure({"fail_reason": "auth_removed"}, "reconnect", "access_removed"),
        MediaFailure({"fail_reason": "spam_risk_text"}, "policy", "caption_refused"),
        MediaFailure({"fail_reason": "spam_risk"}, "policy", "spam_suspected"),
        MediaFailure({"fail_reason": "spam_risk_user_banned_from_posting"}, "policy", "account_banned"),
    ),
    rate_limited=_refusal("rate_limit_exceeded", 429, "rate_limited", "too_many_requests"),
    token_refused=(401, {"error": {"code": "access_token_invalid"}}),
    caption_of=lambda post: post["caption"],
    caption="Fog over the pier",
    full_caption="Fog #pier @tidepool \U0001f30a",
    rejected_files=("h264 mkv", "interlaced", "75 frames", "screen recording", "motion jpeg"),
)
