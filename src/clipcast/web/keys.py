"""The keyboard's list, and whether this browser's person uses single keys (WCAG 2.1.4)."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from clipcast.web.account import YEAR
from clipcast.web.forms import read_form
from clipcast.web.pages import KEYS_COOKIE
from clipcast.web.viewers import Viewing, is_secure

router = APIRouter(include_in_schema=False)

# By the place where they work: the keys, what they do, and what a page has where they work (a selector; empty: always).
KEYS = {
    "Everywhere": [
        (("?",), "This list", ""), (("Ctrl", "K"), "Search, and any page or action", "[data-palette]"),
        (("/",), "Search", "[data-palette]"), (("N",), "New post", "a.new-post"), (("G", "O"), "Overview", ""),
        (("G", "C"), "Calendar", ""), (("G", "P"), "Posts", ""), (("G", "R"), "Review", ""), (("G", "L"), "Clips", ""),
        (("G", "A"), "Accounts", ""), (("G", "D"), "Developers", ""), (("Esc",), "Close what is on top", ""),
    ],
    "Lists": [
        (("J",), "Next", "[data-row] a.title"), (("K",), "Previous", "[data-row] a.title"),
        (("Enter",), "Open", "[data-row] a.title"),
        (("X",), "Choose; with Shift and a click, a range", "[data-row] input[name=chosen]"),
        (("E",), "Edit", "[data-row-key=e]"), (("M",), "Move what is chosen", "[data-key=m]"),
        (("Q",), "Add what is chosen to the queue", "[data-key=q]"),
        (("R",), "Retry what is chosen", "[data-key=r]"), (("R",), "Retry", "[data-row-key=r]"),
    ],
    "Calendar": [
        (("Arrows",), "Another day", ".calendar"), (("Page Up",), "Earlier", ".calendar"),
        (("Page Down",), "Later", ".calendar"), (("T",), "Today", ".calendar"),
        (("M",), "Move the entry in focus", ".calendar [data-version]"),
        (("N",), "New post on the day in focus", ".calendar[data-edits]"),
        (("Ctrl", "Z"), "Undo the last move", ".calendar[data-edits]"),
    ],
    "Compose": [
        (("Ctrl", "Enter"), "Schedule, then send", "#compose"), (("Ctrl", "1…9"), "A tab", "#compose"),
    ],
    "Review": [
        (("A",), "Approve", "[data-page-key=a]"), (("C",), "Comment", "[data-page-key=c]"),
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
