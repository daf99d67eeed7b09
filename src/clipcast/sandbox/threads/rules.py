"""Threads' rules for texts, parameters and files (docs/platforms/threads.md 2.1, 3)."""

import re

import regex

from clipcast.sandbox.graph.media import has_good_picture, has_good_sound
from clipcast.sandbox.media.reading import Reading

SCOPES = frozenset(
    {
        "threads_basic",
        "threads_content_publish",
        "threads_manage_insights",
        "threads_delete",
        "threads_manage_replies",
        "threads_read_replies",
        "threads_location_tagging",
        "threads_share_to_instagram",
    }
)
SIZE_MAX = 1_000_000_000
BIT_RATE_MAX = 100_000_000
SOUND_BIT_RATES = (126_000, 130_000)
REPLY_CONTROLS = (
    "everyone", "accounts_you_follow", "mentioned_only", "parent_post_author_only", "followers_only",
)  # fmt: skip
FIELDS = {
    "media_type", "video_url", "text", "alt_text", "reply_control", "topic_tag", "location_id",
    "allowlisted_country_codes", "is_spoiler_media", "enable_reply_approvals", "access_token",
}  # fmt: skip


def text_length(text: str) -> int:
    """Count a text's length: each character is 1, an emoji is its number of UTF-8 bytes."""
    length = 0
    for cluster in regex.findall(r"\X", text):
        pictographic = regex.search(r"[\p{Extended_Pictographic}\p{Regional_Indicator}\u20e3]", cluster)
        length += len(cluster.encode()) if pictographic else len(cluster)
    return length


def create_problem(form: dict[str, str]) -> tuple[str, str | None] | None:
    """Return the message and name of the first error in a create request, or None."""
    if form.get("media_type") != "VIDEO" or not form.get("video_url"):
        return "media_type=VIDEO and video_url are required.", None
    if unknown := set(form) - FIELDS:
        return f"Unknown or unsupported parameter for a video: {', '.join(sorted(unknown))}", None
    if text_length(form.get("text", "")) > 500:
        return "Param text must be at most 500 characters long.", None
    if len(set(re.findall(r"https?://[^\s<>\"]+", form.get("text", "")))) > 5:
        return "Too many links.", "THREADS_API__LINK_LIMIT_EXCEEDED"
    tag = form.get("topic_tag")
    if tag is not None and (not 1 <= len(tag) <= 50 or set(tag) & set(".&")):
        return "Param topic_tag is invalid.", None
    if len(form.get("alt_text", "")) > 1000:
        return "Param alt_text must be at most 1000 characters long.", None
    if form.get("reply_control", "everyone") not in REPLY_CONTROLS:
        return "Param reply_control is invalid.", None
    codes = form.get("allowlisted_country_codes")
    if codes is not None and not all(re.fullmatch("[A-Z]{2}", code) for code in codes.split(",")):
        return "A country code is invalid.", "THREADS_API__GEO_GATING_INVALID_COUNTRY_CODES"
    return None


def media_failure(media: Reading | None, check_sound_rate: bool = True) -> str | None:
    """Return the `error_message` with which the container's processing fails for the file, or None."""
    if media is None or not has_good_picture(media) or media.size > SIZE_MAX:
        return "FAILED_PROCESSING_VIDEO"
    if not has_good_sound(media):
        return "FAILED_PROCESSING_AUDIO"
    if media.sound is not None and media.sound.channels > 2:
        return "INVALID_AUDIO_CHANNELS"
    slowest, fastest = SOUND_BIT_RATES
    if check_sound_rate and not slowest <= (media.sound_bit_rate or slowest) <= fastest:
        return "FAILED_PROCESSING_AUDIO"
    if (media.bit_rate or 0) > BIT_RATE_MAX:
        return "INVALID_BIT_RATE"
    if not media.has_rate(23, 60):
        return "INVALID_FRAME_RATE"
    if media.duration <= 0 or not media.lasts(0, 300):
        return "INVALID_DURATION"
    return None if media.has_aspect(0.01, 10) else "INVALID_ASPEC_RATIO"  # Meta's spelling
