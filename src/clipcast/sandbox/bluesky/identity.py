"""Bluesky's accounts, sessions and tokens for other services (docs/platforms/bluesky.md 1a, 1c, 2)."""

import hashlib
import secrets
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clipcast.clock import clock
from clipcast.sandbox.bluesky.answers import xrpc_error, xrpc_trouble
from clipcast.sandbox.bluesky.rules import APP_PASSWORD, MAIN_PASSWORD
from clipcast.sandbox.faults import Faults
from clipcast.sandbox.grants import Grant, Grants
from clipcast.sandbox.inputs import json_object, number, shaped
from clipcast.sandbox.simulator import Simulator
from clipcast.sandbox.state import Account, SandboxState

PDS = "morel.us-east.host.bsky.network"
PDS_DID = f"did:web:{PDS}"
PLC, APPVIEW, WWW = "plc.directory", "public.api.bsky.app", "bsky.app"
ENTRYWAY = "bsky.social"

ACCESS_SECONDS = 7200
REFRESH_LIFETIME = timedelta(days=90)
# During this time, a used refresh token returns the same successor again.
GRACE = timedelta(hours=2)
LOGINS, LOGIN_WINDOW = 30, timedelta(minutes=5)
# The methods for which the server issues no service token.
PROTECTED = (
    "com.atproto.server.createAppPassword",
    "com.atproto.server.revokeAppPassword",
    "com.atproto.server.updateEmail",
    "com.atproto.server.deactivateAccount",
    "com.atproto.identity.updateHandle",
    "com.atproto.identity.signPlcOperation",
)
MAX_SERVICE_LIFE, MAX_UNNAMED_LIFE = 3600, 60


# The errors that the library raises for text that is not a token.
NO_TOKEN = (JoseError, ValueError, TypeError, KeyError, AttributeError)


class Credentials(BaseModel):
    identifier: str
    password: str


@dataclass
class Session:
    grant: Grant
    expires_at: datetime
    used_at: datetime | None = None
    successor: str | None = None


class Identity(Simulator):
    """The identities of accounts, their sessions and their service tokens."""

    platform = "bluesky"
    title = "Bluesky"
    authorize_at = (ENTRYWAY, "/oauth/authorize")
    watch_pages = ("/bsky.app/profile/{did}/post/{rkey}",)
    default_flags: ClassVar[dict[str, Any]]

    def __init__(self, state: SandboxState, grants: Grants, faults: Faults) -> None:
        super().__init__(state, grants, faults)
        self._secret = OctKey.generate_key(256)
        self._sessions: dict[str, Session] = {}
        self._keys: dict[str, ECKey] = {}

    def new_account(self, username: str, display_name: str) -> Account:
        handle = username if "." in username else f"{username.replace('_', '-')}.bsky.social"
        did = "did:plc:" + b32encode(hashlib.sha256(handle.encode()).digest())[:24].decode().lower()
        account = Account(self.platform, did, handle, display_name, dict(self.default_flags))
        self.state.accounts[self.platform, did] = account
        self._keys[did] = ECKey.generate_key("secp256k1")
        return account

    def trouble(self, host: str, path: str, status: int, message: str) -> Response:
        if host == PLC:
            return JSONResponse({"message": message}, status)
        if "/oauth/" in path:
            return JSONResponse({"error": "invalid_request", "error_description": message}, status)
        return xrpc_trouble(status, message)

    def find_account(self, identifier: str) -> Account | None:
        """Return the account of a handle or DID, or None."""
        wanted = identifier.removeprefix("@").lower()
        accounts = (one for one in self.state.accounts.values() if one.platform == self.platform)
        return next((one for one in accounts if wanted in (one.username, one.account_id)), None)

    async def did_document(self, request: Request) -> Response:
        account = self.find_account(request.path_params["did"])
        if account is None:
            return JSONResponse({"message": "DID not registered"}, 404)
        return JSONResponse(self._document(account))

    def _document(self, account: Account) -> dict[str, Any]:
        return {
            "@context": ["https://www.w3.org/ns/did/v1"],
            "id": account.account_id,
            "alsoKnownAs": [f"at://{account.username}"],
            "service": [
                {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": f"https://{PDS}"}
            ],
        }

    async def resolve_handle(self, request: Request) -> Response:
        account = self.find_account(request.query_params.get("handle", ""))
        if account is None:
            return xrpc_error(400, "InvalidRequest", "Unable to resolve handle")
        return JSONResponse({"did": account.account_id})

    async def describe_repo(self, request: Request) -> Response:
        account = self.find_account(request.query_params.get("repo", ""))
        if account is None:
            return xrpc_error(400, "RepoNotFound", "Could not find repo")
        about = {"handle": account.username, "did": account.account_id, "didDoc": self._document(account)}
        return JSONResponse(about | {"collections": [], "handleIsCorrect": True})

    async def get_profile(self, request: Request) -> Response:
        account = self.find_account(request.query_params.get("actor", ""))
        if account is None:
            return xrpc_error(400, "InvalidRequest", "Profile not found")
        avatar = self.state.avatar_url(WWW, account.username)
        profile = {"did": account.account_id, "handle": account.username, "displayName": account.display_name}
        return JSONResponse(profile | {"avatar": avatar})

    async def create_session(self, request: Request) -> Response:
        body = shaped(Credentials, await json_object(request))
        identifier = body.identifier
        if not self.state.windows.hit(("login", identifier), LOGINS, LOGIN_WINDOW):
            headers = {"retry-after": "300", "ratelimit-limit": str(LOGINS), "ratelimit-remaining": "0"}
            return xrpc_error(429, "RateLimitExceeded", "Rate Limit Exceeded", headers)
        account = self.find_account(identifier)
        if account is None or body.password not in (APP_PASSWORD, MAIN_PASSWORD):
            return xrpc_error(401, "AuthenticationRequired", "Invalid identifier or password")
        if account.flags["takedown"]:
            return xrpc_error(401, "AccountTakedown", "Account has been taken down")
        if body.password == MAIN_PASSWORD and account.flags["email_factor"]:
            return xrpc_error(401, "AuthFactorTokenRequired", "A sign in code has been sent to your email address")
        kind = "appPass" if body.password == APP_PASSWORD else "access"
        grant = Grant(self.platform, account.account_id, "", frozenset({f"com.atproto.{kind}"}))
        self.grants.all.append(grant)
        about = {"did": account.account_id, "handle": account.username, "didDoc": self._document(account)}
        return JSONResponse(about | self._tokens(grant, secrets.token_hex(16)) | {"active": True})

    def _tokens(self, grant: Grant, refresh_id: str) -> dict[str, str]:
        now = int(clock.now().timestamp())
        [scope] = grant.scopes
        common = {"sub": grant.account_id, "iat": now, "aud": PDS_DID}
        access = self._signed(common | {"scope": scope, "exp": now + ACCESS_SECONDS, "jti": secrets.token_hex(8)})
        self.grants.adopt_access(access, grant, ACCESS_SECONDS)
        session = self._sessions.setdefault(refresh_id, Session(grant, clock.now() + REFRESH_LIFETIME))
        refresh = self._signed(
            common | {"scope": "com.atproto.refresh", "exp": int(session.expires_at.timestamp()), "jti": refresh_id}
        )
        return {"accessJwt": access, "refreshJwt": refresh}

    def _signed(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "HS256", "typ": "at+jwt"}, claims, self._secret)

    async def refresh_session(self, request: Request) -> Response:
        claims = self._claims(request)
        if isinstance(claims, Response):
            return claims
        session = self._sessions.get(claims.get("jti", ""))
        if claims.get("scope") != "com.atproto.refresh" or session is None:
            return xrpc_error(400, "InvalidToken", "Invalid token type")
        late = session.used_at is not None and clock.now() > session.used_at + GRACE
        if session.grant.revoked or late or clock.now() > session.expires_at:
            return xrpc_error(400, "ExpiredToken", "Token has been revoked")
        if session.successor is None:
            session.used_at, session.successor = clock.now(), secrets.token_hex(16)
        account = self.account(session.grant.account_id)
        about = {"did": account.account_id, "handle": account.username}
        return JSONResponse(about | self._tokens(session.grant, session.successor) | {"active": True})

    async def delete_session(self, request: Request) -> Response:
        claims = self._claims(request)
        if isinstance(claims, Response):
            return claims
        session = self._sessions.get(claims.get("jti", ""))
        if claims.get("scope") != "com.atproto.refresh" or session is None:
            return xrpc_error(400, "InvalidToken", "Invalid token type")
        session.grant.revoked = True
        return Response(None, 200)

    async def get_session(self, request: Request) -> Response:
        grant = self.caller(request)
        if isinstance(grant, Response):
            return grant
        account = self.account(grant.account_id)
        confirmed = not account.flags["unconfirmed_email"]
        about = {"did": account.account_id, "handle": account.username, "emailConfirmed": confirmed, "active": True}
        return JSONResponse(about)

    def _claims(self, request: Request) -> dict[str, Any] | Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer":
            return xrpc_error(401, "AuthMissing", "Authentication Required")
        try:
            claims: dict[str, Any] = jwt.decode(token, self._secret, algorithms=["HS256"]).claims
        except NO_TOKEN:
            return xrpc_error(400, "InvalidToken", "Token could not be verified")
        return claims

    def caller(self, request: Request) -> Grant | Response:
        """Return the grant of the session's access token, or an error response."""
        claims = self._claims(request)
        if isinstance(claims, Response):
            return claims
        if claims.get("scope") == "com.atproto.refresh":
            return xrpc_error(400, "InvalidToken", "Bad token scope")
        grant = self.grants.of_access(request.headers["authorization"])
        if grant is None:
            return xrpc_error(400, "ExpiredToken", "Token has expired")
        flags = self.account(grant.account_id).flags
        if flags["takedown"]:
            return xrpc_error(401, "AccountTakedown", "Account has been taken down")
        if flags["deactivated"]:
            return xrpc_error(401, "AccountDeactivated", "Account is deactivated")
        return grant

    def scope_error(self, grant: Grant, need: str) -> Response | None:
        """Return an error response if the grant does not allow `need`, or None."""
        raise NotImplementedError

    async def service_auth(self, request: Request) -> Response:
        grant = self.caller(request)
        if isinstance(grant, Response):
            return grant
        if error := self.scope_error(grant, f"rpc:{request.query_params.get('lxm')}?"):
            return error
        query, now = request.query_params, int(clock.now().timestamp())
        lxm, expires = query.get("lxm"), number(query.get("exp", str(now + MAX_UNNAMED_LIFE)))
        if not query.get("aud", "").startswith("did:") or expires is None:
            return xrpc_error(400, "InvalidRequest", "aud must be a DID and exp an integer")
        if lxm in PROTECTED:
            return xrpc_error(400, "InvalidRequest", f"cannot request a service auth token for {lxm}")
        if not 0 < expires - now <= (MAX_SERVICE_LIFE if lxm else MAX_UNNAMED_LIFE):
            return xrpc_error(400, "BadExpiration", "the expiration is too far or past")
        claims = {"iat": now, "iss": grant.account_id, "aud": query["aud"], "exp": expires}
        claims |= {"jti": secrets.token_hex(16)} | ({"lxm": lxm} if lxm else {})
        return JSONResponse({"token": self.sign_for(grant.account_id, claims)})

    def sign_for(self, did: str, claims: dict[str, Any]) -> str:
        """Sign a token with which the account authenticates to another service."""
        return jwt.encode({"alg": "ES256K", "typ": "JWT"}, claims, self._keys[did], algorithms=["ES256K"])

    def service_claims(self, request: Request, audience: str, method: str) -> dict[str, Any] | Response:
        """Return the claims of the request's service token, or an error response."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        claims = self._verified(token)
        if claims is None:
            return xrpc_error(401, "BadJwtSignature", "jwt signature could not be verified")
        if claims["aud"] != audience:
            return xrpc_error(401, "BadJwtAudience", "invalid token audience")
        if claims.get("lxm") != method:
            return xrpc_error(401, "BadJwtLexiconMethod", f"bad lexicon method, wanted {method}")
        if claims["exp"] <= clock.now().timestamp():
            return xrpc_error(401, "JwtExpired", "jwt expired")
        return claims

    def _verified(self, token: str) -> dict[str, Any] | None:
        for did, key in self._keys.items():
            try:
                claims: dict[str, Any] = jwt.decode(token, key, algorithms=["ES256K"]).claims
            except NO_TOKEN:
                continue
            if claims.get("iss") == did:
                return claims
        return None
