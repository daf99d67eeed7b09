"""The HTTP of one platform, as this installation is configured."""

from typing import Any

from clipcast.common.settings import Settings
from clipcast.platforms.base import Http, Platform, Tokens
from clipcast.platforms.http import PlatformHttp
from clipcast.platforms.transport import HttpClient


def signed(platform: Platform[Any], http: Http, tokens: Tokens) -> Http:
    """Return `http` with the platform's own signature, if it has one. `http` already carries the access token."""
    own_signature = platform.sign(http, tokens) if platform.sign else None
    return own_signature or http


def account_http(platform: Platform[Any], http: PlatformHttp, tokens: Tokens) -> Http:
    """Return the HTTP of one account, built on the platform's."""
    return signed(platform, http.signed(tokens.access_token), tokens)


def http_of(platform: Platform[Any], client: HttpClient, settings: Settings) -> PlatformHttp:
    """Return the HTTP of the platform, with its headers. With a sandbox, requests go there."""
    headers = platform.headers(settings) if platform.headers else None
    return PlatformHttp(client, platform.domains, settings.sandbox_base, headers, platform.federated)
