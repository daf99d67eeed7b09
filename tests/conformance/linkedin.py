"""LinkedIn's cases. A member's posts cannot be read back, so a lost answer stays unknown; a page's can."""

from dataclasses import replace
from datetime import timedelta

from clipcast.testing.case import Case, MediaFailure, Refusal, TextLimit


def _refusal(status: int, code: str, error_class: str, ours: str, request: str = "post") -> Refusal:
    body = {"status": status, "code": code, "serviceErrorCode": 1, "message": "told by a test"}
    return Refusal(request, status, body, error_class, ours)


BASE = {"commentary": "Fog over the pier"}
NASTY = "Fog (over) the [pier] #fog_bank @you <3 *~_|{} \\ \U0001f30a"

CASE = Case(
    platform="linkedin",
    metadata=BASE,
    everything={
        "commentary": NASTY,
        "visibility": "CONNECTIONS",
        "title": "Fog (2)",
        "isReshareDisabledByAuthor": True,
    },
    requests=("initialize", "part", "finalize", "video_status", "post"),
    irreversible="post",
    visibility="PUBLIC",
    limits=(
        TextLimit("commentary", "x" * 3000, "x" * 3001),
        TextLimit("commentary", "(" * 3000, "(" * 3001),
        TextLimit("title", "x" * 200, "x" * 201),
    ),
    refused=(
        ({"commentary": 1}, "/commentary", "wrong_type"),
        (BASE | {"visibility": "FRIENDS"}, "/visibility", "not_allowed"),
        (BASE | {"comentary": "x"}, "/comentary", "unknown_field"),
    ),
    refusals=(
        _refusal(400, "MISSING_FIELD", "invalid", "invalid_parameter"),
        _refusal(400, "INVALID_VIDEO_ID", "invalid", "invalid_parameter"),
        _refusal(400, "FIELD_LENGTH_TOO_LONG", "invalid", "commentary_refused"),
        _refusal(400, "EXPIRED_UPLOAD_URL", "transient", "upload_expired", "finalize"),
        _refusal(400, "MEDIA_ASSET_WAITING_UPLOAD", "transient", "video_not_ready"),
        _refusal(400, "MEDIA_ASSET_PROCESSING_FAILED", "media", "file_refused"),
        _refusal(403, "ACCESS_DENIED", "reconnect", "scope_missing"),
        _refusal(404, "NOT_FOUND", "invalid", "not_found", "finalize"),
        _refusal(413, "REQUEST_ENTITY_TOO_LARGE", "media", "file_refused", "initialize"),
        _refusal(422, "DUPLICATE_POST", "policy", "duplicate"),
        _refusal(422, "UNPROCESSABLE_ENTITY", "invalid", "invalid_parameter"),
        _refusal(426, "NONEXISTENT_VERSION", "invalid", "version_retired", "initialize"),
        _refusal(429, "TOO_MANY_REQUESTS", "rate_limited", "too_many_requests"),
        _refusal(500, "INTERNAL", "transient", "platform_unavailable", "initialize"),
        _refusal(418, "NEW", "transient", "platform_error_unknown", "initialize"),
        Refusal("part", 403, "expired", "transient", "upload_expired"),
        Refusal("initialize", 502, "<html>", "transient", "platform_unavailable"),
    ),
    media_failures=(MediaFailure({"refuses_media": True}, "media", "processing_refused"),),
    rate_limited=_refusal(429, "TOO_MANY_REQUESTS", "rate_limited", "too_many_requests"),
    caption_of=lambda post: post["caption"],
    caption="Fog over the pier",
    full_caption=NASTY,
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
    refresh_after=timedelta(days=46),
    never_ends="transient",
    certain=False,
)

# What is the same for both is tested with members.
PAGE = replace(
    CASE,
    sign_in_method="organization",
    username="harbour.films.company",
    has_picture=False,
    everything=CASE.everything | {"visibility": "PUBLIC"},
    limits=(),
    refused=(),
    refusals=(),
    media_failures=(),
    certain=True,
)
