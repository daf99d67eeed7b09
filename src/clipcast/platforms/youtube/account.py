"""Authorization of YouTube channels: Google OAuth and the profile (docs/platforms/youtube.md 1)."""

from typing import Any

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from clipcast.common.settings import PlatformApp
from clipcast.platforms.base import Account, Http, Profile, Tokens
from clipcast.platforms.errors import ReconnectNeeded, TransientError
from clipcast.platforms.http import expires
from clipcast.platforms.responses import Response
from clipcast.platforms.youtube.errors import oauth_error, parse_response
from clipcast.platforms.youtube.rules import API, SCOPES

AUTHORIZE = "https://accounts.google.com/o/oauth2/v2/auth"
TOKEN = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
REVOKE = "https://oauth2.googleapis.com/revoke"
CHANNELS = API + "/channels"


class YouTubeOAuth:
    app = "youtube"
    required_scopes: tuple[str, ...] = SCOPES
    optional_scopes: tuple[str, ...] = ()
    renews_itself = False

    def authorize_url(self, app: PlatformApp, redirect_uri: str, state: str, verifier: str) -> str:
        return str(
            prepare_grant_uri(
                AUTHORIZE,
                client_id=app.client_id,
                response_type="code",
                redirect_uri=redirect_uri,
                state=state,
                scope=" ".join(SCOPES),
                access_type="offline",  # without it, Google returns no refresh token
                prompt="consent select_account",  # a repeated authorization returns one only after a new consent
                code_challenge=create_s256_code_challenge(verifier),
                code_challenge_method="S256",
            )
        )

    async def exchange(self, http: Http, app: PlatformApp, redirect_uri: str, code: str, verifier: str) -> Tokens:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        return _tokens(await _token_call(http, "token", app, form), None)

    async def refresh(self, http: Http, app: PlatformApp, tokens: Tokens) -> Tokens:
        form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token or ""}
        return _tokens(await _token_call(http, "refresh", app, form), tokens)

    async def accounts(self, http: Http, tokens: Tokens) -> list[Account]:
        channel = await my_channel(http)
        snippet = channel["snippet"]
        thumbnails = snippet.get("thumbnails", {})
        profile = Profile(
            account_id=channel["id"],
            username=snippet.get("customUrl", "").removeprefix("@") or channel["id"],
            display_name=snippet["title"],
            avatar_url=thumbnails.get("medium", {}).get("url"),
            details={
                "uploads_playlist": channel["contentDetails"]["relatedPlaylists"]["uploads"],
                "long_uploads": channel.get("status", {}).get("longUploadsStatus"),
            },
        )
        return [Account(profile, tokens)]

    async def revoke(self, http: Http, app: PlatformApp, tokens: Tokens) -> None:
        token = tokens.refresh_token or tokens.access_token
        response = await http.request("revoke", "POST", REVOKE, form={"token": token})
        if not response.is_success:
            raise oauth_error(response)


async def my_channel(http: Http, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the channel to which the token belongs. Raise ReconnectNeeded if the Google account has none."""
    params = {"part": "id,snippet,contentDetails,status", "mine": "true"}
    found = parse_response(await http.request("channels", "GET", CHANNELS, params=params, headers=headers))
    if not found.get("items"):
        raise ReconnectNeeded("no_channel", "The Google account has no YouTube channel.", rejected=True)
    channel: dict[str, Any] = found["items"][0]
    return channel


async def _token_call(http: Http, name: str, app: PlatformApp, form: dict[str, str]) -> dict[str, Any]:
    credentials = {"client_id": app.client_id, "client_secret": app.client_secret}
    response = await http.request(name, "POST", TOKEN, form=credentials | form)
    if not response.is_success:
        raise oauth_error(response)
    return _json(response)


def _json(response: Response) -> dict[str, Any]:
    try:
        body: dict[str, Any] = response.json()
        body["access_token"]
    except (ValueError, KeyError, TypeError):
        raise TransientError("platform_unavailable", "Google responded without a token.") from None
    return body


def _tokens(body: dict[str, Any], before: Tokens | None) -> Tokens:
    refresh_expires_at = expires(body.get("refresh_token_expires_in"))
    return Tokens(
        access_token=body["access_token"],
        # The refresh token does not rotate, but Clipcast stores a new one if it comes (docs/platforms/youtube.md 1.3).
        refresh_token=body.get("refresh_token") or (before.refresh_token if before else None),
        expires_at=expires(body.get("expires_in")),
        refresh_expires_at=refresh_expires_at or (before.refresh_expires_at if before else None),
        scopes=tuple(str(body.get("scope", "")).split()) or (before.scopes if before else ()),
    )
