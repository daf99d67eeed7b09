"""What the commands that run processes print, and when they listen."""

import errno
import os

import pytest
from typer.testing import CliRunner

from clipcast.cli import app
from clipcast.cli.run import ready_at
from clipcast.common.settings import load
from clipcast.server.sockets import close, listen
from clipcast.testing.harness import free_port


@pytest.mark.parametrize(
    ("public", "host", "expected"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "::1", "http://[::1]:8000"),
        ("https://clips.example.org", "127.0.0.1", "https://clips.example.org, listening on http://127.0.0.1:8000"),
        ("https://clips.example.org", "::1", "https://clips.example.org, listening on http://[::1]:8000"),
        ("http://127.0.0.1:8000", "0.0.0.0", "http://127.0.0.1:8000, listening on http://0.0.0.0:8000"),
    ],
)
def test_ready_at_names_the_public_url_and_another_listening_address(public: str, host: str, expected: str) -> None:
    """An operator behind a proxy sees where the proxy must send requests."""
    assert ready_at(load({}, public_url=public), host, 8000) == expected


@pytest.mark.parametrize(("command", "starts"), [("serve", "run._serve"), ("demo", "demo_run.run_demo")])
def test_ports_are_taken_before_a_process_starts(monkeypatch: pytest.MonkeyPatch, command: str, starts: str) -> None:
    """No other program can take one between a check and the start of the process that serves it."""
    port, second = free_port(), free_port()
    found = []

    async def start(*_: object) -> int:
        for one in (port, second):
            with pytest.raises(OSError) as caught:
                listen("127.0.0.1", one)
            found.append(caught.value.errno)
        return 0

    monkeypatch.setattr(f"clipcast.cli.{starts}", start)
    monkeypatch.setattr(os, "umask", lambda mask: mask)
    flags = ["--sandbox-port", str(second)] if command == "demo" else []
    shown = CliRunner().invoke(
        app, [command, "--port", str(port), *flags], env={"CLIPCAST_WORKER_HEALTH_PORT": str(second)}
    )
    assert shown.exit_code == 0, shown.output
    assert found == [errno.EADDRINUSE, errno.EADDRINUSE]
    for one in (port, second):
        close(listen("127.0.0.1", one))
