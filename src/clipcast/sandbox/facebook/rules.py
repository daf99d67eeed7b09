"""Facebook's rules for finish requests and files (docs/platforms/facebook.md 2.5, 2.6, 3)."""

import json
from typing import Any

from clipcast.clock import clock
from clipcast.sandbox.graph.media import GREYS_AND_HALVES
from clipcast.sandbox.inputs import number
from clipcast.sandbox.media.reading import Reading

MIN_AHEAD, MAX_AHEAD = 10 * 60, 29 * 86_400
COMMON = {"upload_phase", "description", "title", "scheduled_publish_time", "targeting", "feed_targeting",
          "is_ai_generated", "access_token"}  # fmt: skip
REEL = COMMON | {"video_id", "video_state", "place"}
VIDEO = COMMON | {"upload_session_id", "published", "unpublished_content_type", "embeddable", "no_story",
                  "content_tags", "content_category", "custom_labels"}  # fmt: skip


def finish_problem(kind: str, form: dict[str, str]) -> str | None:
    """Return the message of the first error in a finish request, or None."""
    if unknown := set(form) - (REEL if kind == "reel" else VIDEO):
        return f"Not a parameter: {', '.join(sorted(unknown))}."
    if len(form.get("description", "")) > 63_206:
        return "description is too long."
    if len(form.get("title", "")) > 255:
        return "title is too long."
    for name in ("targeting", "feed_targeting", "content_tags"):
        if name in form and not _is_json(form[name]):
            return f"{name} must be JSON."
    return _state_problem(form) if kind == "reel" else _published_problem(form)


def _state_problem(form: dict[str, str]) -> str | None:
    state = form.get("video_state")
    if state not in ("PUBLISHED", "SCHEDULED", "DRAFT"):
        return "video_state is required: PUBLISHED, SCHEDULED or DRAFT."
    if state == "SCHEDULED":
        return _time_problem(form.get("scheduled_publish_time"))
    return "You cannot specify a scheduled time on this." if "scheduled_publish_time" in form else None


def _published_problem(form: dict[str, str]) -> str | None:
    if "scheduled_publish_time" not in form:
        return None
    if form.get("published", "true") != "false":
        return "You cannot specify a scheduled publish time on a published post."
    return _time_problem(form["scheduled_publish_time"])


def _time_problem(value: str | None) -> str | None:
    seconds = number(value)
    if seconds is None:
        return "scheduled_publish_time must be a UNIX timestamp in seconds."
    ahead = seconds - clock.now().timestamp()
    return None if MIN_AHEAD <= ahead <= MAX_AHEAD else "The scheduled time must be 10 minutes to 29 days ahead."


def media_failure(kind: str, media: Reading | None) -> int | None:
    """Return the error code with which the video's processing fails for the file, or None."""
    if media is None:
        return 352
    if media.video_codec is None:
        return None  # Facebook accepts some thirty containers; of this one the sandbox reads only the name
    if kind == "reel":
        return _reel_failure(media)
    return None if media.has_aspect(9 / 16, 16 / 9) else 1363040


def _reel_failure(media: Reading) -> int | None:
    if media.video_codec not in ("h264", "hevc", "vp9", "av1") or media.interlaced:
        return 352
    if media.chroma not in GREYS_AND_HALVES or media.closed_groups is False or not media.steady:
        return 352
    if not media.has_aspect(9 / 16, 9 / 16):
        return 1363040
    if media.width < 540 or media.height < 960:
        return 1363127
    if not media.lasts(3, 90):
        return 1363128
    return None if media.has_rate(24, 60) else 1363129


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def usage(page_id: str) -> dict[str, str]:
    """Return the headers that state the usage of a Page's rate limit."""
    use: dict[str, Any] = {page_id: [{"type": "pages", "call_count": 3, "estimated_time_to_regain_access": 0}]}
    return {"X-Business-Use-Case-Usage": json.dumps(use), "X-App-Usage": '{"call_count": 3}'}
