"""Pinterest's error codes as Clipcast's error classes (docs/platforms/pinterest.md 5)."""

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
from clipcast.platforms.http import ambiguous_response, retry_after
from clipcast.platforms.responses import Response

_NOT_PERMITTED = ErrorRule(ReconnectNeeded, "not_permitted",
    "The account lacks a required permission or does not own the board.",
    fix="Connect the account again and allow all permissions, or choose one of its own boards.")  # fmt: skip

# By `code`. Some codes equal the HTTP status, others are small numbers.
CODES = {
    1: ErrorRule(InvalidRequest, "invalid_parameter", "Pinterest rejects a field."),
    2: ErrorRule(TokenRefused, "token_refused", "Pinterest no longer accepts the access token."),
    3: _NOT_PERMITTED,
    7: _NOT_PERMITTED,
    8: ErrorRule(RateLimited, "too_many_requests", "Clipcast sent too many requests.", wait=timedelta(minutes=1)),
    9: ErrorRule(RateLimited, "spam_block", "Pinterest blocks the account's Pins temporarily as spam.",
        wait=timedelta(hours=6), actor="account_owner", fix="Post less often. Clipcast retries the item after 6 hours.",
        quota="pins"),
    29: ErrorRule(PolicyRejected, "trial_access", "The app has trial access and cannot create Pins.", actor="operator",
        fix="Apply for standard access at developers.pinterest.com."),
    40: ErrorRule(InvalidRequest, "board_not_found", "The account has no such board."),
    50: ErrorRule(InvalidRequest, "pin_not_found", "The account has no such Pin."),
    2031: ErrorRule(InvalidRequest, "section_not_found", "The board has no such section."),
}  # fmt: skip

# By HTTP status, for codes that CODES does not list.
STATUSES = {
    400: ErrorRule(InvalidRequest, "invalid_parameter", "Pinterest rejects the request."),
    401: CODES[2],
    403: CODES[7],
    404: ErrorRule(InvalidRequest, "not_found", "Pinterest does not find an object of the request."),
    409: ErrorRule(TransientError, "board_busy", "The board is busy.", wait=timedelta(seconds=10)),
    429: CODES[8],
}
UPLOAD_EXPIRED = ErrorRule(TransientError, "upload_expired", "The upload address has expired.", restart=True)
UPLOAD_REFUSED = ErrorRule(MediaRejected, "file_refused", "Pinterest's storage rejects the file.", restart=True)
PROCESSING_FAILED = ErrorRule(MediaRejected, "processing_refused", "Pinterest cannot process the file.", restart=True)
APP_REFUSED = ErrorRule(
    InvalidRequest, "app_refused", "Pinterest rejects the app.", actor="operator",
    fix="Check CLIPCAST_PINTEREST_CLIENT_ID, CLIPCAST_PINTEREST_CLIENT_SECRET and the redirect address.",
)  # fmt: skip
GRANT_REFUSED = ErrorRule(ReconnectNeeded, "grant_refused", "Pinterest no longer accepts this authorization.")


def parse_response(response: Response) -> dict[str, Any]:
    """Return the body of a successful response. Raise the error of its code."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if response.is_success and isinstance(body, dict):
        return body
    raise ambiguous_response(response) if response.is_success else _error_from(response, body)


def upload_error(response: Response) -> PublishError:
    """Return the error of the storage host, whose errors are XML."""
    answer = PlatformAnswer(response.status_code, message=response.text[:300] or None)
    if response.status_code == 403:
        return UPLOAD_EXPIRED.to_error(answer)
    if response.status_code == 400:
        return UPLOAD_REFUSED.to_error(answer)
    return ambiguous_response(response)


def parse_oauth_response(response: Response) -> dict[str, Any]:
    """Return the body of a token response. Raise the error of its code.

    A rejected refresh concerns the authorization; a rejected exchange concerns the app.
    """
    try:
        body = response.json()
        if response.is_success:
            body["access_token"]
            return dict(body)
    except (ValueError, KeyError, TypeError):
        raise ambiguous_response(response) from None
    if response.status_code >= 500 or response.status_code == 429:
        raise _error_from(response, body)
    answer = PlatformAnswer(response.status_code, str(body.get("code")), body.get("message"))
    raise (GRANT_REFUSED if "refresh" in str(body.get("message", "")).lower() else APP_REFUSED).to_error(answer)


def _error_from(response: Response, body: Any) -> PublishError:
    code = body.get("code") if isinstance(body, dict) else None
    message = body.get("message") if isinstance(body, dict) else None
    answer = PlatformAnswer(response.status_code, str(code), message, response.headers.get("x-pinterest-rid"))
    if code in CODES and not (code == 1 and response.status_code >= 500):
        return CODES[code].to_error(answer, retry_after(response))
    if response.status_code in STATUSES:
        return STATUSES[response.status_code].to_error(answer, retry_after(response))
    if response.status_code >= 500:
        return ambiguous_response(response)
    return UNKNOWN.to_error(answer, retry_after(response))
