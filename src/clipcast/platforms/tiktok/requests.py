"""TikTok's JSON requests: one content type, and always a body (docs/platforms/tiktok.md 2)."""

from typing import Any

from clipcast.platforms.base import Http
from clipcast.platforms.tiktok.errors import parse_response
from clipcast.platforms.tiktok.rules import API, CREATOR_INFO

HEADERS = {"Content-Type": "application/json; charset=UTF-8"}


async def call(http: Http, name: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Send one JSON request and return the `data` of its response. Raise the error of its code."""
    return parse_response(await http.request(name, "POST", API + path, json=body, headers=HEADERS))


async def creator_info(http: Http) -> dict[str, Any]:
    """Return the creator's current options. The body is an empty object: TikTok rejects an empty list."""
    return await call(http, "creator_info", CREATOR_INFO, {})
