"""Responses and errors of Meta's Graph hosts."""

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


def fields_of(resource: dict[str, Any], request: Request) -> dict[str, Any]:
    """Select the id and the fields that the query's `fields` names."""
    fields = request.query_params.get("fields", "id").split(",")
    return {key: value for key, value in resource.items() if key in ("id", *fields)}


def graph_trouble(path: str, status: int, message: str) -> Response:
    """Return Graph's error for a request that it cannot parse or route. The status is always 400."""
    if status == 404:
        return graph_error(2500, f"Unknown path components: /{path.lstrip('/').partition('/')[2]}")
    if status == 405:
        return graph_error(100, "Unsupported method for this path.", 33)
    return graph_error(100, message)


def graph_error(code: int, message: str, subcode: int | None = None, status: int = 400, **more: Any) -> Response:
    """Return an error in Graph's envelope."""
    error: dict[str, Any] = {"message": message, "type": "OAuthException", "code": code}
    if subcode is not None:
        error["error_subcode"] = subcode
    return JSONResponse({"error": error | {"fbtrace_id": secrets.token_urlsafe(12)} | more}, status)
