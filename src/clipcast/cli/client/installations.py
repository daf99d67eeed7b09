"""The installation that a command calls: named by the environment, by `clipcast login`, or a demo that runs."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from clipcast.cli import demos

URL, KEY, WORKSPACE = "CLIPCAST_URL", "CLIPCAST_API_KEY", "CLIPCAST_WORKSPACE"
DEFAULT = "http://127.0.0.1:8000"
# Hosts that mean this machine.
LOCAL = ("127.0.0.1", "localhost", "::1")
NOBODY = "No installation is known. Run `clipcast login URL`, or start the demo with `make demo`."


class NoInstallation(Exception):
    """No address or no key is known. The message says how to give them."""


@dataclass(frozen=True)
class Installation:
    """An installation with the key for it, and where both come from."""

    url: str
    key: str
    source: str


def find(url: str | None) -> Installation:
    """Return the installation to call. `url` is that of the option. Raises NoInstallation.

    A saved key goes to the address for which it was saved, and to no other.
    """
    wanted = url or os.environ.get(URL)
    address = plain_address(wanted) if wanted else None
    key = os.environ.get(KEY)
    saved = Logins.read()
    running = dict(demos.running())
    if address is None:
        address = saved.current or next(iter(running), DEFAULT if key else None)
    if address is None:
        raise NoInstallation(NOBODY)
    if key:
        return Installation(address, key, "environment")
    if found := saved.keys.get(address):
        return Installation(address, found, "login")
    if found := running.get(address):
        return Installation(address, found, "demo")
    raise NoInstallation(f"No key is known for {address}. Run `clipcast login {address}`, or set {KEY}.")


def plain_address(url: str) -> str:
    """Return an address without the path of the API. Raises NoInstallation if it is none."""
    try:
        parts = urlsplit(url.strip() if "://" in url else f"https://{url.strip()}")
        if "://" not in url and parts.hostname in LOCAL:
            parts = parts._replace(scheme="http")
        host = parts.hostname or ""
        # A bare number is a port without its host.
        valid = parts.scheme in ("http", "https") and bool(host) and not host.isdigit() and "@" not in parts.netloc
        _ = parts.port
    except ValueError:
        valid = False
    if not valid:
        from clipcast.sdk.transport import without_secrets

        raise NoInstallation(
            f"{without_secrets(url)!r} is not the address of an installation. Use one such as "
            "https://clips.example.org, without a password."
        )
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/').removesuffix('/api/v1').rstrip('/')}"


@dataclass
class Logins:
    """The keys that `clipcast login` saved, by address, and the address of the last login."""

    current: str | None
    keys: dict[str, str]

    @staticmethod
    def path() -> Path:
        return platformdirs.user_config_path("clipcast") / "logins.json"

    @classmethod
    def read(cls) -> Logins:
        """Return the saved logins; none if there is no file."""
        try:
            content = json.loads(cls.path().read_text())
            return cls(content["current"], dict(content["keys"]))
        except FileNotFoundError:
            return cls(None, {})
        except (OSError, ValueError, KeyError, TypeError):
            raise NoInstallation(f"{cls.path()} cannot be read. Delete it, and log in again.") from None

    def write(self) -> None:
        """Save the logins in a file that only this user can read. Raises OSError."""
        demos.write_private(self.path(), json.dumps({"current": self.current, "keys": self.keys}, indent=1))
