"""Authorization of Bluesky accounts on their own server: OAuth of the AT protocol (docs/platforms/bluesky.md 1b).

No app has to be registered. A public installation identifies itself by the URL of its client document, one on a
loopback address as the loopback client that every server accepts.
"""

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey

from clipcast.clock import clock
from clipcast.common.settings import PlatformApp
from clipcast.platforms.base import Account, Field, Http, Profile, Redirect, Tokens
from clipcast.platforms.bluesky.account import HANDLE_ERRORS, no_such_handle, view_of
from clipcast.platforms.bluesky.dpop import DpopHttp
from clipcast.platforms.bluesky.errors import parse_oauth_response, parse_response
from clipcast.platforms.bluesky.identity import UNSIGNED, did_of, origin_of, server_of
from clipcast.platforms.bluesky.rules import OAUTH, PUBLIC_SIGN_IN_LIFE, REFRESH_LIFE, SCOPES
from clipcast.platforms.errors import InvalidRequest, ReconnectNeeded
from clipcast.platforms.http import expires
from clipcast.platforms.responses import Response

LOOPBACK = ("127.0.0.1", "localhost", "::1")
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SCOPE = " ".join(SCOPES)


class BlueskyOAuth:
    app = "bluesky"
    required_scopes: tuple[str, ...] = SCOPES
    optional_scopes: tuple[str, ...] = ()
    renews_itself = False
    fields: tuple[Field, ...] = (
        Field("identifier", "Handle", "Such as you.bsky.social, or your own domain. Your server asks for the rest.",
              errors=HANDLE_ERRORS),
        Field("server", "Server", "Only if you run a server outside the network.", required=False,
              errors=("server_unknown",)),
    )  # fmt: skip

    def own_app(self, public_base: str, secret: bytes) -> PlatformApp:
        if urlsplit(public_base).hostname in LOOPBACK:
            redirect_uri = f"{public_base}/connect/bluesky/callback".replace("//localhost", "//127.0.0.1")
            query = urlencode({"redirect_uri": redirect_uri, "scope": SCOPE})
            return PlatformApp(f"http://localhost?{query}", "")
        return PlatformApp(f"{public_base}/connect/bluesky/client.json", secret.hex())

    def client_document(self, app: PlatformApp, public_base: str, redirect_uri: str) -> dict[str, Any]:
        return {
            "client_id": app.client_id,
            "client_name": "Clipcast",
            "client_uri": public_base,
            "application_type": "web",
            "redirect_uris": [redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "scope": SCOPE,
            "dpop_bound_access_tokens": True,
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256",
            "jwks": {"keys": [client_key(app).as_dict(private=False)]},
        }

    async def begin(
        self, http: Http, app: PlatformApp, redirect_uri: str, form: Mapping[str, str], state: str
    ) -> Redirect:
        identifier = form["identifier"].removeprefix("@")
        if form.get("server"):
            did, origin = identifier, origin_of(form["server"])
        else:
            try:
                did = identifier if identifier.startswith("did:") else await did_of(http, identifier)
            except InvalidRequest as error:
                raise no_such_handle(identifier) from error
            origin = await server_of(http, did)
        server = await _authorization_server(http, origin)
        key, verifier = ECKey.generate_key("P-256"), secrets.token_urlsafe(48)
        pushed = {
            "client_id": app.client_id,
            "response_type": "code",
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
            "state": state,
            "redirect_uri": redirect_uri,
            "scope": SCOPE,
            "login_hint": identifier,
        }
        url = str(server["pushed_authorization_request_endpoint"])
        body = parse_oauth_response(await _post(http, key, app, server["issuer"], "par", url, pushed))
        query = urlencode({"client_id": app.client_id, "request_uri": body["request_uri"]})
        kept = {
            "did": did if did.startswith("did:") else None,
            "verifier": verifier,
            "key": key.as_dict(private=True),
            "issuer": server["issuer"],
            "token_endpoint": server["token_endpoint"],
            "revocation_endpoint": server.get("revocation_endpoint"),
        }
        return Redirect(f"{server['authorization_endpoint']}?{query}", kept)

    async def complete(
        self, http: Http, app: PlatformApp, redirect_uri: str, query: Mapping[str, str], kept: Mapping[str, Any]
    ) -> Tokens:
        if query.get("iss") != kept["issuer"]:
            raise _mixed_up("The response came from another server than the one that Clipcast asked.")
        form = {
            "grant_type": "authorization_code",
            "code": query["code"],
            "redirect_uri": redirect_uri,
            "code_verifier": kept["verifier"],
            "client_id": app.client_id,
        }
        key = ECKey.import_key(dict(kept["key"]))
        response = await _post(http, key, app, kept["issuer"], "token", kept["token_endpoint"], form)
        body = parse_oauth_response(response)
        did = str(body["sub"])
        if kept["did"] not in (None, did):
            raise _mixed_up("The authorization is for another account than the requested one.")
        # The account's own server must name the server that issued the authorization.
        server = await _authorization_server(http, await server_of(http, did))
        if server["issuer"] != kept["issuer"]:
            raise _mixed_up("The account belongs to another server.")
        names = ("key", "issuer", "token_endpoint", "revocation_endpoint")
        return _tokens(body, {"did": did} | {name: kept[name] for name in names}, app, None)

    async def refresh(self, http: Http, app: PlatformApp, tokens: Tokens) -> Tokens:
        """Return new tokens. A refresh token works once; its repeat ends the whole authorization."""
        form = {
            "grant_type": "refresh_token",
            "refresh_token": tokens.refresh_token or "",
            "client_id": app.client_id,
        }
        kept = tokens.extra
        key = ECKey.import_key(dict(kept["key"]))
        response = await _post(http, key, app, kept["issuer"], "refresh", kept["token_endpoint"], form)
        try:
            return _tokens(parse_oauth_response(response), kept, app, tokens)
        except InvalidRequest as error:
            raise ReconnectNeeded(
                "grant_refused", "The server no longer accepts this authorization.", platform=error.platform
            ) from error

    async def accounts(self, http: Http, tokens: Tokens) -> list[Account]:
        did = str(tokens.extra["did"])
        url, params = f"{await server_of(http, did)}/xrpc/com.atproto.repo.describeRepo", {"repo": did}
        handle = str(parse_response(await http.request("repo", "GET", url, params=params, headers=UNSIGNED))["handle"])
        view = await view_of(http, did)
        profile = Profile(did, handle, view.get("displayName") or handle, view.get("avatar"), {"way": OAUTH})
        return [Account(profile, tokens)]

    async def revoke(self, http: Http, app: PlatformApp, tokens: Tokens) -> None:
        kept = tokens.extra
        if kept["revocation_endpoint"]:
            form = {"token": tokens.refresh_token or tokens.access_token, "client_id": app.client_id}
            key = ECKey.import_key(dict(kept["key"]))
            response = await _post(http, key, app, kept["issuer"], "revoke", kept["revocation_endpoint"], form)
            if not response.is_success:
                parse_oauth_response(response)


def sign(http: Http, tokens: Tokens) -> Http | None:
    """Return the HTTP that adds proofs, for accounts of this sign-in method; None for others."""
    if "key" not in tokens.extra:
        return None
    return DpopHttp(http, ECKey.import_key(dict(tokens.extra["key"])), tokens.access_token)


def client_key(app: PlatformApp) -> ECKey:
    """Return the signing key of a confidential client, derived from the installation's secret."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    number = int(app.client_secret, 16) % (order - 1) + 1
    private = ec.derive_private_key(number, ec.SECP256R1())
    return ECKey.import_key(private, {"use": "sig", "alg": "ES256", "kid": "clipcast"})


async def _authorization_server(http: Http, origin: str) -> dict[str, Any]:
    """Return the metadata of the server's authorization server."""
    url = f"{origin}/.well-known/oauth-protected-resource"
    resource = parse_response(await http.request("resource", "GET", url, headers=UNSIGNED))
    issuer = str(resource["authorization_servers"][0]).rstrip("/")
    url = f"{issuer}/.well-known/oauth-authorization-server"
    server = parse_response(await http.request("server", "GET", url, headers=UNSIGNED))
    if str(server.get("issuer")).rstrip("/") != issuer:
        raise _mixed_up("The authorization server names another issuer.")
    return server


async def _post(
    http: Http, key: ECKey, app: PlatformApp, issuer: str, name: str, url: str, form: Mapping[str, str]
) -> Response:
    """Send a request of the client itself: with a proof, and with an assertion if the client is confidential."""
    sent = dict(form)
    if app.client_secret:
        now = int(clock.now().timestamp())
        claims: dict[str, Any] = {"iss": app.client_id, "sub": app.client_id, "aud": issuer}
        claims |= {"jti": secrets.token_urlsafe(16)}
        claims |= {"iat": now, "exp": now + 60}
        signer = client_key(app)
        sent["client_assertion_type"] = ASSERTION
        sent["client_assertion"] = jwt.encode({"alg": "ES256", "kid": "clipcast"}, claims, signer)
    return await DpopHttp(http, key, None).request(name, "POST", url, form=sent)


def _tokens(body: dict[str, Any], extra: Mapping[str, Any], app: PlatformApp, before: Tokens | None) -> Tokens:
    if before is None or app.client_secret:
        end = clock.now() + (REFRESH_LIFE if app.client_secret else PUBLIC_SIGN_IN_LIFE)
    else:
        assert before.refresh_expires_at is not None
        end = before.refresh_expires_at  # a refresh does not extend a public client's authorization
    return Tokens(
        body["access_token"],
        body.get("refresh_token"),
        expires(body.get("expires_in")),
        end,
        tuple(str(body.get("scope", "")).split()),
        dict(extra),
    )


def _mixed_up(message: str) -> InvalidRequest:
    return InvalidRequest("server_mixed_up", message, actor="account_owner", fix="Open the link and sign in again.")
