"""Bluesky's cases: with an app password, and by OAuth."""

from dataclasses import replace

from clipcast.testing.case import Case, MediaFailure, Refusal, TextLimit


def _refusal(status: int, name: str, error_class: str, ours: str, request: str = "put") -> Refusal:
    return Refusal(request, status, {"error": name, "message": "told by a test"}, error_class, ours)


BASE = {"text": "Fog over the pier"}
WAVE = "\U0001f30a"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
EVERYTHING = f"Fog {WAVE} #pier @harbour.films https://example.org/fog"

CASE = Case(
    platform="bluesky",
    metadata=BASE,
    everything={
        "text": EVERYTHING,
        "langs": ["en", "pt-BR"],
        "alt": f"A pier {WAVE}",
        "labels": ["graphic-media"],
        "tags": ["weather"],
        "presentation": "gif",
        "threadgate": ["mentioned", "followers"],
        "disableEmbedding": True,
    },
    requests=("did", "service_auth", "start", "part", "finish", "job", "put"),
    irreversible="put",
    visibility="public",
    limits=(
        TextLimit("text", "x" * 300, "x" * 301),
        TextLimit("text", WAVE * 300, WAVE * 301),
        TextLimit("text", FAMILY * 166, FAMILY * 167),  # 18 bytes each, of 3000
        TextLimit("alt", "x" * 2000, "x" * 2001),
        TextLimit("alt", FAMILY * 2000, FAMILY * 2001),
        TextLimit("langs", ["en", "no", "pt"], ["en", "no", "pt", "da"]),
        TextLimit("tags", ["a"] * 8, ["a"] * 9),
    ),
    refused=(
        (BASE | {"langs": ["not a language"]}, "/langs/0", "invalid"),
        (BASE | {"labels": ["scary"]}, "/labels/0", "not_allowed"),
        (BASE | {"tags": ["#fog"]}, "/tags/0", "invalid"),
        (BASE | {"tags": ["x" * 65]}, "/tags/0", "too_long"),
        (BASE | {"captions": [{"lang": "en", "url": "ftp://example.org/a.vtt"}]}, "/captions/0/url", "invalid_url"),
        (BASE | {"captions": [{"lang": "en"}]}, "/captions/0/url", "required"),
        (BASE | {"threadgate": ["friends"]}, "/threadgate/0", "not_allowed"),
        (BASE | {"txet": "x"}, "/txet", "unknown_field"),
    ),
    refusals=(
        _refusal(401, "AccountTakedown", "policy", "account_taken_down"),
        _refusal(401, "AccountDeactivated", "reconnect", "account_deactivated"),
        _refusal(403, "ScopeMissingError", "reconnect", "scope_missing"),
        _refusal(403, "AccountNotFound", "transient", "account_moved"),
        _refusal(400, "InvalidRequest", "invalid", "invalid_parameter"),
        Refusal(
            "put", 400, {"error": "InvalidRequest", "message": "bad $.record.embed.video"}, "media", "file_refused"
        ),
        _refusal(400, "BlobNotFound", "transient", "blob_not_found"),
        _refusal(400, "BadExpiration", "invalid", "invalid_parameter", "service_auth"),
        _refusal(500, "InternalServerError", "transient", "platform_unavailable"),
        _refusal(502, "UpstreamFailure", "transient", "platform_unavailable", "service_auth"),
        _refusal(503, "ServiceOverloaded", "transient", "platform_unavailable", "start"),
        _refusal(401, "BadJwtAudience", "transient", "service_token_refused", "start"),
        _refusal(401, "JwtExpired", "transient", "service_token_refused", "finish"),
        _refusal(400, "UnsupportedContentType", "media", "format_refused", "start"),
        _refusal(400, "VideoTooLarge", "media", "file_too_large", "start"),
        _refusal(400, "VideoTooLong", "media", "video_too_long", "start"),
        _refusal(400, "BadAspectRatio", "media", "aspect_refused", "start"),
        _refusal(400, "DailyLimitExceeded", "rate_limited", "daily_video_cap", "start"),
        _refusal(400, "TooManyOpenUploads", "rate_limited", "too_many_uploads", "start"),
        _refusal(403, "UploadForbidden", "policy", "upload_forbidden", "start"),
        _refusal(404, "UploadNotFound", "transient", "upload_expired", "part"),
        _refusal(400, "UploadExpired", "transient", "upload_expired", "part"),
        _refusal(400, "PartSizeMismatch", "transient", "part_cut_off", "part"),
        _refusal(400, "MissingParts", "transient", "upload_expired", "finish"),
        _refusal(400, "InvalidRequest", "transient", "job_unknown", "job"),
        _refusal(418, "New", "transient", "platform_error_unknown"),
        Refusal("did", 404, {"message": "DID not registered"}, "invalid", "account_unknown"),
        Refusal("did", 502, "<html>", "transient", "platform_unavailable"),
        Refusal("put", 413, {"error": "PayloadTooLarge"}, "media", "file_too_large"),
    ),
    media_failures=(
        MediaFailure({"job_failure": "validation_failure"}, "media", "file_refused"),
        MediaFailure({"job_failure": "video_too_long"}, "media", "video_too_long"),
        MediaFailure({"job_failure": "bad_aspect_ratio"}, "media", "aspect_refused"),
        MediaFailure({"job_failure": "unsupported_codec"}, "media", "codec_refused"),
        MediaFailure({"job_failure": "encoded_video_too_large"}, "media", "file_too_large"),
        MediaFailure({"job_failure": "encoding_failure"}, "media", "processing_refused"),
        MediaFailure({"job_failure": "generic_failure"}, "media", "processing_refused"),
        MediaFailure({"unconfirmed_email": True}, "policy", "email_not_confirmed"),
        MediaFailure({"may_not_upload": True}, "policy", "upload_forbidden"),
    ),
    rate_limited=_refusal(429, "RateLimitExceeded", "rate_limited", "too_many_requests"),
    token_refused=(400, {"error": "ExpiredToken", "message": "Token has expired"}),
    caption_of=lambda post: post["caption"],
    caption="Fog over the pier",
    full_caption=EVERYTHING,
    rejected_files=(
        "mov",
        "vp9 webm",
        "h264 mkv",
        "hevc",
        "mp3 sound",
        "ac3 sound",
        "pcm sound",
        "interlaced",
        "motion jpeg",
    ),
    never_ends="transient",
    signs_in_by_form=True,
)

# What is the same for both is tested with app passwords.
BY_OAUTH = replace(
    CASE,
    sign_in_method="oauth",
    limits=(),
    refused=(),
    refusals=(),
    media_failures=(),
    token_refused=(401, {"error": "invalid_token", "message": "told by a test"}),
    requests=("did", "service_auth", "service_auth", "start", "part", "finish", "job", "put"),
    signs_in_by_form=False,
    challenges=True,
)
