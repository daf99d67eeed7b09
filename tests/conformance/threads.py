"""Threads' case."""

from datetime import timedelta
from typing import Any

from clipcast.testing.case import Case, MediaFailure, Refusal, TextLimit


def _refusal(
    code: int, subcode: int | None, error_class: str, ours: str, request: str = "create", status: int = 400
) -> Refusal:
    error: dict[str, Any] = {"code": code, "message": "told by a test", "fbtrace_id": "F1"}
    if subcode:
        error["error_subcode"] = subcode
    return Refusal(request, status, {"error": error}, error_class, ours)


def _named(name: str, ours: str) -> Refusal:
    return Refusal("create", 400, {"error": {"code": 100, "message": f"{name}: told by a test"}}, "invalid", ours)


BASE = {"text": "Fog over the pier"}
WAVE = "\U0001f30a"  # 4 bytes

CASE = Case(
    platform="threads",
    metadata=BASE,
    everything={
        "text": f"Fog {WAVE} over the pier",
        "replyControl": "mentioned_only",
        "topicTag": "fog",
        "altText": "A pier in the fog",
        "locationId": "123",
        "allowlistedCountryCodes": ["BR", "PT"],
        "isSpoilerMedia": True,
        "enableReplyApprovals": True,
    },
    requests=("create", "status", "publish", "permalink"),
    asides=("limit",),
    irreversible="publish",
    visibility="public",
    limits=(
        TextLimit("text", "x" * 500, "x" * 501),
        TextLimit("text", "\u00e9" * 500, "\u00e9" * 501),
        TextLimit("text", WAVE * 125, WAVE * 125 + "x"),
        TextLimit("text", "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 27 + "x" * 14, "x" * 497 + WAVE),
        TextLimit("altText", "x" * 1000, "x" * 1001),
        TextLimit("topicTag", "x" * 50, "x" * 51),
    ),
    refused=(
        (BASE | {"topicTag": "a.b"}, "/topicTag", "invalid"),
        (BASE | {"replyControl": "nobody"}, "/replyControl", "not_allowed"),
        (BASE | {"allowlistedCountryCodes": ["brazil"]}, "/allowlistedCountryCodes/0", "invalid"),
        (BASE | {"linkAttachment": "https://example.org"}, "/linkAttachment", "unknown_field"),
        ({"text": " ".join(f"https://example.org/{n}" for n in range(6))}, "/text", "too_many_links"),
    ),
    refusals=(
        _refusal(24, 4279009, "transient", "container_not_ready", "publish"),
        _refusal(100, None, "invalid", "invalid_parameter"),
        _named("THREADS_API__LINK_LIMIT_EXCEEDED", "too_many_links"),
        _named("THREADS_API__FEATURE_NOT_AVAILABLE", "feature_not_available"),
        _named("THREADS_API__GEO_GATING_INVALID_COUNTRY_CODES", "invalid_country"),
        _refusal(1, 2207052, "transient", "fetch_failed"),
        _refusal(1, 2207051, "policy", "activity_restricted"),
        _refusal(1, 4279013, "policy", "account_restricted"),
        _refusal(1, None, "transient", "platform_unavailable"),
        _refusal(2, None, "transient", "platform_unavailable", status=500),
        _refusal(4, None, "rate_limited", "too_many_requests"),
        _refusal(17, None, "rate_limited", "too_many_requests"),
        _refusal(32, None, "rate_limited", "too_many_requests"),
        _refusal(613, None, "rate_limited", "too_many_requests"),
        _refusal(10, None, "reconnect", "scope_missing"),
        _refusal(200, None, "reconnect", "scope_missing"),
        _refusal(368, None, "policy", "blocked"),
        _refusal(999, None, "transient", "platform_error_unknown"),
        _refusal(100, 33, "transient", "container_unreadable", "status"),
        Refusal("create", 502, "<html>", "transient", "platform_unavailable"),
    ),
    media_failures=tuple(
        MediaFailure({"container_failure": reason}, "media", code)
        for reason, code in (
            ("FAILED_PROCESSING_AUDIO", "processing_refused"),
            ("FAILED_PROCESSING_VIDEO", "processing_refused"),
            ("UNKNOWN", "processing_refused"),
            ("INVALID_ASPEC_RATIO", "aspect_refused"),
            ("INVALID_BIT_RATE", "bit_rate_refused"),
            ("INVALID_DURATION", "duration_refused"),
            ("INVALID_FRAME_RATE", "frame_rate_refused"),
            ("INVALID_AUDIO_CHANNELS", "audio_refused"),
            ("INVALID_AUDIO_CHANNEL_LAYOUT", "audio_refused"),
        )
    ),
    rate_limited=_refusal(4, None, "rate_limited", "too_many_requests", status=429),
    caption_of=lambda post: post["caption"],
    caption="Fog over the pier",
    full_caption=f"Fog {WAVE} over the pier",
    rejected_files=(
        "vp9 webm",
        "h264 mkv",
        "mp3 sound",
        "ac3 sound",
        "pcm sound",
        "5.1 sound",
        "96 kHz",
        "index last",
        "fragmented",
        "a fragment for each frame",
        "interlaced",
        "4:2:2",
        "75 frames",
        "screen recording",
        "motion jpeg",
        "open groups",
    ),
    afterwards=("permalink",),
    refresh_after=timedelta(days=46),
    never_ends="transient",
)
