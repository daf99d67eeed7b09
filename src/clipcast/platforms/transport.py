"""The HTTP client behind every request to platforms and to hosts that a user named. Only this module names aiohttp.

aiohttp takes 0.07 ms of CPU time for a small request, httpx2 takes 0.42 ms. pyreqwest takes 0.03 ms, but its time-outs
do not follow the event loop, it fixes the address of a host for a whole client, and it is a beta with one maintainer.
aiohttp speaks HTTP/1.1 only, which every platform accepts.

The client connects directly: it reads no proxy settings, because a proxy would look up the hosts that Clipcast checks.
"""

import socket
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import cache
from typing import Any

import aiohttp
import truststore
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from clipcast import __version__
from clipcast.platforms.headers import Headers
from clipcast.platforms.names import LOOKUPS
from clipcast.platforms.network import public_addresses, require_public

# Seconds for the DNS look-up, the connection and the TLS handshake together.
CONNECT_TIME = 10.0
# Seconds for which a connection is kept. Some servers close theirs after 5 s, and a request that meets that is lost.
KEEP_ALIVE = 4.0
# The maximum length of a response's header, and of its first line. aiohttp allows 128 headers.
HEADER_MAX = 32 * 1024
# The only encoding that requests accept: responses.py decompresses it with a limit.
ENCODING = "gzip"
HEADERS = {"User-Agent": f"Clipcast/{__version__}", "Accept-Encoding": ENCODING}
# Larger bytes leave in pieces, so that they do not hold up the event loop.
PIECE = 256 * 1024

Content = bytes | AsyncIterator[bytes] | None


# What an error of the connection means, for people: the first kind that fits.
REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (aiohttp.InvalidURL, "its address is not valid"),
    (aiohttp.ClientConnectorSSLError, "the TLS handshake failed"),
    (aiohttp.ClientConnectorDNSError, "its host was not found"),
    (aiohttp.ConnectionTimeoutError, f"it did not accept the connection within {CONNECT_TIME:.0f} s"),
    (ConnectionRefusedError, "it refused the connection"),
    (ConnectionResetError, "it reset the connection"),
    (aiohttp.ServerDisconnectedError, "it closed the connection"),
    (aiohttp.ClientResponseError, "its response is not HTTP"),
    (aiohttp.ClientPayloadError, "its response ended early"),
)


class NotSent(Exception):
    """No connection could be made. The host has received nothing of the request."""


class ResponseLost(Exception):
    """The connection broke, or the response is not HTTP. The request may have taken effect."""


class Incoming:
    """A response whose body has not been read."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status_code = response.status
        self.url = str(response.url)
        # A byte of a value is a character, so that any value can be stored.
        self.headers = Headers(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers
        )

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it was sent, still compressed. Raise ResponseLost if it ends early."""
        try:
            async for piece in self._response.content.iter_any():
                yield piece
        except (aiohttp.ClientError, OSError) as error:
            raise ResponseLost(_reason(error)) from error

    def close(self) -> None:
        """Close the connection, unless the request was sent and the response read to the end."""
        self._response.close()


class HttpClient:
    """Kept connections to any number of hosts. Requests have no retries, redirects or cookies.

    `named`: users name all hosts, so that no look-up takes the event loop's threads.
    """

    def __init__(self, named: bool = False) -> None:
        self._named = named
        _tls()  # now, so that the first request does not wait for it
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> "HttpClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()

    async def send(
        self, method: str, url: URL, headers: Mapping[str, str], content: Content = None, public_only: bool = False
    ) -> Incoming:
        """Send one request and return its response, which the caller closes.

        Raises NotSent or ResponseLost. An exception of `content` passes through. With `public_only`, raises
        InvalidRequest if the host has an address outside the public internet.
        """
        if public_only not in self._sessions:
            self._sessions[public_only] = _open_session(public_only, self._named)
        if isinstance(content, bytes) and len(content) > PIECE:
            headers, content = {"Content-Length": str(len(content)), **headers}, _pieces(content)
        upload = content if content is None or isinstance(content, bytes) else _Upload(content)
        try:
            response = await self._sessions[public_only].request(
                method, url, headers=headers, data=upload, allow_redirects=False
            )
        except ResponseLost:
            if isinstance(upload, _Upload) and upload.failure:
                raise upload.failure from None
            raise
        return Incoming(response)


class _Upload:
    """The pieces of a request's body. aiohttp replaces their exception by its own, so this keeps it."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self.failure: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._pieces:
                yield piece
        except Exception as error:
            self.failure = error
            raise


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), PIECE):
        yield content[start : start + PIECE]


def _open_session(public_only: bool, named: bool) -> aiohttp.ClientSession:
    options: dict[str, Any] = {}
    if public_only:
        options = {"resolver": _Resolver(public_addresses), "use_dns_cache": False, "socket_factory": _public_socket}
    elif named:
        options = {"resolver": _Resolver(_any_addresses)}
    return aiohttp.ClientSession(
        # No limit on connections: the runs are limited, and each has one request at a time.
        connector=aiohttp.TCPConnector(ssl=_tls(), limit=0, keepalive_timeout=KEEP_ALIVE, **options),
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_TIME),
        headers=HEADERS,
        skip_auto_headers=("Content-Type",),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        max_line_size=HEADER_MAX,
        max_field_size=HEADER_MAX,
        middlewares=(_send_once,),
    )


async def _send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Raise this module's errors in place of aiohttp's, after which aiohttp sends a GET or PUT a second time."""
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
        raise NotSent(_reason(error)) from error
    except (aiohttp.ClientError, OSError) as error:
        raise ResponseLost(_reason(error)) from error


def _reason(error: BaseException) -> str:
    """Return why a connection failed, for people."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        why = getattr(error.certificate_error, "verify_message", "") or "it cannot be verified"
        return f"its certificate is not valid ({why.rstrip('.')})"
    cause = getattr(error, "os_error", error)
    found = (words for kind, words in REASONS if isinstance(error, kind) or isinstance(cause, kind))
    return next(found, "the connection failed")


async def _any_addresses(host: str) -> list[str]:
    try:
        return await LOOKUPS.addresses(host)
    except TimeoutError as error:
        raise OSError(str(error)) from error  # a TimeoutError would be that of the caller


class _Resolver(AbstractResolver):
    """Look-ups by `find`. The connection goes to one of the addresses that it returned."""

    def __init__(self, find: Callable[[str], Awaitable[list[str]]]) -> None:
        self._find = find

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host=address, port=port, proto=0, flags=socket.AI_NUMERICHOST,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
            )
            for address in await self._find(host)
        ]  # fmt: skip

    async def close(self) -> None:
        pass


def _public_socket(address: tuple[Any, Any, Any, Any, Any]) -> socket.socket:
    """Create the socket for an address. aiohttp does not look up a URL's IP address, so it is checked here."""
    family, kind, protocol, _, (ip, *_) = address
    require_public(ip, ip)
    return socket.socket(family, kind, protocol)


@cache
def _tls() -> ssl.SSLContext:
    """Create the TLS context with the system's root certificates once: reading them takes longer than most requests."""
    if sys.platform in ("darwin", "win32"):  # whose roots OpenSSL cannot read
        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return ssl.create_default_context()
