"""YouTube's error codes as Clipcast's error classes (docs/platforms/youtube.md 5)."""

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
from clipcast.platforms.quota import next_midnight
from clipcast.platforms.responses import Response
from clipcast.platforms.youtube.rules import PACIFIC


def until_pacific_midnight() -> timedelta:
    """Return the time until the project's daily quota resets."""
    now = clock.now()
    return next_midnight(PACIFIC, now) - now


def _all(reasons: str, rule: ErrorRule) -> dict[str, ErrorRule]:
    return dict.fromkeys(reasons.split(), rule)


# By `error.errors[0].reason`, for any HTTP status: YouTube documents several reasons with two.
REASONS = {
    **_all(
        "invalidTitle invalidDescription invalidTags invalidCategoryId invalidPublishAt invalidRecordingDetails "
        "invalidVideoGameRating invalidVideoMetadata defaultLanguageNotSet invalidFilename",
        ErrorRule(InvalidRequest, "invalid_metadata", "YouTube rejects the metadata."),
    ),
    **_all(
        "missingRequiredParameter unexpectedParameter incompatibleParameters invalidFilters invalidPageToken "
        "badRequest parseError required invalid",
        ErrorRule(InvalidRequest, "invalid_request", "YouTube rejects the request.", actor="operator"),
    ),
    "mediaBodyRequired": ErrorRule(MediaRejected, "no_media", "YouTube received no video."),
    **_all(
        "contentRequired invalidMetadata nameTooLong",
        ErrorRule(InvalidRequest, "captions_refused", "YouTube rejects the captions."),
    ),
    "invalidImage": ErrorRule(InvalidRequest, "thumbnail_refused", "YouTube rejects the thumbnail."),
    "uploadLimitExceeded": ErrorRule(
        RateLimited, "channel_upload_limit", "The channel has used up its daily uploads.",
        wait=timedelta(hours=24), quota="channel_uploads",
    ),
    **_all(
        "authError expired authorizationRequired required_login",
        ErrorRule(TokenRefused, "token_refused", "YouTube no longer accepts the access token."),
    ),
    "youtubeSignupRequired": ErrorRule(ReconnectNeeded, "no_channel", "The Google account has no YouTube channel."),
    "insufficientPermissions": ErrorRule(ReconnectNeeded, "scope_missing", "The account lacks a required permission.",
        fix="Connect the account again and allow all permissions."),
    **_all(
        "quotaExceeded dailyLimitExceeded",
        ErrorRule(RateLimited, "project_quota", "The Google project has used up its daily quota.", actor="operator",
                fix="Wait until midnight Pacific time, or request more quota from Google.", wait=until_pacific_midnight,
                quota="units"),
    ),
    **_all(
        "rateLimitExceeded userRateLimitExceeded uploadRateLimitExceeded",
        ErrorRule(RateLimited, "too_many_requests", "Clipcast sent too many requests.", wait=timedelta(minutes=1)),
    ),
    "forbidden": ErrorRule(PolicyRejected, "forbidden", "YouTube forbids the request for this channel."),
    **_all(
        "forbiddenPrivacySetting forbiddenLicenseSetting",
        ErrorRule(InvalidRequest, "setting_not_allowed", "The channel may not use a setting of the metadata."),
    ),
    "accessNotConfigured": ErrorRule(
        InvalidRequest, "api_not_enabled", "The YouTube Data API is not enabled.", actor="operator",
        fix="Enable the YouTube Data API v3 in the Google project.",
    ),
    **_all(
        "authenticatedUserAccountClosed authenticatedUserAccountSuspended channelClosed channelSuspended",
        ErrorRule(PolicyRejected, "account_closed", "The account or channel is closed or suspended."),
    ),
    **_all(
        "authenticatedUserNotChannel channelNotFound accountDelegationForbidden",
        ErrorRule(ReconnectNeeded, "wrong_account", "The account may not act for this channel."),
    ),
    "videoNotFound": ErrorRule(InvalidRequest, "video_not_found", "The video is no longer on the channel."),
    **_all(
        "playlistNotFound playlistContainsMaximumNumberOfVideos playlistItemsNotAccessible invalidContentDetails "
        "invalidPlaylistItemPosition manualSortRequired videoAlreadyInAnotherSeriesPlaylist "
        "playlistOperationUnsupported",
        ErrorRule(InvalidRequest, "playlist_refused", "YouTube rejects the video for the playlist."),
    ),
    "alreadyExists": ErrorRule(TransientError, "session_conflict", "YouTube could not open an upload session."),
    **_all(
        "internalError backendError",
        ErrorRule(TransientError, "platform_unavailable", "YouTube reports an internal error.", actor="platform",
                rejected=False),
    ),
}  # fmt: skip

_CANNOT_READ = ErrorRule(MediaRejected, "file_refused", "YouTube cannot read the file.", rejected=False)
_COPYRIGHT = ErrorRule(PolicyRejected, "content_refused", "YouTube rejects the content.", rejected=False)
_ACCOUNT = ErrorRule(PolicyRejected, "account_closed", "The uploader's account is closed or suspended.", rejected=False)

# By `status.failureReason` and `status.rejectionReason`. The video exists, so Clipcast does not upload again.
OUTCOMES = {
    **_all("conversion invalidFile emptyFile tooSmall codec", _CANNOT_READ),
    **_all("copyright claim trademark legal inappropriate termsOfUse", _COPYRIGHT),
    **_all("uploaderAccountSuspended uploaderAccountClosed", _ACCOUNT),
    "length": ErrorRule(MediaRejected, "video_too_long", "The video is too long for this channel.",
        fix="Verify the channel's phone number at youtube.com/verify.", actor="account_owner", rejected=False),
    "duplicate": ErrorRule(PolicyRejected, "duplicate", "YouTube reports that the channel already has this file.",
        fix="Check the channel for the video.", rejected=False),
}  # fmt: skip

OPERATOR_FIX = "Check CLIPCAST_YOUTUBE_CLIENT_ID, CLIPCAST_YOUTUBE_CLIENT_SECRET and the client's redirect addresses."
OAUTH = {
    **_all(
        "invalid_grant invalid_rapt",
        ErrorRule(ReconnectNeeded, "grant_refused", "Google no longer accepts this authorization."),
    ),
    **_all(
        "redirect_uri_mismatch invalid_request invalid_client unauthorized_client deleted_client invalid_scope",
        ErrorRule(InvalidRequest, "app_refused", "Google rejects the app.", fix=OPERATOR_FIX, actor="operator"),
    ),
}


def parse_response(response: Response) -> dict[str, Any]:
    """Return the body of a successful response. Raise the error of its code."""
    if response.is_success:
        try:
            body = response.json() if response.content else {}
        except ValueError:
            raise ambiguous_response(response) from None
        return body if isinstance(body, dict) else {}
    raise error_from(response)


def error_from(response: Response, opens_a_session: bool = False) -> PublishError:
    """Return the error of a response that is not successful. With `opens_a_session`, the quota is `uploads`."""
    reason, message = _reason(response)
    answer = PlatformAnswer(
        response.status_code, reason or None, message or None, response.headers.get("x-guploader-uploadid")
    )
    if reason in REASONS:
        error = REASONS[reason].to_error(answer, retry_after(response))
        if error.quota == "units" and opens_a_session:
            error.quota = "uploads"
        return error
    if response.status_code == 401:
        return REASONS["authError"].to_error(answer, retry_after(response))
    if response.status_code == 429:
        return REASONS["rateLimitExceeded"].to_error(answer, retry_after(response))
    if response.status_code in (500, 502, 503, 504):
        return ambiguous_response(response)
    return UNKNOWN.to_error(answer, retry_after(response))


def processing_error(status: dict[str, Any]) -> PublishError:
    """Return the error of a video that ended as `failed`, `rejected` or `deleted`."""
    reason = str(status.get("rejectionReason") or status.get("failureReason") or status.get("uploadStatus"))
    rule = OUTCOMES.get(reason) or ErrorRule(
        PolicyRejected, "not_processed", "YouTube rejects the uploaded video.", rejected=False,
        fix="Check the video in YouTube Studio.",
    )  # fmt: skip
    return rule.to_error(PlatformAnswer(200, reason))


def oauth_error(response: Response) -> PublishError:
    """Return the error of a token request (docs/platforms/youtube.md 1.5)."""
    try:
        body = response.json()
        code, message = str(body["error"]), body.get("error_description")
    except (ValueError, KeyError, TypeError):
        return ambiguous_response(response)
    if response.status_code >= 500 and code not in OAUTH:
        return ambiguous_response(response)
    return OAUTH.get(code, UNKNOWN).to_error(PlatformAnswer(response.status_code, code, message))


def _reason(response: Response) -> tuple[str, str]:
    """Return the first reason, else the status, and the message. Some responses are plain text or empty."""
    try:
        error = response.json()["error"]
        errors = error.get("errors") or [{}]
        return str(errors[0].get("reason") or error.get("status") or ""), str(error.get("message", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", response.text[:300]
