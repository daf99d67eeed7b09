"""The client's address of a request that came through a reverse proxy.

Any client can send `X-Forwarded-For`, so Clipcast uses the header only if the connection comes from a network in
CLIPCAST_TRUSTED_PROXIES. Each proxy appends the address of its peer. The client is the last entry that is not a trusted
proxy; the client itself can have written all entries to the left of it.
"""

import ipaddress
import re
from collections.abc import Sequence

import structlog

from clipcast.common.settings import Network

log = structlog.get_logger()

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# RFC 7239: name=value or name="value", joined by ";" in an element and by "," between elements.
PAIR = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)=("(?:[^"\\]|\\.)*"|[^\s",;]*)\s*(;|,|$)')
_warned: set[str] = set()


def client_of(peer: str, headers: Sequence[tuple[bytes, bytes]], trusted: tuple[Network, ...]) -> tuple[str, bool]:
    """Return the client's address, and whether the client used https according to a trusted proxy.

    `peer` is the other end of the connection. If headers contradict each other, return `peer`. If an entry is invalid,
    return the valid address to its right.
    """
    forwarded_for = _values(headers, b"x-forwarded-for")
    forwarded = _values(headers, b"forwarded")
    if not forwarded_for and not forwarded:
        return peer, False
    if not _is_trusted(address := _parse(peer), trusted):
        _warn_once(peer, "proxy_not_trusted", "A proxy at this address is not in CLIPCAST_TRUSTED_PROXIES.")
        return peer, False
    assert address is not None
    elements = _elements(",".join(forwarded))
    found = set()
    if forwarded_for:
        found.add(_last_untrusted(address, ",".join(forwarded_for).split(","), trusted))
    if forwarded:
        found.add(_last_untrusted(address, [one.get("for", "") for one in elements], trusted))
    if len(found) > 1:
        # A proxy that sets one of the two headers passes the client's own value of the other one on.
        _warn_once(peer, "proxy_headers_differ", "Forwarded and X-Forwarded-For differ. Have the proxy remove one.")
        return peer, False
    protocols = [*_values(headers, b"x-forwarded-proto"), *(one["proto"] for one in elements[-1:] if "proto" in one)]
    return str(found.pop()), bool(protocols) and protocols[-1].rpartition(",")[2].strip().lower() == "https"


def _last_untrusted(peer: Address, hops: list[str], trusted: tuple[Network, ...]) -> Address:
    client = peer
    for hop in reversed(hops):
        if (address := _parse(hop)) is None:
            return client
        client = address
        if not _is_trusted(address, trusted):
            return client
    return client


def _is_trusted(address: Address | None, trusted: tuple[Network, ...]) -> bool:
    return address is not None and any(address in network for network in trusted if network.version == address.version)


def _parse(text: str) -> Address | None:
    """Return the address without port and brackets, IPv4-mapped IPv6 as IPv4; None if it is invalid."""
    text = text.strip().strip('"')
    match = re.fullmatch(r"\[([^\]]*)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+)(?::\d+)?", text)
    try:
        address = ipaddress.ip_address((match[1] or match[2]) if match else text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _elements(text: str) -> list[dict[str, str]]:
    """Return the elements of a Forwarded header, the last one last. Ignore everything after a syntax error."""
    elements: list[dict[str, str]] = [{}]
    position = 0
    while position < len(text):
        match = PAIR.match(text, position)
        if match is None:
            return [*elements, {}]
        elements[-1][match[1].lower()] = match[2].strip('"')
        if match[3] == ",":
            elements.append({})
        position = match.end()
    return elements


def _values(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key == name]


def _warn_once(peer: str, event: str, hint: str) -> None:
    """Log a warning for the operator once per process, to keep the log readable."""
    if event not in _warned:
        _warned.add(event)
        log.warning(event, peer=peer, hint=hint)
