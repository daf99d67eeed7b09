"""Bluesky's error codes as Clipcast's error classes (docs/platforms/bluesky.md 5)."""

import re
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

DAY = timedelta(hours=24)
_TOKEN = ErrorRule(TokenRefused, "token_refused", "The account's server no longer accepts the access token.")
_SCOPE = ErrorRule(ReconnectNeeded, "scope_missing", "The account lacks a required permission.",
                 fix="Connect the account again and allow all permissions.")  # fmt: skip
_OUTAGE = ErrorRule(TransientError, "platform_unavailable", "The server reports an internal error.", actor="platform",
                  rejected=False)  # fmt: skip
_OVER = ErrorRule(RateLimited, "daily_video_cap", "The account has used up its daily videos.", wait=DAY,
                quota="videos")  # fmt: skip
_FORBIDDEN = ErrorRule(PolicyRejected, "upload_forbidden", "The account may not upload videos.")
_EMAIL = ErrorRule(PolicyRejected, "email_not_confirmed", "Bluesky requires a confirmed e-mail address for videos.",
                 fix="Confirm the e-mail address in Bluesky's settings, then retry the item.")  # fmt: skip
_GONE = ErrorRule(TransientError, "upload_expired", "The upload has expired or failed.", restart=True)
_SIZE = ErrorRule(MediaRejected, "file_too_large", "The server rejects a file of this size.", restart=True)

# By `error`, for the account's server.
NAMES = {
    "ExpiredToken": _TOKEN,
    "InvalidToken": _TOKEN,
    "AuthMissing": _TOKEN,
    "AuthenticationRequired": _TOKEN,
    "invalid_token": _TOKEN,
    "AccountTakedown": ErrorRule(PolicyRejected, "account_taken_down", "The server has taken the account down."),
    "AccountDeactivated": ErrorRule(ReconnectNeeded, "account_deactivated", "The account is deactivated."),
    "AccountNotFound": ErrorRule(TransientError, "account_moved", "The account is not on this server.", restart=True),
    "ScopeMissingError": _SCOPE,
    "InvalidRequest": ErrorRule(InvalidRequest, "invalid_parameter", "The server rejects the record."),
    "BadExpiration": ErrorRule(InvalidRequest, "invalid_parameter", "The server rejects the token's lifetime."),
    "BlobNotFound": ErrorRule(TransientError, "blob_not_found", "The server no longer has the video.", restart=True),
    "InvalidSwap": ErrorRule(TransientError, "record_key_taken", "Another record has this key.", rejected=False),
    "PayloadTooLarge": _SIZE,
    "RateLimitExceeded": ErrorRule(RateLimited, "too_many_requests", "Clipcast sent too many requests."),
    "InternalServerError": _OUTAGE,
    "UpstreamFailure": _OUTAGE,
    "UpstreamTimeout": _OUTAGE,
    "ServiceOverloaded": _OUTAGE,
}

# By `error`, for the video service.
VIDEO_NAMES = {
    "UnsupportedContentType": ErrorRule(MediaRejected, "format_refused", "Bluesky rejects the file's format."),
    "VideoTooLarge": _SIZE,
    "VideoTooLong": ErrorRule(MediaRejected, "video_too_long", "The video is too long.", restart=True),
    "BadAspectRatio": ErrorRule(MediaRejected, "aspect_refused", "Bluesky rejects the aspect.", restart=True),
    "DailyLimitExceeded": _OVER,
    "TooManyOpenUploads": ErrorRule(RateLimited, "too_many_uploads", "The account has too many open uploads.",
        wait=timedelta(hours=1)),
    "UploadForbidden": _FORBIDDEN,
    "ServiceOverloaded": _OUTAGE,
    "UploadNotFound": _GONE,
    "UploadExpired": _GONE,
    "UploadAborted": _GONE,
    "UploadFailed": _GONE,
    "UploadNotReady": ErrorRule(TransientError, "upload_not_ready", "The upload is not ready.",
        wait=timedelta(seconds=10)),
    "InvalidPartNumber": _GONE,
    "PartSizeMismatch": ErrorRule(TransientError, "part_cut_off", "The part did not arrive completely."),
    "MissingParts": _GONE,
    "InvalidRequest": ErrorRule(InvalidRequest, "invalid_parameter", "The video service rejects the request."),
    "RateLimitExceeded": NAMES["RateLimitExceeded"],
}  # fmt: skip
JOB_UNKNOWN = ErrorRule(TransientError, "job_unknown", "The video service no longer finds the video.", restart=True)
SERVICE_TOKEN = ErrorRule(TransientError, "service_token_refused", "The video service rejects the token.")

# By `failureCode` of a failed job, or by its text: older responses have texts only.
FAILURES: tuple[tuple[re.Pattern[str], ErrorRule], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), rule)
    for pattern, rule in (
        ("unconfirmed_email|confirm your email", _EMAIL),
        ("not allowed to upload|uploadforbidden|not old enough", _FORBIDDEN),
        ("daily|too many (videos|bytes)|dailylimitexceeded", _OVER),
        ("toomanyopenuploads", VIDEO_NAMES["TooManyOpenUploads"]),
        ("disabled at the moment|upload stats", ErrorRule(TransientError, "platform_unavailable",
            "Bluesky accepts no videos now.", actor="platform", restart=True, wait=timedelta(minutes=5))),
        ("video_too_long", VIDEO_NAMES["VideoTooLong"]),
        ("bad_aspect_ratio", VIDEO_NAMES["BadAspectRatio"]),
        ("unsupported_codec", ErrorRule(MediaRejected, "codec_refused", "Bluesky cannot decode it.", restart=True)),
        ("encoded_video_too_large|pds_upload_unsupported_blob_size", _SIZE),
        ("validation_failure", ErrorRule(MediaRejected, "file_refused", "Bluesky rejects the file.", restart=True)),
        ("pds_upload_failure", ErrorRule(TransientError, "blob_not_stored", "The account's server did not store the "
            "video.", restart=True)),
    )
)  # fmt: skip
PROCESSING_REFUSED = ErrorRule(MediaRejected, "processing_refused", "Bluesky cannot process the file.", restart=True)
# A new upload often succeeds. If it fails three times, the file is the cause (docs/platforms/bluesky.md 5).
PROCESSING_FAILED = ErrorRule(TransientError, "processing_failed", "Bluesky could not process the file.", restart=True,
    restarts=2, then=PROCESSING_REFUSED)  # fmt: skip

SIGN_IN = {
    "AuthenticationRequired": ErrorRule(InvalidRequest, "password_refused", "The handle or the password is wrong.",
        actor="account_owner", fix="Create an app password in Bluesky's settings, under Privacy and security."),
    "AuthFactorTokenRequired": ErrorRule(InvalidRequest, "app_password_needed", "This is the account's own password.",
        actor="account_owner", fix="Create an app password in Bluesky's settings and use it."),
    "AccountTakedown": NAMES["AccountTakedown"],
    "RateLimitExceeded": NAMES["RateLimitExceeded"],
}  # fmt: skip


def parse_response(response: Response) -> dict[str, Any]:
    """Return the body of a successful response of the account's server. Raise the error of its code."""
    return _parse(response, NAMES)


def parse_sign_in_response(response: Response) -> dict[str, Any]:
    """Return the body of a sign-in response. Raise the error of its code."""
    return _parse(response, SIGN_IN)


def parse_oauth_response(response: Response) -> dict[str, Any]:
    """Return the body of a token response. Raise the error of its code, which concerns this sign-in."""
    body = _json(response)
    if response.is_success and body is not None:
        return body
    if body is None or response.status_code >= 500 or response.status_code == 429:
        raise ambiguous_response(response)
    message = body.get("error_description") or body.get("error")
    raise InvalidRequest(
        "sign_in_refused", f"The account's server rejects the sign-in: {message}", actor="account_owner",
        fix="Open the link and sign in again.",
        platform=PlatformAnswer(response.status_code, body.get("error"), body.get("error_description")),
    )  # fmt: skip


def parse_video_response(response: Response) -> dict[str, Any]:
    """Return the body of a successful response of the video service. Raise the error of its code.

    A rejected token is a service token, not the account's: it does not need a reconnect.
    """
    body = _json(response)
    if body and isinstance(body.get("jobStatus"), dict) and not response.is_success:
        raise job_error(body["jobStatus"])
    name = body.get("error", "") if body else ""
    if response.status_code == 401 or name in ("ExpiredToken", "InvalidToken", "AuthRequired"):
        raise SERVICE_TOKEN.to_error(_answer(response, body))
    return _parse(response, VIDEO_NAMES)


def job_error(job: dict[str, Any]) -> PublishError:
    """Return the error of a job that failed. It has published nothing."""
    text = " ".join(str(job.get(name) or "") for name in ("failureCode", "error", "message"))
    rule = next((rule for pattern, rule in FAILURES if pattern.search(text)), None)
    answer = PlatformAnswer(200, job.get("failureCode") or job.get("error"), job.get("message"))
    error = (rule or PROCESSING_FAILED).to_error(answer)
    error.rejected = True
    return error


def error_name(response: Response) -> str:
    """Return the `error` of a response; an empty string if it has none."""
    return str((_json(response) or {}).get("error", ""))


def _parse(response: Response, table: dict[str, ErrorRule]) -> dict[str, Any]:
    body = _json(response)
    if response.is_success and body is not None:
        return body
    if response.is_success or body is None:
        raise ambiguous_response(response)
    answer, name = _answer(response, body), str(body.get("error"))
    if name == "InvalidRequest" and "$.record.embed.video" in str(body.get("message")):
        raise ErrorRule(MediaRejected, "file_refused", "The server rejects the video.").to_error(answer)
    if name in table:
        raise table[name].to_error(answer, retry_after(response))
    if response.status_code == 429:
        raise NAMES["RateLimitExceeded"].to_error(answer, retry_after(response))
    if response.status_code == 401:
        raise _TOKEN.to_error(answer)
    if response.status_code >= 500:
        raise ambiguous_response(response)
    raise UNKNOWN.to_error(answer)


def _answer(response: Response, body: dict[str, Any] | None) -> PlatformAnswer:
    body = body or {}
    return PlatformAnswer(response.status_code, body.get("error"), body.get("message"))


def _json(response: Response) -> dict[str, Any] | None:
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
