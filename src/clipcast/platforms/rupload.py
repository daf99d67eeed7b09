"""Meta's upload host: one POST of all bytes that it does not hold yet (Facebook sheet 2.3, Instagram sheet 2.3)."""

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2

from clipcast.platforms.base import Publication
from clipcast.platforms.errors import ErrorRule, PlatformAnswer, PublishError, TransientError
from clipcast.platforms.graph import Table, graph_error
from clipcast.platforms.http import ambiguous_response

HOST = "rupload.facebook.com"


def upload_address(url: str, handle: str) -> str:
    """The address that Meta named, checked as it asks for: it comes with and without a version in it."""
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname != HOST or not parts.path.endswith("/" + handle):
        raise TransientError("foreign_address", "Meta named an upload address that is not its own.", restart=True)
    return url


def held(phase: Mapping[str, Any]) -> int:
    """How many bytes the upload holds, by its `uploading_phase`: two spellings are seen (Facebook sheet 0.10)."""
    return int(phase.get("bytes_transferred", phase.get("bytes_transfered", 0)))


async def send_rest(p: Publication[Any], url: str, offset: int) -> httpx2.Response:
    """Sends the clip's bytes from `offset` on, telling how far they are."""
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


def upload_error(response: httpx2.Response, types: Mapping[str, ErrorRule], codes: Table) -> PublishError:
    """The error of the upload host, which has an envelope of its own."""
    try:
        body = response.json()
        if "error" in body:  # the one of Graph
            return graph_error(response, body["error"], codes)
        info = body["debug_info"]
        rule = types[info["type"]]
    except (ValueError, KeyError, TypeError):
        return ambiguous_response(response)
    return rule.to_error(PlatformAnswer(response.status_code, info["type"], info.get("message")))
