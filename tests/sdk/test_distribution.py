"""The client's own distribution works where the server is not installed."""

import os
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

import clipcast
from tests.sdk.conftest import Served

FOLDER = Path(__file__).parents[2] / "integrations" / "python-sdk"
PROGRAM = """
import importlib.util, sys
from clipcast.sdk import Clipcast
from clipcast.sdk.webhooks import verify
assert importlib.util.find_spec("clipcast.server") is None
print(Clipcast().get_workspace()["name"])
"""


def needed(found: Distribution, seen: set[str]) -> set[str]:
    """Return the names of the distributions that this one needs here, and those that they need."""
    for text in found.requires or ():
        requirement = Requirement(text)
        if requirement.name not in seen and (not requirement.marker or requirement.marker.evaluate({"extra": ""})):
            seen.add(requirement.name)
            needed(distribution(requirement.name), seen)
    return seen


async def test_wheel_works_without_the_server(served: Served, tmp_path: Path) -> None:
    """The new environment has what the wheel declares, linked from this one, and nothing else."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=FOLDER, check=True, capture_output=True, timeout=60)
    [wheel] = tmp_path.glob("clipcast_sdk-*.whl")
    facts = wheel.name.split("-py3")[0] + ".dist-info"
    assert facts == f"clipcast_sdk-{clipcast.__version__}.dist-info"
    venv.create(tmp_path / "venv")
    [packages] = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
        names = archive.namelist()
    assert "clipcast/sdk/py.typed" in names
    assert not [name for name in names if not name.startswith(("clipcast/sdk/", facts))]
    for name in needed(Distribution.at(packages / facts), set()):
        for file in distribution(name).files or ():
            target = packages / file.parts[0]
            if file.parts[0] not in ("..", "__pycache__") and not target.exists():
                target.symlink_to(Path(str(distribution(name).locate_file(file.parts[0]))))
    environ = {"CLIPCAST_API_KEY": served.stage.caller.key, "CLIPCAST_URL": f"http://127.0.0.1:{served.port}"}
    done = await served.call(
        subprocess.run,
        [str(tmp_path / "venv" / "bin" / "python"), "-I", "-W", "error", "-c", PROGRAM],
        env={"PATH": os.environ["PATH"]} | environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Workspace\n"
