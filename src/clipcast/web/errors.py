"""Error pages and notices for people."""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from clipcast.common.problems import AppError
from clipcast.common.validation import problem_of
from clipcast.operations.health import ROUTES as HEALTH_CHECKS
from clipcast.web.form_addresses import page_of
from clipcast.web.pages import is_htmx, render
from clipcast.web.said import in_words
from clipcast.web.viewers import SignInNeeded, Viewer, find_viewer, own_path

# Paths for programs, which get problem documents.
PROGRAMS = (
    "/api/", "/files/", "/archives/", "/uploads/", "/mcp", "/.well-known/", "/oauth/register", "/oauth/token",
    *HEALTH_CHECKS,
)  # fmt: skip
TITLES = {
    403: "You may not do this", 409: "This cannot be done now", 422: "Something in the form is wrong",
    429: "Too many attempts", 500: "Internal error", 503: "Clipcast is not ready",
}  # fmt: skip
# The headers that make htmx show an error on the current page.
IN_NOTICES = {"HX-Retarget": "#notices", "HX-Reswap": "innerHTML", "HX-Reselect": ".notice"}


def for_people(request: Request) -> bool:
    """Return whether an error goes to a person. The pages' scripts send JSON, and count as programs."""
    return not request.url.path.startswith(PROGRAMS) and request.headers.get("content-type") != "application/json"


def install(app: FastAPI) -> None:
    """Add the handlers for people. The present handlers, of api/problems.py, continue to serve programs."""
    handlers = dict(app.exception_handlers)

    async def failed(request: Request, error: Exception) -> Response:
        if not for_people(request):
            response: Response = await handlers[_kind(error)](request, error)
            return response
        status, detail = _message(error)
        reads = status in (404, 405) and request.method in ("GET", "HEAD") and not is_htmx(request)
        if reads and (page := page_of(app, request.url.path)):
            return RedirectResponse(page, 303)
        more = dict(getattr(error, "headers", None) or {})
        viewer = None if is_htmx(request) else await find_viewer(request)
        return _page(request, status, detail, more, viewer)

    async def ask_to_sign_in(request: Request, _: Exception) -> Response:
        return sign_in_first(request)

    for kind in (AppError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, failed)
    app.add_exception_handler(SignInNeeded, ask_to_sign_in)


def show(request: Request, error: AppError) -> Response | None:
    """Return the page for an error outside of all pages; None for a program."""
    if isinstance(error, SignInNeeded):
        return sign_in_first(request)
    if not for_people(request):
        return None
    return _page(request, error.status, in_words(error.detail), error.headers)


def _page(
    request: Request, status: int, message: str, more: Mapping[str, str], viewer: Viewer | None = None
) -> Response:
    """Return an error as a notice on the current page, or as a page of its own."""
    if is_htmx(request):
        return render(request, "parts/notice.html", {"message": message, "bad": True}, status, {**more, **IN_NOTICES})
    title = TITLES.get(status) or HTTPStatus(status).phrase.capitalize()
    return render(request, "error.html", {"title": title, "message": message, "viewer": viewer}, status, more)


def sign_in_first(request: Request) -> Response:
    """Return the response to a request without a session: the sign-in page, or a signal for an open page."""
    if is_htmx(request) or not for_people(request):
        # The page keeps what a person typed; app.js shows the sign-in dialog above it.
        return Response(status_code=401, headers={"HX-Trigger": "sign-in-needed", "HX-Reswap": "none"})
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    wanted = own_path(path if request.method == "GET" else "/")
    return RedirectResponse("/sign-in" + _query(wanted), 303)


def _query(path: str) -> str:
    return "?" + urlencode({"next": path}) if path != "/" else ""


def _kind(error: Exception) -> type[Exception]:
    return next(kind for kind in (AppError, HTTPException, RequestValidationError) if isinstance(error, kind))


def _message(error: Exception) -> tuple[int, str]:
    if isinstance(error, AppError):
        listed = " ".join(problem.message for problem in error.errors)
        return error.status, in_words(listed or error.detail)
    if isinstance(error, RequestValidationError):
        return 422, in_words(" ".join(problem_of(detail).message for detail in error.errors()))
    assert isinstance(error, HTTPException)
    return error.status_code, "This page does not exist." if error.status_code == 404 else str(error.detail)
