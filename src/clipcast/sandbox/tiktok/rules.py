"""TikTok's rules for addresses, captions, chunks and files (docs/platforms/tiktok.md 1.1, 2.2, 2.3, 3)."""

from datetime import timedelta
from typing import Any
from urllib.parse import SplitResult

from starlette.requests import Request

from clipcast.sandbox.inputs import json_object
from clipcast.sandbox.media.reading import Reading

SCOPES = {
    "user.info.basic",
    "user.info.profile",
    "user.info.stats",
    "video.publish",
    "video.upload",
    "video.list",
}
CONTENT_TYPES = ("video/mp4", "video/quicktime", "video/webm")
UPLOAD_LIFETIME = timedelta(hours=1)
# Of the address of an account's picture.
AVATAR_LIFETIME = timedelta(hours=2)
CHUNK_MIN, CHUNK_MAX, LAST_MAX = 5_000_000, 64_000_000, 128_000_000
SIZE_MAX = 4_000_000_000
CAPTION_MAX = 2200
# The maximum duration of a draft, in seconds. A direct post has the creator's own maximum.
INBOX_SECONDS = 600
BOOLEANS = (
    "disable_duet", "disable_stitch", "disable_comment", "brand_content_toggle", "brand_organic_toggle", "is_aigc",
)  # fmt: skip
FIELDS = {"privacy_level", "title", "video_cover_timestamp_ms", *BOOLEANS}


def utf16_length(text: str) -> int:
    return sum(2 if ord(character) > 0xFFFF else 1 for character in text)


def redirect_problem(uri: str, parsed: SplitResult) -> str | None:
    """Return the error of a redirect address, or None.

    A Web address needs https, a loopback address (Desktop) a port. Neither may have a query or fragment.
    """
    if len(uri) >= 512 or parsed.query or parsed.fragment:
        return "it must be shorter than 512 characters, without query and fragment."
    if parsed.hostname in ("localhost", "127.0.0.1"):
        return None if parsed.port else "a loopback address needs a port."
    return None if parsed.scheme == "https" and parsed.hostname else "a Web address must be https."


def privacy_options(private: bool, audited: bool) -> list[str]:
    if not audited:
        return ["SELF_ONLY"]
    widest = "FOLLOWER_OF_CREATOR" if private else "PUBLIC_TO_EVERYONE"
    return [widest, "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]


async def query_problem(request: Request) -> str | None:
    """Return the error of a request without parameters, or None. Its body must be an empty object."""
    if request.headers.get("content-type", "").replace(" ", "").lower() != "application/json;charset=utf-8":
        return "The request's Content-Type must be application/json; charset=UTF-8."
    return None if await json_object(request) == {} else "The request takes no parameters."


def post_info_problem(info: Any) -> str | None:
    if not isinstance(info, dict):
        return "post_info is required."
    if unknown := set(info) - FIELDS:
        return f"post_info has no {', '.join(sorted(unknown))}."
    title = info.get("title", "")
    if not isinstance(title, str) or utf16_length(title) > CAPTION_MAX:
        return "title has at most 2200 UTF-16 units."
    if wrong := [name for name in BOOLEANS if not isinstance(info.get(name, False), bool)]:
        return f"{wrong[0]} must be a boolean."
    if "brand_content_toggle" not in info:
        return "brand_content_toggle is required."
    if type(info.get("video_cover_timestamp_ms", 0)) is not int:
        return "video_cover_timestamp_ms must be an integer."
    return None


def chunks_problem(source: Any) -> str | None:
    if not isinstance(source, dict):
        return "source_info is required."
    if source.get("source") != "FILE_UPLOAD":
        return "source must be FILE_UPLOAD or PULL_FROM_URL."
    numbers: list[Any] = [source.get(name) for name in ("video_size", "chunk_size", "total_chunk_count")]
    if not all(type(number) is int and number > 0 for number in numbers):
        return "video_size, chunk_size and total_chunk_count are required."
    size, chunk, count = numbers
    if size > SIZE_MAX:
        return "The video is too large."
    if count > 1000 or count != size // chunk:
        return "The total chunk count is invalid."
    last = size - (count - 1) * chunk
    whole = size < CHUNK_MIN and chunk == size
    fits = CHUNK_MIN <= chunk <= CHUNK_MAX and last <= LAST_MAX
    if not (whole or fits) or (size > CHUNK_MAX and count == 1):
        return "The chunk size is invalid."
    return None


def media_failure(media: Reading | None, longest: float) -> str | None:
    """Return the `fail_reason` with which the task fails for the file, or None. `longest` is in seconds."""
    if media is None or media.container not in ("mp4", "mov", "webm"):
        return "file_format_check_failed"
    if media.video_codec not in ("h264", "hevc", "vp8", "vp9"):
        return "file_format_check_failed"
    if not media.lasts(0, longest):
        return "duration_check_failed"
    if not media.has_rate(23, 60):
        return "frame_rate_check_failed"
    if not (360 <= media.width <= 4096 and 360 <= media.height <= 4096):
        return "picture_size_check_failed"
    return None
