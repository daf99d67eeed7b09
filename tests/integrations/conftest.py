"""The n8n node, compiled. Skipped where `make api-tools` was not run."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.generated_clients.conftest import NODE
from tests.sdk.conftest import Served, port, served

__all__ = ["port", "served"]

PACKAGE = Path(__file__).parents[2] / "integrations" / "n8n-nodes-clipcast"
MODULES = PACKAGE / "node_modules"


def run_tool(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the package's tools, such as `typescript/bin/tsc`, in the package's folder."""
    command = [str(NODE), str(MODULES / program), *arguments]
    environ = os.environ | {"NO_COLOR": "1"}
    return subprocess.run(command, cwd=PACKAGE, env=environ, capture_output=True, text=True, check=False, timeout=150)


@pytest.fixture(scope="session")
def tools() -> None:
    if not (MODULES / ".package-lock.json").exists():
        pytest.skip("The tools are not installed; `make api-tools` does that where the npm registry is reachable.")


@pytest.fixture(scope="session")
def package(tools: None, session_dir: Path) -> Path:
    """Compile the package into a folder of its own."""
    folder = session_dir / "n8n"
    folder.mkdir()
    compiled = run_tool("typescript/bin/tsc", "--outDir", str(folder / "dist"))
    assert compiled.returncode == 0, compiled.stdout
    shutil.copy(PACKAGE / "package.json", folder)
    (folder / "node_modules").symlink_to(MODULES)
    return folder


@dataclass
class N8n:
    """A process that runs the nodes as n8n does."""

    process: Any
    served: Served

    async def __call__(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Return the `result` of a command, or its `error`."""
        self.process.stdin.write(json.dumps({"command": command} | arguments).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await self.process.stdout.readline())
        return answer

    async def run(self, file: dict[str, Any] | None = None, **parameters: Any) -> list[dict[str, Any]]:
        """Run the node with these parameters, and return the items of its output."""
        answer = await self("run", parameters=parameters, file=file)
        assert "result" in answer, answer
        items: list[dict[str, Any]] = answer["result"]
        return items


@pytest.fixture
async def n8n(package: Path, served: Served) -> AsyncIterator[N8n]:
    program = [str(NODE), str(Path(__file__).parent / "n8n.mjs"), str(package)]
    process = await asyncio.create_subprocess_exec(
        *program, f"http://127.0.0.1:{served.port}/", served.stage.caller.key,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**24,
    )  # fmt: skip
    yield N8n(process, served)
    process.kill()
    await process.wait()
