"""The example package adds a platform by being installed: the demo publishes to it, and it passes the suite."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from clipcast.platforms.registry import PLATFORMS
from clipcast.testing.harness import free_port

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "clipcast-platform-quillmere"
# CONFORMANCE=whole runs the whole suite for the example (`make conformance`), but for odd files, which take half of its
# time and show nothing that is special about a package. Otherwise some tests of each kind run: Clipcast's own platforms
# pass the whole suite.
IS_WHOLE = os.environ.get("CONFORMANCE") == "whole"
TESTS = "not test_media" if IS_WHOLE else "completeness or test_publishing or metadata or recorded_one or lost_twice"
BROKEN = "[clipcast.platforms]\nbroken = not_there:platform\ntiktok = clipcast_platform_quillmere:platform\n"


@pytest.fixture(scope="module")
def packages(session_dir: Path) -> Path:
    """Install the example into a folder of its own."""
    folder = session_dir / "packages"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    options = ["--no-deps", "--no-build-isolation", "--target", str(folder)]
    subprocess.run([*pip, *options, str(EXAMPLE)], check=True)
    return folder


def _environ(*folders: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, folders)), "NO_COLOR": "1"}


def _run(arguments: list[str], folders: list[Path], **environ: str) -> subprocess.CompletedProcess[str]:
    command, environment = [sys.executable, "-m", *arguments], _environ(*folders) | environ
    return subprocess.run(command, cwd=EXAMPLE, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.timeout(400)
def test_demo_once_publishes_to_every_platform_and_to_the_example(packages: Path, tmp_path: Path) -> None:
    """The demo ignores the settings of an installation on this machine: this database does not exist."""
    options = ["--port", str(free_port()), "--sandbox-port", str(free_port()), "--data-dir", str(tmp_path / "d")]
    nowhere = "postgresql://127.0.0.1:1/nowhere"
    shown = _run(["clipcast", "demo", "--once", *options], [packages], CLIPCAST_DATABASE_URL=nowhere)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    platforms = {*PLATFORMS, "quillmere"}
    assert shown.stdout.count("live ") == 2 * len(platforms)
    assert shown.stdout.count("converted (video)") == len(platforms) - 1  # YouTube accepts WebM
    pasted = shlex.split(shown.stdout[shown.stdout.index("curl -X POST") :].replace("\\\n", " "))
    body = json.loads(pasted[pasted.index("-d") + 1])
    assert {name for target in body["videos"][0]["targets"] for name in target["metadata"]} == platforms
    assert shown.stderr == ""
    assert "Connected @harbour.films on quillmere (OAuth)." in shown.stdout
    assert "/www.quillmere.example/v/" in shown.stdout


@pytest.mark.timeout(600)
def test_example_passes_the_conformance_suite_with_one_command(packages: Path) -> None:
    options = ["-q", "-n", "0", "-p", "no:cacheprovider", "-k", TESTS]
    shown = _run(["pytest", "--conformance", "quillmere", *options], [packages])
    assert shown.returncode == 0, shown.stdout[-5000:] + shown.stderr
    assert re.search(r"\b1\d\d passed" if IS_WHOLE else r"\b\d\d passed", shown.stdout), shown.stdout[-500:]


def test_suite_states_each_missing_part_in_one_line(packages: Path, tmp_path: Path) -> None:
    _installed(tmp_path, "[clipcast.platforms]\nquillmere = clipcast_platform_quillmere:platform\n")
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "clipcast_platform_quillmere").symlink_to(packages / "clipcast_platform_quillmere")
    test = "clipcast.testing.suite.test_completeness"
    options = ["-n", "0", "-p", "no:cacheprovider", "-q"]
    shown = _run(["pytest", "--pyargs", test, "--conformance", "quillmere", *options], [tmp_path, bare])
    assert shown.returncode == 1
    assert "quillmere: no simulator. Add the entry point clipcast.simulators." in shown.stdout
    assert "quillmere: no conformance case. Add the entry point clipcast.cases." in shown.stdout


def test_unusable_plugins_are_skipped_and_the_rest_works(packages: Path, tmp_path: Path) -> None:
    _installed(tmp_path, BROKEN)
    program = (
        "import json; from clipcast.platforms.registry import PLATFORMS, SKIPPED;"
        "print(json.dumps([list(PLATFORMS), [str(one) for one in SKIPPED]]))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], env=_environ(packages, tmp_path), capture_output=True, text=True, check=True
    )
    platforms, skipped = json.loads(shown.stdout)
    assert "quillmere" in platforms
    assert "tiktok" in platforms
    assert skipped == [
        "broken (from clipcast-broken) is not used: it cannot be imported "
        "(ModuleNotFoundError: No module named 'not_there').",
        "tiktok (from clipcast-broken) is not used: clipcast provides a platform of this name. Choose another name.",
    ]


def _installed(folder: Path, entry_points: str) -> None:
    """Write the metadata of an installed package with these entry points."""
    info = folder / "clipcast_broken-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: clipcast-broken\nVersion: 1\n")
    (info / "entry_points.txt").write_text(entry_points)
