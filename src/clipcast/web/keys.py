"""The keyboard's list, and whether this browser's person uses single keys (WCAG 2.1.4)."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from clipcast.web.account import YEAR
from clipcast.web.forms import read_form
from clipcast.web.pages import KEYS_COOKIE
from clipcast.web.viewers import Viewing, is_secure

router = APIRouter(include_in_schema=False)

# By the place where they work: the keys, and what they do. They are the same on all pages.
KEYS = {
    "Everywhere": [
        (("?",), "This list"), (("Ctrl", "K"), "Search, and any page or action"), (("/",), "Search"),
        (("N",), "New post"), (("G", "O"), "Overview"), (("G", "C"), "Calendar"), (("G", "P"), "Posts"),
        (("G", "L"), "Clips"), (("G", "A"), "Accounts"), (("G", "D"), "Developers"),
        (("Esc",), "Close what is on top"),
    ],
    "Lists": [
        (("J",), "Next"), (("K",), "Previous"), (("X",), "Choose; with Shift and a click, a range"),
        (("Enter",), "Open"), (("M",), "Move what is chosen"), (("R",), "Retry what is chosen"),
    ],
    "Calendar": [
        (("Arrows",), "Another day"), (("Page Up",), "Earlier"), (("Page Down",), "Later"), (("T",), "Today"),
        (("M",), "Move the entry in focus"), (("N",), "New post on the day in focus"),
        (("Ctrl", "Z"), "Undo the last move"),
    ],
}  # fmt: skip


@router.get("/account/keys")
async def list_keys(viewer: Viewing) -> Response:
    """Return the content of the dialog with the keyboard's list."""
    return viewer.render("parts/keys.html", keys=KEYS)


@router.post("/account/keys")
async def choose_keys(viewer: Viewing, request: Request) -> Response:
    """Turn the single keys of this browser on or off."""
    response = RedirectResponse("/account#keys", 303)
    if (await read_form(request)).line("keys"):
        response.delete_cookie(KEYS_COOKIE)
    else:
        secure = is_secure(viewer.installation)
        response.set_cookie(KEYS_COOKIE, "off", max_age=YEAR, samesite="lax", httponly=True, secure=secure)
    return response
