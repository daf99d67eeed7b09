"""Facebook's media rules, limits, scopes and timings, as data (docs/platforms/facebook.md 1 to 4)."""

from dataclasses import replace
from datetime import timedelta

from clipcast.platforms.files import PictureRules
from clipcast.platforms.graph import VERSION
from clipcast.platforms.quota import Quota
from clipcast.platforms.rules import COMMON_CODECS, MP4_OR_MOV, MediaRules

DOCS_URL = "https://developers.facebook.com/documentation/video-api/guides/reels-publishing"
DOMAINS = ("facebook.com",)
API = f"https://graph.facebook.com/{VERSION}"

# The rules of Page videos. Reels, the default, have the narrower limits below.
MEDIA = MediaRules(
    docs_url=DOCS_URL,
    containers=MP4_OR_MOV,
    video_codecs=frozenset({"h264", "hevc", "vp9", "av1"}),
    readable_video_codecs=COMMON_CODECS,
    max_bytes=10_000_000_000,
    max_duration=14_400,
    advised_min_duration=1,
    min_aspect=9 / 16,
    max_aspect=16 / 9,
    soft=frozenset({"containers", "video_codecs", "audio_codecs"}),
)
REEL = replace(
    MEDIA,
    readable_video_codecs=None,
    min_duration=3,
    max_duration=90,
    min_width=540,
    min_height=960,
    min_frame_rate=24,
    max_frame_rate=60,
    constant_frame_rate=True,
    chroma=frozenset({"4:2:0"}),
    progressive=True,
    closed_gop=True,
    not_mirrored=True,
    no_hev1=True,
    known_duration=True,
    # Facebook documents 9:16. The message of its error names 16:9 to 9:16, as for Page videos.
    min_aspect=9 / 16,
    max_aspect=9 / 16,
    audio_profiles=frozenset({"LC"}),
    advised_audio_bit_rate=128_000,
    soft=frozenset({"containers", "audio_codecs", "audio_profiles", "not_mirrored", "no_hev1"}),
    alternative="Or post it as a video (mediaType VIDEO).",
)
REEL_ADVISED_BYTES = 1_000_000_000
REEL_ADVISED_TEXT = 2200

SCOPES = ("pages_show_list", "pages_read_engagement", "pages_manage_posts")
# What pages call each scope.
PERMISSIONS = {
    "pages_show_list": "See the pages",
    "pages_read_engagement": "Read the page’s posts",
    "pages_manage_posts": "Publish on the page",
}

CALLS = ("start", "start_video", "bytes", "chunk", "finish", "status", "upload_status", "list")
# Facebook does not return the remaining number of Reels (docs/platforms/facebook.md 4).
QUOTAS = (
    Quota("reels", timedelta(days=1), {"start": 1}, limit=30, refunded=True, of_posts=True),
    Quota("invitations", timedelta(days=1), {"collaborator": 1}, limit=10, refunded=True),
    Quota("calls", timedelta(hours=1), dict.fromkeys(CALLS, 0)),
)

DESCRIPTION_MAX = 63_206
TITLE_MAX = 255
SCHEDULE_MIN, SCHEDULE_MAX = timedelta(minutes=10), timedelta(days=29)
THUMBNAIL = PictureRules(formats=("jpeg", "png"), max_bytes=10_000_000)

# Finish only queues work, so the status may not show it for this long (docs/platforms/facebook.md 6).
RESEND_AFTER = timedelta(minutes=10)
PROCESSING_MAX = timedelta(minutes=60)


def poll_delay(age: timedelta) -> timedelta:
    """Return the time until the next status request (docs/platforms/facebook.md 2.4)."""
    return timedelta(seconds=5) if age < timedelta(minutes=1) else timedelta(seconds=30)
