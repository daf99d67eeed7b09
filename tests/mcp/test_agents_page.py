"""The program of the page about agents publishes a file, and the page names what the tools have."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

import pytest

from clipcast.mcp import publish_file
from clipcast.mcp.files import SUFFIXES
from clipcast.mcp.results import RESULT_MAX
from clipcast.testing.harness import Caller, Stage, running

PAGE = (Path(__file__).parents[2] / "docs" / "agents.md").read_text()

BLOCKS = re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    [text] = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    path = tmp_path / "publish.py"
    path.write_text(text)
    # The command, as an installation has it.
    (tmp_path / "clipcast").write_text(f'#!/bin/sh\nexec {sys.executable} -m clipcast "$@"\n')
    (tmp_path / "clipcast").chmod(0o755)
    return path


async def test_program_publishes_a_file(stage: Stage, served: str, caller: Caller, program: Path) -> None:
    for platform in ("bluesky", "threads"):
        await stage.connect(platform)
    [command] = re.findall(r"^python publish.py clip.mp4 (.*)$", PAGE, re.MULTILINE)
    environ = {
        "CLIPCAST_URL": served, "CLIPCAST_API_KEY": caller.key, "PATH": f"{program.parent}:{os.environ['PATH']}",
    }  # fmt: skip
    async with running(stage.worker):
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(program), str(stage.clip), *command.split(),
            env=os.environ | environ, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, _ = await process.communicate()
    [shown] = [
        json.loads(text) for text in re.findall(r"^```json\n(.\"post_id.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    ]
    real = json.loads(output)
    assert process.returncode == 0
    assert (real.keys(), real["items"][0].keys()) == (shown.keys(), shown["items"][0].keys())
    for name in ("account", "status", "error"):
        assert [item[name] for item in real["items"]] == [item[name] for item in shown["items"]]


def test_page_names_the_arguments_and_limits_of_the_tool() -> None:
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \|", PAGE, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == publish_file.tool(has_files=True).input_schema["properties"].keys()
    assert f"{publish_file.WAIT} s by default, at most {publish_file.WAIT_MAX} s" in PAGE
    assert f"{RESULT_MAX // 1000} 000 characters" in PAGE
    assert all(f"`{suffix}`" in PAGE for suffix in SUFFIXES)


def test_configurations_are_json() -> None:
    assert all(json.loads(text) for text in BLOCKS)
