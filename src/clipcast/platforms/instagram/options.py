"""The publishing quota of an Instagram account (docs/platforms/instagram.md 4)."""

from collections.abc import Mapping
from typing import Any

from clipcast.platforms.base import Http
from clipcast.platforms.graph import graph_quota
from clipcast.platforms.instagram.errors import CODES
from clipcast.platforms.instagram.rules import API, BY_FACEBOOK, FACEBOOK_API


async def options(http: Http, account_id: str, account: Mapping[str, Any]) -> dict[str, Any]:
    """Return the platform's own figures of the publishing quota."""
    api = FACEBOOK_API if account.get("way") == BY_FACEBOOK else API
    return {"quota": await graph_quota(http, f"{api}/{account_id}/content_publishing_limit", CODES)}
