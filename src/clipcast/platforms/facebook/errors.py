"""Facebook's error codes as Clipcast's error classes (docs/platforms/facebook.md 5)."""

from datetime import timedelta
from typing import Any

from clipcast.platforms.errors import (
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
from clipcast.platforms.responses import Response

HOUR = timedelta(hours=1)
_THROTTLED = ErrorRule(RateLimited, "too_many_requests", "Facebook throttles the app or the Page.", wait=HOUR,
                     quota="calls")  # fmt: skip
_TOKEN = ErrorRule(TokenRefused, "token_refused", "Facebook no longer accepts the Page's token.")
_OUTAGE = ErrorRule(TransientError, "platform_unavailable", "Facebook reports an internal error.", actor="platform",
                  rejected=False)  # fmt: skip
_FILE = ErrorRule(MediaRejected, "file_refused", "Facebook rejects the file.", restart=True)
PROCESSING_REFUSED = ErrorRule(MediaRejected, "processing_refused", "Facebook cannot process the file.", restart=True)
# A new upload often succeeds. If it fails, too, the file is the cause (docs/platforms/facebook.md 2.3 and 5).
_FILE_UNUSABLE = ErrorRule(TransientError, "upload_failed", "Facebook cannot use the file.", actor="platform",
                         restart=True, restarts=1, then=PROCESSING_REFUSED)  # fmt: skip
_UPLOAD = ErrorRule(TransientError, "upload_failed", "Facebook could not process the upload.",
                  actor="platform", restart=True, restarts=2, then=PROCESSING_REFUSED)  # fmt: skip
_IDENTITY = ErrorRule(ReconnectNeeded, "page_not_authorized", "Facebook requires a confirmation before this Page "
                    "may publish.", fix="Open the Page on Facebook and follow its instructions.")  # fmt: skip
_BLOCKED = ErrorRule(PolicyRejected, "blocked", "Facebook blocks the Page or the content.", rejected=False)

CODES: Table = {
    (100, 33): ErrorRule(OutcomeUnknown, "not_readable", "Facebook cannot read the object now.", rejected=False),
    (None, 1363040): ErrorRule(MediaRejected, "aspect_refused", "Facebook rejects the aspect.", restart=True),
    (None, 1363127): ErrorRule(MediaRejected, "picture_too_small", "A Reel needs at least 540x960 px.", restart=True),
    (None, 1363128): ErrorRule(MediaRejected, "duration_refused", "A Reel lasts 3 to 90 seconds.", restart=True),
    (None, 1363129): ErrorRule(MediaRejected, "frame_rate_refused",
        "A Reel has 24 to 60 fps.", restart=True),
    (None, 1363037): ErrorRule(TransientError, "offset_wrong", "The chunk does not follow what Facebook holds."),
    (None, 1363047): _OUTAGE,
    (None, 1609010): _OUTAGE,
    (351, None): _FILE,
    (352, None): _FILE,
    (382, None): ErrorRule(MediaRejected, "file_too_small", "The file is too small.", restart=True),
    (6000, None): _FILE_UNUSABLE,
    (6001, None): _FILE_UNUSABLE,
    (None, 1363045): _FILE_UNUSABLE,
    (1, None): _OUTAGE,
    (2, None): _OUTAGE,
    (4, None): _THROTTLED,
    (17, None): _THROTTLED,
    (32, None): _THROTTLED,
    (341, None): _THROTTLED,
    (613, None): _THROTTLED,
    (80001, None): _THROTTLED,
    (None, 1390008): ErrorRule(RateLimited, "posting_too_fast", "The Page posts too often.", wait=HOUR, quota="reels"),
    (190, None): _TOKEN,
    (102, None): _TOKEN,
    (10, None): ErrorRule(ReconnectNeeded, "scope_missing", "The person lacks a required permission or role.",
        fix="Check that the person has full control of the Page, then connect it again."),
    (283, None): ErrorRule(ReconnectNeeded, "scope_missing", "The account lacks a required permission.",
        fix="Connect the account again and allow all permissions."),
    (None, 1404078): _IDENTITY,
    (None, 4854002): _IDENTITY,
    (None, 1404112): _BLOCKED,
    (None, 1346003): _BLOCKED,
    (None, 1404102): _BLOCKED,
    (None, 1404006): _BLOCKED,
    (368, None): _BLOCKED,
    (506, None): ErrorRule(PolicyRejected, "duplicate", "Facebook reports that this was posted already.",
        rejected=False, fix="Change the text: Facebook rejects the same text twice in a row."),
    (222, None): ErrorRule(OutcomeUnknown, "not_readable", "The video is not visible to the app.", rejected=False),
    (100, None): ErrorRule(InvalidRequest, "invalid_parameter", "Facebook rejects a field."),
}  # fmt: skip

# By `type`, for the upload host.
UPLOAD_TYPES = {
    "OffsetInvalidError": ErrorRule(TransientError, "offset_wrong", "The bytes do not follow what Facebook holds."),
    "PartialRequestError": ErrorRule(TransientError, "upload_cut_off", "The upload ended early."),
    "ProcessingFailedError": _UPLOAD,
    "NotAuthorizedError": _TOKEN,
}
UPLOAD_REFUSED = ErrorRule(TransientError, "upload_expired", "The upload has expired or failed.", restart=True)
NOT_PUBLISHED = ErrorRule(PolicyRejected, "not_published", "Facebook processed the video but did not publish it.")


def parse_response(response: Response) -> dict[str, Any]:
    """Return the body of a successful response. Raise the error of its code."""
    return parse_graph_response(response, CODES)


def phase_error(name: str, phase: dict[str, Any]) -> PublishError:
    """Return the error in a phase of a video's status, from `errors` or `error` (docs/platforms/facebook.md 0.10)."""
    errors = phase.get("errors") or phase.get("error") or {}
    first = errors[0] if isinstance(errors, list) else errors
    first = first if isinstance(first, dict) else {"message": str(first)}
    code = first.get("code")
    other = {"uploading_phase": UPLOAD_REFUSED, "publishing_phase": NOT_PUBLISHED}.get(name, PROCESSING_REFUSED)
    rule = CODES.get((None, code)) or CODES.get((code, None)) or other
    error = rule.to_error(PlatformAnswer(200, str(code) if code else None, first.get("message")))
    error.rejected = True  # a phase that failed has published nothing
    return error
