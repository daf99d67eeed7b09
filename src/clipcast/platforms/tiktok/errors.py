"""TikTok's codes, in our classes (sheet section 5)."""

from datetime import timedelta
from typing import Any

import httpx2

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
from clipcast.platforms.http import ambiguous_response, retry_after

DAY = timedelta(hours=24)

# By `error.code` of the envelope, whatever the HTTP status: some come with 200.
CODES = {
    "invalid_param": ErrorRule(InvalidRequest, "invalid_parameter", "TikTok refuses a field."),
    "invalid_params": ErrorRule(InvalidRequest, "invalid_parameter", "TikTok refuses a field."),
    "invalid_file_upload": ErrorRule(MediaRejected, "file_refused", "The file breaks TikTok's rules."),
    "scope_permission_missed": ErrorRule(ReconnectNeeded, "scope_missing", "The account did not grant this."),
    "scope_not_authorized": ErrorRule(ReconnectNeeded, "scope_missing", "The account did not grant this."),
    "access_token_invalid": ErrorRule(TokenRefused, "token_refused", "The access token has expired or was revoked."),
    "invalid_publish_id": ErrorRule(
        OutcomeUnknown, "publish_id_unknown", "TikTok no longer knows this publication.", rejected=False
    ),
    "token_not_authorized_for_specified_publish_id": ErrorRule(
        ReconnectNeeded, "wrong_account", "The publication belongs to another account or app."
    ),
    "publish_not_cancellable": ErrorRule(InvalidRequest, "not_cancellable", "The publication is already final."),
    "app_version_check_failed": ErrorRule(InvalidRequest, "app_too_old", "The creator's TikTok app is too old.",
        fix="Ask the account's owner to update the TikTok app.", actor="account_owner"),
    "spam_risk_too_many_posts": ErrorRule(
        RateLimited, "daily_post_cap", "The account has reached TikTok's daily number of posts.", wait=DAY,
        quota="posts",
    ),
    "spam_risk_too_many_pending_share": ErrorRule(
        RateLimited, "draft_cap", "Five drafts wait in the creator's inbox.", wait=DAY, actor="account_owner",
        fix="Finish or discard drafts in the TikTok app, then retry the item.", quota="drafts",
    ),
    "reached_active_user_cap": ErrorRule(
        RateLimited, "active_user_cap", "The app has reached its daily number of posting users.", wait=DAY,
        actor="operator", fix="Wait a day, or have TikTok audit the app.", quota="posting_users",
    ),
    "spam_risk_user_banned_from_posting": ErrorRule(
        PolicyRejected, "account_banned", "TikTok does not let this account post."
    ),
    "unaudited_client_can_only_post_to_private_accounts": ErrorRule(
        PolicyRejected, "app_not_audited", "TikTok has not audited the app, so it posts only to private accounts.",
        fix="Make the TikTok account itself private, or post as a draft (postMode MEDIA_UPLOAD).",
    ),
    "url_ownership_unverified": ErrorRule(
        InvalidRequest, "domain_not_verified", "The video's domain is not verified.", actor="operator",
        fix="Verify the domain in the TikTok developer portal.",
    ),
    "privacy_level_option_mismatch": ErrorRule(
        InvalidRequest, "privacy_level_not_offered", "The account does not offer this privacy level now.",
        fix="Choose one of the account's current options.",
    ),
    "rate_limit_exceeded": ErrorRule(
        RateLimited, "too_many_requests", "Too many requests in a minute.", wait=timedelta(seconds=60)
    ),
}  # fmt: skip

# By `fail_reason` of a status FAILED. All of them end the task without a post, so a new one cannot double it.
FAIL_REASONS = {
    "file_format_check_failed": ErrorRule(MediaRejected, "format_refused", "TikTok refuses the file's format.",
        restart=True),
    "duration_check_failed": ErrorRule(MediaRejected, "duration_refused", "TikTok refuses the duration.", restart=True),
    "frame_rate_check_failed": ErrorRule(MediaRejected, "frame_rate_refused", "TikTok refuses the frame rate.",
        restart=True),
    "picture_size_check_failed": ErrorRule(MediaRejected, "picture_size_refused", "TikTok refuses the picture's size.",
        restart=True),
    "internal": ErrorRule(TransientError, "processing_failed", "TikTok failed to process the video.", restart=True,
        actor="platform"),
    "video_pull_failed": ErrorRule(TransientError, "fetch_failed", "TikTok could not fetch the video.", restart=True),
    "photo_pull_failed": ErrorRule(TransientError, "fetch_failed", "TikTok could not fetch the file.", restart=True),
    "publish_cancelled": ErrorRule(InvalidRequest, "cancelled", "The publication was cancelled.", restart=True),
    "auth_removed": ErrorRule(ReconnectNeeded, "access_removed", "The account removed the app's access.", restart=True),
    "spam_risk_too_many_posts": ErrorRule(
        RateLimited, "daily_post_cap", "The account has reached TikTok's daily number of posts.", wait=DAY,
        restart=True, quota="posts",
    ),
    "spam_risk_user_banned_from_posting": ErrorRule(
        PolicyRejected, "account_banned", "TikTok does not let this account post.", restart=True
    ),
    "spam_risk_text": ErrorRule(PolicyRejected, "caption_refused", "TikTok takes the caption for spam.", actor="caller",
        fix="Post again with another caption.", restart=True),
    "spam_risk": ErrorRule(PolicyRejected, "spam_suspected", "TikTok takes the post for spam.", restart=True),
}  # fmt: skip

OPERATOR_FIX = "Check CLIPCAST_TIKTOK_CLIENT_ID, CLIPCAST_TIKTOK_CLIENT_SECRET and the app's redirect addresses."
OAUTH = {
    "invalid_grant": ErrorRule(ReconnectNeeded, "grant_refused", "TikTok no longer accepts this sign-in."),
    "access_denied": ErrorRule(ReconnectNeeded, "access_denied", "The consent was declined."),
    **{
        code: ErrorRule(InvalidRequest, "app_refused", "TikTok refuses the app.", fix=OPERATOR_FIX, actor="operator")
        for code in ("invalid_client", "unauthorized_client", "invalid_scope", "invalid_request")
    },
}


def parse_response(response: httpx2.Response) -> dict[str, Any]:
    """The `data` of an answer. Raises the error of its code: HTTP 200 alone is not success (sheet section 2)."""
    try:
        body = response.json()
        error = body["error"]
        code, message = str(error["code"]), str(error.get("message", ""))
    except (ValueError, KeyError, TypeError):
        raise ambiguous_response(response) from None
    if code == "ok":
        return body.get("data") or {}
    # The pages write `logid`, their examples `log_id`.
    answer = PlatformAnswer(response.status_code, code, message, error.get("log_id") or error.get("logid"))
    if response.status_code >= 500 and code not in CODES:
        raise ambiguous_response(response)
    raise CODES.get(code, UNKNOWN).to_error(answer, retry_after(response))


def failed(reason: str) -> PublishError:
    """The error of a publication that ended as FAILED."""
    return FAIL_REASONS.get(reason, UNKNOWN).to_error(PlatformAnswer(200, reason))


def oauth_error(response: httpx2.Response, body: dict[str, Any]) -> PublishError:
    """The error of a refused token call: a flat object, unlike every other answer (sheet 1.5)."""
    code = str(body.get("error", ""))
    if response.status_code >= 500 and code not in OAUTH:
        return ambiguous_response(response)
    answer = PlatformAnswer(response.status_code, code, body.get("error_description"), body.get("log_id"))
    return OAUTH.get(code, UNKNOWN).to_error(answer, retry_after(response))
