"""OAuth for agents: what a client reads and sends, and the page on which a person agrees.

RFC 9728 (metadata of the resource), RFC 8414 (metadata of the server), RFC 7591 (registration), RFC 6749 with PKCE, RFC
8707 (resource) and RFC 9207 (issuer). A token is an API key of a workspace.
"""

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from clipcast.api.dependencies import InstallationDep
from clipcast.api.schemas import read_json
from clipcast.audit.service import Actor, record
from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError
from clipcast.common.settings import Settings
from clipcast.installation import Installation
from clipcast.people import oauth
from clipcast.people.oauth import Client, OAuthError
from clipcast.web.developers import LIVES
from clipcast.web.forms import FilledForm, read_form
from clipcast.web.pages import headers
from clipcast.web.viewers import Viewer, Viewing, address_of
from clipcast.workspaces.service import SCOPES

router = APIRouter(include_in_schema=False)

USUAL_DAYS = 90
NO_STORE = {"Cache-Control": "no-store"}
# Clients in browsers read these documents from other sites. They hold nothing secret.
PUBLIC = {"Access-Control-Allow-Origin": "*"}


@router.get("/.well-known/oauth-protected-resource")
@router.get("/.well-known/oauth-protected-resource/mcp")
async def describe_resource(installation: InstallationDep) -> Response:
    """Describe the resource that agents use, and name the server that authorizes them: this one."""
    settings = _offering(installation)
    document = {
        "resource": oauth.resource_of(settings),
        "authorization_servers": [settings.public_base],
        "scopes_supported": list(SCOPES),
        "bearer_methods_supported": ["header"],
        "resource_name": "Clipcast",
    }
    return JSONResponse(document, headers=PUBLIC)


@router.get("/.well-known/oauth-authorization-server")
async def describe_server(installation: InstallationDep) -> Response:
    """Describe the addresses and abilities of the authorization."""
    base = _offering(installation).public_base
    document = {
        "issuer": base,
        "authorization_endpoint": f"{base}/oauth/authorize",
        "token_endpoint": f"{base}/oauth/token",
        "registration_endpoint": f"{base}/oauth/register",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code"],
        "token_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }
    return JSONResponse(document, headers=PUBLIC)


@router.post("/oauth/register")
async def register(request: Request, installation: InstallationDep) -> Response:
    """Register a client. It is public, whatever it asks for: it gets no secret."""
    _offering(installation)
    body = await read_json(request)
    if not isinstance(body, dict):
        return _failed(OAuthError("invalid_client_metadata", "Send a JSON object."))
    addresses = body.get("redirect_uris")
    if not isinstance(addresses, list) or not all(isinstance(one, str) for one in addresses):
        return _failed(OAuthError("invalid_redirect_uri", "redirect_uris is not a list of addresses."))
    try:
        client = oauth.register(installation.vault, str(body.get("client_name") or ""), addresses)
    except OAuthError as error:
        return _failed(error)
    document = {
        "client_id": client.id,
        "client_id_issued_at": int(clock.now().timestamp()),
        "client_name": client.name,
        "redirect_uris": list(client.redirect_uris),
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "scope": " ".join(SCOPES),
    }
    return JSONResponse(document, 201, NO_STORE)


@router.get("/oauth/authorize")
async def authorization_page(request: Request, installation: InstallationDep, viewer: Viewing) -> Response:
    """Ask the person what the client may do, and in which workspace."""
    asked = _asked(request, installation)
    return asked if isinstance(asked, Response) else _page(viewer, asked, FilledForm({}))


@router.post("/oauth/authorize")
async def authorize(request: Request, installation: InstallationDep, viewer: Viewing) -> Response:
    """Send the browser back to the client, with a code or with the refusal."""
    asked = _asked(request, installation)
    if isinstance(asked, Response):
        return asked
    form = await read_form(request)
    if form.one("decision") != "allow":
        return asked.back(error="access_denied", error_description="The person did not agree.")
    owned = {workspace.id: workspace for workspace, role in viewer.workspaces if role == "owner"}
    workspace = owned.get(parse_id(form.one("workspace")) or UUID(int=0))
    scopes, days = [scope for scope in SCOPES if scope in form.all("scopes")], form.one("days")
    form.add_problem("workspace", None if workspace else "Choose a workspace that you own.")
    form.add_problem("scopes", None if scopes else "Choose at least one scope.")
    form.add_problem("days", None if days in map(str, LIVES) else "Choose one of the lifetimes.")
    if form.problems or workspace is None:
        return _page(viewer, asked, form)
    code = oauth.grant(
        installation.vault, asked.client, asked.redirect_uri, asked.challenge, viewer.user.id, workspace.id, scopes,
        int(days),
    )  # fmt: skip
    return asked.back(code=code)


@router.post("/oauth/token")
async def exchange(request: Request, installation: InstallationDep) -> Response:
    """Exchange a code for an API key."""
    _offering(installation)
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    try:
        return await _exchanged(request, installation, form)
    except OAuthError as error:
        return _failed(error, 401 if error.error == "invalid_client" else 400)


async def _exchanged(request: Request, installation: Installation, form: dict[str, str]) -> Response:
    if form.get("grant_type") != "authorization_code":
        raise OAuthError("unsupported_grant_type", "The only grant_type is authorization_code.")
    client = oauth.find_client(installation.vault, form.get("client_id", ""))
    if client is None:
        raise OAuthError("invalid_client", "client_id is not registered here. Register again.")
    _check_resource(installation.settings, form.get("resource"))
    given = oauth.read_code(
        installation.vault, form.get("code", ""), client.id, form.get("redirect_uri"), form.get("code_verifier", "")
    )
    actor = Actor("user", UUID(given.user_id), f"{given.client_name} (OAuth)", address_of(request))
    async with installation.database.begin() as session:
        key, secret = await oauth.redeem(session, given)
        action = "key.created" if secret else "key.revoked"
        record(session, UUID(given.workspace_id), actor, action, key.name, key.id, scopes=key.scopes)
    if secret is None:
        raise OAuthError("invalid_grant", "The code was used before, so its key was revoked. Authorize again.")
    document: dict[str, Any] = {"access_token": secret, "token_type": "Bearer", "scope": " ".join(key.scopes)}
    if given.days:
        document["expires_in"] = given.days * 86_400
    return JSONResponse(document, headers=NO_STORE)


class _Request:
    """A valid request for an authorization."""

    def __init__(self, settings: Settings, client: Client, redirect_uri: str, query: dict[str, str]) -> None:
        self.client, self.redirect_uri = client, redirect_uri
        self.challenge = query.get("code_challenge", "")
        self.scopes = [scope for scope in SCOPES if scope in query.get("scope", "").split()] or list(SCOPES)
        self._state, self._issuer = query.get("state"), settings.public_base

    def back(self, **parameters: str) -> Response:
        """Send the browser back to the client."""
        more = {"state": self._state} if self._state is not None else {}
        parts = urlsplit(self.redirect_uri)
        given = [*parse_qsl(parts.query, keep_blank_values=True), *(parameters | more | {"iss": self._issuer}).items()]
        target = urlunsplit(parts._replace(query=urlencode(given)))
        return RedirectResponse(target, 303, headers(form_action=self.form_action) | {"Referrer-Policy": "no-referrer"})

    @property
    def form_action(self) -> str:
        """The source expression for the client's address: browsers apply `form-action` to redirects, too."""
        scheme = urlsplit(self.redirect_uri).scheme
        # An IPv6 address cannot be written there. Addresses of http are of this machine only.
        return f"'self' {self.shown_host if scheme == 'https' else scheme + ':'}"

    @property
    def shown_host(self) -> str:
        """The origin to which the code goes."""
        parts = urlsplit(self.redirect_uri)
        return f"{parts.scheme}://{parts.netloc}"


def _asked(request: Request, installation: Installation) -> "_Request | Response":
    """Return the request of the query. Errors go to the client, where its address is known to be its own.

    Raises AppError 400 where it is not.
    """
    settings = _offering(installation)
    query = dict(request.query_params)
    client = oauth.find_client(installation.vault, query.get("client_id", ""))
    if client is None:
        raise AppError(400, "invalid_client", "This program is not registered here. Connect it again.")
    redirect_uri = oauth.find_redirect(client, query.get("redirect_uri"))
    if redirect_uri is None:
        message = "The program named a return address that it has not registered. Connect it again."
        raise AppError(400, "invalid_redirect_uri", message)
    asked = _Request(settings, client, redirect_uri, query)
    try:
        if query.get("response_type") != "code":
            raise OAuthError("unsupported_response_type", "The only response_type is code.")
        if query.get("code_challenge_method") != "S256" or not oauth.CHALLENGE.fullmatch(asked.challenge):
            raise OAuthError("invalid_request", "PKCE is required: code_challenge with the method S256.")
        _check_resource(settings, query.get("resource"))
    except OAuthError as error:
        return asked.back(error=error.error, error_description=error.message)
    return asked


def _check_resource(settings: Settings, resource: str | None) -> None:
    known = (oauth.resource_of(settings), settings.public_base)
    if resource is not None and resource.rstrip("/") not in known:
        raise OAuthError("invalid_target", f"The only resource is {known[0]}.")


def _page(viewer: Viewer, asked: _Request, form: FilledForm) -> Response:
    response = viewer.render(
        "sign_in/authorize.html",
        asked=asked,
        form=form,
        workspaces=[workspace for workspace, role in viewer.workspaces if role == "owner"],
        scopes=SCOPES,
        chosen=form.all("scopes") or asked.scopes,
        lives=LIVES,
        days=form.one("days") or str(USUAL_DAYS),
        status=422 if form.problems else 200,
    )
    response.headers.update(headers(form_action=asked.form_action))
    return response


def _offering(installation: Installation) -> Settings:
    """Return the settings. Raises AppError 404 if this installation offers no OAuth."""
    if not oauth.is_offered(installation.settings):
        message = "OAuth needs a public https address (CLIPCAST_PUBLIC_URL). Use an API key."
        raise AppError(404, "oauth_not_offered", message)
    return installation.settings


def _failed(error: OAuthError, status: int = 400) -> Response:
    return JSONResponse({"error": error.error, "error_description": error.message}, status, NO_STORE)
