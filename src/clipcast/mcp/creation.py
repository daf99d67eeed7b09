"""Tools that create something: a repeated call returns the first response, and doubles of a post are named."""

import asyncio
from typing import Any

from clipcast.mcp.api import Api, ToolError
from clipcast.mcp.operations import Operation
from clipcast.sdk import Request
from clipcast.sdk.publishing import DUPLICATE

REPEATED = (
    "Nothing was created: this is the response to an earlier call with the same arguments, and what that call created "
    "may have changed or be deleted since. To create another one, pass a new idempotency_key."
)
# The check asks platforms, which may not respond. The creation waits no longer for it.
CHECK_SECONDS = 10.0


async def create(api: Api, operation: Operation, request: Request[Any]) -> Any:
    """Send the request of an operation that creates something, and return its JSON. Raises ToolError.

    `repeated` marks the response to an earlier call. `warnings` names earlier posts with the same clip and words.
    """
    warnings = await _doubles(api, request) if operation.operation_id == "createPost" else []
    created, is_repeated = await api.create(request)
    if is_repeated:
        return created | {"repeated": REPEATED}
    return created | ({"warnings": warnings} if warnings else {})


async def _doubles(api: Api, request: Request[Any]) -> list[Any]:
    """Return the warnings of the earlier posts that a new one repeats. Only before its creation they are others."""
    if request.body.get("allow_duplicate"):
        return []
    check: Request[Any] = Request("validatePost", "POST", "/posts/validate", body=request.body, reads=True)
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            found = await api.send(check)
        return [one for one in found["warnings"] if one["code"] == DUPLICATE]
    except (ToolError, TimeoutError, TypeError, LookupError):
        # The creation decides: it returns the same error, or does without the platforms that do not respond.
        return []
