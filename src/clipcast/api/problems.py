"""Errors in responses: RFC 9457 problem documents."""

from http import HTTPStatus
from typing import Any, ClassVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Mount

from clipcast.common.problems import AppError, ProblemDetail, ValidationFailed
from clipcast.common.unavailable import Unavailable
from clipcast.common.validation import problem_of

MEDIA_TYPE = "application/problem+json"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# Seconds after which a caller tries again when the database or the storage does not respond.
RETRY_AFTER = 10


class ServiceUnavailable(AppError):
    """The error 503: the database or the storage does not respond. The same request works later."""

    def __init__(self, error: Unavailable) -> None:
        detail = f"The {error.layer} of this Clipcast does not respond now. Try again in {RETRY_AFTER} s."
        headers = {"Retry-After": str(RETRY_AFTER)}
        super().__init__(503, f"{error.layer}_unavailable", detail, headers=headers)


class ProblemDocument(BaseModel):
    """The body of an error (RFC 9457)."""

    type: str = Field(description="Always `about:blank`: `code` names the error.")
    title: str = Field(description="The name of the HTTP status.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong, and what to do.")
    message: str = Field(description="The same as `detail`.")
    code: str = Field(description="The stable code of the error. Decide by it, not by the text.")
    request_id: str = Field(description="The id of the request, as in `X-Request-Id`. The log has it, too.")
    errors: list[ProblemDetail] = Field([], description="The problems of the body, or of the query.")
    more_errors: int | None = Field(None, description="The number of problems that `errors` does not list.")

    example: ClassVar[dict[str, Any]] = {
        "type": "about:blank",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "1 problem; nothing was changed.",
        "message": "1 problem; nothing was changed.",
        "code": "validation_failed",
        "request_id": "0198c7a4-6a0e-7cc1-9c5e-1f2d3c4b5a69",
        "errors": [
            {
                "path": "/videos/0/targets/1/metadata/youtube/title",
                "code": "too_long",
                "message": "At most 100 characters; this has 104. Shorten it.",
                "limit": 100,
                "actual": 104,
            }
        ],
    }


def problem_response(request_id: str, error: AppError) -> Response:
    """Return the response for an error: a problem document with the error's status and headers."""
    title = HTTPStatus(error.status).phrase
    document = {
        "type": "about:blank",
        "title": title,
        "status": error.status,
        "detail": error.detail,
        "message": error.detail,
        "code": error.code,
        "request_id": request_id,
        "errors": [problem.as_dict() for problem in error.errors],
    }
    return JSONResponse(document | error.more, error.status, error.headers, MEDIA_TYPE)


def methods_at(app: FastAPI, request: Request) -> set[str]:
    """Return the methods of every operation at the request's path. The router returns those of the first one only."""
    found: set[str] = set()
    for method in METHODS:
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in app.routes if not isinstance(route, Mount)):
            found.add(method)
    return found or {"GET", "HEAD"}  # the methods of files in a mounted folder


def install(app: FastAPI) -> None:
    """Handle every error of a request with a problem document."""

    async def from_app(request: Request, error: Exception) -> Response:
        assert isinstance(error, AppError)
        return problem_response(request.state.request_id, error)

    async def from_framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 405:
            allowed = ", ".join(sorted(methods_at(app, request)))
            message = f"{request.method} is not allowed at this address. Use {allowed}."
            shown = AppError(405, "method_not_allowed", message, headers={"Allow": allowed})
        elif error.status_code == 404:
            shown = AppError(404, "not_found", f"Nothing exists at {request.url.path[:200]}. Check the address.")
        else:
            shown = AppError(error.status_code, "http_error", str(error.detail), headers=error.headers)
        return problem_response(request.state.request_id, shown)

    async def bad_parameters(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        problems = [problem_of(detail) for detail in error.errors()]
        return problem_response(request.state.request_id, ValidationFailed(problems))

    app.add_exception_handler(AppError, from_app)
    app.add_exception_handler(HTTPException, from_framework)
    app.add_exception_handler(RequestValidationError, bad_parameters)
