"""Outgoing HTTP to platforms: no retries, no redirects, only the platforms' own hosts."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import httpx2

from clipcast.clock import clock
from clipcast.common.storable import storable
from clipcast.platforms.errors import PlatformAnswer, TransientError
from clipcast.platforms.network import pinned
from clipcast.platforms.responses import ENCODING, RESPONSE_MAX, ResponseTooLarge, ResponseUnreadable, received

# For each single read and write.
TIMEOUT = httpx2.Timeout(60, connect=10)
# Seconds from the last sent piece of a request to the end of its response, even if bytes keep arriving. The default
# `resend_after` of `send_once` is longer.
RESPONSE_TIME = 75.0
# The longest wait and the longest token lifetime that Clipcast accepts from a platform.
WAIT_MAX = timedelta(days=7)
LIFE_MAX = timedelta(days=20 * 365)
MAX_CONNECTIONS = 200


@cache
def _tls() -> ssl.SSLContext:
    """Create the TLS context once: reading all root certificates takes longer than most requests."""
    return httpx2.create_ssl_context()


def make_client() -> httpx2.AsyncClient:
    """Create a client that follows no redirects, makes no retries and ignores proxy settings."""
    return httpx2.AsyncClient(
        timeout=TIMEOUT,
        headers={"Accept-Encoding": ENCODING},
        follow_redirects=False,
        trust_env=False,
        transport=httpx2.AsyncHTTPTransport(
            verify=_tls(),
            retries=0,
            limits=httpx2.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=50),
        ),
    )


class Clients:
    """A pool with one client for each concurrent run.

    A client scans all of its connections before every request. A client shared by 64 runs took a third of a worker's
    time (`make bench ARGS=publish`).
    """

    def __init__(self) -> None:
        self._free: list[httpx2.AsyncClient] = []

    @contextmanager
    def one(self) -> Iterator[httpx2.AsyncClient]:
        """Lend a client to one run. It keeps the connections of the run before."""
        client = self._free.pop() if self._free else make_client()
        try:
            yield client
        finally:
            self._free.append(client)

    async def close(self) -> None:
        """Close all clients."""
        for client in self._free:
            await client.aclose()


class PlatformHttp:
    """The requests of one platform. With a sandbox, every host of the platform is a path of the sandbox."""

    def __init__(
        self,
        client: httpx2.AsyncClient,
        domains: tuple[str, ...],
        sandbox: str | None,
        headers: Mapping[str, str] | None = None,
        federated: bool = False,
    ) -> None:
        """Add `headers` to every request that does not set them. With `federated`, allow any public host."""
        self._client = client
        self._domains = domains
        self._sandbox = sandbox
        self._headers = dict(headers or {})
        self._federated = federated
        self._token = ""

    def signed(self, access_token: str) -> "PlatformHttp":
        """Return a copy that adds the access token to every request that does not set `Authorization`."""
        signed = copy(self)
        signed._headers = self._headers | {"Authorization": "Bearer {token}"}
        signed._token = access_token
        return signed

    def address(self, url: httpx2.URL) -> httpx2.URL:
        """Return the URL that a request to `url` uses: the sandbox's, if there is one.

        Raises TransientError for a host that is not the platform's.
        """
        if not url.host:
            raise _no_address(str(url))
        if url.scheme != "https" or not (self._federated or self._is_ours(url.host)):
            raise TransientError(
                "foreign_address", f"The platform returned a URL with a foreign host: {url.host}.", rejected=True
            )
        if self._sandbox is None:
            return url
        return httpx2.URL(f"{self._sandbox}/{url.host}{url.raw_path.decode()}")

    def _is_ours(self, host: str) -> bool:
        return any(host == domain or host.endswith("." + domain) for domain in self._domains)

    def public(self, url: str) -> str:
        """Return the URL at which a person sees `url`: the sandbox's, if there is one."""
        return url if self._sandbox is None else str(self.address(httpx2.URL(url)))

    async def request(
        self,
        name: str,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        content: bytes | AsyncIterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """Send one request. See base.Http."""
        wanted = self._headers | dict(headers or {})
        sent = {header: value.replace("{token}", self._token) for header, value in wanted.items() if value}
        try:
            wanted_url = httpx2.URL(url).copy_merge_params(params) if params else httpx2.URL(url)
        except (httpx2.InvalidURL, ValueError, TypeError) as error:
            raise _no_address(str(url)) from error
        address, extensions = self.address(wanted_url), dict[str, Any]()
        if self._sandbox is None and not self._is_ours(address.host):
            address, host, extensions = await pinned(address)
            sent |= host
        try:
            async with asyncio.timeout(RESPONSE_TIME) as deadline:
                if content is not None and not isinstance(content, bytes):
                    content = _extending(content, deadline)
                request = self._client.build_request(
                    method, address, json=json, data=form, content=content, headers=sent, extensions=extensions
                )
                response = await self._client.send(request, stream=True)
                try:
                    return await received(response)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise TransientError("network", f"The response to {name} took over {RESPONSE_TIME:.0f} s.") from error
        except ResponseTooLarge as error:
            raise _unreadable(name, f"it has more than {RESPONSE_MAX} bytes") from error
        except ResponseUnreadable as error:
            raise _unreadable(name, str(error)) from error
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise TransientError("network", f"The platform cannot be reached ({name}).", rejected=True) from error
        except (httpx2.TransportError, httpx2.StreamError) as error:
            raise TransientError("network", f"The response to {name} was lost ({type(error).__name__}).") from error


async def _extending(content: AsyncIterator[bytes], deadline: asyncio.Timeout) -> AsyncIterator[bytes]:
    """Yield the pieces of `content`. Each restarts the deadline: the response follows the last one."""
    async for piece in content:
        deadline.reschedule(asyncio.get_running_loop().time() + RESPONSE_TIME)
        yield piece


def _no_address(url: str) -> TransientError:
    return TransientError(
        "foreign_address", f"The platform returned an invalid URL: {storable(url, 100)!r}.", rejected=True
    )


def _unreadable(name: str, why: str) -> TransientError:
    return TransientError("response_unreadable", f"The response to {name} cannot be read: {why}.", actor="platform")


def retry_after(response: httpx2.Response) -> timedelta | None:
    """Return the wait in `Retry-After`, in either of its two forms; at most `WAIT_MAX`."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=int(value)) if len(value) < 9 and int(value) < WAIT_MAX.total_seconds() else WAIT_MAX
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(WAIT_MAX, max(timedelta(), (at if at.tzinfo else at.replace(tzinfo=UTC)) - clock.now()))


def ambiguous_response(response: httpx2.Response) -> TransientError:
    """Return the error of a 5xx or an undocumented response: the request may have taken effect."""
    return TransientError(
        "platform_unavailable",
        f"The platform responded with {response.status_code}.",
        actor="platform",
        platform=PlatformAnswer(http_status=response.status_code, message=response.text[:300] or None),
        wait=retry_after(response),
    )


def expires(seconds: object) -> datetime | None:
    """Return the instant `seconds` from now, at most `LIFE_MAX`; None if the value is not a number."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds != seconds:  # NaN
        return None
    return clock.now() + timedelta(seconds=max(0, min(seconds, LIFE_MAX.total_seconds())))
