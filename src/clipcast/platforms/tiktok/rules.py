"""TikTok's media rules, limits, scopes and timings, as data (docs/platforms/tiktok.md 1 to 4)."""

from dataclasses import dataclass, replace
from datetime import timedelta

from clipcast.platforms.quota import Quota
from clipcast.platforms.rules import MediaRules

DOCS_URL = "https://developers.tiktok.com/docs/en/content-posting-api-reference-direct-post"
DOMAINS = ("tiktok.com", "tiktokapis.com")
API = "https://open.tiktokapis.com"
CREATOR_INFO = "/v2/post/publish/creator_info/query/"

MEDIA = MediaRules(
    docs_url="https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide",
    containers=frozenset({"mp4", "mov", "webm"}),
    video_codecs=frozenset({"h264", "hevc", "vp8", "vp9"}),
    max_bytes=4_000_000_000,
    # Direct posts: creator_info returns the account's limit. Preflight and each upload request it.
    max_duration=None,
    advised_min_duration=3,
    min_frame_rate=23,
    max_frame_rate=60,
    min_edge=360,
    max_edge=4096,
    sdr=True,
    square_pixels=True,
    not_mirrored=True,
    index_first=True,
    no_fragments=True,
    no_hev1=True,
    # TikTok compares the file's stated duration with the account's limit.
    known_duration=True,
    # TikTok documents no rule for sound, and none of the others.
    soft=frozenset({"audio_codecs", "sdr", "square_pixels", "not_mirrored", "index_first", "no_fragments", "no_hev1"}),
)
# Drafts for the creator's inbox.
DRAFT = replace(MEDIA, max_duration=600, alternative="Or post it directly (postMode DIRECT_POST).")

SCOPES = ("user.info.basic", "user.info.profile", "video.publish", "video.upload")
# What pages call each scope.
PERMISSIONS = {
    "user.info.basic": "See its name and picture",
    "user.info.profile": "See its handle",
    "video.publish": "Publish videos",
    "video.upload": "Send drafts to its inbox",
}

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
# TikTok does not publish the daily number of posts ("about 15"): an error reports that it is used up
# (docs/platforms/tiktok.md 4).
QUOTAS = (
    Quota("uploads", MINUTE, {"video_init": 1}, limit=6),
    Quota("draft_uploads", MINUTE, {"inbox_init": 1}, limit=6),
    Quota("creator_info", MINUTE, {"creator_info": 1}, limit=20),
    Quota("status", MINUTE, {"status": 1}, limit=30),
    Quota("posts", DAY, {"video_init": 1, "creator_info": 0}, refunded=True, of_posts=True),
    Quota("drafts", DAY, {"inbox_init": 1}, refunded=True),
    Quota("posting_users", DAY, {"video_init": 0, "creator_info": 0}, of_app=True),
)

UPLOAD_LIFETIME = timedelta(hours=1)
# The longest processing of a task; after it, the outcome is unknown.
PROCESSING_MAX = timedelta(hours=24)

SINGLE_CHUNK_MAX = 64_000_000
CHUNK = 10_000_000


@dataclass(frozen=True)
class ChunkPlan:
    """The division of a file into chunks. Sizes are in bytes."""

    size: int
    chunk_size: int
    count: int

    def bounds(self, index: int) -> tuple[int, int]:
        """Return the first byte of chunk `index` and the byte after its last. The last chunk includes the remainder."""
        first = index * self.chunk_size
        return first, self.size if index == self.count - 1 else first + self.chunk_size


def plan_chunks(size: int) -> ChunkPlan:
    """Return a plan that satisfies every reading of TikTok's rules (docs/platforms/tiktok.md 2.3)."""
    if size <= SINGLE_CHUNK_MAX:
        return ChunkPlan(size, size, 1)
    return ChunkPlan(size, CHUNK, size // CHUNK)


def poll_delay(age: timedelta) -> timedelta:
    """Return the time until the next status request: well below 30 a minute (docs/platforms/tiktok.md 4)."""
    if age < timedelta(minutes=1):
        return timedelta(seconds=5)
    if age < timedelta(minutes=5):
        return timedelta(seconds=15)
    return timedelta(minutes=1) if age < timedelta(minutes=30) else timedelta(minutes=5)
