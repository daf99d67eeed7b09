"""Fetching what an address that a user typed points to, without letting it point into our own network."""

from typing import Any

import httpx2

from clipcast.network import pinned
from clipcast.platforms.errors import InvalidRequest, TransientError

MAX_REDIRECTS = 3


class OutsideFetcher:
    """GET for addresses from outside. `trusted` is the one origin that may be private: the sandbox's."""

    def __init__(self, client: httpx2.AsyncClient, trusted: str | None = None) -> None:
        self._client = client
        self._trusted = trusted

    async def fetch(self, url: str, limit: int) -> bytes:
        """The body of `url`.

        Raises InvalidRequest when the address is not a public one, does not answer 200, or has more than `limit`
        bytes; TransientError when no answer came.
        """
        for _ in range(MAX_REDIRECTS + 1):
            try:
                body = await self._get(httpx2.URL(url), limit)
            except (httpx2.TransportError, httpx2.StreamError) as error:
                raise TransientError("fetch_failed", f"{url} cannot be fetched ({type(error).__name__}).") from error
            if isinstance(body, bytes):
                return body
            url = body
        raise InvalidRequest("fetch_failed", "The address redirects too often.", rejected=True)

    async def _get(self, url: httpx2.URL, limit: int) -> bytes | str:
        """The body, or where the answer redirects to."""
        address, headers, extensions = url, dict[str, str](), dict[str, Any]()
        if self._trusted is None or not str(url).startswith(self._trusted + "/"):
            address, headers, extensions = await pinned(url)
        async with self._client.stream("GET", address, headers=headers, extensions=extensions) as response:
            if response.is_redirect:
                return str(url.join(response.headers["location"]))
            if response.status_code != 200:
                raise InvalidRequest(
                    "fetch_failed", f"{url} answers {response.status_code}.", rejected=True,
                    fix="Give an address that answers 200 with the file.",
                )  # fmt: skip
            body = bytearray()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > limit:
                    raise InvalidRequest("file_too_large", f"{url} has more than {limit} bytes.", rejected=True)
            return bytes(body)
