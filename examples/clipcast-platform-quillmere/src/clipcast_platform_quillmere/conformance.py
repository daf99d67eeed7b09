"""Quillmere's conformance case."""

from datetime import timedelta

from clipcast.testing.case import Case, MediaFailure, Refusal, TextLimit


def _refusal(status: int, code: str, error_class: str, ours: str, request: str = "publish") -> Refusal:
    return Refusal(request, status, {"error": {"code": code, "message": "from a test"}}, error_class, ours)


BASE = {"caption": "Fog over the pier"}

CASE = Case(
    platform="quillmere",
    metadata=BASE,
    everything={"caption": "Fog #pier \U0001f30a", "audience": "followers"},
    requests=("create", "file", "status", "publish"),
    irreversible="publish",
    visibility="everyone",
    has_picture=False,
    limits=(
        TextLimit("caption", "x" * 280, "x" * 281),
        TextLimit("caption", "\U0001f30a" * 280, "\U0001f30a" * 281),
    ),
    refused=(
        ({"caption": 1}, "/caption", "wrong_type"),
        (BASE | {"audience": "friends"}, "/audience", "not_allowed"),
        (BASE | {"captoin": "x"}, "/captoin", "unknown_field"),
    ),
    refusals=(
        _refusal(400, "invalid_field", "invalid", "invalid_parameter"),
        _refusal(404, "unknown_video", "invalid", "video_unknown", "status"),
        _refusal(400, "bad_file", "media", "file_refused", "file"),
        _refusal(403, "scope_missing", "reconnect", "scope_missing", "create"),
        _refusal(403, "suspended", "policy", "account_suspended"),
        _refusal(418, "something_new", "transient", "platform_error_unknown", "create"),
        _refusal(503, "down", "transient", "platform_unavailable", "create"),
        Refusal("create", 502, "<html>", "transient", "platform_unavailable"),
    ),
    media_failures=(MediaFailure({"refuses_media": True}, "media", "processing_refused"),),
    rate_limited=_refusal(429, "slow_down", "rate_limited", "too_many_requests"),
    caption_of=lambda post: post["caption"],
    caption="Fog over the pier",
    full_caption="Fog #pier \U0001f30a",
    rejected_files=("vp9 webm", "h264 mkv", "mp3 sound", "ac3 sound", "pcm sound", "interlaced", "motion jpeg"),
    token_refused=(401, {"error": {"code": "token_expired"}}),
    refresh_after=timedelta(hours=2),
    never_ends="transient",
)
