"""Authorizations at the simulated platforms: codes, access tokens, refresh tokens.

Rules that differ between platforms are parameters.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from clipcast.clock import clock

CODE_LIFETIME = timedelta(minutes=5)


@dataclass
class Grant:
    """The authorization of an app by an account."""

    platform: str
    account_id: str
    client_id: str
    scopes: frozenset[str]
    refresh_token: str | None = None
    refresh_expires_at: datetime | None = None
    revoked: bool = False


@dataclass(frozen=True)
class Code:
    grant: Grant
    redirect_uri: str
    challenge: str | None
    offline: bool
    expires_at: datetime


@dataclass
class Grants:
    _codes: dict[str, Code] = field(default_factory=dict)
    _access: dict[str, tuple[Grant, datetime]] = field(default_factory=dict)
    _refresh: dict[str, Grant] = field(default_factory=dict)
    _secrets: dict[tuple[str, str], str] = field(default_factory=dict)
    all: list[Grant] = field(default_factory=list)

    def knows_app(self, platform: str, client_id: str, client_secret: str) -> bool:
        """Return whether the secret is the app's own. The first use of a client id registers its secret."""
        if not client_id or not client_secret:
            return False
        return self._secrets.setdefault((platform, client_id), client_secret) == client_secret

    def issue_code(self, grant: Grant, redirect_uri: str, challenge: str | None, offline: bool, tail: str = "") -> str:
        code = secrets.token_urlsafe(24) + tail
        self._codes[code] = Code(grant, redirect_uri, challenge, offline, clock.now() + CODE_LIFETIME)
        return code

    def redeem(self, code: str) -> Code | None:
        """Consume a code. Returns None if it is unknown, used or older than its lifetime of 5 min."""
        found = self._codes.pop(code, None)
        if found is None or found.expires_at < clock.now():
            return None
        self.all.append(found.grant)
        return found

    def issue_access(self, grant: Grant, prefix: str, seconds: float) -> str:
        token = prefix + secrets.token_urlsafe(32)
        self.adopt_access(token, grant, seconds)
        return token

    def adopt_access(self, token: str, grant: Grant, seconds: float) -> None:
        """Register an access token that the simulator created."""
        self._access[token] = (grant, clock.now() + timedelta(seconds=seconds))

    def drop_access(self, token: str) -> None:
        self._access.pop(token, None)

    def issue_refresh(self, grant: Grant, prefix: str, seconds: float | None) -> str:
        """Issue a refresh token for the grant. The previous one stops working at once."""
        if grant.refresh_token:
            self._refresh.pop(grant.refresh_token, None)
        grant.refresh_token = prefix + secrets.token_urlsafe(32)
        grant.refresh_expires_at = clock.now() + timedelta(seconds=seconds) if seconds else None
        self._refresh[grant.refresh_token] = grant
        return grant.refresh_token

    def of_refresh(self, token: str) -> Grant | None:
        grant = self._refresh.get(token)
        if grant is None or grant.revoked:
            return None
        if grant.refresh_expires_at and grant.refresh_expires_at < clock.now():
            return None
        return grant

    def of_access(self, authorization: str | None) -> Grant | None:
        """Return the grant of an Authorization header.

        Returns None if its token is missing, unknown, expired or revoked.
        """
        scheme, _, token = (authorization or "").partition(" ")
        found = self._access.get(token) if scheme.lower() == "bearer" else None
        if found is None or found[0].revoked or found[1] < clock.now():
            return None
        return found[0]

    def of_token(self, token: str) -> Grant | None:
        """Return the grant of an access or refresh token, also of an expired one."""
        if token in self._refresh:
            return self._refresh[token]
        return self._access[token][0] if token in self._access else None

    def expire_access(self, platform: str, account_id: str) -> None:
        """Expire all access tokens of the account. Its refresh tokens remain valid."""
        for token, (grant, _) in list(self._access.items()):
            if (grant.platform, grant.account_id) == (platform, account_id):
                self._access[token] = (grant, clock.now() - timedelta(seconds=1))

    def revoke(self, platform: str, account_id: str | None = None, client_id: str | None = None) -> None:
        for grant in self.all:
            if (
                grant.platform == platform
                and account_id in (None, grant.account_id)
                and client_id in (None, grant.client_id)
            ):
                grant.revoked = True

    def users_of(self, platform: str) -> Iterable[str]:
        return {grant.account_id for grant in self.all if grant.platform == platform and not grant.revoked}
