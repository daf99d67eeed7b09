"""The program of the page about waiting prints the changes of a post."""

import asyncio
import re
import sys
from pathlib import Path

from clipcast.testing.harness import API, Stage
from tests.api.conftest import port
from tests.api.test_waiting import make_post
from tests.docs.test_quickstart import RUN_WITH_HTTPX2

__all__ = ["port"]
PAGE = Path(__file__).parents[2] / "docs" / "waiting.md"


async def test_program_prints_each_change_until_the_end(stage: Stage, port: int, tmp_path: Path) -> None:
    program = re.search(r"^```python\n(import .*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert program
    (tmp_path / "publish.py").write_text(program[1])
    post_id = await make_post(stage)
    arguments = ["-c", RUN_WITH_HTTPX2, "publish.py", f"http://127.0.0.1:{port}{API}", stage.caller.key, post_id]
    running = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
    )
    assert running.stdout
    assert await asyncio.wait_for(running.stdout.readline(), 60) == b"item tiktok processing 0\n"
    await stage.run_until_ended()
    printed = (await asyncio.wait_for(running.stdout.read(), 60)).decode()
    assert "item tiktok published 100" in printed
    assert printed.endswith("end  completed \n")
    assert await running.wait() == 0
