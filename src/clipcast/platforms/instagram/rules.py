"""Instagram's media rules, limits, scopes and timings, as data (docs/platforms/instagram.md 1 to 4)."""

from dataclasses import replace
from datetime import timedelta

from clipcast.platforms.files import PictureRules
from clipcast.platforms.graph import VERSION
from clipcast.platforms.quota import Quota
from clipcast.platforms.rules import H264_OR_HEVC, MP4_OR_MOV, MediaRules

DOCS_URL = "https://developers.facebook.com/documentation/instagram-platform/content-publishing"
DOMAINS = ("instagram.com", "facebook.com")
HOST = "https://graph.instagram.com"
API = f"{HOST}/{VERSION}"

MEDIA = MediaRules(
    docs_url="https://developers.facebook.com/documentation/instagram-platform/instagram-graph-api/reference/ig-user/media",
    containers=MP4_OR_MOV,
    video_codecs=H264_OR_HEVC,
    max_bytes=300_000_000,
    max_duration=900,
    min_duration=3,
    advised_min_duration=3,
    min_frame_rate=23,
    max_frame_rate=60,
    max_width=1920,
    min_aspect=0.01,
    max_aspect=10,
    max_video_bit_rate=25_000_000,
    chroma=frozenset({"4:2:0"}),
    max_bit_depth=8,
    sdr=True,
    progressive=True,
    closed_gop=True,
    not_mirrored=True,
    index_first=True,
    no_fragments=True,
    no_hev1=True,
    # Meta's documentation forbids edit lists, but nearly every file has one that aligns picture and sound.
    no_edit_lists=True,
    max_audio_rate=48_000,
    max_audio_channels=2,
    advised_audio_bit_rate=128_000,
    soft=frozenset({"no_edit_lists", "no_hev1", "max_bit_depth", "sdr", "not_mirrored"}),
)
# Stories have narrower limits than Reels, the default.
STORY = replace(
    MEDIA, max_duration=60, max_bytes=100_000_000, min_aspect=0.1, alternative="Or post it as a Reel (mediaType REELS)."
)

SCOPES = ("instagram_business_basic", "instagram_business_content_publish")

CALLS = ("create", "bytes", "status", "publish", "posts", "permalink", "limit")
# Instagram returns each account's limit of posts; its documentation disagrees (docs/platforms/instagram.md 0.7 and 4).
QUOTAS = (
    Quota("posts", timedelta(days=1), {"publish": 1}, refunded=True, of_posts=True),
    Quota("containers", timedelta(days=1), {"create": 1}, limit=400, refunded=True),
    Quota("calls", timedelta(hours=1), dict.fromkeys(CALLS, 0)),
)
# The sign-in method Facebook Login: its name, its scopes and its host.
BY_FACEBOOK = "facebook"
FACEBOOK_SCOPES = ("instagram_basic", "instagram_content_publish", "pages_show_list", "pages_read_engagement")
# What pages call each scope.
PERMISSIONS = {
    "instagram_business_basic": "See its profile and posts",
    "instagram_business_content_publish": "Publish posts",
    "instagram_basic": "See its profile and posts",
    "instagram_content_publish": "Publish posts",
    "pages_show_list": "See its Facebook pages",
    "pages_read_engagement": "Read its Facebook pages",
}
FACEBOOK_API = f"https://graph.facebook.com/{VERSION}"

COVER = PictureRules(formats=("jpeg",), max_bytes=8_000_000, aspect=9 / 16)

CAPTION_MAX = 2200
# Instagram announced the lower number on 2025-12-19. Its reference still states the higher one
# (docs/platforms/instagram.md 2.2).
HASHTAGS_ADVISED, HASHTAGS_MAX = 5, 30
COLLABORATORS_MAX = 5
MENTIONS_MAX = 20
