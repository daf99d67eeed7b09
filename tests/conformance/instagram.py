"""Instagram's cases: with Instagram Login, and with Facebook Login, which takes bytes."""

from dataclasses import replace
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


BASE = {"caption": "Fog over the pier"}
WAVE = "\U0001f30a"

CASE = Case(
    platform="instagram",
    metadata=BASE,
    everything={
        "caption": f"Fog {WAVE} #pier @tidepool",
        "mediaType": "REELS",
        "shareToFeed": False,
        "coverUrl": "https://example.org/cover.jpg",
        "thumbOffset": 500,
        "collaborators": ["tidepool"],
        "audioName": "Foghorn",
        "locationId": "123",
        "userTags": ["night_bakery"],
        "trialGraduationStrategy": "MANUAL",
        "isAiGenerated": True,
    },
    requests=("create", "status", "publish", "permalink"),
    asides=("limit",),
    irreversible="publish",
    visibility="public",
    limits=(
        TextLimit("caption", "x" * 2200, "x" * 2201),
        TextLimit("caption", WAVE * 2200, WAVE * 2201),
        TextLimit("collaborators", ["a", "b", "c", "d", "e"], ["a", "b", "c", "d", "e", "f"]),
    ),
    refused=(
        ({"caption": "#a " * 31}, "/caption", "too_many"),
        ({"caption": "@a " * 21}, "/caption", "too_many"),
        (BASE | {"mediaType": "VIDEO"}, "/mediaType", "not_allowed"),
        (BASE | {"thumbOffset": -1}, "/thumbOffset", "too_small"),
        (BASE | {"thumbOffset": 60_000}, "/thumbOffset", "after_the_end"),
        (BASE | {"collaborators": ["not a name"]}, "/collaborators/0", "invalid"),
        (BASE | {"coverUrl": "file:///etc/passwd"}, "/coverUrl", "invalid_url"),
        (BASE | {"captoin": "x"}, "/captoin", "unknown_field"),
    ),
    refusals=(
        _refusal(-2, 2207003, "transient", "fetch_failed"),
        _refusal(-2, 2207020, "transient", "container_failed"),
        _refusal(-1, 2207001, "transient", "platform_unavailable"),
        _refusal(-1, 2207032, "transient", "container_failed"),
        _refusal(-1, 2207053, "transient", "container_failed"),
        _refusal(1, 2207057, "invalid", "thumb_offset_refused"),
        _refusal(4, 2207051, "policy", "action_blocked"),
        _refusal(9, 2207042, "rate_limited", "daily_post_cap", "publish"),
        _refusal(24, 2207006, "transient", "container_not_found", "publish"),
        _refusal(24, 2207008, "transient", "container_not_found", "publish"),
        _refusal(25, 2207050, "policy", "account_restricted"),
        _refusal(100, 2207023, "invalid", "invalid_parameter"),
        _refusal(100, 33, "transient", "container_unreadable", "status"),
        _refusal(352, 2207026, "media", "format_refused"),
        _refusal(9004, 2207052, "transient", "fetch_failed"),
        _refusal(9007, 2207027, "transient", "container_not_ready", "publish"),
        _refusal(36004, 2207010, "invalid", "caption_refused"),
        _refusal(1, 2207077, "transient", "container_failed"),
        _refusal(1, 2207081, "invalid", "trial_not_available"),
        _refusal(1, None, "transient", "platform_unavailable"),
        _refusal(2, None, "transient", "platform_unavailable", status=500),
        _refusal(4, None, "rate_limited", "too_many_requests"),
        _refusal(17, None, "rate_limited", "too_many_requests"),
        _refusal(32, None, "rate_limited", "too_many_requests"),
        _refusal(613, None, "rate_limited", "too_many_requests"),
        _refusal(80002, None, "rate_limited", "too_many_requests"),
        _refusal(10, None, "reconnect", "scope_missing"),
        _refusal(200, None, "reconnect", "scope_missing"),
        _refusal(100, None, "invalid", "invalid_parameter"),
        _refusal(368, None, "policy", "blocked"),
        _refusal(506, None, "policy", "duplicate"),
        _refusal(999, None, "transient", "platform_error_unknown"),
        Refusal("create", 502, "<html>", "transient", "platform_unavailable"),
    ),
    media_failures=(
        MediaFailure({"container_failure": "2207026"}, "media", "format_refused"),
        MediaFailure({"container_failure": "2207077"}, "media", "processing_refused"),
        MediaFailure({"container_failure": "2207082"}, "media", "processing_refused"),
        MediaFailure({"container_failure": "2207085"}, "media", "processing_refused"),
        MediaFailure({"container_failure": "2207057"}, "invalid", "thumb_offset_refused"),
    ),
    rate_limited=_refusal(4, None, "rate_limited", "too_many_requests", status=429),
    caption_of=lambda post: post["caption"],
    caption="Fog over the pier",
    full_caption=f"Fog {WAVE} #pier @tidepool",
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

# What is the same for both is tested with Instagram Login.
BY_FACEBOOK = replace(
    CASE,
    sign_in_method="facebook",
    signs_in_at="facebook",
    requests=("create", "upload_status", "bytes", "status", "publish", "permalink"),
    asides=("limit",),
    limits=(),
    refused=(),
    refusals=(
        Refusal("bytes", 400, {"debug_info": {"type": "OffsetInvalidError"}}, "transient", "offset_wrong"),
        Refusal("bytes", 400, {"debug_info": {"type": "ProcessingFailedError"}}, "transient", "upload_failed"),
        Refusal("bytes", 502, "<html>", "transient", "platform_unavailable"),
    ),
    token_refused=(400, {"error": {"code": 190, "error_subcode": 460, "message": "told by a test"}}),
    refresh_after=None,
)
