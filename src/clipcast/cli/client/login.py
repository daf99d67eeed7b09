"""`clipcast login` and `clipcast logout`."""

from __future__ import annotations

import sys
from typing import Annotated
from urllib.parse import urlsplit

import typer

from clipcast.cli.client.installations import DEFAULT, LOCAL, Logins, NoInstallation, plain_address
from clipcast.cli.client.session import AsJson, Refused, ending, say, show


def login(
    url: Annotated[
        str, typer.Argument(help="Address of the installation, such as https://clips.example.org.")
    ] = DEFAULT,
    key: Annotated[
        str | None,
        typer.Option(
            help="API key. Without it, the command asks, or reads a line of standard input: no shell keeps it."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Save an installation's address and an API key of it for the commands that post.

    People create keys in the app, under Developers. The key is kept in a file that only you can read, for this address
    only. CLIPCAST_URL and CLIPCAST_API_KEY come before it.
    """
    from clipcast.sdk import Clipcast

    with ending(as_json):
        try:
            address = plain_address(url)
            saved = Logins.read()
        except NoInstallation as error:
            raise Refused(str(error)) from None
        parts = urlsplit(address)
        if parts.scheme == "http" and parts.hostname not in LOCAL:
            say(
                "The address is http, so others on the way can read the key. Use https if you can.", typer.colors.YELLOW
            )
        if key is None and sys.stdin.isatty():
            say(f"Create a key at {address}/developers/keys.")
            key = typer.prompt("API key", hide_input=True, err=True)
        elif key is None:
            key = sys.stdin.readline()
        if not key.strip():
            raise Refused("There is no API key.", details=["Pass it with --key, or as a line of standard input."])
        with Clipcast(key, address) as client:
            name = client.get_workspace()["name"]
        saved.current = address
        saved.keys[address] = key.strip()
        try:
            saved.write()
        except OSError as error:
            raise Refused(f"The key cannot be saved in {Logins.path()}: {error.strerror}.", 1) from None
        shown = {"url": address, "workspace": name, "saved_in": str(Logins.path())}
        show(shown, [f"Logged in to the workspace {name} at {address}."], as_json)


def logout(
    url: Annotated[
        str | None, typer.Argument(help="Address of the installation. Default: that of the last login.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Delete the saved key of an installation. The key itself stays valid: revoke it in the app, under Developers."""
    with ending(as_json):
        try:
            saved = Logins.read()
            address = plain_address(url) if url else saved.current
        except NoInstallation as error:
            raise Refused(str(error)) from None
        if address is None or saved.keys.pop(address, None) is None:
            raise Refused(f"No key is saved for {address or 'any installation'}.")
        saved.current = next(reversed(saved.keys), None)
        saved.write()
        show({"url": address}, [f"Deleted the key of {address}."], as_json)
