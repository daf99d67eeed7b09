"""TikTok's response envelope. Every response except OAuth's has it."""

import random
import secrets
from typing import Any

from starlette.responses import JSONResponse, Response

from clipcast.clock import clock


def ok(data: dict[str, Any]) -> Response:
    """Return a response of success."""
    message = {"code": "ok", "message": "", random.choice(("log_id", "logid")): log_id()}  # noqa: S311 - no secret
    # Live responses have undocumented fields at times, so a client must ignore them.
    return JSONResponse({"data": data | {"extra": {"now": clock.now().timestamp()}}, "error": message})


def error(status: int, code: str, message: str) -> Response:
    """Return an error. TikTok returns some with HTTP 200."""
    return JSONResponse({"data": {}, "error": {"code": code, "message": message, "log_id": log_id()}}, status)


def log_id() -> str:
    """Return a log id, by which TikTok's support finds a request."""
    return f"{clock.now():%Y%m%d%H%M%S}{secrets.token_hex(9).upper()}"
