"""Bluesky's OAuth: pushed requests, DPoP proofs and single-use refresh tokens (docs/platforms/bluesky.md 1b)."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qs

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clipcast.clock import clock
from clipcast.sandbox.bluesky.answers import xrpc_error
from clipcast.sandbox.bluesky.identity import ENTRYWAY, NO_TOKEN, PDS
from clipcast.sandbox.bluesky.video import VideoService
from clipcast.sandbox.faults import Faults
from clipcast.sandbox.grants import Grant, Grants
from clipcast.sandbox.inputs import TEXT_MAX, address, form_texts
from clipcast.sandbox.simulator import ConsentRefused, ConsentRequest
from clipcast.sandbox.state import SandboxState

ISSUER = f"https://{ENTRYWAY}"
ACCESS_SECONDS = 3600
PUSHED_LIFETIME = timedelta(minutes=5)
NONCE_LIFETIME = timedelta(minutes=3)
PROOF_AGE = 60
KNOWN_SCOPES = ("atproto", "transition:", "repo:", "blob:", "rpc:", "account:", "identity:")


class ClientDocument(BaseModel):
    """The metadata of an app, published at the address that is its client id."""

    client_id: str
    dpop_bound_access_tokens: bool = False
    redirect_uris: list[str]
    jwks: dict[str, Any] = {}


@dataclass
class Pushed:
    form: dict[str, str]
    thumbprint: str
    expires_at: datetime


@dataclass
class Bound:
    """An authorization that is bound to a key, with its only valid access and refresh token."""

    grant: Grant
    thumbprint: str
    public: bool
    began_at: datetime
    refresh_token: str = ""
    access_token: str = ""
    used: set[str] = field(default_factory=set)


class AuthorizationServer(VideoService):
    """The authorization server (the entryway), and the PDS's check of its tokens."""

    def __init__(self, state: SandboxState, grants: Grants, faults: Faults) -> None:
        super().__init__(state, grants, faults)
        self._nonce, self._nonce_made_at = secrets.token_urlsafe(12), clock.now()
        self._pushed: dict[str, Pushed] = {}
        self._codes: dict[str, tuple[str, str]] = {}
        self._bound: dict[str, Bound] = {}
        self._proofs: set[str] = set()

    async def protected_resource(self, request: Request) -> Response:
        return JSONResponse({"resource": f"https://{PDS}", "authorization_servers": [ISSUER]})

    async def server_metadata(self, request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": ISSUER,
                "authorization_endpoint": f"{ISSUER}/oauth/authorize",
                "token_endpoint": f"{ISSUER}/oauth/token",
                "pushed_authorization_request_endpoint": f"{ISSUER}/oauth/par",
                "revocation_endpoint": f"{ISSUER}/oauth/revoke",
                "require_pushed_authorization_requests": True,
                "dpop_signing_alg_values_supported": ["ES256"],
                "authorization_response_iss_parameter_supported": True,
                "client_id_metadata_document_supported": True,
            }
        )

    def _current_nonce(self) -> str:
        if clock.now() > self._nonce_made_at + NONCE_LIFETIME:
            self._nonce, self._nonce_made_at = secrets.token_urlsafe(12), clock.now()
        return self._nonce

    def _proof(self, request: Request, access_token: str | None = None) -> str | Response:
        """Return the thumbprint of the key that signed the request's proof, or an error response."""
        status = 401 if access_token else 400
        host, path = request.scope["path"].split("/", 2)[1:]
        try:
            token = request.headers["dpop"]
            header = jws.extract_compact(token.encode()).headers()
            key = ECKey.import_key(header["jwk"])
            claims = jwt.decode(token, key, algorithms=["ES256"]).claims
            fresh = abs(claims["iat"] - clock.now().timestamp()) < PROOF_AGE and claims["jti"] not in self._proofs
            right = header["typ"] == "dpop+jwt" and claims["htm"] == request.method and "d" not in header["jwk"]
            right = right and claims["htu"] == f"https://{host}/{path}" and fresh
        except NO_TOKEN:
            return _oauth_error(status, "invalid_dpop_proof", "DPoP proof required")
        if claims.get("nonce") != self._current_nonce():
            headers = {"DPoP-Nonce": self._current_nonce()}
            headers |= {"WWW-Authenticate": 'DPoP error="use_dpop_nonce"'} if access_token else {}
            return _oauth_error(status, "use_dpop_nonce", "Authorization server requires nonce in DPoP proof", headers)
        if access_token:
            digest = hashlib.sha256(access_token.encode()).digest()
            right = right and claims.get("ath") == urlsafe_b64encode(digest).decode().rstrip("=")
        if not right:
            return _oauth_error(status, "invalid_dpop_proof", "DPoP proof is not for this request")
        self._proofs.add(claims["jti"])
        return key.thumbprint()

    async def _client(self, form: dict[str, str]) -> bool | Response:
        """Return whether the client is public, or an error response if it is invalid."""
        client_id = form.get("client_id", "")
        parts = address(client_id)
        if parts is None:
            return _oauth_error(400, "invalid_request", "client_id is not an address")
        if parts.scheme == "http" and parts.hostname == "localhost" and not parts.port and parts.path in ("", "/"):
            redirects = parse_qs(parts.query).get("redirect_uri", ["http://127.0.0.1/"])
            return self._redirect_allowed(form, redirects) or True
        document = await self._document_of(client_id)
        if document is None or document.client_id != client_id or not document.dpop_bound_access_tokens:
            return _oauth_error(400, "invalid_client_metadata", "The client's document cannot be read")
        if wrong := self._redirect_allowed(form, document.redirect_uris):
            return wrong
        try:
            keys = KeySet.import_key_set(cast(Any, document.jwks))
            claims = jwt.decode(form["client_assertion"], keys, algorithms=["ES256"]).claims
            right = claims["iss"] == claims["sub"] == client_id and claims["aud"] == ISSUER
        except NO_TOKEN:
            right = False
        return False if right else _oauth_error(400, "invalid_client", "client_assertion is missing or wrong")

    async def _document_of(self, client_id: str) -> "ClientDocument | None":
        received = bytearray()
        if await self.state.fetch(client_id, "Bluesky", received.extend, TEXT_MAX):
            return None
        try:
            return ClientDocument.model_validate_json(received)
        except ValidationError:
            return None

    def _redirect_allowed(self, form: dict[str, str], redirects: list[str]) -> Response | None:
        if "redirect_uri" in form and form["redirect_uri"] not in redirects:
            return _oauth_error(400, "invalid_request", "Invalid redirect_uri")
        return None

    async def push(self, request: Request) -> Response:
        thumbprint = self._proof(request)
        if isinstance(thumbprint, Response):
            return thumbprint
        form = await form_texts(request)
        client = await self._client(form)
        if isinstance(client, Response):
            return client
        if "redirect_uri" not in form:
            return _oauth_error(400, "invalid_request", "redirect_uri is required")
        scopes = form.get("scope", "").split()
        if "atproto" not in scopes or not all(scope.startswith(KNOWN_SCOPES) for scope in scopes):
            return _oauth_error(400, "invalid_scope", "atproto is required")
        if form.get("code_challenge_method") != "S256" or not form.get("code_challenge") or not form.get("state"):
            return _oauth_error(400, "invalid_request", "code_challenge, S256 and state are required")
        request_uri = f"urn:ietf:params:oauth:request_uri:{secrets.token_urlsafe(16)}"
        self._pushed[request_uri] = Pushed(form, thumbprint, clock.now() + PUSHED_LIFETIME)
        return JSONResponse({"request_uri": request_uri, "expires_in": 299}, 201)

    def consent_request(self, query: dict[str, str]) -> ConsentRequest:
        pushed = self._pushed.get(query.get("request_uri", ""))
        if pushed is None or pushed.expires_at < clock.now() or pushed.form["client_id"] != query.get("client_id"):
            raise ConsentRefused("The request was not announced, or too long ago.")
        form = pushed.form
        scopes = tuple(form["scope"].split())
        challenge = f"{pushed.thumbprint} {form['code_challenge']}"
        return ConsentRequest(form["client_id"], form["redirect_uri"], form["state"], scopes, challenge, True, False)

    def redirect_parameters(self, code: str, scopes: list[str]) -> dict[str, str]:
        return {"code": code, "iss": ISSUER}

    async def token(self, request: Request) -> Response:
        thumbprint = self._proof(request)
        if isinstance(thumbprint, Response):
            return thumbprint
        form = await form_texts(request)
        public = await self._client(form)
        if isinstance(public, Response):
            return public
        if form.get("grant_type") == "refresh_token":
            return self._refresh(form, thumbprint)
        code = self.grants.redeem(form.get("code", ""))
        if code is None or code.grant.client_id != form["client_id"] or code.redirect_uri != form.get("redirect_uri"):
            return _oauth_error(400, "invalid_grant", "Invalid code")
        bound_to, _, challenge = (code.challenge or "").partition(" ")
        if bound_to != thumbprint or create_s256_code_challenge(form.get("code_verifier", "")) != challenge:
            return _oauth_error(400, "invalid_grant", "The proof or the verifier does not fit")
        return self._issue(Bound(code.grant, thumbprint, public, clock.now()))

    def _issue(self, bound: Bound) -> Response:
        if bound.access_token:
            self.grants.drop_access(bound.access_token)  # a refresh ends the previous access token at once
        bound.refresh_token = f"ref-{secrets.token_urlsafe(24)}"
        bound.access_token = self.grants.issue_access(bound.grant, "oauth-", ACCESS_SECONDS)
        self._bound[bound.access_token] = self._bound[bound.refresh_token] = bound
        return JSONResponse(
            {
                "access_token": bound.access_token,
                "token_type": "DPoP",
                "refresh_token": bound.refresh_token,
                "scope": " ".join(sorted(bound.grant.scopes)),
                "expires_in": ACCESS_SECONDS,
                "sub": bound.grant.account_id,
            }
        )

    def _refresh(self, form: dict[str, str], thumbprint: str) -> Response:
        token = form.get("refresh_token", "")
        bound = self._bound.get(token)
        if bound is None or bound.thumbprint != thumbprint or bound.grant.revoked:
            return _oauth_error(400, "invalid_grant", "Invalid refresh token")
        life = timedelta(days=14) if bound.public else timedelta(days=730)
        if token in bound.used or clock.now() > bound.began_at + life:
            bound.grant.revoked = True
            return _oauth_error(400, "invalid_grant", "Refresh token replayed")
        bound.used.add(token)
        return self._issue(bound)

    async def revoke(self, request: Request) -> Response:
        thumbprint = self._proof(request)
        if isinstance(thumbprint, Response):
            return thumbprint
        bound = self._bound.get((await form_texts(request)).get("token", ""))
        if bound is not None and bound.thumbprint == thumbprint:
            bound.grant.revoked = True
        return JSONResponse({})

    def caller(self, request: Request) -> Grant | Response:
        """Return the grant of the request's token, or an error response. A bound token needs a proof."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "DPoP":
            return super().caller(request)
        thumbprint = self._proof(request, token)
        if isinstance(thumbprint, Response):
            return thumbprint
        bound = self._bound.get(token)
        grant = self.grants.of_access(f"Bearer {token}")
        if bound is None or grant is None or bound.thumbprint != thumbprint or token != bound.access_token:
            headers = {"WWW-Authenticate": 'DPoP error="invalid_token"'}
            return xrpc_error(401, "invalid_token", "The token is expired or revoked", headers)
        return grant

    def scope_error(self, grant: Grant, need: str) -> Response | None:
        """Return an error response if the OAuth scopes do not include `need`, or None.

        A session with an app password allows everything.
        """
        if "atproto" not in grant.scopes or any(scope.startswith(need) for scope in grant.scopes):
            return None
        return xrpc_error(403, "ScopeMissingError", f"Missing required scope: {need}")


def _oauth_error(status: int, error: str, description: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": error, "error_description": description}, status, headers)
