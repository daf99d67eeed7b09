"""The HTTP of one platform as an installation is configured."""

from typing import Any

import httpx2

from clipcast.common.settings import Settings
from clipcast.platforms.base import Http, Platform, Tokens
from clipcast.platforms.http import PlatformHttp


def signed(platform: Platform[Any], http: Http, tokens: Tokens) -> Http:
    """The requests of one account, out of requests that carry its access token."""
    special = platform.sign(http, tokens) if platform.sign else None
    return special or http


def account_http(platform: Platform[Any], http: PlatformHttp, tokens: Tokens) -> Http:
    """The requests of one account, out of the platform's."""
    return signed(platform, http.signed(tokens.access_token), tokens)


def http_of(platform: Platform[Any], client: httpx2.AsyncClient, settings: Settings) -> PlatformHttp:
    """Its hosts, or the sandbox in their stead, with the headers that it wants."""
    headers = platform.headers(settings) if platform.headers else None
    return PlatformHttp(client, platform.domains, settings.sandbox_base, headers, platform.federated)
