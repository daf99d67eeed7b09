"""The commands for posting, run against the API on a real port."""

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from clipcast.cli import app
from tests.sdk.conftest import Served, port, served

__all__ = ["port", "served"]


@dataclass
class Result:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Shell:
    """A person's shell: the environment of the commands, and the installation that they call."""

    environ: dict[str, str | None]
    served: Served
    folder: Path

    async def run(self, *arguments: str, input: str | None = None, **environ: str) -> Result:
        """Run a command in a thread: the server runs in this one."""
        done = await asyncio.to_thread(CliRunner().invoke, app, arguments, input, self.environ | environ)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        return Result(done.exit_code, done.stdout, done.stderr)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the user other folders of settings and state."""
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setattr("clipcast.cli.client.session.FIRST_PAUSE", 0.0)
    yield tmp_path
    assert not [name for name in os.environ if name.startswith("CLIPCAST_")]


@pytest.fixture
async def shell(served: Served, home: Path) -> Shell:
    environ: dict[str, str | None] = {
        "CLIPCAST_URL": f"http://127.0.0.1:{served.port}", "CLIPCAST_API_KEY": served.stage.caller.key
    }  # fmt: skip
    return Shell(environ, served, home)
