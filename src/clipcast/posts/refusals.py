"""Why an action on many posts leaves one of them out, in words for people: the API's messages are about calls."""

from clipcast.common.problems import AppError

_GONE_OUT = "it is going out or has gone out."
REASONS = {
    "post_not_editable": _GONE_OUT,
    "post_not_pending": _GONE_OUT,
    "post_begun": _GONE_OUT,
    "idempotency_in_progress": "an earlier request is doing it now.",
    "no_failed_items": "nothing of it failed.",
    "item_in_progress": "it is being published now. Try again in 10 seconds.",
    "not_found": "it is gone.",
    "version_mismatch": "it has changed since.",
    "posting_time_taken": "other posts took its posting times at this moment. Add it to the queue again.",
    "several_clips": "it has several clips for one account, and a posting time takes one. Use it again, clip by clip.",
    "no_posting_time": "its accounts have no free posting time. Posting times are of one client.",
}


def reason_of(error: AppError) -> str:
    """Return why a post was left out, as the end of a sentence."""
    listed = " ".join(problem.message for problem in error.errors)
    return REASONS.get(error.code, listed or error.detail)
