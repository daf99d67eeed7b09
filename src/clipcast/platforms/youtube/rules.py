"""YouTube's media rules, limits, scopes and timings, as data (docs/platforms/youtube.md 1 to 4)."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from clipcast.platforms.files import PictureRules
from clipcast.platforms.quota import Quota
from clipcast.platforms.rules import COMMON_CODECS, MediaRules

DOCS_URL = "https://developers.google.com/youtube/v3/docs/videos/insert"
DOMAINS = ("googleapis.com", "accounts.google.com", "youtube.com")
API = "https://www.googleapis.com/youtube/v3"
UPLOAD = "https://www.googleapis.com/upload/youtube/v3"

MEDIA = MediaRules(
    docs_url="https://support.google.com/youtube/answer/1722171",
    containers=frozenset({"mp4", "mov", "webm"}),
    video_codecs=frozenset({"h264", "hevc", "vp9", "av1"}),
    readable_video_codecs=COMMON_CODECS,
    max_bytes=274_877_906_944,
    max_duration=12 * 3600,
    advised_min_duration=1,
    index_first=True,
    # YouTube converts almost any common format (docs/platforms/youtube.md 3).
    soft=frozenset({"containers", "video_codecs", "audio_codecs", "index_first"}),
)

# This scope covers all of Clipcast's requests. With a single scope, a person cannot untick one on the consent page.
SCOPES = ("https://www.googleapis.com/auth/youtube.force-ssl",)
# What pages call each scope.
PERMISSIONS = {
    "https://www.googleapis.com/auth/youtube.force-ssl": "See and manage its videos, captions and playlists",
}

PACIFIC = ZoneInfo("America/Los_Angeles")
LISTS = ("channels", "uploads", "videos", "categories", "playlists", "playlist")
CHANGES = ("videos_update", "thumbnail", "playlist_insert")
UNITS = dict.fromkeys(LISTS, 1) | dict.fromkeys(CHANGES, 50) | {"captions": 400}
# All channels share the Google project's quotas. YouTube does not publish a channel's own limit
# (docs/platforms/youtube.md 4).
QUOTAS = (
    Quota("uploads", PACIFIC, {"session": 1}, limit=100, of_app=True),
    Quota("units", PACIFIC, UNITS, limit=10_000, of_app=True),
    Quota("channel_uploads", timedelta(days=1), {"session": 1}, refunded=True, of_posts=True),
)

TITLE_MAX = 100
DESCRIPTION_MAX_BYTES = 5000
TAGS_MAX = 500
CAPTIONS_MAX_BYTES = 100_000_000
UNVERIFIED_MAX_DURATION = 900
SHORT_MAX_DURATION = 180
THUMBNAIL = PictureRules(formats=("jpeg", "png"), max_bytes=52_428_800, min_width=640)

# A multiple of 262 144 bytes, as the resumable protocol requires.
CHUNK = 16 * 1024 * 1024


def poll_delay(age: timedelta) -> timedelta:
    """Return the time until the next status request: small clips are ready in seconds (docs/platforms/youtube.md 4)."""
    if age < timedelta(seconds=10):
        return timedelta(seconds=3)
    if age < timedelta(minutes=1):
        return timedelta(seconds=10)
    if age < timedelta(minutes=3):
        return timedelta(seconds=30)
    return timedelta(minutes=1) if age < timedelta(minutes=30) else timedelta(minutes=10)


# The longest processing of a video; after it, the outcome is unknown.
PROCESSING_MAX = timedelta(hours=24)
