"""The boards that a Pin may go to (sheet section 1)."""

from collections.abc import Mapping
from typing import Any

from clipcast.platforms.base import Http
from clipcast.platforms.pinterest.errors import checked
from clipcast.platforms.pinterest.rules import API

PAGES_MAX = 20


async def options(http: Http, account_id: str, account: Mapping[str, Any]) -> dict[str, Any]:
    """Every board but those for ads alone."""
    boards: list[dict[str, Any]] = []
    params = {"page_size": "250"}
    for _ in range(PAGES_MAX):
        page = checked(await http.request("boards", "GET", API + "/boards", params=params))
        boards += page.get("items", [])
        if not page.get("bookmark"):
            break
        params["bookmark"] = str(page["bookmark"])
    return {
        "boardId": [
            {"id": board["id"], "title": board["name"], "privacy": board.get("privacy")}
            for board in boards
            if not board.get("is_ads_only")
        ]
    }
