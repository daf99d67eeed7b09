"""Requests to hosts that a user or another server named: only to addresses of the public internet."""

import ipaddress

from clipcast.platforms.errors import InvalidRequest, TransientError
from clipcast.platforms.names import LOOKUP_TIME, LOOKUPS

# Addresses outside the public internet (IANA's registries of special-purpose addresses). Python's `is_global` differs
# between minor releases.
SPECIAL_IPV4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
# The part of IPv6 that IANA assigns: without loopback, link-local, site-local, unique local and multicast.
GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
# Exceptions in it: protocols (Teredo, ORCHID, benchmarks), documentation, 6to4 (which hides an IPv4 address), AS 112.
SPECIAL_IPV6 = tuple(
    ipaddress.IPv6Network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
# Networks whose last 32 bits are the IPv4 address that is reached: mapped (RFC 4291), and translated by a gateway, with
# which networks without IPv4 reach the rest of the internet (RFC 6052).
IPV4_INSIDE = (ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("64:ff9b::/96"))


async def public_addresses(host: str) -> list[str]:
    """Return the addresses of `host`, all of which are public.

    Raises InvalidRequest if the host does not exist or has an address that is not public, TransientError if the look-up
    takes too long.
    """
    try:
        addresses = await LOOKUPS.addresses(host)
    except TimeoutError as error:
        message = f"The DNS look-up of {host} took over {LOOKUP_TIME:.0f} s."
        raise TransientError("network", message, rejected=True) from error
    except (OSError, UnicodeError, ValueError) as error:
        raise InvalidRequest("fetch_failed", f"The host {host} does not exist.", rejected=True) from error
    for address in addresses:
        require_public(address, host)
    return addresses


def require_public(address: str, host: str) -> None:
    """Raise InvalidRequest, which names `host`, if the IP address does not belong to the public internet."""
    if not is_public(address):
        raise InvalidRequest(
            "address_not_public", f"{host} is inside a private network.", rejected=True,
            fix="Give a URL that is reachable from the internet.",
        )  # fmt: skip


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the public internet. Raise ValueError for an invalid one."""
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if not any(ip in network for network in IPV4_INSIDE):
            return ip in GLOBAL_IPV6 and not any(ip in network for network in SPECIAL_IPV6)
        ip = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return not any(ip in network for network in SPECIAL_IPV4)
