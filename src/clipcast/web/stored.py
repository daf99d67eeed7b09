"""Stored data that a page cannot show: the page says so, shows what is there, and lets the person go on."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog
from jinja2 import UndefinedError, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.responses import Response

if TYPE_CHECKING:
    from clipcast.web.viewers import Member

log = structlog.get_logger()

# What our own code raises over data of a shape that it does not know. A database that is away is none of these.
DATA_TROUBLE = (TypeError, ValueError, LookupError, AttributeError, UndefinedError)
SHOWN_MAX = 20_000


@pass_context
def safely(context: Context, show: Callable[..., Markup], *args: Any, what: str, columns: int = 0) -> Markup:
    """Return `show(*args)`, or a sentence in its place: one entry that cannot be shown must not take the list with it.

    `what` names the entry in the sentence. In a table, `columns` is the number of its columns.
    """
    try:
        return show(*args)
    except DATA_TROUBLE:
        request_id = context["request"].state.request_id
        log.exception("entry_not_shown", request_id=request_id, what=what)
        text = Markup('<p class="problem" role="alert">{} cannot be shown: what is stored of it has an unknown shape. '
                      "Nothing of it was changed. Tell whoever runs this installation the request_id {}.</p>").format(
                          what, request_id)  # fmt: skip
        return Markup("<tr><td colspan={}>{}</td></tr>").format(columns, text) if columns else text


def unreadable(member: "Member", what: str, content: Any, back: str, delete: str) -> Response:
    """Return a page in the place of one that failed, with what is stored.

    `back` is a page of the workspace to go on with, `delete` where a form removes the entry. Call it while the
    exception is handled: it goes into the log.
    """
    request_id = member.request.state.request_id
    log.exception("page_not_shown", request_id=request_id, what=what)
    shown = json.dumps(content, indent=1, ensure_ascii=False, default=str)[:SHOWN_MAX]
    context = {"what": what, "shown": shown, "back": back, "delete": delete, "request_id": request_id}
    return member.render("unreadable.html", section="", **context)
