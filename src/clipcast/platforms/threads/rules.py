"""Threads' media rules, scopes and hosts, as data (sheet sections 1 to 3)."""

from datetime import timedelta

from clipcast.platforms.quota import Quota
from clipcast.platforms.rules import MediaRules

DOCS_URL = "https://developers.facebook.com/documentation/threads/posts"
DOMAINS = ("threads.net", "threads.com")
HOST = "https://graph.threads.net"
API = HOST + "/v1.0"

MEDIA = MediaRules(
    docs_url="https://developers.facebook.com/documentation/threads/posts",
    containers=frozenset({"mp4", "mov"}),
    video_codecs=frozenset({"h264", "hevc"}),
    strict_format=True,
    max_bytes=1_000_000_000,
    max_duration=300,
    advised_min_duration=1,
    min_frame_rate=23,
    max_frame_rate=60,
    max_width=1920,
)

SCOPES = ("threads_basic", "threads_content_publish")

CALLS = ("create", "status", "publish", "posts", "permalink", "limit")
# Threads says itself how much of its 250 is left (sheet section 4).
QUOTAS = (
    Quota("posts", timedelta(days=1), {"publish": 1}, limit=250, refunded=True),
    Quota("calls", timedelta(hours=1), dict.fromkeys(CALLS, 0)),
)
