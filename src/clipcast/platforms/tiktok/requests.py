"""TikTok's JSON calls: one content type, and a body even where there is nothing to say (sheet section 2)."""

from typing import Any

from clipcast.platforms.base import Http
from clipcast.platforms.tiktok.errors import parse_response
from clipcast.platforms.tiktok.rules import API, CREATOR_INFO

HEADERS = {"Content-Type": "application/json; charset=UTF-8"}


async def call(http: Http, name: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Send one JSON call and return the `data` of its answer. Raises the error of its code."""
    return parse_response(await http.request(name, "POST", API + path, json=body, headers=HEADERS))


async def creator_info(http: Http) -> dict[str, Any]:
    """Return what the creator may choose from now. An empty object is sent: TikTok refuses an empty list."""
    return await call(http, "creator_info", CREATOR_INFO, {})
