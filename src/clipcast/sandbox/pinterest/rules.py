"""Pinterest's rules for Pins and files (docs/platforms/pinterest.md 2.4, 3)."""

import re
from typing import Any

from clipcast.sandbox.media.reading import Reading

LIMITS = {"title": 100, "description": 800, "alt_text": 500, "link": 2048}
FIELDS = {*LIMITS, "board_id", "board_section_id", "media_source", "dominant_color", "ai_disclosures"}
SIZE_MAX = 2_000_000_000
AI_DISCLOSURES = ("AI_MODIFIED", "SYNTHETIC_PERFORMER")


def is_accepted(media: Reading | None) -> bool:
    """Return whether the file can become a Pin."""
    return (
        media is not None
        and media.container in ("mp4", "mov")
        and media.video_codec in ("h264", "hevc")
        and media.lasts(4, 900)
        and media.has_aspect(0.5, 1.91)
        and media.size <= SIZE_MAX
    )


def pin_problem(body: dict[str, Any]) -> str | None:
    """Return the message of the first error in a request to create a Pin, or None."""
    if unknown := set(body) - FIELDS:
        return f"Additional properties are not allowed ({', '.join(sorted(unknown))})."
    for name in ("board_id", "board_section_id"):
        value = body.get(name)
        if (value is not None or name == "board_id") and not re.fullmatch(r"\d+", str(value)):
            return f"{value!r} does not match '^\\\\d+$' ({name})."
    for name, limit in LIMITS.items():
        value = body.get(name)
        if value is not None and (not isinstance(value, str) or len(value) > limit):
            return f"{name} is not a text of at most {limit} characters."
    source = body.get("media_source")
    if not isinstance(source, dict) or source.get("source_type") != "video_id":
        return "media_source must be a video_id."
    if problem := _disclosures_problem(body.get("ai_disclosures")):
        return problem
    color = body.get("dominant_color")
    if color is not None and not (isinstance(color, str) and re.fullmatch("#[0-9A-Fa-f]{6}", color)):
        return "dominant_color must be like #6E7874."
    return _cover_problem(source)


def _cover_problem(source: dict[str, Any]) -> str | None:
    covers = [name for name in ("cover_image_url", "cover_image_data", "cover_image_key_frame_time") if name in source]
    if len(covers) != 1:
        return "cover_image_url or cover_image_content_type is required."
    if any(not isinstance(source.get(name, ""), str) for name in ("cover_image_url", "cover_image_data")):
        return f"{covers[0]} must be a text."
    frame = source.get("cover_image_key_frame_time", 0)
    return None if type(frame) is int and frame >= 0 else "cover_image_key_frame_time must be 0 or more."


def _disclosures_problem(disclosures: Any) -> str | None:
    if disclosures is None:
        return None
    values = disclosures.get("values") if isinstance(disclosures, dict) else None
    if not isinstance(values, list) or set(disclosures) != {"values"}:
        return "ai_disclosures must be an object with values."
    if any(value not in AI_DISCLOSURES for value in values):
        return f"ai_disclosures.values must be among {', '.join(AI_DISCLOSURES)}."
    return None
