"""Instagram's rules for captions, parameters and files (docs/platforms/instagram.md 2.2, 3)."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from clipcast.sandbox.graph.media import has_good_picture, has_good_sound
from clipcast.sandbox.inputs import number
from clipcast.sandbox.media.reading import Reading

SCOPES = frozenset(
    {
        "instagram_business_basic",
        "instagram_business_content_publish",
        "instagram_business_manage_insights",
        "instagram_business_manage_comments",
    }
)


BIT_RATE_MAX = 25_000_000


class Tag(BaseModel):
    username: str


class Trial(BaseModel):
    graduation_strategy: Literal["MANUAL", "SS_PERFORMANCE"]


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


@dataclass(frozen=True)
class JsonField:
    """A parameter whose text is JSON: its type, and the description of the type in Instagram's error."""

    type: TypeAdapter[Any]
    description: str


JSON_FIELDS = {
    "collaborators": JsonField(TypeAdapter(Annotated[list[str], Field(max_length=5)]), "a list of at most 5 usernames"),
    "user_tags": JsonField(TypeAdapter(list[Tag]), "a list of objects with a username"),
    "trial_params": JsonField(TypeAdapter(Trial), "an object with a graduation_strategy"),
}
REELS = COMMON | {"caption", "share_to_feed", "cover_url", "collaborators", "audio_name", "trial_params"}


def create_problem(form: dict[str, str], hashtag_limit: int) -> tuple[int, int | None, str] | None:
    """Return the code, subcode and message of the first error in a create request, or None."""
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
    for name, field in JSON_FIELDS.items():
        if name in form and not _is_valid(form[name], field.type):
            return 100, None, f"Param {name} must be {field.description}."
    if number(form.get("thumb_offset", "0")) is None:
        return 100, None, "thumb_offset must be a number."
    return None


def media_failure(media: Reading | None, form: dict[str, str]) -> str | None:
    """Return the subcode with which the container's processing fails for the file, or None."""
    if media is None or not has_good_picture(media) or not has_good_sound(media):
        return "2207026"
    if media.sound is not None and media.sound.channels > 2:
        return "2207026"
    is_reel = form["media_type"] == "REELS"
    longest, largest, least = (900, 300_000_000, 0.01) if is_reel else (60, 100_000_000, 0.1)
    if not media.lasts(3, longest) or media.size > largest:
        return "2207026"
    if not media.has_rate(23, 60) or not media.has_aspect(least, 10) or (media.bit_rate or 0) > BIT_RATE_MAX:
        return "2207026"
    if int(form.get("thumb_offset", "0")) >= max(1, media.duration * 1000):
        return "2207057"
    return None


def _is_valid(text: str, type: TypeAdapter[Any]) -> bool:
    try:
        type.validate_json(text, strict=True)
    except ValidationError:
        return False
    return True
