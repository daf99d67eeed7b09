"""The consent pages: a person picks an account, deselects scopes, and allows or denies the request."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from clipcast.sandbox.grants import Grant
from clipcast.sandbox.inputs import TEXT_MAX, Unreadable, bounded, form_of
from clipcast.sandbox.simulator import ConsentRefused, ConsentRequest, Simulator

templates = Jinja2Templates(Path(__file__).parent / "templates")


def consent_routes(simulator: Simulator) -> list[Route]:
    host, path = simulator.authorize_at

    async def ask(request: Request) -> Response:
        query = dict(request.query_params)
        try:
            wanted = simulator.consent_request(query)
        except ConsentRefused as error:
            return _error_page(request, simulator, str(error))
        context: dict[str, Any] = {
            "title": simulator.title,
            "wanted": wanted,
            "accounts": simulator.people(),
            "query": request.scope["query_string"].decode("latin-1"),
        }
        return templates.TemplateResponse(request, "consent.html", context)

    async def decide(request: Request) -> Response:
        try:
            form = await form_of(bounded(request, TEXT_MAX))
            wanted = simulator.consent_request(dict(parse_qsl(str(form.get("query", "")))))
        except (ConsentRefused, Unreadable) as error:
            return _error_page(request, simulator, str(error))
        if form.get("decision") != "allow":
            declined = {"error": "access_denied", "error_description": "The user declined.", "state": wanted.state}
            return _redirect(wanted.redirect_uri, declined)
        account_id = str(form.get("account", ""))
        if (simulator.platform, account_id) not in simulator.state.accounts:
            return _error_page(request, simulator, "There is no such account.")
        scopes = [scope for scope in wanted.scopes if not wanted.granular or scope in form.getlist("scope")]
        parameters = allow(simulator, wanted, account_id, scopes)
        return _redirect(wanted.redirect_uri, parameters, simulator.redirect_fragment)

    return [
        Route(f"/{host}{path}", ask, methods=["GET"]),
        Route(f"/__sandbox/consent/{simulator.platform}", decide, methods=["POST"]),
    ]


def allow(simulator: Simulator, wanted: ConsentRequest, account_id: str, scopes: list[str]) -> dict[str, str]:
    """Grant the scopes for an account. Return the parameters of the redirect."""
    grant = Grant(simulator.platform, account_id, wanted.client_id, frozenset(scopes))
    code = simulator.grants.issue_code(
        grant, wanted.redirect_uri, wanted.challenge, wanted.offline, simulator.code_tail
    )
    return simulator.redirect_parameters(code, scopes) | {"state": wanted.state}


def _error_page(request: Request, simulator: Simulator, message: str) -> Response:
    context = {"title": simulator.title, "message": message}
    return templates.TemplateResponse(request, "refused.html", context, status_code=400)


def _redirect(redirect_uri: str, parameters: dict[str, str], fragment: str = "") -> Response:
    joined = "&" if urlsplit(redirect_uri).query else "?"
    return RedirectResponse(redirect_uri + joined + urlencode(parameters) + fragment, 303)
