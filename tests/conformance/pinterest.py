"""Pinterest's case. A Pin whose answer was lost can only be looked for, so its outcome may stay unknown."""

import hashlib
from datetime import timedelta

from clipcast.testing.case import Case, MediaFailure, Refusal, TextLimit
from clipcast.testing.harness import ACCOUNT


def _refusal(
    status: int, code: int, error_class: str, ours: str, request: str = "pin", message: str = "told by a test"
) -> Refusal:
    return Refusal(request, status, {"code": code, "message": message}, error_class, ours)


BOARD = str(int(hashlib.sha256(ACCOUNT.encode()).hexdigest()[:12], 16) * 10 + 1)
BASE = {"boardId": BOARD, "title": "Fog over the pier"}
WAVE = "\U0001f30a"

CASE = Case(
    platform="pinterest",
    metadata=BASE,
    everything={
        "boardId": BOARD,
        "title": f"Fog {WAVE}",
        "description": "Over the pier \u00e9",
        "link": "https://example.org/pier?p=1",
        "altText": "A pier",
        "coverImageKeyFrameTime": 2,
        "dominantColor": "#aabbcc",
        "aiDisclosures": ["AI_MODIFIED", "SYNTHETIC_PERFORMER"],
    },
    requests=("media", "upload", "media_status", "pin"),
    irreversible="pin",
    visibility="public",
    limits=(
        TextLimit("title", "x" * 100, "x" * 101),
        TextLimit("title", WAVE * 100, WAVE * 101),
        TextLimit("description", "x" * 800, "x" * 801),
        TextLimit("altText", "x" * 500, "x" * 501),
        TextLimit("link", "https://example.org/" + "x" * 2028, "https://example.org/" + "x" * 2029),
    ),
    refused=(
        ({"title": "no board"}, "/boardId", "required"),
        (BASE | {"boardId": "Harbours"}, "/boardId", "invalid"),
        (BASE | {"link": "javascript:alert(1)"}, "/link", "invalid_url"),
        (BASE | {"coverImageKeyFrameTime": -1}, "/coverImageKeyFrameTime", "too_small"),
        (BASE | {"coverImageKeyFrameTime": 1, "coverImageUrl": "https://example.org/a.jpg"}, "", "conflict"),
        (BASE | {"dominantColor": "red"}, "/dominantColor", "invalid"),
        (BASE | {"aiDisclosures": ["ai_modified"]}, "/aiDisclosures/0", "not_allowed"),
        (BASE | {"boardSectionId": "Boats"}, "/boardSectionId", "invalid"),
        (BASE | {"board": "1"}, "/board", "unknown_field"),
    ),
    refusals=(
        _refusal(400, 1, "invalid", "invalid_parameter"),
        _refusal(400, 400, "invalid", "invalid_parameter"),
        _refusal(403, 7, "reconnect", "not_permitted"),
        _refusal(403, 3, "reconnect", "not_permitted"),
        _refusal(403, 29, "policy", "trial_access"),
        _refusal(404, 40, "invalid", "board_not_found"),
        _refusal(404, 2031, "invalid", "section_not_found"),
        _refusal(409, 409, "transient", "board_busy"),
        _refusal(429, 8, "rate_limited", "too_many_requests"),
        _refusal(403, 9, "rate_limited", "spam_block"),
        _refusal(500, 500, "transient", "platform_unavailable", "media"),
        _refusal(418, 999, "transient", "platform_error_unknown", "media"),
        Refusal("upload", 403, "<Error><Code>AccessDenied</Code></Error>", "transient", "upload_expired"),
        Refusal("upload", 400, "<Error><Code>EntityTooLarge</Code></Error>", "media", "file_refused"),
        Refusal("media", 502, "<html>", "transient", "platform_unavailable"),
    ),
    media_failures=(MediaFailure({"refuses_media": True}, "media", "processing_refused"),),
    rate_limited=_refusal(429, 8, "rate_limited", "too_many_requests"),
    looked_for=True,
    caption_of=lambda post: post["caption"],
    caption="Fog over the pier",
    full_caption=f"Fog {WAVE}",
    rejected_files=("vp9 webm", "h264 mkv", "interlaced", "motion jpeg"),
    refresh_after=timedelta(days=24),
    never_ends="transient",
    certain=False,
    starts_over=("upload",),
)
