"""Pinterest's media rules, limits, scopes and timings, as data (docs/platforms/pinterest.md 1 to 4)."""

from datetime import timedelta

from clipcast.platforms.files import PictureRules
from clipcast.platforms.quota import Quota
from clipcast.platforms.rules import H264_OR_HEVC, MP4_OR_MOV, MediaRules

DOCS_URL = "https://developers.pinterest.com/docs/work-with-organic-content-and-users/create-boards-and-pins/"
# The upload goes to a storage host that the response names.
DOMAINS = ("pinterest.com", "pinterest-media-upload.s3-accelerate.amazonaws.com")
API = "https://api.pinterest.com/v5"

MEDIA = MediaRules(
    docs_url="https://help.pinterest.com/en/business/article/video-pins",
    containers=MP4_OR_MOV,
    video_codecs=H264_OR_HEVC,
    max_bytes=2_000_000_000,
    max_duration=900,
    min_duration=4,
    advised_min_duration=4,
    min_aspect=0.5,
    max_aspect=1.91,
    # Pinterest suggests it, and the file of a Reel serves both.
    canvas_aspect=9 / 16,
    no_hev1=True,
    soft=frozenset({"audio_codecs", "no_hev1"}),
)

SCOPES = ("boards:read", "boards:write", "pins:read", "pins:write", "user_accounts:read")
# What pages call each scope.
PERMISSIONS = {
    "boards:read": "See its boards",
    "boards:write": "Add to its boards",
    "pins:read": "See its Pins",
    "pins:write": "Publish Pins",
    "user_accounts:read": "See its profile",
}

MINUTE = timedelta(minutes=1)
# The limits of an app with standard access, for each account (docs/platforms/pinterest.md 4).
QUOTAS = (
    Quota("reads", MINUTE, dict.fromkeys(("media_status", "board_pins", "boards", "sections"), 1), limit=1000),
    Quota("writes", MINUTE, dict.fromkeys(("media", "pin"), 1), limit=100),
    Quota("pins", timedelta(hours=6), {"pin": 0, "media": 0}),
)

LINK_MAX = 2048
COVER = PictureRules(formats=("jpeg", "png"), max_bytes=20_000_000)

# The longest processing of a video; after it, Clipcast uploads anew.
PROCESSING_MAX = timedelta(minutes=30)
# The platform's clock can be behind ours when a Pin is searched for.
CLOCK_MARGIN = timedelta(minutes=5)


def poll_delay(age: timedelta) -> timedelta:
    """Return the time until the next status request (docs/platforms/pinterest.md 2.3)."""
    return timedelta(seconds=5) if age < timedelta(minutes=1) else timedelta(seconds=30)
