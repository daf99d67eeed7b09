"""URLs that users, platforms and other servers supply."""

import re
from ipaddress import ip_address

from yarl import URL

# A URL that can be sent as it is. A signed one must be: any other spelling of it has another signature.
EXACT = re.compile(r"[\x21-\x7e]*")
# A host name, after IDNA, or an IP address without a zone.
HOST = re.compile(r"[A-Za-z0-9._:-]+")
# The last label of a host that is no name (as in the URL Standard).
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)


def parse_url(text: object, base: URL | None = None) -> URL:
    """Return the absolute http or https URL, relative to `base` if there is one. Raise ValueError if it is not one.

    Characters that a URL cannot contain are escaped. A URL without them is kept as it is.
    """
    if not isinstance(text, str):
        raise ValueError("not text")
    url = URL(text, encoded=EXACT.fullmatch(text) is not None)
    url = url if base is None else base.join(url)
    if url.scheme not in ("http", "https") or not HOST.fullmatch(url.raw_host or ""):
        raise ValueError("not an http(s) URL")
    _check_host((url.raw_host or "").removesuffix("."))
    _ = url.host  # yarl raises a ValueError for a label that begins with xn-- and is no Punycode
    return url


def _check_host(host: str) -> None:
    """Raise ValueError for an empty label, and for a number, which some systems take for an IP address (127.1, 0)."""
    *_, last = labels = host.split(".")
    if not all(labels):
        raise ValueError(host)
    if NUMBER.fullmatch(last):
        ip_address(host)
