"""Instagram's media rules, limits, scopes and hosts, as data (sheet sections 1 to 4)."""

from datetime import timedelta

from clipcast.platforms.quota import Quota
from clipcast.platforms.rules import MediaRules

DOCS_URL = "https://developers.facebook.com/documentation/instagram-platform/content-publishing"
DOMAINS = ("instagram.com", "facebook.com")
HOST = "https://graph.instagram.com"
API = HOST + "/v26.0"

MEDIA = MediaRules(
    docs_url="https://developers.facebook.com/documentation/instagram-platform/instagram-graph-api/reference/ig-user/media",
    containers=frozenset({"mp4", "mov"}),
    video_codecs=frozenset({"h264", "hevc"}),
    strict_format=True,
    max_bytes=300_000_000,
    max_duration=900,
    min_duration=3,
    advised_min_duration=3,
    min_frame_rate=23,
    max_frame_rate=60,
    max_width=1920,
)

SCOPES = ("instagram_business_basic", "instagram_business_content_publish")

CALLS = ("create", "bytes", "status", "publish", "posts", "permalink", "limit")
# How many posts an account may make, Instagram says when it is asked; the pages disagree (sheet section 4).
QUOTAS = (
    Quota("posts", timedelta(days=1), {"publish": 1}, refunded=True),
    Quota("containers", timedelta(days=1), {"create": 1}, limit=400, refunded=True),
    Quota("calls", timedelta(hours=1), dict.fromkeys(CALLS, 0)),
)
# The other way to sign in, what it asks for, and where its accounts are.
BY_FACEBOOK = "facebook"
FACEBOOK_SCOPES = ("instagram_basic", "instagram_content_publish", "pages_show_list", "pages_read_engagement")
FACEBOOK_API = "https://graph.facebook.com/v26.0"

CAPTION_MAX = 2200
HASHTAGS_MAX = 30
MENTIONS_MAX = 20
STORY_MAX_DURATION = 60
STORY_MAX_BYTES = 100_000_000
