"""Proof of possession (RFC 9449): a signature of each request with the key to which its token is bound."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey

from clipcast.clock import clock
from clipcast.platforms.base import Http
from clipcast.platforms.responses import Response

# The newest nonce of each server. The server rejects a proof without it.
_nonces: dict[str, str] = {}
MANY = 10_000


def proof(key: ECKey, method: str, url: str, access_token: str | None = None) -> str:
    """Return the header `DPoP` of one request."""
    parts = urlsplit(url)
    claims: dict[str, Any] = {
        "jti": secrets.token_urlsafe(16),
        "htm": method,
        "htu": f"{parts.scheme}://{parts.netloc}{parts.path}",
        "iat": int(clock.now().timestamp()),
    }
    if nonce := _nonces.get(parts.netloc):
        claims["nonce"] = nonce
    if access_token:
        digest = hashlib.sha256(access_token.encode()).digest()
        claims["ath"] = urlsafe_b64encode(digest).decode().rstrip("=")
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}
    return jwt.encode(header, claims, key)


class DpopHttp:
    """The HTTP of an account whose token is bound to a key. `token` is None before there is one."""

    def __init__(self, http: Http, key: ECKey, token: str | None) -> None:
        self._http = http
        self._key = key
        self._token = token

    async def request(self, name: str, method: str, url: str, **options: Any) -> Response:
        """Send one request with a proof, unless it sets `Authorization`. See base.Http."""
        if "Authorization" in (options.get("headers") or {}):
            return await self._http.request(name, method, url, **options)
        response = await self._send(name, method, url, options)
        # A server that requires a nonce returns it when it rejects the first proof without one.
        content = options.get("content")
        if _requires_nonce(response) and (content is None or isinstance(content, bytes)):
            response = await self._send(name, method, url, options)
        return response

    async def _send(self, name: str, method: str, url: str, options: dict[str, Any]) -> Response:
        sent = dict(options.get("headers") or {}) | {"DPoP": proof(self._key, method, url, self._token)}
        sent["Authorization"] = f"DPoP {self._token}" if self._token else ""
        response = await self._http.request(name, method, url, **options | {"headers": sent})
        if nonce := response.headers.get("dpop-nonce"):
            if len(_nonces) > MANY:
                _nonces.clear()
            _nonces[urlsplit(url).netloc] = nonce
        return response


def _requires_nonce(response: Response) -> bool:
    if response.status_code not in (400, 401) or "dpop-nonce" not in response.headers:
        return False
    return "use_dpop_nonce" in response.headers.get("www-authenticate", "") or "use_dpop_nonce" in response.text
