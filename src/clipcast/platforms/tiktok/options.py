"""The values that a TikTok account offers now (docs/platforms/tiktok.md 2.1)."""

from collections.abc import Mapping
from typing import Any

from clipcast.platforms.base import Http
from clipcast.platforms.tiktok.requests import creator_info


async def options(http: Http, account_id: str, account: Mapping[str, Any]) -> dict[str, Any]:
    """Return the privacy levels, the features that the account disables, and the maximum duration in seconds."""
    info = await creator_info(http)
    return {
        "privacyLevel": info.get("privacy_level_options", []),
        "commentDisabled": bool(info.get("comment_disabled")),
        "duetDisabled": bool(info.get("duet_disabled")),
        "stitchDisabled": bool(info.get("stitch_disabled")),
        "maxVideoPostDurationSec": info.get("max_video_post_duration_sec"),
    }
