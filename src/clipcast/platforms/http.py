"""Outgoing HTTP to platforms: clients without retries or redirects, to known hosts only."""

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

# Of each single read and write.
TIMEOUT = httpx2.Timeout(60, connect=10)
# Seconds from the last piece of a request that was sent to the end of its response, however slowly that trickles in.
# `once` waits longer than this before it sends again.
RESPONSE_TIME = 75.0
# The longest wait, and the longest life of a token, that a platform is believed.
WAIT_MAX = timedelta(days=7)
LIFE_MAX = timedelta(days=20 * 365)
MAX_CONNECTIONS = 200


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates of all authorities takes longer than most requests."""
    return httpx2.create_ssl_context()


def make_client() -> httpx2.AsyncClient:
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
    """A client for each run under way.

    A client looks at all of its connections before every request. One that many runs share so costs more with each of
    them: with 64, a third of all of a worker's time (`make bench ARGS=publish`).
    """

    def __init__(self) -> None:
        self._free: list[httpx2.AsyncClient] = []

    @contextmanager
    def one(self) -> Iterator[httpx2.AsyncClient]:
        """A client that nobody else uses meanwhile, with the connections of the run before, if there was one."""
        client = self._free.pop() if self._free else make_client()
        try:
            yield client
        finally:
            self._free.append(client)

    async def close(self) -> None:
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
        """`headers` go with every request that does not say them itself.

        A `federated` platform is also what runs on hosts of its users: any host is its own, if it is a public one.
        """
        self._client = client
        self._domains = domains
        self._sandbox = sandbox
        self._headers = dict(headers or {})
        self._federated = federated
        self._token = ""

    def signed(self, access_token: str) -> "PlatformHttp":
        """The same, with an account's access token on every request that does not say `Authorization` itself."""
        signed = copy(self)
        signed._headers = self._headers | {"Authorization": "Bearer {token}"}
        signed._token = access_token
        return signed

    def address(self, url: httpx2.URL) -> httpx2.URL:
        """Where a request to `url` really goes. Raises TransientError for a host that is not the platform's."""
        if not url.host:
            raise _no_address(str(url))
        if url.scheme != "https" or not (self._federated or self._is_ours(url.host)):
            raise TransientError(
                "foreign_address", f"The platform named an address that is not its own: {url.host}.", rejected=True
            )
        if self._sandbox is None:
            return url
        return httpx2.URL(f"{self._sandbox}/{url.host}{url.raw_path.decode()}")

    def _is_ours(self, host: str) -> bool:
        return any(host == domain or host.endswith("." + domain) for domain in self._domains)

    def public(self, url: str) -> str:
        """Where a person sees what is at `url`: in the sandbox, if that stands in for the platform."""
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
        """See base.Http."""
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
            raise TransientError("network", f"The answer to {name} took over {RESPONSE_TIME:.0f} s.") from error
        except ResponseTooLarge as error:
            raise _unreadable(name, f"it has more than {RESPONSE_MAX} bytes") from error
        except ResponseUnreadable as error:
            raise _unreadable(name, str(error)) from error
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise TransientError("network", f"The platform cannot be reached ({name}).", rejected=True) from error
        except (httpx2.TransportError, httpx2.StreamError) as error:
            raise TransientError("network", f"The answer to {name} was lost ({type(error).__name__}).") from error


async def _extending(content: AsyncIterator[bytes], deadline: asyncio.Timeout) -> AsyncIterator[bytes]:
    """The pieces of `content`. With each, the time begins anew: the response follows the last one."""
    async for piece in content:
        deadline.reschedule(asyncio.get_running_loop().time() + RESPONSE_TIME)
        yield piece


def _no_address(url: str) -> TransientError:
    return TransientError(
        "foreign_address", f"The platform named an address that is none: {storable(url, 100)!r}.", rejected=True
    )


def _unreadable(name: str, why: str) -> TransientError:
    return TransientError("response_unreadable", f"The response to {name} cannot be read: {why}.", actor="platform")


def retry_after(response: httpx2.Response) -> timedelta | None:
    """How long the platform asked us to wait, from `Retry-After` in either of its two forms; at most `WAIT_MAX`."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=int(value)) if len(value) < 9 and int(value) < WAIT_MAX.total_seconds() else WAIT_MAX
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(WAIT_MAX, max(timedelta(), (at if at.tzinfo else at.replace(tzinfo=UTC)) - clock.now()))


def ambiguous_response(response: httpx2.Response) -> TransientError:
    """A 5xx, or an answer that is not what the platform documents: it may have done the work."""
    return TransientError(
        "platform_unavailable",
        f"The platform answered {response.status_code}.",
        actor="platform",
        platform=PlatformAnswer(http_status=response.status_code, message=response.text[:300] or None),
        wait=retry_after(response),
    )


def expires(seconds: object) -> datetime | None:
    """The instant `seconds` from now, at most `LIFE_MAX`; None when the platform gave no number."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds != seconds:  # NaN
        return None
    return clock.now() + timedelta(seconds=max(0, min(seconds, LIFE_MAX.total_seconds())))
