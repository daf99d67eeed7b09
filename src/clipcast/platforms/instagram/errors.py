"""Instagram's error codes as Clipcast's error classes (docs/platforms/instagram.md 5)."""

import re
from datetime import timedelta
from typing import Any

from clipcast.platforms.errors import (
    UNKNOWN,
    ErrorRule,
    InvalidRequest,
    MediaRejected,
    OutcomeUnknown,
    PlatformAnswer,
    PolicyRejected,
    PublishError,
    RateLimited,
    ReconnectNeeded,
    TokenRefused,
    TransientError,
)
from clipcast.platforms.graph import Table, parse_graph_response
from clipcast.platforms.http import ambiguous_response
from clipcast.platforms.responses import Response

HOUR = timedelta(hours=1)
_THROTTLED = ErrorRule(RateLimited, "too_many_requests", "Instagram throttles the app or account.", wait=HOUR,
                     quota="calls")  # fmt: skip
_TOKEN = ErrorRule(TokenRefused, "token_refused", "Instagram no longer accepts the access token.")
_OUTAGE = ErrorRule(TransientError, "platform_unavailable", "Instagram reports an internal error.", actor="platform",
                  rejected=False)  # fmt: skip
_AGAIN = ErrorRule(TransientError, "container_failed", "Instagram could not create the container.", actor="platform",
                 restart=True)  # fmt: skip
_HOSTING = ErrorRule(
    TransientError, "fetch_failed", "Instagram could not fetch the video or the picture at coverUrl.",
    actor="operator", restart=True,
    fix="Check that CLIPCAST_PUBLIC_URL is reachable from the internet, and that coverUrl returns a JPEG with 200.",
)  # fmt: skip
_PROCESSING = ErrorRule(MediaRejected, "processing_refused", "Instagram cannot process the file.", restart=True)
# Clipcast creates one more container. If that fails, too, the file is the cause (docs/platforms/instagram.md 5).
_UNUSABLE = ErrorRule(TransientError, "container_failed", "Instagram could not use the file.", actor="platform",
                    restart=True, restarts=1, then=_PROCESSING)  # fmt: skip
_UPLOAD = ErrorRule(TransientError, "upload_failed", "Instagram could not process the upload.",
                  actor="platform", restart=True,
                  restarts=2, then=_PROCESSING)  # fmt: skip

CODES: Table = {
    (None, 2207003): _HOSTING,
    (None, 2207020): _AGAIN,
    (None, 2207001): _OUTAGE,
    (None, 2207032): _AGAIN,
    (None, 2207053): _AGAIN,
    (None, 2207057): ErrorRule(InvalidRequest, "thumb_offset_refused", "The cover frame lies outside the video."),
    # This error came while the post was live, so it does not prove a rejection (docs/platforms/instagram.md 0.5).
    (None, 2207051): ErrorRule(PolicyRejected, "action_blocked",
        "Instagram blocks the action as spam.", rejected=False),
    (None, 2207042): ErrorRule(RateLimited, "daily_post_cap",
        "The account has used up its daily posts.", wait=HOUR,
        quota="posts"),
    (None, 2207006): ErrorRule(TransientError, "container_not_found", "Instagram does not find the container.",
        wait=timedelta(seconds=30)),
    (None, 2207008): ErrorRule(TransientError, "container_not_found", "Instagram does not find the container.",
        wait=timedelta(seconds=30)),
    (None, 2207050): ErrorRule(PolicyRejected, "account_restricted", "Instagram restricts the account.",
        fix="Open Instagram and follow its instructions."),
    (None, 2207023): ErrorRule(InvalidRequest, "invalid_parameter", "Instagram rejects the media type."),
    (None, 2207089): ErrorRule(InvalidRequest, "invalid_parameter", "Instagram rejects the media type."),
    (100, 33): ErrorRule(OutcomeUnknown, "not_readable", "Instagram cannot read the object now.", rejected=False),
    (None, 2207026): ErrorRule(MediaRejected, "format_refused", "Instagram rejects the file's format.", restart=True),
    (None, 2207052): _HOSTING,
    (None, 2207027): ErrorRule(TransientError, "container_not_ready", "The container is not ready.",
        wait=timedelta(seconds=10)),
    (None, 2207010): ErrorRule(InvalidRequest, "caption_refused", "The caption is too long or has too many tags."),
    (None, 2207077): _UNUSABLE,
    (None, 2207082): _PROCESSING,
    (None, 2207085): _PROCESSING,
    (None, 2207081): ErrorRule(InvalidRequest, "trial_not_available", "The account cannot post trial Reels."),
    (1, None): _OUTAGE,
    (2, None): _OUTAGE,
    (4, None): _THROTTLED,
    (17, None): _THROTTLED,
    (32, None): _THROTTLED,
    (613, None): _THROTTLED,
    (80001, None): _THROTTLED,
    (80002, None): _THROTTLED,
    (190, None): _TOKEN,
    (102, None): _TOKEN,
    (10, None): ErrorRule(ReconnectNeeded, "scope_missing", "The account lacks a required permission.",
        fix="Connect the account again and allow all permissions."),
    (100, None): ErrorRule(InvalidRequest, "invalid_parameter", "Instagram rejects a field."),
    (368, None): ErrorRule(PolicyRejected, "blocked", "Instagram blocks the account temporarily.", rejected=False),
    (506, None): ErrorRule(PolicyRejected, "duplicate", "Instagram reports that this was posted already.",
        rejected=False),
}  # fmt: skip
# By `type`, for the upload host.
UPLOAD_TYPES = {
    "OffsetInvalidError": ErrorRule(TransientError, "offset_wrong", "The bytes do not follow what Instagram holds."),
    "PartialRequestError": ErrorRule(TransientError, "upload_cut_off", "The upload ended early."),
    "ProcessingFailedError": _UPLOAD,
    "NotAuthorizedError": _TOKEN,
}
SUBCODE = re.compile(r"\b(22\d{5})\b")


def parse_response(response: Response) -> dict[str, Any]:
    """Return the body of a successful response. Raise the error of its code."""
    return parse_graph_response(response, CODES)


def container_error(status: str) -> PublishError:
    """Return the error of a container that ended as ERROR. It has published nothing.

    The subcode is part of the sentence in `status`.
    """
    match = SUBCODE.search(status)
    rule = CODES.get((None, int(match[1]))) if match else None
    error = (rule or UNKNOWN).to_error(PlatformAnswer(200, match[1] if match else None, status))
    error.rejected = error.restart = True
    return error


def parse_sign_in_response(response: Response) -> dict[str, Any]:
    """Return the body of a token response, flat or wrapped in `data`. Raise the error of its code.

    Its errors do not have Graph's envelope (docs/platforms/instagram.md 1.2).
    """
    try:
        body = response.json()
        if "error_type" in body:
            answer = PlatformAnswer(response.status_code, str(body.get("code")), body.get("error_message"))
            raise ErrorRule(
                InvalidRequest, "app_refused", "Instagram rejects the app.", actor="operator",
                fix="Check CLIPCAST_INSTAGRAM_CLIENT_ID, CLIPCAST_INSTAGRAM_CLIENT_SECRET and the redirect address.",
            ).to_error(answer)  # fmt: skip
        found: dict[str, Any] = body["data"][0] if "data" in body else body
        found["access_token"]
    except (ValueError, KeyError, TypeError, IndexError):
        raise ambiguous_response(response) from None
    return found
