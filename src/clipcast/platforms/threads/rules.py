"""Threads' media rules, limits, scopes and timings, as data (docs/platforms/threads.md 1 to 4)."""

from datetime import timedelta

from clipcast.platforms.quota import Quota
from clipcast.platforms.rules import H264_OR_HEVC, MP4_OR_MOV, MediaRules

DOCS_URL = "https://developers.facebook.com/documentation/threads/posts"
DOMAINS = ("threads.net", "threads.com")
HOST = "https://graph.threads.net"
API = HOST + "/v1.0"

MEDIA = MediaRules(
    docs_url="https://developers.facebook.com/documentation/threads/posts",
    containers=MP4_OR_MOV,
    video_codecs=H264_OR_HEVC,
    max_bytes=1_000_000_000,
    max_duration=300,
    advised_min_duration=1,
    min_frame_rate=23,
    max_frame_rate=60,
    max_width=1920,
    min_aspect=0.01,
    max_aspect=10,
    max_video_bit_rate=100_000_000,
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
    # Meta states 128 kbit/s. Other clients found that Threads enforces it.
    min_audio_bit_rate=126_000,
    max_audio_bit_rate=130_000,
    soft=frozenset({"no_edit_lists", "no_hev1", "max_bit_depth", "sdr", "not_mirrored"}),
)

SCOPES = ("threads_basic", "threads_content_publish")
LOCATION_SCOPE = "threads_location_tagging"
OPTIONAL_SCOPES = (LOCATION_SCOPE,)
# What pages call each scope.
PERMISSIONS = {
    "threads_basic": "See its profile and posts",
    "threads_content_publish": "Publish posts",
    LOCATION_SCOPE: "Name places",
}

CALLS = ("create", "status", "publish", "posts", "permalink", "limit")
# Threads returns each profile's use of its 250 daily posts (docs/platforms/threads.md 4).
QUOTAS = (
    Quota("posts", timedelta(days=1), {"publish": 1}, limit=250, refunded=True, of_posts=True),
    Quota("calls", timedelta(hours=1), dict.fromkeys(CALLS, 0)),
)
