"""Stored data that a page cannot show: the page reports it, shows the stored content, and still works."""

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

# The errors of our own code over data of an unknown format. A database that does not respond raises none of these.
DATA_TROUBLE = (TypeError, ValueError, LookupError, AttributeError, UndefinedError)
SHOWN_MAX = 20_000


@pass_context
def safely(context: Context, show: Callable[..., Markup], *args: Any, what: str, columns: int = 0) -> Markup:
    """Return `show(*args)`, or a sentence if it fails: one unreadable entry must not break its list.

    `what` names the entry in the sentence. In a table, `columns` is the number of its columns.
    """
    try:
        return show(*args)
    except DATA_TROUBLE:
        request_id = context["request"].state.request_id
        log.exception("entry_not_shown", request_id=request_id, what=what)
        text = Markup('<p class="problem" role="alert">{} cannot be shown: its stored data has an unknown format. '
                      "Clipcast changed nothing. Report request_id {} to the operator.</p>").format(
                          what, request_id)  # fmt: skip
        return Markup("<tr><td colspan={}>{}</td></tr>").format(columns, text) if columns else text


def unreadable(member: "Member", what: str, content: Any, back: str, delete: str) -> Response:
    """Return a page with the stored content, in place of a page that failed.

    `back` is the path of a page that works, `delete` the path that deletes the entry. Call it while an exception is
    handled, which it logs.
    """
    request_id = member.request.state.request_id
    log.exception("page_not_shown", request_id=request_id, what=what)
    shown = json.dumps(content, indent=1, ensure_ascii=False, default=str)[:SHOWN_MAX]
    context = {"what": what, "shown": shown, "back": back, "delete": delete, "request_id": request_id}
    return member.render("unreadable.html", section="", **context)
