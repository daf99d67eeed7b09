"""What an account has left of the day (sheet section 4)."""

from collections.abc import Mapping
from typing import Any

from clipcast.platforms.base import Http
from clipcast.platforms.threads.errors import checked
from clipcast.platforms.threads.rules import API


async def options(http: Http, account_id: str, account: Mapping[str, Any]) -> dict[str, Any]:
    """The platform's own figures of the publishing quota."""
    url, params = f"{API}/{account_id}/threads_publishing_limit", {"fields": "quota_usage,config"}
    [limit] = checked(await http.request("limit", "GET", url, params=params))["data"]
    total = limit["config"]["quota_total"]
    return {"quota": {"used": limit["quota_usage"], "total": total, "seconds": limit["config"]["quota_duration"]}}
