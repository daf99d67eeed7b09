"""The examples of settings can be pasted into a file that systemd and `sh` read."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from clipcast.common.settings import load
from clipcast.platforms.registry import declared
from clipcast.storage import Storage
from tests.storage.s3 import s3_server

ROOT = Path(__file__).parents[2]
LINE = re.compile(r"([A-Z][A-Z0-9_]*)='([^']*)'")
BLOCKS = [
    pytest.param(block, id=f"{page.name}:{block.split('=')[0].split()[-1]}")
    for page in sorted(ROOT.glob("docs/**/*.md"))
    for block in re.findall(r"^```\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    if re.match(r"(#.*\n)*CLIPCAST_[A-Z_]+=", block)
]


def settings_of(block: str) -> dict[str, str]:
    """Return the settings of a file, each of which has a line of its own in single quotes."""
    matches = [LINE.fullmatch(line) for line in block.splitlines() if not line.startswith("#")]
    assert all(matches), block
    return {match[1]: match[2] for match in matches if match}


@pytest.mark.parametrize("block", BLOCKS)
def test_examples_have_the_same_values_for_systemd_and_sh(block: str, tmp_path: Path) -> None:
    (tmp_path / "settings").write_text(block)
    sourcing = ["sh", "-euc", "set -a; . ./settings; env -0"]
    done = subprocess.run(sourcing, cwd=tmp_path, env={}, capture_output=True, text=True, check=True)
    read = dict(one.split("=", 1) for one in done.stdout.split("\0") if one)
    shown = settings_of(block)
    assert shown.items() <= read.items()
    load({name: value for name, value in shown.items() if value != "..."}, declared)


def test_every_page_with_settings_is_found() -> None:
    assert len(BLOCKS) >= 11  # the platforms with an app, e-mail, deploy, and those of the configuration page


async def test_settings_of_an_object_store_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    [shown] = [block for one in BLOCKS if "R2" not in (block := str(one.values[0])) and "AWS_ENDPOINT_URL" in block]
    settings = settings_of(shown)
    with s3_server(monkeypatch) as server:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name in settings.keys() - {"CLIPCAST_STORAGE_URL"}:
            monkeypatch.setenv(name, "auto" if name == "AWS_REGION" else server.environ[name])
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        storage = Storage(server.url, tmp_path)
        await storage.put_bytes("clip", b"bytes")
        assert b"".join([piece async for piece in storage.read("clip", 0, 5)]) == b"bytes"
