"""Where Clipcast is, and with which key to call it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from clipcast.sdk.errors import UsageError
from clipcast.sdk.transport import PREFIX, SLOW, Request, headers, without_secrets

VERSION = "0.1.0"
# The address of `make demo`.
DEFAULT_URL = "http://127.0.0.1:8000"
USER_AGENT = f"clipcast-sdk/{VERSION} python/{platform.python_version()}"
# Seconds for the connection itself, and for the response to bytes of a file, which the server then joins.
CONNECT, FILE = 10.0, 600.0


@dataclass(frozen=True)
class Configuration:
    """The address, the key and the workspace of a client."""

    url: str
    key: str = field(repr=False)
    workspace: str | None
    timeout: float

    @classmethod
    def of(cls, key: str | None, url: str | None, workspace: str | None, timeout: float) -> Configuration:
        """Return the configuration. What is None comes from the environment. Raises UsageError."""
        key = (key or os.environ.get("CLIPCAST_API_KEY") or "").strip()
        if not key:
            raise UsageError("There is no API key.", fix="Pass one as `key`, or set CLIPCAST_API_KEY.")
        if not (key.isascii() and key.isprintable()):
            raise UsageError("The API key has characters that no key has.", fix="Copy the key again.")
        base = base_of(url or os.environ.get("CLIPCAST_URL") or DEFAULT_URL)
        workspace = workspace or os.environ.get("CLIPCAST_WORKSPACE") or None
        headers(workspace_id=workspace)
        return cls(base, key, workspace, timeout)

    @property
    def is_local(self) -> bool:
        """Whether the address is one of this machine, which no proxy reaches."""
        return is_local(self.url)

    def address_of(self, request: Request[Any]) -> str:
        """Return the URL of a request, without its query."""
        return f"{self.url}{PREFIX}{request.path}"

    def headers_of(self, request: Request[Any]) -> dict[str, str]:
        """Return the headers of a request."""
        made = {"X-Api-Key": self.key, "User-Agent": USER_AGENT, "Accept": "application/json"}
        if self.workspace:
            made["X-Workspace-Id"] = self.workspace
        if request.body is not None:
            made["Content-Type"] = request.content_type
        return made | dict(request.headers)

    def patience_of(self, request: Request[Any]) -> float:
        """Return the seconds for which to wait for the response."""
        asked = float(request.query.get("wait") or 0)
        return max(self.timeout, SLOW.get(request.operation, 0.0)) + asked


def is_local(url: str) -> bool:
    """Return whether an address is one of this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def base_of(url: str) -> str:
    """Return the address of an installation without the path of its API. Raises UsageError."""
    url = url.strip().rstrip("/").removesuffix(PREFIX).rstrip("/")
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and not parts.fragment
        valid = valid and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise UsageError(
            f"{without_secrets(url)!r} is not an address of Clipcast.", fix="Use one such as https://clipcast.example."
        )
    return url
