"""The platforms, one line each."""

from typing import Any

from clipcast.platforms import bluesky, facebook, instagram, linkedin, pinterest, threads, tiktok, youtube
from clipcast.platforms.base import Platform

PLATFORMS: dict[str, Platform[Any]] = {
    platform.name: platform
    for platform in (
        tiktok.platform,
        youtube.platform,
        instagram.platform,
        threads.platform,
        pinterest.platform,
        linkedin.platform,
        facebook.platform,
        bluesky.platform,
    )
}
