"""What people see when a page cannot be shown, or something could not be done."""

from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from clipcast.common.problems import AppError
from clipcast.common.validation import problem_of
from clipcast.operations.health import ROUTES as HEALTH_CHECKS
from clipcast.web.pages import is_htmx, render
from clipcast.web.viewers import SignInNeeded, find_viewer, own_path

# Asked for by programs, which get problem documents.
PROGRAMS = ("/api/", "/files/", "/uploads/", *HEALTH_CHECKS)
# Where a page that stays shows what went wrong.
IN_NOTICES = {"HX-Retarget": "#notices", "HX-Reswap": "innerHTML", "HX-Reselect": ".notice"}


def for_people(request: Request) -> bool:
    """Scripts of our pages send JSON, and are answered as programs."""
    return not request.url.path.startswith(PROGRAMS) and request.headers.get("content-type") != "application/json"


def install(app: FastAPI) -> None:
    """Adds to the handlers of common/problems.py, which go on to answer programs."""
    answers = dict(app.exception_handlers)

    async def failed(request: Request, error: Exception) -> Response:
        if not for_people(request):
            answer: Response = await answers[_kind(error)](request, error)
            return answer
        status, detail = _message(error)
        more = dict(getattr(error, "headers", None) or {})
        if is_htmx(request):
            return render(request, "parts/notice.html", {"message": detail, "bad": True}, status, more | IN_NOTICES)
        viewer = await find_viewer(request)
        title = HTTPStatus(status).phrase
        return render(request, "error.html", {"title": title, "message": detail, "viewer": viewer}, status, more)

    async def ask_to_sign_in(request: Request, _: Exception) -> Response:
        return sign_in_first(request)

    for kind in (AppError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, failed)
    app.add_exception_handler(SignInNeeded, ask_to_sign_in)


def show(request: Request, error: AppError) -> Response | None:
    """Return the page of an error that no page could handle; None for a program."""
    if isinstance(error, SignInNeeded):
        return sign_in_first(request)
    if not for_people(request):
        return None
    if is_htmx(request):
        more = error.headers | IN_NOTICES
        return render(request, "parts/notice.html", {"message": error.detail, "bad": True}, error.status, more)
    title = "An error of Clipcast" if error.status == 500 else HTTPStatus(error.status).phrase
    return render(request, "error.html", {"title": title, "message": error.detail}, error.status, error.headers)


def sign_in_first(request: Request) -> Response:
    if is_htmx(request) or not for_people(request):
        # The page stays as it is, with everything that was typed; app.js asks for the password above it.
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
        return error.status, listed or error.detail
    if isinstance(error, RequestValidationError):
        return 422, " ".join(problem_of(detail).message for detail in error.errors())
    assert isinstance(error, HTTPException)
    return error.status_code, "There is no such page." if error.status_code == 404 else str(error.detail)
