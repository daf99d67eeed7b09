"""Fetching what an address that a user typed points to, without letting it point into our own network."""

import asyncio
from typing import Any

import httpx2

from clipcast.common.storable import storable
from clipcast.platforms.errors import InvalidRequest, TransientError
from clipcast.platforms.network import pinned
from clipcast.platforms.responses import ENCODING, ResponseTooLarge, ResponseUnreadable, read

MAX_REDIRECTS = 3
# Statuses that say nothing about the file: time-out, too early, too many requests.
PASSING = (408, 425, 429)
# Seconds for the whole file, redirects included.
TOTAL_TIME = 90.0


class PublicFetcher:
    """GET for addresses from outside. `trusted` is the one origin that may be private: the sandbox's."""

    def __init__(self, client: httpx2.AsyncClient, trusted: str | None = None) -> None:
        self._client = client
        self._trusted = trusted

    async def fetch(self, url: str, limit: int, keep: int | None = None) -> bytes:
        """Return the body of `url`; of it the first `keep` bytes alone, where that is given.

        Raises InvalidRequest when the address is not a public one, does not answer 200, or has more than `limit`
        bytes as sent or decompressed; TransientError when no whole answer came within `TOTAL_TIME`, or one that says
        that its server has trouble.
        """
        try:
            async with asyncio.timeout(TOTAL_TIME):
                for _ in range(MAX_REDIRECTS + 1):
                    body = await self._get(_url(url), limit, keep)
                    if isinstance(body, bytes):
                        return body
                    url = body
        except TimeoutError as error:
            raise TransientError("fetch_failed", f"{url} did not come within {TOTAL_TIME:.0f} s.") from error
        except (httpx2.TransportError, httpx2.StreamError) as error:
            raise TransientError("fetch_failed", f"{url} cannot be fetched ({type(error).__name__}).") from error
        except ResponseTooLarge as error:
            raise InvalidRequest("file_too_large", f"{url} has more than {limit} bytes.", rejected=True) from error
        except ResponseUnreadable as error:
            raise InvalidRequest("fetch_failed", f"{url} cannot be read: {error}.", rejected=True) from error
        raise InvalidRequest("fetch_failed", "The address redirects too often.", rejected=True)

    async def _get(self, url: httpx2.URL, limit: int, keep: int | None) -> bytes | str:
        """The body, or where the answer redirects to."""
        address, headers, extensions = url, dict[str, str](), dict[str, Any]()
        if self._trusted is None or not str(url).startswith(self._trusted + "/"):
            address, headers, extensions = await pinned(url)
        headers |= {"Accept-Encoding": ENCODING}
        async with self._client.stream("GET", address, headers=headers, extensions=extensions) as response:
            if response.has_redirect_location:
                return _joined(url, response.headers["location"])
            if response.status_code in PASSING or response.status_code >= 500:
                raise TransientError("fetch_failed", f"{url} answers {response.status_code} now.")
            if response.status_code != 200:
                raise InvalidRequest(
                    "fetch_failed", f"{url} answers {response.status_code}.", rejected=True,
                    fix="Give an address that answers 200 with the file.",
                )  # fmt: skip
            return await read(response, limit, keep)


def _joined(url: httpx2.URL, location: str) -> str:
    try:
        return str(url.join(location))
    except (httpx2.InvalidURL, ValueError) as error:
        raise InvalidRequest("fetch_failed", f"{url} redirects to what is no address.", rejected=True) from error


def _url(text: str) -> httpx2.URL:
    try:
        url = httpx2.URL(text)
    except (httpx2.InvalidURL, ValueError) as error:
        raise InvalidRequest("fetch_failed", f"{storable(text, 100)!r} is no address.", rejected=True) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise InvalidRequest("fetch_failed", f"{storable(text, 100)!r} is no web address.", rejected=True)
    return url
