"""The program of the page about waiting prints the changes of a post, and survives a lost connection."""

import asyncio
import re
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from uuid import UUID

import pytest

from clipcast.common.problems import AppError
from clipcast.database.watchers import Watchers
from clipcast.testing.harness import API, Stage
from tests.api.conftest import port
from tests.api.test_waiting import make_post
from tests.docs.test_quickstart import RUN_WITH_HTTPX2
from tests.tcp_proxy import tcp_proxy

__all__ = ["port"]
PAGE = Path(__file__).parents[2] / "docs" / "waiting.md"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Return the file of the page's program."""
    found = re.search(r"^```python\n(import .*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    (tmp_path / "publish.py").write_text(found[1])
    return tmp_path / "publish.py"


async def start(program: Path, port: int, *arguments: str) -> Process:
    base = f"http://127.0.0.1:{port}{API}"
    command = [sys.executable, "-c", RUN_WITH_HTTPX2, program.name, base, *arguments]
    return await asyncio.create_subprocess_exec(*command, cwd=program.parent, stdout=PIPE, stderr=PIPE)


async def test_program_prints_each_change_also_after_a_lost_connection(stage: Stage, port: int, program: Path) -> None:
    post_id = await make_post(stage)
    async with tcp_proxy(port) as proxy:
        running = await start(program, proxy.port, stage.caller.key, post_id)
        assert running.stdout
        assert await asyncio.wait_for(running.stdout.readline(), 60) == b"item tiktok processing 0\n"
        assert await asyncio.wait_for(running.stdout.readline(), 60) == b"post  processing \n"
        proxy.cut()
        await stage.run_until_ended()
        proxy.restore()
        out, errors = await asyncio.wait_for(running.communicate(), 60)
    printed = out.decode()
    assert "item tiktok published 100" in printed, errors
    assert printed.endswith("end  completed \n")
    assert running.returncode == 0


async def test_program_repeats_a_request_for_which_there_is_no_place(
    stage: Stage, port: int, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post_id = await make_post(stage)
    await stage.run_until_ended()
    refused, require_place = asyncio.Event(), Watchers.require_place

    def refuse_once(watchers: Watchers, workspace_id: UUID) -> None:
        if refused.is_set():
            require_place(watchers, workspace_id)
            return
        refused.set()
        raise AppError(429, "too_many_waiting", "Try again in 0 s.", headers={"Retry-After": "0"})

    monkeypatch.setattr(Watchers, "require_place", refuse_once)
    running = await start(program, port, stage.caller.key, post_id)
    out, errors = await asyncio.wait_for(running.communicate(), 60)
    assert refused.is_set()
    assert out.decode().endswith("end  completed \n"), errors


async def test_program_ends_with_the_error_of_a_wrong_key(stage: Stage, port: int, program: Path) -> None:
    running = await start(program, port, "clipcast_wrong", await make_post(stage))
    _, errors = await asyncio.wait_for(running.communicate(), 60)
    assert running.returncode == 1
    assert errors.decode().startswith("401: {"), errors
