"""Helpers of the commands that run on an installation's machine: settings, error messages and the event loop."""

from __future__ import annotations

import os
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import typer

if TYPE_CHECKING:
    import socket

    from clipcast.common.settings import Declared, Settings

T = TypeVar("T")
WRONG_SETTINGS = 2
# A file in the data directory. It holds the address of the API that started last without CLIPCAST_PUBLIC_URL.
ADDRESS_FILE = "address"


def fail(message: str, code: int = 1) -> typer.Exit:
    """Print `message` to standard error. Return the exception for the caller to raise."""
    typer.secho(message, err=True, fg=typer.colors.RED)
    return typer.Exit(code)


def settings(environ: Mapping[str, str] = os.environ, **overrides: object) -> Settings:
    """Return the settings of `environ`. If they are invalid, print all problems and exit with code 2."""
    from pydantic import AnyHttpUrl

    from clipcast.common.settings import SettingsError, load

    try:
        loaded = load(environ, _declared, **overrides)
        if "public_url" not in loaded.model_fields_set and (address := _announced(loaded)):
            loaded = loaded.model_copy(update={"public_url": AnyHttpUrl(address)})
        if loaded.quotas or loaded.extra_scopes:
            from clipcast.platforms.registry import check_names

            check_names(loaded)
        return loaded
    except SettingsError as error:
        raise fail(f"Clipcast cannot start with these settings:\n{error}", WRONG_SETTINGS) from None


def _declared() -> Declared:
    """Return the platforms' settings. Importing the platforms is slow, so `load` calls this only if it must."""
    from clipcast.platforms.registry import declared

    return declared()


def public_url_for(host: str, port: int) -> str | None:
    """Return the address of `--host` and `--port`, or None if the environment sets a public URL."""
    from clipcast.common.settings import PREFIX
    from clipcast.server.sockets import local_url

    if os.environ.get(PREFIX + "PUBLIC_URL"):
        return None
    return local_url(host, port)


def announce_address(settings: Settings) -> None:
    """Record the API's address in its data directory, for commands that print links or check the API."""
    (settings.data_dir / ADDRESS_FILE).write_text(settings.public_base)


def _announced(settings: Settings) -> str | None:
    try:
        return (settings.data_dir / ADDRESS_FILE).read_text()
    except OSError:
        return None


@contextmanager
def listening(host: str, port: int, flag: str) -> Iterator[list[socket.socket]]:
    """Listen on the port until the end of the block, or on the sockets of the supervisor that started this process.

    If another process has the port, or this machine has not the address, print one message and exit.
    """
    import socket

    from clipcast.server.sockets import ABSENT, close, inherited, listen

    try:
        sockets = inherited() or listen(host, port)
    except socket.gaierror as error:
        raise fail(f"{host} is not an address of this machine ({error.strerror}).") from None
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        if error.errno in ABSENT:
            raise fail(f"{host} is not an address of this machine ({reason}).") from None
        raise fail(f"Port {port} is not available ({reason}). Choose another one with {flag}.") from None
    try:
        yield sockets
    finally:
        close(sockets)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` and return its result. If the installation cannot open, print one message and exit."""
    import uvloop

    # No other user may read clips, keys and tokens.
    os.umask(0o077)
    try:
        return uvloop.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except Exception as error:
        if message := _cannot_open(error):
            from clipcast.common.vault import VaultError

            raise fail(message, WRONG_SETTINGS if isinstance(error, VaultError) else 1) from None
        raise


def _cannot_open(error: Exception) -> str | None:
    """Return why the installation cannot open, or None for any other error."""
    from clipcast.common.unavailable import DatabaseUnavailable
    from clipcast.common.vault import VaultError
    from clipcast.database.embedded import EmbeddedServerError
    from clipcast.database.migrate import DatabaseTooNew
    from clipcast.storage import StorageError

    if isinstance(error, DatabaseTooNew | EmbeddedServerError | StorageError | VaultError):
        return str(error)
    if isinstance(error, DatabaseUnavailable | OSError):
        reason = str(error).split("\n", 1)[0]
        return f"The database or the data directory is not available: {reason}"
    return None
