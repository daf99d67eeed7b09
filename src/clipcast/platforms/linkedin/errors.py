"""LinkedIn's error codes as Clipcast's error classes (docs/platforms/linkedin.md 5)."""

import re
from datetime import timedelta
from typing import Any

from clipcast.clock import clock
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
from clipcast.platforms.http import ambiguous_response, retry_after
from clipcast.platforms.linkedin.rules import UTC_DAY
from clipcast.platforms.quota import next_midnight
from clipcast.platforms.responses import Response


def until_tomorrow() -> timedelta:
    """Return the time until 5 minutes after the daily quotas reset at midnight UTC."""
    now = clock.now()
    return next_midnight(UTC_DAY, now) + timedelta(minutes=5) - now


_INVALID = ErrorRule(InvalidRequest, "invalid_parameter", "LinkedIn rejects a field.")
_TOKEN = ErrorRule(TokenRefused, "token_refused", "LinkedIn no longer accepts the access token.")
_FILE = ErrorRule(MediaRejected, "file_refused", "LinkedIn rejects the file.", restart=True)

CODES = {
    **dict.fromkeys(
        ("MISSING_FIELD", "INVALID_VALUE_FOR_FIELD", "INVALID_URN_TYPE", "INVALID_URN_ID", "INVALID_VIDEO_ID"), _INVALID
    ),
    "FIELD_LENGTH_TOO_LONG": ErrorRule(InvalidRequest, "commentary_refused", "The commentary is too long."),
    "EXPIRED_UPLOAD_URL": ErrorRule(TransientError, "upload_expired", "The upload has expired.", restart=True),
    "MEDIA_ASSET_WAITING_UPLOAD": ErrorRule(TransientError, "video_not_ready", "The video is not processed yet.",
        wait=timedelta(minutes=2)),
    "MEDIA_ASSET_PROCESSING_FAILED": _FILE,
    "REVOKED_ACCESS_TOKEN": _TOKEN,
    "EXPIRED_ACCESS_TOKEN": _TOKEN,
    "ACCESS_DENIED": ErrorRule(ReconnectNeeded, "scope_missing", "The account lacks a required permission.",
        fix="Connect the account again and allow all permissions."),
    "REQUEST_ENTITY_TOO_LARGE": _FILE,
    "UNSUPPORTED_MEDIA_TYPE": _FILE,
    "DUPLICATE_POST": ErrorRule(PolicyRejected, "duplicate", "LinkedIn reports that this was posted already.",
        fix="Check the profile. To post again, change the commentary."),
    "NONEXISTENT_VERSION": ErrorRule(InvalidRequest, "version_retired", "LinkedIn has retired the API version.",
        actor="operator", fix="Set CLIPCAST_LINKEDIN_VERSION to a supported version, such as last month's YYYYMM."),
}  # fmt: skip
STATUSES = {
    400: _INVALID,
    401: _TOKEN,
    403: CODES["ACCESS_DENIED"],
    404: ErrorRule(InvalidRequest, "not_found", "LinkedIn does not find an object of the request."),
    409: ErrorRule(TransientError, "conflict", "LinkedIn reports a conflict.", rejected=False),
    413: _FILE,
    415: _FILE,
    422: _INVALID,
    426: CODES["NONEXISTENT_VERSION"],
    429: ErrorRule(
        RateLimited, "too_many_requests", "The app or the member has used up a limit.", wait=timedelta(minutes=5)
    ),
}
# LinkedIn's words for daily limits, which reset at midnight UTC (docs/platforms/linkedin.md 4).
DAILY = re.compile(r"\bday\b|daily|resource level throttle", re.IGNORECASE)
USED_UP = ErrorRule(
    RateLimited, "daily_call_cap", "The app or the member has used up the daily calls.", wait=until_tomorrow,
    quota="member_calls",
)  # fmt: skip
PROCESSING_FAILED = ErrorRule(MediaRejected, "processing_refused", "LinkedIn cannot process the file.", restart=True)
UPLOAD_EXPIRED = CODES["EXPIRED_UPLOAD_URL"]
APP_REFUSED = ErrorRule(
    InvalidRequest, "app_refused", "LinkedIn rejects the app.", actor="operator",
    fix="Check CLIPCAST_LINKEDIN_CLIENT_ID, CLIPCAST_LINKEDIN_CLIENT_SECRET and the redirect address.",
)  # fmt: skip
GRANT_REFUSED = ErrorRule(ReconnectNeeded, "grant_refused", "LinkedIn no longer accepts this authorization.")


def parse_response(response: Response) -> dict[str, Any]:
    """Return the body of a successful response, which may be empty. Raise the error of its code."""
    if not response.is_success:
        raise error_from(response)
    try:
        body = response.json() if response.content else {}
    except ValueError:
        raise ambiguous_response(response) from None
    return body if isinstance(body, dict) else {}


def error_from(response: Response) -> PublishError:
    """Return the error of a response that is not successful, by its code, then by its status."""
    try:
        body = dict(response.json())
    except (ValueError, TypeError):
        body = {}
    details = (body.get("errorDetails") or {}).get("inputErrors") or [{}]
    codes = [str(body.get("code")), str(details[0].get("code"))]
    shown = next((code for code in codes if code != "None"), str(body.get("serviceErrorCode")))
    answer = PlatformAnswer(response.status_code, shown, body.get("message"), response.headers.get("x-li-uuid"))
    for code in codes:
        if code in CODES:
            return CODES[code].to_error(answer, retry_after(response))
    if response.status_code == 429 and DAILY.search(str(body.get("message"))):
        return USED_UP.to_error(answer, retry_after(response))
    if response.status_code in STATUSES:
        return STATUSES[response.status_code].to_error(answer, retry_after(response))
    if response.status_code >= 500:
        return ambiguous_response(response)
    return UNKNOWN.to_error(answer, retry_after(response))


def upload_error(response: Response) -> PublishError:
    """Return the error of the upload host, where 401 and 403 mean that the address has expired."""
    if response.status_code in (401, 403):
        return UPLOAD_EXPIRED.to_error(PlatformAnswer(response.status_code, message=response.text[:300] or None))
    return error_from(response)


def parse_oauth_response(response: Response, with_token: bool) -> dict[str, Any]:
    """Return the body of a token response. Raise the error of its code."""
    try:
        body = dict(response.json()) if response.content else {}
    except (ValueError, TypeError):
        raise ambiguous_response(response) from None
    if response.status_code >= 500 or (response.is_success and with_token and "access_token" not in body):
        raise ambiguous_response(response)
    if response.is_success:
        return body
    code = str(body.get("error"))
    answer = PlatformAnswer(response.status_code, code, body.get("error_description"))
    raise (GRANT_REFUSED if code == "invalid_grant" else APP_REFUSED).to_error(answer)
