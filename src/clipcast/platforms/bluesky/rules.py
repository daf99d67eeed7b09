"""Bluesky's media rules, limits and hosts, as data (sheet sections 1 to 4)."""

from datetime import timedelta

from clipcast.platforms.files import SubtitleRules
from clipcast.platforms.quota import Quota
from clipcast.platforms.rules import H264, MP4_OR_MOV, MediaRules

DOCS_URL = "https://docs.bsky.app/docs/tutorials/video"
# Accounts live on servers of their own choosing beside these.
DOMAINS = ("bsky.social", "bsky.app", "bsky.network", "plc.directory")
APPVIEW = "https://public.api.bsky.app/xrpc"
DIRECTORY = "https://plc.directory"
VIDEO_HOST = "video.bsky.app"
VIDEO = f"https://{VIDEO_HOST}/xrpc"

MEDIA = MediaRules(
    docs_url=DOCS_URL,
    # The video service takes WebM, too, but only H.264 and AAC are known to pass it.
    containers=MP4_OR_MOV,
    video_codecs=H264,
    max_bytes=300_000_000,
    max_duration=600,
    advised_min_duration=1,
    min_aspect=1 / 3,
    max_aspect=3,
    max_bit_depth=8,
    sdr=True,
    soft=frozenset({"max_bit_depth", "sdr"}),
)
# Accepted since the middle of 2026; servers and apps that are older refuse or cut what is longer.
ADVISED_MAX_DURATION = 180

# The other way to sign in, and the least that it must allow; a record is put only with both `create` and `update`.
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

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WRITES = dict.fromkeys(("post", "threadgate", "postgate"), 2)
# Points for writing to the account's repository, blobs, and videos, of which only their service knows the number.
QUOTAS = (
    Quota("writes_per_hour", HOUR, WRITES, limit=5000),
    Quota("writes_per_day", DAY, WRITES, limit=35_000),
    Quota("blobs", DAY, {"captions": 1}, limit=1000),
    Quota("videos", DAY, {"upload": 1, "start": 0}, refunded=True),
)
# How long a sign-in lasts: for a client without a key of its own, in all; else from one refresh to the next.
PUBLIC_SIGN_IN_LIFE, REFRESH_LIFE = timedelta(days=14), timedelta(days=90)

TEXT_MAX_GRAPHEMES, TEXT_MAX_BYTES = 300, 3000
TAG_MAX_GRAPHEMES, TAG_MAX_BYTES = 64, 640
# Of the official app; the lexicon has none.
ALT_MAX_GRAPHEMES = 2000
CAPTIONS = SubtitleRules(max_bytes=20_000)

# The video service may need the token for as long as it works on a video; it is never asked for more than an hour.
SERVICE_TOKEN_LIFE = timedelta(minutes=30)
PROCESSING_MAX = timedelta(minutes=60)


def poll_delay(age: timedelta) -> timedelta:
    """Between two looks at a job."""
    if age < timedelta(seconds=20):
        return timedelta(seconds=2)
    return timedelta(seconds=5) if age < timedelta(minutes=2) else timedelta(minutes=1)
