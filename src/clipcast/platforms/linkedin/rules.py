"""LinkedIn's media rules, limits, scopes and timings, as data (docs/platforms/linkedin.md 1 to 4)."""

from collections.abc import Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo

from clipcast.common.settings import PlatformSetting, Settings
from clipcast.platforms.quota import Quota
from clipcast.platforms.rules import H264, MP4, MediaRules

DOCS_URL = "https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/videos-api"
DOMAINS = ("linkedin.com",)
API = "https://api.linkedin.com/rest"
# LinkedIn supports an API version for about a year; a retired one fails every request (docs/platforms/linkedin.md 0.5).
API_VERSION = PlatformSetting("linkedin_version", "202609", r"20\d{4}")

MEDIA = MediaRules(
    docs_url=DOCS_URL,
    containers=MP4,
    video_codecs=H264,
    max_bytes=500_000_000,
    min_bytes=75_000,
    max_duration=1800,
    min_duration=3,
    advised_min_duration=3,
    min_frame_rate=10,
    max_frame_rate=60,
    min_width=256,
    min_height=144,
    max_width=4096,
    max_height=2304,
    min_aspect=1 / 2.4,
    max_aspect=2.4,
    canvas_aspect=9 / 16,
    # Other sources state these rules, LinkedIn does not (docs/platforms/linkedin.md 3).
    soft=frozenset(
        {
            "min_frame_rate",
            "max_frame_rate",
            "min_width",
            "min_height",
            "max_width",
            "max_height",
            "min_aspect",
            "max_aspect",
        }
    ),
)

# LinkedIn takes captions in no other language, and names no limit of their size (docs/platforms/linkedin.md 2.4).
CAPTIONS_LANGUAGES = ("en",)
CAPTIONS_PATIENCE = timedelta(minutes=10)

SCOPES = ("openid", "profile", "w_member_social")

UTC_DAY = ZoneInfo("UTC")
CALLS = dict.fromkeys(("initialize", "finalize", "video_status", "post"), 1)
# The limits for members. LinkedIn shows an app's limits for pages only in its portal (docs/platforms/linkedin.md 4).
QUOTAS = (
    Quota("member_calls", UTC_DAY, CALLS, limit=150, default_method_only=True),
    Quota("app_calls", UTC_DAY, CALLS, limit=100_000, of_app=True, default_method_only=True),
)
# The sign-in method for pages: its name and its scopes. Reading posts is needed after a lost response.
ORGANIZATION = "organization"
ORGANIZATION_SCOPES = ("w_organization_social", "r_organization_social", "rw_organization_admin")
# What pages call each scope.
PERMISSIONS = {
    "openid": "Know who signed in",
    "profile": "See its name and picture",
    "w_member_social": "Publish as the member",
    "w_organization_social": "Publish as the page",
    "r_organization_social": "Read the page’s posts",
    "rw_organization_admin": "See the member’s pages",
}

# If a member may not read a video, Clipcast waits without reading (docs/platforms/linkedin.md 2.5).
BLIND_WAIT_BASE = timedelta(seconds=10)
BLIND_WAIT_PER_BYTE = timedelta(microseconds=1)
BLIND_WAIT_MAX = timedelta(seconds=120)
PROCESSING_MAX = timedelta(minutes=60)


def headers(settings: Settings) -> Mapping[str, str]:
    """Return the headers of every request to the versioned API."""
    return {"LinkedIn-Version": API_VERSION.value(settings), "X-Restli-Protocol-Version": "2.0.0"}


def poll_delay(age: timedelta) -> timedelta:
    """Return the time until the next status request: about 15 for a video (docs/platforms/linkedin.md 4)."""
    if age < timedelta(seconds=20):
        return timedelta(seconds=5)
    return timedelta(seconds=30) if age < timedelta(minutes=5) else timedelta(minutes=5)
