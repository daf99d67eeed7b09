"""Reaching addresses that somebody else named, and only those that the whole internet reaches."""

import asyncio
import ipaddress
import socket
from typing import Any

import httpx2

from clipcast.platforms.errors import InvalidRequest

# Translated to IPv4 by a gateway of the network, wherever that may lead (RFC 6052, RFC 8215).
TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))


async def pinned(url: httpx2.URL) -> tuple[httpx2.URL, dict[str, str], dict[str, Any]]:
    """The address, headers and extensions with which `url` is asked for at the very IP address that was checked.

    A second look-up could name another. Raises InvalidRequest when the host is not a public one.
    """
    ip = await public_address(url.host, url.port or (443 if url.scheme == "https" else 80))
    return url.copy_with(host=ip), {"Host": url.netloc.decode()}, {"sni_hostname": url.host}


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
