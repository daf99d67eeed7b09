"""Fetching what an address that a user typed points to, without letting it point into our own network."""

import asyncio
import ipaddress
import socket

import httpx2

from clipcast.platforms.errors import InvalidRequest, TransientError

MAX_REDIRECTS = 3
# Translated to IPv4 by a gateway of the network, wherever that may lead (RFC 6052, RFC 8215).
TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))


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
        address, headers, extensions = url, {}, {}
        if self._trusted is None or not str(url).startswith(self._trusted + "/"):
            # The connection goes to the address that was checked: a second look-up could name another.
            ip = await public_address(url.host, url.port or (443 if url.scheme == "https" else 80))
            address = url.copy_with(host=ip)
            headers, extensions = {"Host": url.netloc.decode()}, {"sni_hostname": url.host}
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


async def public_address(host: str, port: int) -> str:
    """One address of `host`, when all of its addresses are public. Raises InvalidRequest otherwise."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise InvalidRequest("fetch_failed", f"There is no host {host}.", rejected=True) from error
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        if not is_public(address):
            raise InvalidRequest(
                "address_not_public", f"{host} is inside a private network.", rejected=True,
                fix="Give an address that everybody can reach.",
            )  # fmt: skip
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an IP address is one that the whole internet reaches."""
    ip = ipaddress.ip_address(address.split("%")[0])
    if any(ip in network for network in TRANSLATED):
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None:
            ip = inner
    return ip.is_global and not ip.is_multicast
