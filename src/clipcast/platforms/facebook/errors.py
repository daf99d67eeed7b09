"""Facebook's codes, in our classes (sheet section 5)."""

from datetime import timedelta
from typing import Any

import httpx2

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

HOUR = timedelta(hours=1)
_THROTTLED = ErrorRule(RateLimited, "too_many_requests", "Facebook throttles the app or the Page.", wait=HOUR,
                     quota="calls")  # fmt: skip
_TOKEN = ErrorRule(TokenRefused, "token_refused", "Facebook no longer accepts the Page's token.")
_OUTAGE = ErrorRule(TransientError, "platform_unavailable", "Facebook has a problem of its own.", actor="platform",
                  rejected=False)  # fmt: skip
_FILE = ErrorRule(MediaRejected, "file_refused", "Facebook refuses the file.", restart=True)
PROCESSING_REFUSED = ErrorRule(MediaRejected, "processing_refused", "Facebook cannot process the file.", restart=True)
# Often passes with a new upload, says experience; else it is the file's fault (sheet sections 2.3 and 5).
_FILE_UNUSABLE = ErrorRule(TransientError, "upload_failed", "Facebook cannot use the file.", actor="platform",
                         restart=True, restarts=1, then=PROCESSING_REFUSED)  # fmt: skip
_UPLOAD = ErrorRule(TransientError, "upload_failed", "The upload did not succeed.", actor="platform", restart=True,
                  restarts=2, then=PROCESSING_REFUSED)  # fmt: skip
_IDENTITY = ErrorRule(ReconnectNeeded, "page_not_authorized", "Facebook asks for a confirmation before this Page "
                    "may publish.", fix="Open the Page on Facebook and follow what it asks for.")  # fmt: skip
_BLOCKED = ErrorRule(PolicyRejected, "blocked", "Facebook blocks the Page or the content.", rejected=False)

CODES: Table = {
    (100, 33): ErrorRule(OutcomeUnknown, "not_readable", "Facebook cannot read the object now.", rejected=False),
    (None, 1363040): ErrorRule(MediaRejected, "aspect_refused", "Facebook refuses the picture's shape.", restart=True),
    (None, 1363127): ErrorRule(MediaRejected, "picture_too_small", "A Reel needs 540x960 pixels.", restart=True),
    (None, 1363128): ErrorRule(MediaRejected, "duration_refused", "A Reel lasts 3 to 90 seconds.", restart=True),
    (None, 1363129): ErrorRule(MediaRejected, "frame_rate_refused",
        "A Reel has 24 to 60 frames a second.", restart=True),
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
    (None, 1390008): ErrorRule(RateLimited, "posting_too_fast", "The Page posts too fast.", wait=HOUR, quota="reels"),
    (190, None): _TOKEN,
    (102, None): _TOKEN,
    (10, None): ErrorRule(ReconnectNeeded, "scope_missing", "The person did not grant this, or lost the Page.",
        fix="Check that the person has full control of the Page, then connect it again."),
    (283, None): ErrorRule(ReconnectNeeded, "scope_missing", "The person did not grant this."),
    (None, 1404078): _IDENTITY,
    (None, 4854002): _IDENTITY,
    (None, 1404112): _BLOCKED,
    (None, 1346003): _BLOCKED,
    (None, 1404102): _BLOCKED,
    (None, 1404006): _BLOCKED,
    (368, None): _BLOCKED,
    (506, None): ErrorRule(PolicyRejected, "duplicate", "Facebook says that this was posted already.", rejected=False,
        fix="Change the text; Facebook refuses the same one twice in a row."),
    (222, None): ErrorRule(OutcomeUnknown, "not_readable", "The video is not visible to us.", rejected=False),
    (100, None): ErrorRule(InvalidRequest, "invalid_parameter", "Facebook refuses a field."),
}  # fmt: skip

# Of the upload host, by `type`.
UPLOAD_TYPES = {
    "OffsetInvalidError": ErrorRule(TransientError, "offset_wrong", "The bytes do not follow what Facebook holds."),
    "PartialRequestError": ErrorRule(TransientError, "upload_cut_off", "The upload ended early."),
    "ProcessingFailedError": _UPLOAD,
    "NotAuthorizedError": _TOKEN,
}
UPLOAD_REFUSED = ErrorRule(TransientError, "upload_expired", "The upload has expired or failed.", restart=True)
NOT_PUBLISHED = ErrorRule(PolicyRejected, "not_published", "Facebook processed the video but did not publish it.")


def parse_response(response: httpx2.Response) -> dict[str, Any]:
    """The body of a successful answer. Raises the error of its code."""
    return parse_graph_response(response, CODES)


def phase_error(name: str, phase: dict[str, Any]) -> PublishError:
    """The error inside a phase of a video's status, which comes as `errors` or as `error` (sheet 0.10)."""
    said = phase.get("errors") or phase.get("error") or {}
    first = said[0] if isinstance(said, list) else said
    first = first if isinstance(first, dict) else {"message": str(first)}
    code = first.get("code")
    other = {"uploading_phase": UPLOAD_REFUSED, "publishing_phase": NOT_PUBLISHED}.get(name, PROCESSING_REFUSED)
    rule = CODES.get((None, code)) or CODES.get((code, None)) or other
    error = rule.to_error(PlatformAnswer(200, str(code) if code else None, first.get("message")))
    error.rejected = True  # a phase that failed has published nothing
    return error
