"""Quillmere's error codes as Clipcast's error classes."""

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
)
from clipcast.platforms.http import ambiguous_response, retry_after
from clipcast.platforms.responses import Response

CODES = {
    "invalid_field": ErrorRule(InvalidRequest, "invalid_parameter", "Quillmere rejects a field."),
    "unknown_video": ErrorRule(InvalidRequest, "video_unknown", "Quillmere has no such video."),
    "bad_file": ErrorRule(MediaRejected, "file_refused", "Quillmere rejects the file.", restart=True),
    "token_expired": ErrorRule(TokenRefused, "token_refused", "Quillmere no longer accepts the access token."),
    "scope_missing": ErrorRule(ReconnectNeeded, "scope_missing", "The account lacks a required permission.",
        fix="Connect the account again and allow all permissions."),
    "suspended": ErrorRule(PolicyRejected, "account_suspended", "Quillmere has suspended the account.",
        fix="Ask Quillmere's support."),
    "slow_down": ErrorRule(RateLimited, "too_many_requests", "Clipcast sent too many requests.",
        wait=timedelta(minutes=1)),
}  # fmt: skip
PROCESSING_FAILED = ErrorRule(MediaRejected, "processing_refused", "Quillmere cannot process the file.", restart=True)
GRANT_REFUSED = ErrorRule(ReconnectNeeded, "grant_refused", "Quillmere no longer accepts this authorization.")
APP_REFUSED = ErrorRule(InvalidRequest, "app_refused", "Quillmere rejects the app.", actor="operator",
    fix="Check CLIPCAST_QUILLMERE_CLIENT_ID and CLIPCAST_QUILLMERE_CLIENT_SECRET.")  # fmt: skip


def parse_response(response: Response) -> dict[str, Any]:
    """Return the body of a successful response. Raise the error of its code."""
    if response.status_code == 204:
        return {}
    try:
        body = response.json()
    except ValueError:
        raise ambiguous_response(response) from None
    if response.is_success and isinstance(body, dict):
        return body
    raise ambiguous_response(response) if response.is_success else _error_from(response, body)


def parse_oauth_response(response: Response) -> dict[str, Any]:
    """Return the body of a token response. Raise an error that concerns the authorization or the app."""
    if response.status_code not in (400, 401):
        return parse_response(response)
    try:
        code = str(response.json()["error"]["code"])
    except (ValueError, KeyError, TypeError):
        raise ambiguous_response(response) from None
    rule = GRANT_REFUSED if code == "invalid_grant" else APP_REFUSED
    raise rule.to_error(PlatformAnswer(response.status_code, code))


def _error_from(response: Response, body: Any) -> PublishError:
    error = body.get("error") if isinstance(body, dict) else None
    code, message = (error.get("code"), error.get("message")) if isinstance(error, dict) else (None, None)
    answer = PlatformAnswer(response.status_code, code, message)
    if isinstance(code, str) and code in CODES:
        return CODES[code].to_error(answer, retry_after(response))
    if response.status_code >= 500:
        return ambiguous_response(response)
    return UNKNOWN.to_error(answer, retry_after(response))
