"""Fetch URLs that users supply, without letting them reach private networks."""

import asyncio
from typing import Any

import httpx2

from clipcast.common.storable import storable
from clipcast.platforms.errors import InvalidRequest, TransientError
from clipcast.platforms.network import pinned
from clipcast.platforms.responses import ENCODING, ResponseTooLarge, ResponseUnreadable, read

MAX_REDIRECTS = 3
# Statuses that are transient: timeout, too early, too many requests.
PASSING = (408, 425, 429)
# Seconds for the whole file, including redirects.
TOTAL_TIME = 90.0


class PublicFetcher:
    """GET requests for URLs of users. `trusted` is the only origin that may be private: the sandbox's."""

    def __init__(self, client: httpx2.AsyncClient, trusted: str | None = None) -> None:
        self._client = client
        self._trusted = trusted

    async def fetch(self, url: str, limit: int, keep: int | None = None) -> bytes:
        """Return the body of `url`, or only its first `keep` bytes.

        Raises InvalidRequest if the address is not public, the status is not 200, or the body has more than `limit`
        bytes as sent or decompressed. Raises TransientError if the server fails, or if no complete response arrives
        within `TOTAL_TIME`.
        """
        try:
            async with asyncio.timeout(TOTAL_TIME):
                for _ in range(MAX_REDIRECTS + 1):
                    body = await self._get(_url(url), limit, keep)
                    if isinstance(body, bytes):
                        return body
                    url = body
        except TimeoutError as error:
            raise TransientError("fetch_failed", f"{url} took over {TOTAL_TIME:.0f} s.") from error
        except (httpx2.TransportError, httpx2.StreamError) as error:
            raise TransientError("fetch_failed", f"{url} cannot be fetched ({type(error).__name__}).") from error
        except ResponseTooLarge as error:
            raise InvalidRequest("file_too_large", f"{url} is larger than {limit} bytes.", rejected=True) from error
        except ResponseUnreadable as error:
            raise InvalidRequest("fetch_failed", f"{url} cannot be read: {error}.", rejected=True) from error
        raise InvalidRequest("fetch_failed", f"The URL redirects more than {MAX_REDIRECTS} times.", rejected=True)

    async def _get(self, url: httpx2.URL, limit: int, keep: int | None) -> bytes | str:
        """Return the body, or the URL of a redirect."""
        address, headers, extensions = url, dict[str, str](), dict[str, Any]()
        if self._trusted is None or not str(url).startswith(self._trusted + "/"):
            address, headers, extensions = await pinned(url)
        headers |= {"Accept-Encoding": ENCODING}
        async with self._client.stream("GET", address, headers=headers, extensions=extensions) as response:
            if response.has_redirect_location:
                return _joined(url, response.headers["location"])
            if response.status_code in PASSING or response.status_code >= 500:
                raise TransientError("fetch_failed", f"{url} responds with {response.status_code} now.")
            if response.status_code != 200:
                raise InvalidRequest(
                    "fetch_failed", f"{url} responds with {response.status_code}.", rejected=True,
                    fix="Give a URL that responds with 200 and the file.",
                )  # fmt: skip
            return await read(response, limit, keep)


def _joined(url: httpx2.URL, location: str) -> str:
    try:
        return str(url.join(location))
    except (httpx2.InvalidURL, ValueError) as error:
        raise InvalidRequest("fetch_failed", f"{url} redirects to an invalid URL.", rejected=True) from error


def _url(text: str) -> httpx2.URL:
    try:
        url = httpx2.URL(text)
    except (httpx2.InvalidURL, ValueError) as error:
        raise InvalidRequest("fetch_failed", f"{storable(text, 100)!r} is not a URL.", rejected=True) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise InvalidRequest("fetch_failed", f"{storable(text, 100)!r} is not an http(s) URL.", rejected=True)
    return url
