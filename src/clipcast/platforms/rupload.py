"""Meta's upload host: one POST with the bytes that it does not hold yet.

Facebook and Instagram share it (docs/platforms/facebook.md 2.3, docs/platforms/instagram.md 2.3).
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from clipcast.platforms.base import Publication
from clipcast.platforms.errors import ErrorRule, PlatformAnswer, PublishError, TransientError
from clipcast.platforms.graph import Table, graph_error
from clipcast.platforms.http import ambiguous_response
from clipcast.platforms.responses import Response

HOST = "rupload.facebook.com"


def upload_address(url: str, handle: str) -> str:
    """Return Meta's upload URL if it is valid. Its path may contain a version.

    Raises TransientError for a URL of another host or upload.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname != HOST or not parts.path.endswith("/" + handle):
        raise TransientError("foreign_address", "Meta returned an invalid upload URL.", restart=True)
    return url


def held(phase: Mapping[str, Any]) -> int:
    """Return the stored bytes by the `uploading_phase`, in either spelling (docs/platforms/facebook.md 0.10)."""
    return int(phase.get("bytes_transferred", phase.get("bytes_transfered", 0)))


async def send_rest(p: Publication[Any], url: str, offset: int) -> Response:
    """Send the clip's bytes from `offset` on and report the progress."""
    headers = {
        "Authorization": "OAuth {token}",
        "Content-Type": "application/octet-stream",
        "Content-Length": str(p.clip.size - offset),
        "offset": str(offset),
        "file_size": str(p.clip.size),
    }
    return await p.request("bytes", "POST", url, content=_reported(p, offset), headers=headers)


async def _reported(p: Publication[Any], offset: int) -> AsyncIterator[bytes]:
    async for piece in p.clip.read(offset, p.clip.size):
        yield piece
        offset += len(piece)
        await p.report_progress("uploading", 5 + 70 * offset // p.clip.size)


def upload_error(response: Response, types: Mapping[str, ErrorRule], codes: Table) -> PublishError:
    """Return the error of the upload host, which has its own envelope."""
    try:
        body = response.json()
        if "error" in body:  # Graph's envelope
            return graph_error(response, body["error"], codes)
        info = body["debug_info"]
        rule = types[info["type"]]
    except (ValueError, KeyError, TypeError):
        return ambiguous_response(response)
    return rule.to_error(PlatformAnswer(response.status_code, info["type"], info.get("message")))
