"""Reaching addresses that somebody else named, and only those that the whole internet reaches."""

import asyncio
import ipaddress
import socket
from typing import Any

import httpx2

from clipcast.platforms.errors import InvalidRequest, TransientError

# Of a look-up, whose library has no time-out of its own.
RESOLVE_SECONDS = 10.0

# Not the internet's (IANA's registries of special-purpose addresses). Listed here because what Python's `is_global`
# knows of them differs from one minor release to the next.
SPECIAL_IPV4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
# The part of IPv6 that is given out, which leaves out loopback, link-local, site-local, unique local and multicast.
GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
# Within it: protocols (Teredo, ORCHID, benchmarks), documentation, 6to4 (which hides an IPv4 address), AS 112.
SPECIAL_IPV6 = tuple(
    ipaddress.IPv6Network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
# The last 32 bits are the IPv4 address that is reached: mapped (RFC 4291), and translated by the network's own gateway
# (RFC 6052), which is how networks without IPv4 reach the rest of the internet.
IPV4_INSIDE = (ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("64:ff9b::/96"))


async def pinned(url: httpx2.URL) -> tuple[httpx2.URL, dict[str, str], dict[str, Any]]:
    """Return the address, headers and extensions that ask for `url` at the very IP address that was checked.

    A second look-up could name another. Raises InvalidRequest when the host is not a public one, TransientError when
    looking it up takes too long.
    """
    ip = await public_address(url.host, url.port or (443 if url.scheme == "https" else 80))
    # Connections are kept by address: without `close`, one that was verified for a host would carry the requests to
    # every other host at that address.
    headers = {"Host": url.netloc.decode(), "Connection": "close"}
    return url.copy_with(host=ip), headers, {"sni_hostname": url.host}


async def public_address(host: str, port: int) -> str:
    """Return one address of `host`, when all of its addresses are public. Raises as `pinned`."""
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError as error:
        raise TransientError("network", f"Looking up {host} took too long.", rejected=True) from error
    except (OSError, UnicodeError, ValueError) as error:
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
    """Return whether an IP address is one that the whole internet reaches. Raises ValueError for what is none."""
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if not any(ip in network for network in IPV4_INSIDE):
            return ip in GLOBAL_IPV6 and not any(ip in network for network in SPECIAL_IPV6)
        ip = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return not any(ip in network for network in SPECIAL_IPV4)
