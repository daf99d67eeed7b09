"""Quillmere's media rules, scopes, quotas and hosts, as data."""

from datetime import timedelta

from clipcast.platforms.quota import Quota
from clipcast.platforms.rules import H264_OR_HEVC, MP4_OR_MOV, MediaRules

DOCS_URL = "https://quillmere.example/developers"
DOMAINS = ("quillmere.example",)
WWW = "https://www.quillmere.example"
API = "https://api.quillmere.example/v1"

MEDIA = MediaRules(
    docs_url=DOCS_URL,
    containers=MP4_OR_MOV,
    video_codecs=H264_OR_HEVC,
    max_bytes=300_000_000,
    max_duration=180,
)

SCOPES = ("profile.read", "video.write")
QUOTAS = (Quota("videos", timedelta(days=1), {"create": 1}, limit=100),)

PROCESSING_MAX = timedelta(minutes=10)


def poll_delay(age: timedelta) -> timedelta:
    """Return the delay until the next status request."""
    return timedelta(seconds=2) if age < timedelta(seconds=20) else timedelta(minutes=1)
