"""The publishing quota of a Threads profile (docs/platforms/threads.md 4)."""

from collections.abc import Mapping
from typing import Any

from clipcast.platforms.base import Http
from clipcast.platforms.graph import graph_quota
from clipcast.platforms.threads.errors import CODES
from clipcast.platforms.threads.rules import API


async def options(http: Http, account_id: str, account: Mapping[str, Any]) -> dict[str, Any]:
    """Return the platform's own figures of the publishing quota."""
    return {"quota": await graph_quota(http, f"{API}/{account_id}/threads_publishing_limit", CODES)}
