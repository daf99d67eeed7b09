"""The addresses of webhooks: public https addresses, and the hosts that the operator allows."""

import re

from yarl import URL

from clipcast.common.problems import Problem
from clipcast.platforms.addresses import parse_url
from clipcast.platforms.network import is_public

URL_MAX = 2048
CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
OTHER_SCHEME = re.compile(r"(?!https?:)([a-z][a-z0-9+.-]{0,19})://[^/\s]", re.IGNORECASE)


def check_url(text: str, allowed_hosts: tuple[str, ...]) -> URL | Problem:
    """Return the address of a webhook with its characters escaped as requests need it, or what is wrong with it.

    The host is looked up at each request, not here.
    """
    if len(text) > URL_MAX:
        return _too_long(len(text))
    try:
        if CONTROLS.search(text.strip()):
            raise ValueError("control characters")
        url = parse_url(text.strip())
    except ValueError:
        if other := OTHER_SCHEME.match(text):
            message = f"The address uses {other[1].lower()}. Give an https address such as https://example.org/hooks."
            return Problem("/url", "https_required", message)
        message = "This is not an address. Give one such as https://example.org/hooks."
        return Problem("/url", "invalid", message)
    if len(str(url)) > URL_MAX:
        return _too_long(len(str(url)))
    if url.user is not None or url.password is not None:
        message = "The address holds a user name or a password. Clipcast signs its requests: leave them out."
        return Problem("/url", "invalid", message)
    if url.fragment or text.rstrip().endswith("#"):
        message = "The address has a fragment (#), which no request carries. Leave it out."
        return Problem("/url", "invalid", message)
    if url.port == 0:
        return Problem(
            "/url", "invalid", "The address has the port 0, to which nothing can connect. Give another port."
        )
    if is_allowed(url, allowed_hosts):
        return url
    if url.scheme != "https":
        message = (
            "The address uses http. Give an https address, or have the operator allow the host in "
            "CLIPCAST_WEBHOOK_HOSTS."
        )
        return Problem("/url", "https_required", message)
    if is_private(url):
        message = (
            "The address is inside a private network. Give one that is reachable from the internet, or have the "
            "operator allow the host in CLIPCAST_WEBHOOK_HOSTS."
        )
        return Problem("/url", "address_not_public", message)
    return url


def _too_long(length: int) -> Problem:
    message = f"The address is too long: {length} characters, maximum {URL_MAX}. Shorten it."
    return Problem("/url", "too_long", message, URL_MAX, length)


def is_allowed(url: URL, allowed_hosts: tuple[str, ...]) -> bool:
    """Return whether the operator allows this host inside a private network and without TLS."""
    host = (url.raw_host or "").lower().removesuffix(".")
    return any(
        host.endswith(allowed[1:].lower()) if allowed.startswith("*.") else host == allowed.lower().strip("[]")
        for allowed in allowed_hosts
    )


def is_private(url: URL) -> bool:
    """Return whether the host is an IP address of a private network, or a name that means this machine."""
    host = (url.raw_host or "").lower().removesuffix(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not is_public(host)
    except ValueError:
        return False
