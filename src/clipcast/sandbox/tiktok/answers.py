"""How TikTok answers: an envelope around everything but OAuth."""

import random
import secrets
from typing import Any

from starlette.responses import JSONResponse, Response

from clipcast.clock import clock


def ok(data: dict[str, Any]) -> Response:
    """Success."""
    message = {"code": "ok", "message": "", random.choice(("log_id", "logid")): log_id()}  # noqa: S311 - no secret
    # Fields that nobody documented appear at times; numbers stay above what JavaScript holds exactly.
    return JSONResponse({"data": data | {"extra": {"now": clock.now().timestamp()}}, "error": message})


def error(status: int, code: str, message: str) -> Response:
    """A refusal; some come with HTTP 200."""
    return JSONResponse({"data": {}, "error": {"code": code, "message": message, "log_id": log_id()}}, status)


def log_id() -> str:
    """What their support asks for."""
    return f"{clock.now():%Y%m%d%H%M%S}{secrets.token_hex(9).upper()}"
