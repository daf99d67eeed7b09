"""The requests of the page about automation work, and its workflow of GitHub Actions publishes a file."""

import asyncio
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from clipcast.testing.harness import some_day
from tests.clips.test_imports import any_host, file_handler, serving
from tests.sdk.conftest import Served, port, served

__all__ = ["any_host", "port", "served"]
PAGE = (Path(__file__).parents[2] / "docs" / "automation.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
ADDRESS, DAY = "https://media.example.org/harbour.mp4", "2027-01-24"


@pytest.fixture(autouse=True)
def programs() -> None:
    for program in ("curl", "jq"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")


async def run(served: Served, commands: str, stderr: int | None = None, **environ: str) -> tuple[int | None, str]:
    """Run commands in a shell as the reader of the page, and return the exit code and what they print."""
    base = {"BASE": f"http://127.0.0.1:{served.port}/api/v1", "KEY": served.stage.caller.key, "NO_PROXY": "*"}
    running = await asyncio.create_subprocess_exec(
        "bash", "-euc", commands, env=os.environ | base | environ, stdout=asyncio.subprocess.PIPE, stderr=stderr
    )
    printed, _ = await asyncio.wait_for(running.communicate(), 90)
    return running.returncode, printed.decode()


@pytest.mark.usefixtures("any_host")
async def test_requests_return_what_the_page_shows(served: Served, clip: Path) -> None:
    for platform in ("bluesky", "threads"):
        await served.stage.connect(platform)
    responses: list[dict[str, Any]] = []
    ids: dict[str, str] = {}
    async with serving(file_handler(clip.read_bytes())) as media:
        for number, (language, text) in enumerate(BLOCKS):
            if language != "sh":
                continue
            for shown, real in (ids | {ADDRESS: f"{media}/harbour.mp4", DAY: some_day()}).items():
                text = text.replace(shown, real)
            code, printed = await run(served, text)
            assert code == 0
            responses.append(json.loads(printed))
            if BLOCKS[number + 1 : number + 2] and BLOCKS[number + 1][0] == "json":
                expected = json.loads(BLOCKS[number + 1][1])
                assert expected.keys() - {"..."} <= responses[-1].keys()
                ids |= {expected[name]: responses[-1][name] for name in expected if name.endswith("_id")}
    imported, posted, webhook = responses
    assert imported["file_name"] == "harbour.mp4"
    assert (posted["item_count"], posted["scheduled_at"]) == (2, f"{some_day()}T21:00:00.000Z")
    assert webhook["events"] == ["post.completed", "post.partial", "post.failed"]


async def test_workflow_of_github_actions_publishes_and_says_where(served: Served, clip: Path) -> None:
    for platform in ("bluesky", "threads"):
        await served.stage.connect(platform)
    [workflow] = (yaml.safe_load(text) for language, text in BLOCKS if language == "yaml")
    job = workflow["jobs"]["publish"]
    names = {"FILE": str(clip), "ACCOUNTS": "bluesky:@harbour.films threads:@harbour.films", "TEXT": 'First "light"\n'}
    assert job["env"].keys() == names.keys() | {"BASE", "KEY"}
    async with served.publishing():
        code, printed = await run(served, job["steps"][-1]["run"], **names)
    assert code == 0, printed
    lines = [line.split() for line in printed.splitlines()]
    assert sorted(line[:2] for line in lines) == [["bluesky", "published"], ["threads", "published"]]
    assert all(line[2].startswith("http") for line in lines)
    wrong = names | {"ACCOUNTS": "bluesky:@nobody"}
    code, printed = await run(served, job["steps"][-1]["run"], asyncio.subprocess.STDOUT, **wrong)
    assert code != 0
    assert "not_found" in printed
