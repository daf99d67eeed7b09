"""Instagram's rules as the sandbox enforces them, from the sheet alone."""

import json
import re
from typing import Any

from clipcast.clips.media import Media

SCOPES = frozenset(
    {
        "instagram_business_basic",
        "instagram_business_content_publish",
        "instagram_business_manage_insights",
        "instagram_business_manage_comments",
    }
)
COMMON = {
    "media_type",
    "video_url",
    "upload_type",
    "thumb_offset",
    "user_tags",
    "location_id",
    "is_ai_generated",
    "access_token",
}
REELS = COMMON | {"caption", "share_to_feed", "cover_url", "collaborators", "audio_name", "trial_params"}


def create_problem(form: dict[str, str], hashtag_limit: int) -> tuple[int, int | None, str] | None:
    """Code, subcode and message of what the create call refuses."""
    kind = form.get("media_type")
    if kind not in ("REELS", "STORIES"):
        return 100, 2207023, "The media type is unknown; a single video is REELS or STORIES."
    if bool(form.get("video_url")) == (form.get("upload_type") == "resumable"):
        return 100, None, "The parameter video_url is required, or upload_type=resumable."
    if unknown := set(form) - (REELS if kind == "REELS" else COMMON):
        return 100, None, f"Not for {kind}: {', '.join(sorted(unknown))}"
    caption = form.get("caption", "")
    tags, mentions = re.findall(r"#\w+", caption), re.findall(r"(?<!\w)@[\w.]+", caption)
    if len(caption) > 2200 or len(tags) > hashtag_limit or len(mentions) > 20:
        return 36004, 2207010, "The caption was too long."
    for name in ("collaborators", "user_tags", "trial_params"):
        if name in form and _json(form[name]) is None:
            return 100, None, f"{name} must be JSON."
    if len(_json(form.get("collaborators", "[]")) or []) > 5:
        return 100, None, "At most 5 collaborators."
    if not form.get("thumb_offset", "0").isdigit():
        return 100, None, "thumb_offset must be a number."
    return None


def media_failure(media: Media | None, form: dict[str, str]) -> str | None:
    """The subcode in the container's status for a fetched file."""
    if media is None or media.container not in ("mp4", "mov") or media.video_codec not in ("h264", "hevc"):
        return "2207026"
    longest, largest = (900, 300_000_000) if form["media_type"] == "REELS" else (60, 100_000_000)
    if not 3 <= media.duration <= longest or media.size > largest:
        return "2207026"
    if not 23 <= media.frame_rate <= 60 or media.width > 1920:
        return "2207026"
    if int(form.get("thumb_offset", "0")) >= max(1, media.duration * 1000):
        return "2207057"
    return None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
