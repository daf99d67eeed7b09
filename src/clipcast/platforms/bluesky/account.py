"""Authorization of Bluesky accounts: app password and the profile (docs/platforms/bluesky.md 1a)."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from clipcast.common.settings import PlatformApp
from clipcast.platforms.base import Account, Field, Http, Profile, Tokens
from clipcast.platforms.bluesky.errors import parse_response, parse_sign_in_response
from clipcast.platforms.bluesky.identity import UNSIGNED, did_of, origin_of, server_of
from clipcast.platforms.bluesky.rules import APPVIEW
from clipcast.platforms.errors import InvalidRequest, PublishError, ReconnectNeeded

SESSION = "/xrpc/com.atproto.server"
# The scope of a session of the account's own password. Clipcast rejects it: it permits everything.
WHOLE_ACCOUNT = "com.atproto.access"
# The codes of the errors of a handle's look-up.
HANDLE_ERRORS = ("handle_unknown", "account_unknown")


class BlueskySignIn:
    app = "bluesky"
    required_scopes: tuple[str, ...] = ()
    optional_scopes: tuple[str, ...] = ()
    renews_itself = False
    fields: tuple[Field, ...] = (
        Field("identifier", "Handle", "Such as you.bsky.social, or your own domain.", errors=HANDLE_ERRORS),
        Field("password", "App password", "Create one under Settings, Privacy and security. Never your own password.",
              secret=True, errors=("password_refused", "app_password_needed")),
        Field("server", "Server", "Only if you run a server outside the network.", required=False,
              errors=("server_unknown",)),
    )  # fmt: skip

    async def enter(self, http: Http, form: Mapping[str, str]) -> Tokens:
        """Open a session on the account's server. Clipcast does not keep the password: the session can be renewed."""
        identifier = form["identifier"].removeprefix("@")
        if form.get("server"):
            origin = origin_of(form["server"])
        else:
            try:
                did = identifier if identifier.startswith("did:") else await did_of(http, identifier)
            except InvalidRequest as error:
                raise no_such_handle(identifier) from error
            origin = await server_of(http, did)
        credentials = {"identifier": identifier, "password": form["password"]}
        url = f"{origin}{SESSION}.createSession"
        session = parse_sign_in_response(await http.request("session", "POST", url, json=credentials))
        tokens = _tokens(session)
        if WHOLE_ACCOUNT in tokens.scopes:
            raise InvalidRequest(
                "app_password_needed", "This is the account's own password, which permits everything.",
                actor="account_owner", fix="Create an app password in Bluesky's settings and use it.",
            )  # fmt: skip
        return tokens

    async def refresh(self, http: Http, app: PlatformApp, tokens: Tokens) -> Tokens:
        """Return a new pair. For 2 hours the old one yields the same new one, so a lost response does no harm."""
        origin = await server_of(http, str(tokens.extra["did"]))
        headers = {"Authorization": f"Bearer {tokens.refresh_token}"}
        response = await http.request("refresh", "POST", f"{origin}{SESSION}.refreshSession", headers=headers)
        try:
            return _tokens(parse_response(response))
        except ReconnectNeeded as error:
            raise ReconnectNeeded("grant_refused", "The app password was revoked or not used for 90 days.",
                                  platform=error.platform) from error  # fmt: skip

    async def accounts(self, http: Http, tokens: Tokens) -> list[Account]:
        did = str(tokens.extra["did"])
        me = parse_response(await http.request("me", "GET", f"{await server_of(http, did)}{SESSION}.getSession"))
        handle = str(me["handle"])
        view = await view_of(http, did)
        details = {"email_confirmed": me.get("emailConfirmed", True)}
        profile = Profile(did, handle, view.get("displayName") or handle, view.get("avatar"), details)
        return [Account(profile, tokens)]

    async def revoke(self, http: Http, app: PlatformApp, tokens: Tokens) -> None:
        """End the session. Only the account owner can revoke the app password."""
        origin = await server_of(http, str(tokens.extra["did"]))
        headers = {"Authorization": f"Bearer {tokens.refresh_token}"}
        response = await http.request("revoke", "POST", f"{origin}{SESSION}.deleteSession", headers=headers)
        if not response.is_success:
            parse_response(response)


async def view_of(http: Http, did: str) -> dict[str, Any]:
    """Return the account's public name and picture; nothing if the network's AppView lacks the account."""
    url, params = f"{APPVIEW}/app.bsky.actor.getProfile", {"actor": did}
    try:
        return parse_response(await http.request("profile", "GET", url, params=params, headers=UNSIGNED))
    except PublishError:
        return {}


def _tokens(session: dict[str, Any]) -> Tokens:
    access, refresh = str(session["accessJwt"]), str(session["refreshJwt"])
    claims = _claims(access)
    scopes = (str(claims.get("scope", "")),)
    return Tokens(access, refresh, _end(claims), _end(_claims(refresh)), scopes, {"did": str(claims["sub"])})


def _claims(token: str) -> dict[str, Any]:
    """Return the claims of a token, without verification: only the server verifies it."""
    try:
        payload = token.split(".")[1]
        claims: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        claims["sub"]
    except (ValueError, IndexError, KeyError, TypeError, RecursionError):
        raise InvalidRequest("session_refused", "The server returned an unreadable session.") from None
    return claims


def _end(claims: dict[str, Any]) -> datetime | None:
    return datetime.fromtimestamp(claims["exp"], UTC) if "exp" in claims else None


def no_such_handle(identifier: str) -> InvalidRequest:
    """Return the error of a handle that does not exist."""
    return InvalidRequest(
        "handle_unknown", f"The handle {identifier[:100]!r} does not exist.", actor="account_owner",
        fix="Check the spelling. The handle follows the @, such as you.bsky.social.",
    )  # fmt: skip
