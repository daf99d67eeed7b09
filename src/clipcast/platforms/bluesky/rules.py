"""Bluesky's media rules, limits, scopes and timings, as data (docs/platforms/bluesky.md 1 to 4)."""

from datetime import timedelta

from clipcast.platforms.files import SubtitleRules
from clipcast.platforms.quota import Quota
from clipcast.platforms.rules import H264, MP4, MediaRules

DOCS_URL = "https://docs.bsky.app/docs/tutorials/video"
# Beside these, an account's server can have any public host.
DOMAINS = ("bsky.social", "bsky.app", "bsky.network", "plc.directory")
APPVIEW = "https://public.api.bsky.app/xrpc"
DIRECTORY = "https://plc.directory"
VIDEO_HOST = "video.bsky.app"
VIDEO = f"https://{VIDEO_HOST}/xrpc"

MEDIA = MediaRules(
    docs_url=DOCS_URL,
    # The video service also accepts MOV and WebM, but only MP4 with H.264 and AAC is proven to work.
    containers=MP4,
    video_codecs=H264,
    max_bytes=300_000_000,
    max_duration=600,
    advised_min_duration=1,
    min_aspect=1 / 3,
    max_aspect=3,
    canvas_aspect=9 / 16,
    max_bit_depth=8,
    sdr=True,
    soft=frozenset({"max_bit_depth", "sdr"}),
)
# Bluesky accepts longer videos since the middle of 2026. Older servers and apps reject or cut them.
ADVISED_MAX_DURATION = 180

# The sign-in method OAuth: its name and its scopes. A put needs both `create` and `update`.
OAUTH = "oauth"
SCOPES = (
    "atproto",
    *(
        f"repo:app.bsky.feed.{collection}?action=create&action=update"
        for collection in ("post", "threadgate", "postgate")
    ),
    "blob:video/*",
    "blob:text/vtt",
    "rpc:com.atproto.repo.uploadBlob?aud=*",
    "rpc:app.bsky.video.getUploadLimits?aud=*",
)
# What pages call each scope.
PERMISSIONS = {
    "com.atproto.appPass": "Act for it with the app password",
    "com.atproto.appPassPrivileged": "Act for it with the app password",
    "atproto": "Know which account it is",
    "repo:app.bsky.feed.post?action=create&action=update": "Publish posts",
    "repo:app.bsky.feed.threadgate?action=create&action=update": "Set who can reply",
    "repo:app.bsky.feed.postgate?action=create&action=update": "Set who can quote",
    "blob:video/*": "Upload videos",
    "blob:text/vtt": "Upload captions",
    "rpc:com.atproto.repo.uploadBlob?aud=*": "Upload videos",
    "rpc:app.bsky.video.getUploadLimits?aud=*": "Read its upload limits",
}

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WRITES = dict.fromkeys(("post", "threadgate", "postgate"), 2)
# Points for writes to the account's repository, then blobs, then videos, whose number only the video service returns.
QUOTAS = (
    Quota("writes_per_hour", HOUR, WRITES, limit=5000),
    Quota("writes_per_day", DAY, WRITES, limit=35_000),
    Quota("blobs", DAY, {"captions": 1}, limit=1000),
    Quota("videos", DAY, {"upload": 1, "start": 0}, refunded=True, of_posts=True),
)
# The lifetime of an authorization: in all for a public client, since the last refresh for a confidential client.
PUBLIC_SIGN_IN_LIFE, REFRESH_LIFE = timedelta(days=14), timedelta(days=90)

TEXT_MAX_GRAPHEMES, TEXT_MAX_BYTES = 300, 3000
TAG_MAX_GRAPHEMES, TAG_MAX_BYTES = 64, 640
# The official app's limit. The lexicon has none.
ALT_MAX_GRAPHEMES = 2000
CAPTIONS = SubtitleRules(max_bytes=20_000)

# The video service needs the token until it has processed the video. Servers allow at most 1 hour.
SERVICE_TOKEN_LIFE = timedelta(minutes=30)
PROCESSING_MAX = timedelta(minutes=60)


def poll_delay(age: timedelta) -> timedelta:
    """Return the time until the next status request (docs/platforms/bluesky.md 2, step 3)."""
    if age < timedelta(seconds=20):
        return timedelta(seconds=2)
    return timedelta(seconds=5) if age < timedelta(minutes=2) else timedelta(minutes=1)
