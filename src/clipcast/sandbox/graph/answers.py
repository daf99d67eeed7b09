"""How Meta's Graph hosts answer."""

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


def fields_of(known: dict[str, Any], request: Request) -> dict[str, Any]:
    """Only what `fields` names, and the id."""
    fields = request.query_params.get("fields", "id").split(",")
    return {key: value for key, value in known.items() if key in ("id", *fields)}


def graph_trouble(path: str, status: int, message: str) -> Response:
    """What Graph says to a request that it cannot read or route: with 400, whatever is wrong."""
    if status == 404:
        return graph_error(2500, f"Unknown path components: /{path.lstrip('/').partition('/')[2]}")
    if status == 405:
        return graph_error(100, "Unsupported method for this path.", 33)
    return graph_error(100, message)


def graph_error(code: int, message: str, subcode: int | None = None, status: int = 400, **more: Any) -> Response:
    """Graph's envelope."""
    error: dict[str, Any] = {"message": message, "type": "OAuthException", "code": code}
    if subcode is not None:
        error["error_subcode"] = subcode
    return JSONResponse({"error": error | {"fbtrace_id": secrets.token_urlsafe(12)} | more}, status)
