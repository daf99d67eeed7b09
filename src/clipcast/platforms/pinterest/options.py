"""The boards and sections that a Pinterest account offers now (docs/platforms/pinterest.md 1)."""

import asyncio
from collections.abc import Mapping
from typing import Any

from clipcast.platforms.base import Http
from clipcast.platforms.pinterest.errors import parse_response
from clipcast.platforms.pinterest.rules import API

PAGES_MAX = 20
# Sections take one request for each board: for at most 50 boards, 10 at a time.
BOARDS_WITH_SECTIONS, AT_ONCE = 50, 10


async def options(http: Http, account_id: str, account: Mapping[str, Any]) -> dict[str, Any]:
    """Return the boards, without those for ads alone, and the sections of the first 50."""
    boards = [board for board in await _all(http, "boards", API + "/boards") if not board.get("is_ads_only")]
    limit = asyncio.Semaphore(AT_ONCE)

    async def sections_of(board: dict[str, Any]) -> list[dict[str, Any]]:
        async with limit:
            sections = await _all(http, "sections", f"{API}/boards/{board['id']}/sections")
        return [
            {"id": section["id"], "title": f"{board['name']}: {section['name']}", "boardId": board["id"]}
            for section in sections
        ]

    found = await asyncio.gather(*map(sections_of, boards[:BOARDS_WITH_SECTIONS]))
    return {
        "boardId": [
            {
                "id": board["id"],
                "title": board["name"],
                "privacy": board.get("privacy"),
                "sectionsListed": number < BOARDS_WITH_SECTIONS,
            }
            for number, board in enumerate(boards)
        ],
        "boardSectionId": [section for sections in found for section in sections],
    }


async def _all(http: Http, name: str, url: str) -> list[dict[str, Any]]:
    """Return the items of all pages."""
    items: list[dict[str, Any]] = []
    params = {"page_size": "250"}
    for _ in range(PAGES_MAX):
        page = parse_response(await http.request(name, "GET", url, params=params))
        items += page.get("items", [])
        if not page.get("bookmark"):
            break
        params["bookmark"] = str(page["bookmark"])
    return items
