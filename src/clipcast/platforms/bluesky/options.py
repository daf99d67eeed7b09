"""The daily quota of videos of a Bluesky account (docs/platforms/bluesky.md 2, step 0)."""

from collections.abc import Mapping
from typing import Any

from clipcast.platforms.base import Http
from clipcast.platforms.bluesky.errors import parse_video_response
from clipcast.platforms.bluesky.identity import server_of
from clipcast.platforms.bluesky.rules import VIDEO, VIDEO_HOST
from clipcast.platforms.bluesky.video import service_token

LIMITS = "app.bsky.video.getUploadLimits"


async def options(http: Http, account_id: str, account: Mapping[str, Any]) -> dict[str, Any]:
    """Return the platform's own figures of the quota of videos."""
    origin = await server_of(http, account_id)
    token = await service_token(http, origin, f"did:web:{VIDEO_HOST}", LIMITS)
    headers = {"Authorization": f"Bearer {token}"}
    limits = parse_video_response(await http.request("limits", "GET", f"{VIDEO}/{LIMITS}", headers=headers))
    return {
        "quota": {
            "canUpload": limits["canUpload"],
            "remainingVideos": limits.get("remainingDailyVideos"),
            "remainingBytes": limits.get("remainingDailyBytes"),
            "message": limits.get("message"),
        }
    }
