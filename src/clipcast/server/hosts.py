"""The check of the Host header: Clipcast serves requests only under this installation's names.

A page of another site can make a browser send requests to this address under the site's own name (DNS rebinding). Such
a page can read every response, use the browser's cookies and complete the first run.
"""

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache

from clipcast.common.problems import AppError
from clipcast.common.settings import Settings
from clipcast.operations.health import ROUTES as HEALTH_CHECKS

HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::[0-9]{0,5})?")


def require_known_host(path: str, values: list[str], settings: Settings) -> None:
    """Raise AppError 400 unless there is exactly one valid Host, and 421 if it is not a name of this installation.

    `values` are the request's Host headers.
    """
    # Load balancers request health checks by IP address. The responses hold nothing that a hostile page could use.
    if path in HEALTH_CHECKS:
        return
    if len(values) != 1:
        count = "no Host header" if not values else f"{len(values)} Host headers"
        raise AppError(400, "invalid_host", f"The request has {count}. Send exactly one.")
    name = host_name(values[0])
    if name is None:
        raise AppError(400, "invalid_host", "The Host header is neither a host name nor an IP address. Correct it.")
    if not is_known(name, settings.public_url.host or "", settings.allowed_hosts):
        raise AppError(
            421, "unknown_host",
            f"{name[:100]} is not a name of this installation. If it should be, set CLIPCAST_PUBLIC_URL to the address "
            "that people use, or add the name to CLIPCAST_ALLOWED_HOSTS.",
        )  # fmt: skip


def host_name(value: str) -> str | None:
    """Return the name in a Host header: lower case, without port, brackets or final dot. None if it is invalid."""
    match = HOST.fullmatch(value.strip())
    if match is None:
        return None
    name = match[1].lower()
    if name.startswith("["):
        try:
            return str(ipaddress.IPv6Address(name[1:-1]))
        except ValueError:
            return None
    return name.removesuffix(".") or None


@lru_cache(maxsize=1024)
def is_known(name: str, public_host: str, allowed: tuple[str, ...]) -> bool:
    """Return whether a name from `host_name` is the public URL's, a loopback name, or one of `allowed`."""
    return is_loopback(name) or any(_matches(name, known) for known in _normalized([public_host, *allowed]))


def is_loopback(name: str) -> bool:
    """Return whether a name from `host_name` always means the local machine."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _normalized(names: Iterable[str]) -> list[str]:
    return [found if (found := host_name(name)) else name for name in names]


def _matches(name: str, allowed: str) -> bool:
    """Return whether the names are equal, or `allowed` is `*.example.org` and `name` is below example.org."""
    return name.endswith(allowed[1:]) if allowed.startswith("*.") else name == allowed
