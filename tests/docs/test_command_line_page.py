"""The commands of the page about posting work, one after the other, and print what the page shows."""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from clipcast.testing.harness import some_day
from tests.cli.client.conftest import Shell, home, port, served, shell

__all__ = ["home", "port", "served", "shell"]

# Its day is one that has not passed.
PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text().replace("2027-06-01", some_day())
PLAN = re.compile(r"cat > (\S+) <<END\n(.*?)END\n", re.DOTALL)
PLATFORMS = ("bluesky", "threads", "pinterest", "youtube")


def commands() -> Iterator[list[str]]:
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        for line in PLAN.sub("", block).replace("\\\n", " ").splitlines():
            # The shell would send the output to a file.
            yield shlex.split(line.partition(" > ")[0])


async def test_commands_of_the_page_work(shell: Shell, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for platform in PLATFORMS:
        await shell.served.stage.connect(platform)
    monkeypatch.chdir(shell.folder)
    shutil.copy(clip, "clip.mp4")
    [(name, plan)] = PLAN.findall(PAGE)
    Path(name).write_text(plan)
    printed = []
    async with shell.served.publishing():
        for program, *arguments in commands():
            assert program == "clipcast"
            done = await shell.run(*arguments)
            assert done.code == 0, (arguments, done.err)
            printed.append(done.out)
    [shown] = re.findall(r"^```\n(live .*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert [line.split()[:2] for line in printed[1].splitlines()] == [line.split()[:2] for line in shown.splitlines()]
    assert len(printed) == 9


def test_page_lists_the_columns_of_a_plan() -> None:
    from clipcast.posts.plans.rows import COLUMNS

    for column in COLUMNS:
        assert f"`{column}`" in PAGE
