"""Facebook's case. A Page's token has no end, and nothing renews it."""

from clipcast.testing.case import Case, MediaFailure, Refusal, TextLimit


def _refusal(
    code: int, subcode: int | None, error_class: str, ours: str, request: str = "start", status: int = 400
) -> Refusal:
    error: dict[str, object] = {"code": code, "message": "told by a test", "fbtrace_id": "F1"}
    if subcode:
        error["error_subcode"] = subcode
    return Refusal(request, status, {"error": error}, error_class, ours)


def _upload(kind: str, error_class: str, ours: str) -> Refusal:
    body = {"debug_info": {"retriable": True, "type": kind, "message": "told by a test"}}
    return Refusal("bytes", 400, body, error_class, ours)


BASE = {"description": "Fog over the pier"}
WAVE = "\U0001f30a"

CASE = Case(
    platform="facebook",
    metadata=BASE,
    everything={
        "description": f"Fog {WAVE} #pier\nLine two",
        "title": "Fog",
        "mediaType": "REELS",
        "videoState": "PUBLISHED",
        "placeId": "123",
        "targeting": {"countries": ["NO", "BR"], "ageMin": 18, "locales": [6]},
        "isAiGenerated": True,
        "collaborators": ["100200300400500"],
    },
    branches={
        "video": lambda sandbox: BASE | {"mediaType": "VIDEO"},
        "cover": lambda sandbox: BASE | {"thumbnailUrl": f"{sandbox}/__sandbox/picture.png"},
    },
    requests=("start", "upload_status", "bytes", "finish", "status"),
    irreversible="finish",
    visibility="public",
    limits=(
        TextLimit("description", "x" * 63_206, "x" * 63_207),
        TextLimit("description", WAVE * 63_206, WAVE * 63_207),
        TextLimit("title", "x" * 255, "x" * 256),
    ),
    refused=(
        (BASE | {"mediaType": "STORIES"}, "/mediaType", "not_allowed"),
        (BASE | {"videoState": "SCHEDULED"}, "/videoState", "not_allowed"),
        (BASE | {"scheduledPublishTime": "2031-01-01T00:00:00"}, "/scheduledPublishTime", "offset_missing"),
        (BASE | {"scheduledPublishTime": "2020-01-01T00:00:00Z"}, "/scheduledPublishTime", "time_out_of_range"),
        (BASE | {"videoState": "DRAFT", "scheduledPublishTime": "2031-01-01T00:00:00Z"}, "", "conflict"),
        (BASE | {"targeting": {"countries": ["Norway"]}}, "/targeting/countries/0", "invalid"),
        (BASE | {"targeting": {"ageMin": 12}}, "/targeting/ageMin", "too_small"),
        (BASE | {"placeId": "the pier"}, "/placeId", "invalid"),
        (BASE | {"thumbnailUrl": "file:///etc/passwd"}, "/thumbnailUrl", "invalid_url"),
        (BASE | {"descripton": "x"}, "/descripton", "unknown_field"),
    ),
    refusals=(
        _refusal(100, 33, "transient", "upload_unreadable", "upload_status"),
        _refusal(100, 33, "outcome_unknown", "not_readable", "status"),
        _refusal(1, 1363040, "media", "aspect_refused", "finish"),
        _refusal(1363127, None, "media", "picture_too_small", "finish"),
        _refusal(1, 1363128, "media", "duration_refused", "finish"),
        _refusal(1, 1363129, "media", "frame_rate_refused", "finish"),
        _refusal(1, 1363047, "transient", "platform_unavailable"),
        _refusal(351, 2069019, "media", "file_refused", "finish"),
        _refusal(352, None, "media", "file_refused", "finish"),
        _refusal(382, None, "media", "file_too_small", "finish"),
        _refusal(6000, None, "transient", "upload_failed", "finish"),
        _refusal(6000, 1363045, "transient", "upload_failed", "finish"),
        _refusal(6001, None, "transient", "upload_failed", "finish"),
        _refusal(1, None, "transient", "platform_unavailable"),
        _refusal(2, None, "transient", "platform_unavailable", status=500),
        _refusal(4, None, "rate_limited", "too_many_requests"),
        _refusal(17, None, "rate_limited", "too_many_requests"),
        _refusal(32, None, "rate_limited", "too_many_requests"),
        _refusal(341, None, "rate_limited", "too_many_requests"),
        _refusal(613, 1996, "rate_limited", "too_many_requests", "finish"),
        _refusal(80001, None, "rate_limited", "too_many_requests"),
        _refusal(1, 1390008, "rate_limited", "posting_too_fast", "finish"),
        _refusal(10, None, "reconnect", "scope_missing"),
        _refusal(200, None, "reconnect", "scope_missing", status=403),
        _refusal(283, None, "reconnect", "scope_missing"),
        _refusal(1, 1404078, "reconnect", "page_not_authorized", "finish"),
        _refusal(1, 4854002, "reconnect", "page_not_authorized", "finish"),
        _refusal(368, 1404112, "policy", "blocked"),
        _refusal(368, None, "policy", "blocked", "finish"),
        _refusal(506, None, "policy", "duplicate", "finish"),
        _refusal(100, None, "invalid", "invalid_parameter", "finish"),
        _refusal(999, None, "transient", "platform_error_unknown"),
        _upload("OffsetInvalidError", "transient", "offset_wrong"),
        _upload("PartialRequestError", "transient", "upload_cut_off"),
        _upload("ProcessingFailedError", "transient", "upload_failed"),
        Refusal("bytes", 400, "not JSON", "transient", "platform_unavailable"),
        Refusal("start", 502, "<html>", "transient", "platform_unavailable"),
    ),
    media_failures=(
        MediaFailure({"media_failure": 1363040}, "media", "aspect_refused"),
        MediaFailure({"media_failure": 1363127}, "media", "picture_too_small"),
        MediaFailure({"media_failure": 1363128}, "media", "duration_refused"),
        MediaFailure({"media_failure": 352}, "media", "file_refused"),
        MediaFailure({"media_failure": 77777}, "media", "processing_refused"),
        MediaFailure({"not_published": "policy"}, "policy", "blocked"),
    ),
    rate_limited=_refusal(80001, None, "rate_limited", "too_many_requests", status=429),
    token_refused=(400, {"error": {"code": 190, "error_subcode": 460, "message": "told by a test"}}),
    caption_of=lambda post: post["caption"],
    caption="Fog over the pier",
    full_caption=f"Fog {WAVE} #pier\nLine two",
    rejected_files=("interlaced", "4:2:2", "75 frames", "screen recording", "not square", "motion jpeg", "open groups"),
    refresh_after=None,
)
