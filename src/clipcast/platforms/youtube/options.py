"""The values that a YouTube channel offers now (docs/platforms/youtube.md 2.0 and 2.6)."""

from collections.abc import Mapping
from typing import Any

from clipcast.platforms.base import Http
from clipcast.platforms.youtube.account import my_channel
from clipcast.platforms.youtube.errors import parse_response
from clipcast.platforms.youtube.rules import API


async def options(http: Http, account_id: str, account: Mapping[str, Any]) -> dict[str, Any]:
    """Return the assignable categories, the playlists, and whether videos over 15 minutes are allowed."""
    region = {"part": "snippet", "regionCode": "US"}
    categories = parse_response(await http.request("categories", "GET", API + "/videoCategories", params=region))
    mine = {"part": "snippet", "mine": "true", "maxResults": "50"}
    playlists = parse_response(await http.request("playlists", "GET", API + "/playlists", params=mine))
    channel = await my_channel(http)
    return {
        "categoryId": [
            {"id": category["id"], "title": category["snippet"]["title"]}
            for category in categories.get("items", [])
            if category["snippet"].get("assignable")
        ],
        "playlistId": [
            {"id": playlist["id"], "title": playlist["snippet"]["title"]} for playlist in playlists.get("items", [])
        ],
        "longUploadsStatus": channel.get("status", {}).get("longUploadsStatus"),
    }
