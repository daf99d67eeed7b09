"""Errors as callers see them: RFC 9457 problem documents."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Mount

from clipcast.problems import Problem
from clipcast.unavailable import Unavailable
from clipcast.validation import PROBLEMS_MAX, problem_of

MEDIA_TYPE = "application/problem+json"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# Seconds until a part of the installation that is away is worth another try.
RETRY_AFTER = 10


class ApiError(Exception):
    """An answer that is not what the caller hoped for. `more` is added to the problem document."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: list[Problem] | None = None,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors or []
        self.headers = dict(headers or {})
        self.more = dict(more or {})


class ValidationFailed(ApiError):
    """422 with every problem at once: the first PROBLEMS_MAX, and how many more there are."""

    def __init__(self, problems: list[Problem]) -> None:
        count = f"{len(problems)} problems" if len(problems) != 1 else "1 problem"
        more = len(problems) - PROBLEMS_MAX
        listed = f", of which the first {PROBLEMS_MAX} are listed" if more > 0 else ""
        super().__init__(
            422, "validation_failed", f"{count}{listed}; nothing was changed.",
            errors=problems[:PROBLEMS_MAX], more={"more_errors": more} if more > 0 else None,
        )  # fmt: skip


class NotFound(ApiError):
    """404, also for what belongs to another workspace."""

    def __init__(self, kind: str, identifier: object) -> None:
        super().__init__(404, "not_found", f"There is no {kind} {str(identifier)[:100]!r} in this workspace.")


class ServiceUnavailable(ApiError):
    """503: a part of the installation is away. The same request works once it is back."""

    def __init__(self, error: Unavailable) -> None:
        detail = f"The {error.layer} of this Clipcast does not respond now. Try again in {RETRY_AFTER} s."
        headers = {"Retry-After": str(RETRY_AFTER)}
        super().__init__(503, f"{error.layer}_unavailable", detail, headers=headers)


class ProblemDetail(BaseModel):
    """One row of `errors`."""

    path: str = Field(description="A JSON pointer into the request's body.")
    code: str
    message: str
    limit: Any = None
    actual: Any = None
    docs_url: str | None = None


class ProblemDocument(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    message: str = Field(description="The same as `detail`.")
    code: str = Field(description="Stable; decide by this, never by the text.")
    request_id: str
    errors: list[ProblemDetail] = []
    more_errors: int | None = Field(None, description="How many problems there are beside those in `errors`.")

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


def problem_response(request_id: str, error: ApiError) -> Response:
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
    """Return the methods of every operation at the request's path. The router itself looks at the first one only."""
    found: set[str] = set()
    for method in METHODS:
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in app.routes if not isinstance(route, Mount)):
            found.add(method)
    return found or {"GET", "HEAD"}  # of files in a mounted folder


def install(app: FastAPI) -> None:
    """Every way in which a request can fail ends in a problem document."""

    async def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)
        return problem_response(request.state.request_id, error)

    async def from_framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 405:
            allowed = ", ".join(sorted(methods_at(app, request)))
            message = f"{request.method} is not allowed here. Use {allowed}."
            shown = ApiError(405, "method_not_allowed", message, headers={"Allow": allowed})
        elif error.status_code == 404:
            shown = ApiError(404, "not_found", f"There is nothing at {request.url.path[:200]}. Check the address.")
        else:
            shown = ApiError(error.status_code, "http_error", str(error.detail), headers=error.headers)
        return problem_response(request.state.request_id, shown)

    async def bad_parameters(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        problems = [problem_of(detail) for detail in error.errors()]
        return problem_response(request.state.request_id, ValidationFailed(problems))

    app.add_exception_handler(ApiError, known)
    app.add_exception_handler(HTTPException, from_framework)
    app.add_exception_handler(RequestValidationError, bad_parameters)
