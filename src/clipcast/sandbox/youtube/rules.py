"""YouTube's rules for scopes and metadata, and its errors (docs/platforms/youtube.md 1.2, 2.2, 5)."""

import re
from datetime import datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from clipcast.sandbox.media.reading import Reading

PREFIX = "https://www.googleapis.com/auth/"
UPLOAD, READONLY, FORCE_SSL, FULL = (
    PREFIX + name for name in ("youtube.upload", "youtube.readonly", "youtube.force-ssl", "youtube")
)
SCOPES = {UPLOAD, READONLY, FORCE_SSL, FULL, "openid", "email", "profile"}
# The scopes of which a method requires one (docs/platforms/youtube.md 1.2).
INSERT_SCOPES = {UPLOAD, FORCE_SSL, FULL}
READ_SCOPES = {READONLY, FORCE_SSL, FULL}
WRITE_SCOPES = {FORCE_SSL, FULL}

CATEGORIES = {
    "1": "Film & Animation", "2": "Autos & Vehicles", "10": "Music", "15": "Pets & Animals", "17": "Sports",
    "19": "Travel & Events", "20": "Gaming", "22": "People & Blogs", "23": "Comedy", "24": "Entertainment",
    "25": "News & Politics", "26": "Howto & Style", "27": "Education", "28": "Science & Technology",
    "29": "Nonprofits & Activism",
}  # fmt: skip
UNASSIGNABLE = {"18": "Short Movies", "21": "Videoblogging", "30": "Movies"}
BLOCK = 262_144
THUMBNAIL_MAX = 52_428_800
# The maximum duration of a channel whose owner has not verified a phone number, in seconds.
UNVERIFIED_SECONDS = 900
VIDEO_MAX = 274_877_906_944
PARTS = {
    "id", "snippet", "status", "contentDetails", "fileDetails", "processingDetails", "recordingDetails", "statistics",
    "player", "suggestions", "topicDetails", "liveStreamingDetails", "localizations", "paidProductPlacementDetails",
    "brandPartner",
}  # fmt: skip
STATUS_FIELDS = {
    "privacyStatus", "publishAt", "selfDeclaredMadeForKids", "containsSyntheticMedia", "embeddable", "license",
    "publicStatsViewable",
}  # fmt: skip
BOOLEANS = ("selfDeclaredMadeForKids", "containsSyntheticMedia", "embeddable", "publicStatsViewable")


def error(status: int, reason: str, message: str, domain: str = "youtube", style: str = "json") -> Response:
    """Return Google's error document.

    Some hosts omit `errors[]` (`style` bare) or return plain text (`style` text).
    """
    if style == "text":
        return Response(message, status, media_type="text/plain")
    body: dict[str, Any] = {"code": status, "message": message}
    if style == "bare":
        body["status"] = reason
    else:
        body["errors"] = [{"domain": domain, "reason": reason, "message": message}]
    return JSONResponse({"error": body}, status)


def tags_length(tags: list[str]) -> int:
    """Count the length of all tags as YouTube does: with commas, and with quotes around a tag that has a space."""
    return len(",".join(f'"{tag}"' if " " in tag else tag for tag in tags))


def snippet_problem(snippet: Any) -> tuple[str, str] | None:
    """Return the reason and message of the first error in a snippet, or None."""
    if not isinstance(snippet, dict):
        return "invalidVideoMetadata", "snippet is required."
    title, description = snippet.get("title", ""), snippet.get("description", "")
    if not isinstance(title, str) or not title.strip() or len(title) > 100 or set(title) & set("<>"):
        return "invalidTitle", "The request metadata specifies an invalid or empty video title."
    if not isinstance(description, str) or len(description.encode()) > 5000 or set(description) & set("<>"):
        return "invalidDescription", "The request metadata specifies an invalid video description."
    tags = snippet.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(t, str) and t for t in tags) or tags_length(tags) > 500:
        return "invalidTags", "The request metadata specifies invalid video keywords."
    category = snippet.get("categoryId", "22")
    if not isinstance(category, str) or category not in CATEGORIES:
        return "invalidCategoryId", "The request metadata specifies an invalid category."
    return None


def status_problem(status: Any) -> tuple[str, str] | None:
    if not isinstance(status, dict):
        return "invalidVideoMetadata", "status must be an object."
    if status.get("privacyStatus", "public") not in ("public", "unlisted", "private"):
        return "invalidVideoMetadata", "The privacy status is invalid."
    if any(not isinstance(status.get(name, False), bool) for name in BOOLEANS):
        return "invalidVideoMetadata", "A status flag is not a boolean."
    if status.get("license", "youtube") not in ("youtube", "creativeCommon"):
        return "invalidVideoMetadata", "The license is invalid."
    if "publishAt" in status and (status.get("privacyStatus") != "private" or parse_time(status["publishAt"]) is None):
        return "invalidPublishAt", "publishAt needs privacyStatus private and an RFC 3339 time."
    return None


def media_failure(media: Reading | None, verified: bool) -> tuple[str, str] | None:
    """Return the status and the reason with which the processing of the file ends, or None."""
    if media is None:
        return "failed", "invalidFile"
    if media.video_codec == "unknown":
        return "failed", "codec"
    return None if verified or media.lasts(0, UNVERIFIED_SECONDS) else ("rejected", "length")


def parse_time(value: Any) -> datetime | None:
    if not isinstance(value, str) or not re.search(r"(Z|[+-]\d\d:\d\d)$", value):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None
