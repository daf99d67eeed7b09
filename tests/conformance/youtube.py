"""YouTube's case."""

from clipcast.testing.case import Case, MediaFailure, Refusal, TextLimit


def _refusal(reason: str, status: int, error_class: str, ours: str, request: str = "session") -> Refusal:
    body = {"error": {"code": status, "message": "told by a test", "errors": [{"domain": "x", "reason": reason}]}}
    return Refusal(request, status, body, error_class, ours)


BASE = {"title": "Fog over the pier"}

CASE = Case(
    platform="youtube",
    metadata=BASE,
    everything={
        "title": "Fog \U0001f30a",
        "description": "Line one\nLine two \u00e9",
        "tags": ["fog", "two words"],
        "categoryId": "24",
        "privacyStatus": "unlisted",
        "selfDeclaredMadeForKids": False,
        "containsSyntheticMedia": True,
        "embeddable": False,
        "license": "creativeCommon",
        "publicStatsViewable": False,
        "recordingDate": "2026-05-01T10:00:00Z",
        "notifySubscribers": False,
        "defaultLanguage": "pt-BR",
    },
    branches={"thumbnail": lambda sandbox: BASE | {"thumbnailUrl": f"{sandbox}/__sandbox/picture.png"}},
    requests=("channels", "session", "bytes", "videos", "videos_update"),
    irreversible="bytes",
    visibility="public",
    limits=(
        TextLimit("title", "x" * 100, "x" * 101),
        TextLimit("title", "\U0001f30a" * 100, "\U0001f30a" * 101),
        TextLimit("description", "x" * 5000, "x" * 5001),
        TextLimit("description", "\u00e9" * 2500, "\u00e9" * 2501),
        TextLimit("tags", ["x" * 500], ["x" * 501]),
        TextLimit("tags", ["x" * 249, "y" * 250], ["x" * 250, "y" * 250]),
        TextLimit("tags", ["a b" + "x" * 495], ["a b" + "x" * 496]),
    ),
    refused=(
        ({}, "/title", "required"),
        ({"title": "   "}, "/title", "required"),
        ({"title": "a < b"}, "/title", "forbidden_character"),
        (BASE | {"description": "a > b"}, "/description", "forbidden_character"),
        (BASE | {"categoryId": 22}, "/categoryId", "wrong_type"),
        (BASE | {"privacyStatus": "friends"}, "/privacyStatus", "not_allowed"),
        (BASE | {"publishAt": "2031-01-01T00:00:00"}, "/publishAt", "offset_missing"),
        (BASE | {"publishAt": "2020-01-01T00:00:00Z"}, "/publishAt", "in_the_past"),
        (BASE | {"publishAt": "2031-01-01T00:00:00Z", "privacyStatus": "public"}, "", "conflict"),
        (BASE | {"thumbnailUrl": "ftp://example.org/a.jpg"}, "/thumbnailUrl", "invalid_url"),
        (BASE | {"titel": "misspelt"}, "/titel", "unknown_field"),
    ),
    refusals=(
        *(
            _refusal(reason, 400, "invalid", "invalid_metadata")
            for reason in (
                "invalidTitle",
                "invalidDescription",
                "invalidTags",
                "invalidCategoryId",
                "invalidPublishAt",
                "invalidVideoMetadata",
                "invalidFilename",
                "defaultLanguageNotSet",
            )
        ),
        _refusal("missingRequiredParameter", 400, "invalid", "invalid_request"),
        _refusal("mediaBodyRequired", 400, "media", "no_media"),
        _refusal("uploadLimitExceeded", 400, "rate_limited", "channel_upload_limit"),
        _refusal("uploadLimitExceeded", 403, "rate_limited", "channel_upload_limit"),
        _refusal("youtubeSignupRequired", 401, "reconnect", "no_channel", "channels"),
        _refusal("insufficientPermissions", 403, "reconnect", "scope_missing"),
        _refusal("quotaExceeded", 403, "rate_limited", "project_quota"),
        _refusal("quotaExceeded", 429, "rate_limited", "project_quota"),
        _refusal("dailyLimitExceeded", 403, "rate_limited", "project_quota"),
        _refusal("userRateLimitExceeded", 403, "rate_limited", "too_many_requests"),
        _refusal("forbidden", 403, "policy", "forbidden"),
        _refusal("forbiddenPrivacySetting", 403, "invalid", "setting_not_allowed", "videos_update"),
        _refusal("accessNotConfigured", 403, "invalid", "api_not_enabled"),
        _refusal("authenticatedUserAccountSuspended", 403, "policy", "account_closed"),
        _refusal("channelNotFound", 403, "reconnect", "wrong_account"),
        _refusal("alreadyExists", 409, "transient", "session_conflict"),
        _refusal("backendError", 503, "transient", "platform_unavailable"),
        _refusal("somethingNew", 418, "transient", "platform_error_unknown"),
        Refusal("session", 503, "plain text", "transient", "platform_unavailable"),
        Refusal("session", 501, "", "transient", "platform_error_unknown"),
        Refusal("videos", 200, "<html>not JSON</html>", "transient", "platform_unavailable"),
    ),
    media_failures=(
        MediaFailure({"outcome": ["failed", "conversion"]}, "media", "file_refused", leaves_object=True),
        MediaFailure({"outcome": ["failed", "codec"]}, "media", "file_refused", leaves_object=True),
        MediaFailure({"outcome": ["rejected", "length"]}, "media", "video_too_long", leaves_object=True),
        MediaFailure({"outcome": ["rejected", "duplicate"]}, "policy", "duplicate", leaves_object=True),
        MediaFailure({"outcome": ["rejected", "copyright"]}, "policy", "content_refused", leaves_object=True),
        MediaFailure({"outcome": ["rejected", "termsOfUse"]}, "policy", "content_refused", leaves_object=True),
        MediaFailure(
            {"outcome": ["rejected", "uploaderAccountClosed"]}, "policy", "account_closed", leaves_object=True
        ),
        MediaFailure({"outcome": ["failed", "uploadAborted"]}, "policy", "not_processed", leaves_object=True),
    ),
    rate_limited=_refusal("rateLimitExceeded", 429, "rate_limited", "too_many_requests"),
    caption_of=lambda post: post["caption"],
    caption="Fog over the pier",
    full_caption="Fog \U0001f30a",
)
