"""How Meta's Graph hosts answer."""

import secrets
from typing import Any

from starlette.responses import JSONResponse, Response


def graph_error(code: int, message: str, subcode: int | None = None, status: int = 400, **more: Any) -> Response:
    """Graph's envelope."""
    error: dict[str, Any] = {"message": message, "type": "OAuthException", "code": code}
    if subcode is not None:
        error["error_subcode"] = subcode
    return JSONResponse({"error": error | {"fbtrace_id": secrets.token_urlsafe(12)} | more}, status)
