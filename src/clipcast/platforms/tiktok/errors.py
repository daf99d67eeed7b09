"""TikTok's error codes as Clipcast's error classes (docs/platforms/tiktok.md 5)."""

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
from clipcast.platforms.http import ambiguous_response, retry_after
from clipcast.platforms.responses import Response

DAY = timedelta(hours=24)
_SCOPE = ErrorRule(ReconnectNeeded, "scope_missing", "The account lacks a required permission.",
    fix="Connect the account again and allow all permissions.")  # fmt: skip

# By `error.code` of the envelope, for any HTTP status: TikTok sends some with 200.
CODES = {
    "invalid_param": ErrorRule(InvalidRequest, "invalid_parameter", "TikTok rejects a field."),
    "invalid_params": ErrorRule(InvalidRequest, "invalid_parameter", "TikTok rejects a field."),
    "invalid_file_upload": ErrorRule(MediaRejected, "file_refused", "The file breaks TikTok's rules."),
    "scope_permission_missed": _SCOPE,
    "scope_not_authorized": _SCOPE,
    "access_token_invalid": ErrorRule(TokenRefused, "token_refused", "TikTok no longer accepts the access token."),
    "invalid_publish_id": ErrorRule(
        OutcomeUnknown, "publish_id_unknown", "TikTok no longer finds the publishing task.", rejected=False
    ),
    "token_not_authorized_for_specified_publish_id": ErrorRule(
        ReconnectNeeded, "wrong_account", "The publishing task belongs to another account or app."
    ),
    "publish_not_cancellable": ErrorRule(InvalidRequest, "not_cancellable", "The publishing task has already ended."),
    "app_version_check_failed": ErrorRule(InvalidRequest, "app_too_old", "The creator's TikTok app is too old.",
        fix="Update the TikTok app, then post again.", actor="account_owner"),
    "spam_risk_too_many_posts": ErrorRule(
        RateLimited, "daily_post_cap", "The account has used up TikTok's daily posts.", wait=DAY,
        quota="posts",
    ),
    "spam_risk_too_many_pending_share": ErrorRule(
        RateLimited, "draft_cap", "The creator's inbox holds 5 drafts, the maximum.", wait=DAY, actor="account_owner",
        fix="Finish or discard drafts in the TikTok app, then retry the item.", quota="drafts",
    ),
    "reached_active_user_cap": ErrorRule(
        RateLimited, "active_user_cap", "The app has used up its daily number of posting users.", wait=DAY,
        actor="operator", fix="Wait 24 hours, or have TikTok audit the app.", quota="posting_users",
    ),
    "spam_risk_user_banned_from_posting": ErrorRule(
        PolicyRejected, "account_banned", "TikTok bans this account from posting."
    ),
    "unaudited_client_can_only_post_to_private_accounts": ErrorRule(
        PolicyRejected, "app_not_audited", "TikTok has not audited the app, so it posts only to private accounts.",
        fix="Make the TikTok account private, or post a draft (postMode MEDIA_UPLOAD).",
    ),
    "url_ownership_unverified": ErrorRule(
        InvalidRequest, "domain_not_verified", "The video's domain is not verified.", actor="operator",
        fix="Verify the domain in the TikTok developer portal.",
    ),
    "privacy_level_option_mismatch": ErrorRule(
        InvalidRequest, "privacy_level_not_offered", "The account does not offer this privacy level now.",
        fix="Post again with one of the account's current options.",
    ),
    "rate_limit_exceeded": ErrorRule(
        RateLimited, "too_many_requests", "Clipcast sent too many requests in a minute.", wait=timedelta(seconds=60)
    ),
}  # fmt: skip

# By `fail_reason` of a task with the status FAILED. Such a task has no post, so a new task cannot duplicate one.
FAIL_REASONS = {
    "file_format_check_failed": ErrorRule(MediaRejected, "format_refused", "TikTok rejects the file's format.",
        restart=True),
    "duration_check_failed": ErrorRule(MediaRejected, "duration_refused", "TikTok rejects the duration.", restart=True),
    "frame_rate_check_failed": ErrorRule(MediaRejected, "frame_rate_refused", "TikTok rejects the frame rate.",
        restart=True),
    "picture_size_check_failed": ErrorRule(MediaRejected, "picture_size_refused",
        "TikTok rejects the video's width and height.", restart=True),
    "internal": ErrorRule(TransientError, "processing_failed", "TikTok failed to process the video.", restart=True,
        actor="platform"),
    "video_pull_failed": ErrorRule(TransientError, "fetch_failed", "TikTok could not fetch the video.", restart=True),
    "photo_pull_failed": ErrorRule(TransientError, "fetch_failed", "TikTok could not fetch the file.", restart=True),
    "publish_cancelled": ErrorRule(InvalidRequest, "cancelled", "The publishing task was cancelled.", restart=True),
    "auth_removed": ErrorRule(ReconnectNeeded, "access_removed", "The account removed the app's access.", restart=True),
    "spam_risk_too_many_posts": ErrorRule(
        RateLimited, "daily_post_cap", "The account has used up TikTok's daily posts.", wait=DAY,
        restart=True, quota="posts",
    ),
    "spam_risk_user_banned_from_posting": ErrorRule(
        PolicyRejected, "account_banned", "TikTok bans this account from posting.", restart=True
    ),
    "spam_risk_text": ErrorRule(PolicyRejected, "caption_refused", "TikTok rejects the caption as spam.",
        actor="caller", fix="Post again with another caption.", restart=True),
    "spam_risk": ErrorRule(PolicyRejected, "spam_suspected", "TikTok rejects the post as spam.", restart=True),
}  # fmt: skip

OPERATOR_FIX = "Check CLIPCAST_TIKTOK_CLIENT_ID, CLIPCAST_TIKTOK_CLIENT_SECRET and the app's redirect addresses."
OAUTH = {
    "invalid_grant": ErrorRule(ReconnectNeeded, "grant_refused", "TikTok no longer accepts this authorization."),
    "access_denied": ErrorRule(ReconnectNeeded, "access_denied", "The person declined the consent."),
    **{
        code: ErrorRule(InvalidRequest, "app_refused", "TikTok rejects the app.", fix=OPERATOR_FIX, actor="operator")
        for code in ("invalid_client", "unauthorized_client", "invalid_scope", "invalid_request")
    },
}


def parse_response(response: Response) -> dict[str, Any]:
    """Return the `data` of a successful response. Raise the error of its code.

    HTTP 200 alone is not success (docs/platforms/tiktok.md 2).
    """
    try:
        body = response.json()
        error = body["error"]
        code, message = str(error["code"]), str(error.get("message", ""))
    except (ValueError, KeyError, TypeError):
        raise ambiguous_response(response) from None
    if code == "ok":
        return body.get("data") or {}
    # TikTok's documentation names the field `logid`, its examples `log_id`.
    answer = PlatformAnswer(response.status_code, code, message, error.get("log_id") or error.get("logid"))
    if response.status_code >= 500 and code not in CODES:
        raise ambiguous_response(response)
    raise CODES.get(code, UNKNOWN).to_error(answer, retry_after(response))


def task_error(reason: str) -> PublishError:
    """Return the error of a publishing task that ended as FAILED. It has published nothing."""
    return FAIL_REASONS.get(reason, UNKNOWN).to_error(PlatformAnswer(200, reason))


def oauth_error(response: Response, body: dict[str, Any]) -> PublishError:
    """Return the error of a token request. Its body is flat, unlike all others (docs/platforms/tiktok.md 1.5)."""
    code = str(body.get("error", ""))
    if response.status_code >= 500 and code not in OAUTH:
        return ambiguous_response(response)
    answer = PlatformAnswer(response.status_code, code, body.get("error_description"), body.get("log_id"))
    return OAUTH.get(code, UNKNOWN).to_error(answer, retry_after(response))
