"""TikTok's media rules, chunk arithmetic, scopes and timings, as data (sheet sections 1.2, 2.3, 3 and 4)."""

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
    # Direct posts: what creator_info says of the account, which is asked in preflight and before each upload.
    max_duration=None,
    advised_min_duration=3,
    min_frame_rate=23,
    max_frame_rate=60,
    min_edge=360,
    max_edge=4096,
    sdr=True,
    square_pixels=True,
    index_first=True,
    # No rule for sound is documented, and none of the others is TikTok's own.
    soft=frozenset({"audio_codecs", "sdr", "square_pixels", "index_first"}),
)
# What goes to the creator's inbox.
DRAFT = replace(MEDIA, max_duration=600, alternative="Or post it directly (postMode DIRECT_POST).")

SCOPES = ("user.info.basic", "user.info.profile", "video.publish", "video.upload")

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
# Sheet section 4. How many posts an account may make a day, TikTok tells nobody ("about 15"), until there are none.
QUOTAS = (
    Quota("uploads", MINUTE, {"video_init": 1}, limit=6),
    Quota("draft_uploads", MINUTE, {"inbox_init": 1}, limit=6),
    Quota("creator_info", MINUTE, {"creator_info": 1}, limit=20),
    Quota("status", MINUTE, {"status": 1}, limit=30),
    Quota("posts", DAY, {"video_init": 1, "creator_info": 0}, refunded=True),
    Quota("drafts", DAY, {"inbox_init": 1}, refunded=True),
    Quota("posting_users", DAY, {"video_init": 0, "creator_info": 0}, of_app=True),
)

UPLOAD_LIFETIME = timedelta(hours=1)
# How long a task may go on without a verdict before its outcome counts as unknown.
PROCESSING_MAX = timedelta(hours=24)

SINGLE_CHUNK_MAX = 64_000_000
CHUNK = 10_000_000


@dataclass(frozen=True)
class ChunkPlan:
    size: int
    chunk_size: int
    count: int

    def bounds(self, index: int) -> tuple[int, int]:
        """First byte, and the one after the last, of chunk `index`; the last chunk takes the remainder."""
        first = index * self.chunk_size
        return first, self.size if index == self.count - 1 else first + self.chunk_size


def plan_chunks(size: int) -> ChunkPlan:
    """The plan that satisfies every reading of TikTok's rules: see the table in sheet section 2.3."""
    if size <= SINGLE_CHUNK_MAX:
        return ChunkPlan(size, size, 1)
    return ChunkPlan(size, CHUNK, size // CHUNK)


def poll_delay(age: timedelta) -> timedelta:
    """Between two looks at the status: never near 30 per minute for one token (sheet section 4)."""
    if age < timedelta(minutes=1):
        return timedelta(seconds=5)
    if age < timedelta(minutes=5):
        return timedelta(seconds=15)
    return timedelta(minutes=1) if age < timedelta(minutes=30) else timedelta(minutes=5)
