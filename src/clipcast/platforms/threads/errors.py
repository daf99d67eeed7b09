"""Threads' error codes as Clipcast's error classes (docs/platforms/threads.md 5)."""

from datetime import timedelta
from typing import Any

from clipcast.platforms.errors import (
    UNKNOWN,
    ErrorRule,
    InvalidRequest,
    MediaRejected,
    PlatformAnswer,
    PolicyRejected,
    PublishError,
    RateLimited,
    ReconnectNeeded,
    TokenRefused,
    TransientError,
)
from clipcast.platforms.graph import graph_error, parse_graph_response
from clipcast.platforms.responses import Response

HOUR = timedelta(hours=1)
_THROTTLED = ErrorRule(RateLimited, "too_many_requests", "Threads throttles the app or account.", wait=HOUR,
                     quota="calls")  # fmt: skip
_TOKEN = ErrorRule(TokenRefused, "token_refused", "Threads no longer accepts the access token.")
_OUTAGE = ErrorRule(TransientError, "platform_unavailable", "Threads reports an internal error.", actor="platform",
                  rejected=False)  # fmt: skip
_HOSTING = ErrorRule(TransientError, "fetch_failed", "Threads could not fetch the video.", actor="operator",
                   fix="Check that CLIPCAST_PUBLIC_URL is reachable from the internet.", restart=True)  # fmt: skip

CODES = {
    (24, 4279009): ErrorRule(TransientError, "container_not_ready", "Threads does not find the container yet.",
        wait=timedelta(seconds=10)),
    (100, None): ErrorRule(InvalidRequest, "invalid_parameter", "Threads rejects a field."),
    (None, 2207052): _HOSTING,
    (None, 2207051): ErrorRule(PolicyRejected, "activity_restricted", "Threads restricts the account's activity.",
        rejected=False),
    (None, 4279013): ErrorRule(PolicyRejected, "account_restricted", "Threads restricts the account.", rejected=False),
    (1, None): _OUTAGE,
    (2, None): _OUTAGE,
    (4, None): _THROTTLED,
    (17, None): _THROTTLED,
    (32, None): _THROTTLED,
    (613, None): _THROTTLED,
    (190, None): _TOKEN,
    (102, None): _TOKEN,
    (10, None): ErrorRule(ReconnectNeeded, "scope_missing", "The account lacks a required permission.",
        fix="Connect the account again and allow all permissions."),
    (368, None): ErrorRule(PolicyRejected, "blocked", "Threads blocks the account temporarily.", rejected=False),
    (1349245, None): ErrorRule(InvalidRequest, "not_a_tester", "The account is not a tester of the app.",
        actor="operator", fix="Invite the account as a Threads tester, or have Meta review the app."),
    (1349026, None): ErrorRule(InvalidRequest, "app_refused", "Threads rejects the app.", actor="operator",
        fix="Set CLIPCAST_THREADS_CLIENT_ID to the Threads app id, not the Meta app id."),
}  # fmt: skip

# By `error_message` of a container that ended as ERROR.
_PROCESSING = ErrorRule(MediaRejected, "processing_refused", "Threads cannot process the file.", restart=True)
# Clipcast creates one more container. If that fails, too, the file is the cause (docs/platforms/threads.md 5).
_UNUSABLE = ErrorRule(TransientError, "processing_failed", "Threads could not process the file.", actor="platform",
                    restart=True, restarts=1, then=_PROCESSING)  # fmt: skip
CONTAINER = {
    "FAILED_DOWNLOADING_VIDEO": _HOSTING,
    "FAILED_PROCESSING_AUDIO": _UNUSABLE,
    "FAILED_PROCESSING_VIDEO": _UNUSABLE,
    "INVALID_ASPEC_RATIO": ErrorRule(MediaRejected, "aspect_refused", "Threads rejects the aspect.", restart=True),
    "INVALID_BIT_RATE": ErrorRule(MediaRejected, "bit_rate_refused", "Threads rejects the bit rate.", restart=True),
    "INVALID_DURATION": ErrorRule(MediaRejected, "duration_refused", "Threads rejects the duration.", restart=True),
    "INVALID_FRAME_RATE": ErrorRule(MediaRejected, "frame_rate_refused",
        "Threads rejects the frame rate.", restart=True),
    "INVALID_AUDIO_CHANNELS": ErrorRule(MediaRejected, "audio_refused", "Threads rejects the sound.", restart=True),
    "INVALID_AUDIO_CHANNEL_LAYOUT": ErrorRule(MediaRejected, "audio_refused",
        "Threads rejects the sound.", restart=True),
    "UNKNOWN": _UNUSABLE,
}  # fmt: skip
# By the name at the start of the message, for errors without a number of their own.
NAMES = {
    "THREADS_API__LINK_LIMIT_EXCEEDED": ErrorRule(InvalidRequest, "too_many_links", "The text has more than 5 links."),
    "THREADS_API__FEATURE_NOT_AVAILABLE": ErrorRule(
        InvalidRequest, "feature_not_available", "The account may not use a field of the metadata."
    ),
    "THREADS_API__GEO_GATING_INVALID_COUNTRY_CODES": ErrorRule(
        InvalidRequest, "invalid_country", "Threads rejects a country code."
    ),
}


def parse_response(response: Response) -> dict[str, Any]:
    """Return the body of a successful response. Raise the error of its code or name."""
    try:
        body = response.json()
        if "error_code" in body:  # the shape of authorization errors (docs/platforms/threads.md 1)
            raise graph_error(response, {"code": body["error_code"], "message": body.get("error_message")}, CODES)
        error = body["error"]
        name = str(error.get("message", "")).split(":")[0].strip()
    except (ValueError, KeyError, TypeError, AttributeError):
        return parse_graph_response(response, CODES)
    if name in NAMES:
        raise NAMES[name].to_error(PlatformAnswer(response.status_code, name, error.get("message")))
    return parse_graph_response(response, CODES)


def container_error(reason: str) -> PublishError:
    """Return the error of a container that ended as ERROR. It has published nothing."""
    return CONTAINER.get(reason, UNKNOWN).to_error(PlatformAnswer(200, reason))
