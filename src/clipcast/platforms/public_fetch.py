"""Fetch URLs that users supply, without letting them reach private networks."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from yarl import URL

from clipcast.common.storable import storable
from clipcast.platforms.addresses import parse_url
from clipcast.platforms.errors import InvalidRequest, TransientError
from clipcast.platforms.responses import ResponseTooLarge, ResponseUnreadable, read
from clipcast.platforms.transport import HttpClient, Incoming, NotSent, ResponseLost

MAX_REDIRECTS = 3
REDIRECTS = (301, 302, 303, 307, 308)
# Statuses that are transient: timeout, too early, too many requests.
PASSING = (408, 425, 429)
# Seconds for the whole file, including redirects.
TOTAL_TIME = 90.0


class PublicFetcher:
    """GET requests for URLs of users. `trusted` is the only origin that may be private: the sandbox's."""

    def __init__(self, client: HttpClient, trusted: str | None = None) -> None:
        self._client = client
        self._trusted = trusted

    async def fetch(self, url: str, limit: int, keep: int | None = None, seconds: float = TOTAL_TIME) -> bytes:
        """Return the body of `url`, or only its first `keep` bytes.

        Raises InvalidRequest if the address is not public, the status is not 200, or the body has more than `limit`
        bytes as sent or decompressed. Raises TransientError if the server fails, or if no complete response arrives
        within `seconds`.
        """
        async with self._opened(url, seconds) as response:
            try:
                return await read(response, limit, keep)
            except ResponseTooLarge as error:
                raise InvalidRequest("file_too_large", f"{url} is larger than {limit} bytes.", rejected=True) from error
            except ResponseUnreadable as error:
                raise InvalidRequest("fetch_failed", f"{url} cannot be read: {error}.", rejected=True) from error

    @asynccontextmanager
    async def stream(self, url: str, seconds: float) -> AsyncIterator[Incoming]:
        """Open the response of `url`, whose body the block reads within `seconds`. It is not compressed.

        Raises the errors of `fetch`.
        """
        async with self._opened(url, seconds, {"Accept-Encoding": "identity"}) as response:
            if (encoding := response.headers.get("content-encoding", "identity").strip().lower()) != "identity":
                message = f"{url} is encoded as {encoding[:50]!r}."
                raise InvalidRequest("fetch_failed", message, rejected=True)
            yield response

    @asynccontextmanager
    async def _opened(
        self, url: str, seconds: float, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Incoming]:
        """Open the response of `url`, after redirects. The block and the requests have `seconds` in all."""
        try:
            async with asyncio.timeout(seconds):
                for _ in range(MAX_REDIRECTS + 1):
                    response = await self._get(_url(url), headers or {})
                    if isinstance(response, str):
                        url = response
                        continue
                    try:
                        yield response
                    finally:
                        response.close()
                    return
        except TimeoutError as error:
            raise TransientError("fetch_failed", f"{url} took over {seconds:.0f} s.") from error
        except (NotSent, ResponseLost) as error:
            raise TransientError("fetch_failed", f"{url} cannot be fetched ({error}).") from error
        raise InvalidRequest("fetch_failed", f"The URL redirects more than {MAX_REDIRECTS} times.", rejected=True)

    async def _get(self, url: URL, headers: Mapping[str, str]) -> Incoming | str:
        """Return the response with status 200, which the caller closes, or the URL of a redirect."""
        trusted = self._trusted is not None and str(url).startswith(self._trusted + "/")
        response = await self._client.send("GET", url, headers, public_only=not trusted)
        try:
            location = response.headers.get("location")
            if location is not None and response.status_code in REDIRECTS:
                target = _joined(url, location)
                response.close()
                return target
            if response.status_code in PASSING or response.status_code >= 500:
                raise TransientError("fetch_failed", f"{url} responds with {response.status_code} now.")
            if response.status_code != 200:
                raise InvalidRequest(
                    "fetch_failed", f"{url} responds with {response.status_code}.", rejected=True,
                    fix="Give a URL that responds with 200 and the file.",
                )  # fmt: skip
        except BaseException:
            response.close()
            raise
        return response


def _joined(url: URL, location: str) -> str:
    try:
        return str(parse_url(location, url))
    except ValueError as error:
        raise InvalidRequest("fetch_failed", f"{url} redirects to an invalid URL.", rejected=True) from error


def _url(text: str) -> URL:
    try:
        return parse_url(text)
    except ValueError as error:
        message = f"{storable(text, 100)!r} is not an http(s) URL."
        raise InvalidRequest("fetch_failed", message, rejected=True) from error
