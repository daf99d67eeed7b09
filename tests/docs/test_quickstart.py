"""The quickstart's calls and its Python program work against the demo, and return what the page shows."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import async_playwright

from clipcast.cli.demo_contents import AHEAD, HISTORY
from clipcast.testing.harness import free_port
from tests.cli.test_commands import until_dead
from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.e2e.test_pages import serious

PAGE = Path(__file__).parents[2] / "docs" / "quickstart.md"
LEFT_OUT = "..."
START = 150  # a loaded machine takes long to start a demo
# The program's client is not installed for tests; Clipcast's own has the same interface.
RUN_WITH_HTTPX2 = (
    "import runpy, sys, httpx2; sys.modules['httpx'] = httpx2; del sys.argv[0]; runpy.run_path('publish.py')"
)


class Reader:
    """A reader who pastes the page's commands one by one into a shell."""

    def __init__(self, folder: Path, ready_file: Path) -> None:
        ready = json.loads(ready_file.read_text())
        self.folder, self.ready_file = folder, ready_file
        self.environ = os.environ | {"NO_PROXY": "*", "BASE": ready["base_url"] + "/api/v1", "KEY": ready["api_key"]}

    def paste(self, commands: str) -> str:
        done = subprocess.run(
            ["bash", "-euac", f"{commands}\nenv -0 > environ"],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=START,
        )
        assert done.returncode == 0, done.stderr
        variables = (self.folder / "environ").read_text().split("\0")[:-1]
        self.environ = dict(one.split("=", 1) for one in variables)
        return done.stdout

    def compare(self, shown: Any, real: Any, path: str = "") -> None:
        """Check that a response has the parts that the page shows."""
        if isinstance(shown, dict):
            for name in shown.keys() - {LEFT_OUT}:
                assert name in real, f"{path}/{name} is not in the response"
                self.compare(shown[name], real[name], f"{path}/{name}")
        elif isinstance(shown, list) and all(isinstance(one, dict) for one in shown):
            for number, one in enumerate(shown):
                of_platform = [other for other in real if other.get("platform") == one.get("platform")]
                assert of_platform, f"{path}/{number} is not in the response"
                self.compare(one, of_platform[0], f"{path}/{number}")
        elif isinstance(shown, str) and path.endswith(("/id", "_id", "_url")):
            assert isinstance(real, str), path
        elif path.endswith(("status", "valid", "code", "count", "stage", "progress", "version", "error", "path")):
            assert real == shown, path


@pytest.fixture
def reader(tmp_path: Path, clip: Path) -> Iterator[Reader]:
    if missing := [name for name in ("curl", "jq") if not shutil.which(name)]:
        pytest.skip(f"not installed: {missing}")
    ready = tmp_path / "ready.json"
    ports = "--port", str(free_port()), "--sandbox-port", str(free_port())
    demo = subprocess.Popen(
        [sys.executable, "-m", "clipcast", "demo", *ports, "--ready-file", str(ready)], stdout=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + START
        while not ready.exists():
            assert demo.poll() is None
            assert time.monotonic() < end
            time.sleep(0.1)
        shutil.copy(clip, tmp_path / "clip.mp4")
        yield Reader(tmp_path, ready)
    finally:
        demo.send_signal(signal.SIGTERM)
        ended = demo.wait(timeout=START)
    assert ended == 0
    until_dead(json.loads(ready.read_text())["pids"])


@pytest.mark.timeout(600)
async def test_quickstart_calls_and_program_work(reader: Reader) -> None:
    _calls_return_what_the_page_shows(reader)
    _program_publishes(reader)
    _demo_fills_its_workspace(reader)
    if CHROMIUM:
        assert await _inaccessible(json.loads(reader.ready_file.read_text()), CHROMIUM) == []


def _calls_return_what_the_page_shows(reader: Reader) -> None:
    page = PAGE.read_text().split("## Doubles")[0]
    for day, ahead in (("2027-01-24", 30), ("2027-01-25", 31)):
        page = page.replace(day, str(datetime.now(UTC).date() + timedelta(days=ahead)))
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    responses = 0
    for number, (language, text) in enumerate(blocks):
        if language != "sh" or text.startswith("BASE="):
            continue
        printed = reader.paste(text)
        if blocks[number + 1 : number + 2] and blocks[number + 1][0] == "json":
            shown = json.loads(blocks[number + 1][1])
            end = time.monotonic() + START
            while "completed" in shown.values() and json.loads(printed)["status"] == "processing":
                assert time.monotonic() < end
                printed = reader.paste(text)
            reader.compare(shown, json.loads(printed))
            responses += 1
    assert responses == 8


def _program_publishes(reader: Reader) -> None:
    program = re.search(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert program
    (reader.folder / "publish.py").write_text(program[1])
    arguments = [reader.environ["BASE"], reader.environ["KEY"], "youtube:@harbour.films", "clip.mp4"]
    printed = subprocess.run(
        [sys.executable, "-c", RUN_WITH_HTTPX2, "publish.py", *arguments],
        cwd=reader.folder, env=reader.environ, capture_output=True, text=True, timeout=START,
    )  # fmt: skip
    assert printed.stdout.startswith("youtube published http"), printed.stdout + printed.stderr


def _demo_fills_its_workspace(reader: Reader) -> None:
    """Meanwhile the demo has filled the workspace with posts of each state, and of past and coming weeks."""
    end = time.monotonic() + START
    while not json.loads(reader.ready_file.read_text())["filled"]:
        assert time.monotonic() < end
        time.sleep(0.2)

    def get(path: str) -> Any:
        return json.loads(reader.paste(f'curl -s -H "X-Api-Key: $KEY" "$BASE{path}"'))

    accounts = get("/connections?limit=100")["connections"]
    assert len(accounts) == 12
    assert [one["platform"] for one in accounts if one["status"] == "needs_reconnect"] == ["pinterest"]
    clients = {one["name"]: one["account_count"] for one in get("/clients")["clients"]}
    assert clients == {"Harbour Films": 8, "Casa Verde Plants": 2, "Northside Coffee": 2}
    now = datetime.now(UTC)
    states: Counter[str] = Counter()
    times: list[datetime] = []
    errors: set[tuple[str, str]] = set()
    for post in get("/posts?limit=100")["posts"]:
        states[post["status"]] += 1
        times += [datetime.fromisoformat(post["scheduled_at"])] if post["scheduled_at"] else []
        if post["status"] in ("processing", "partial"):
            items = get(f"/posts/{post['post_id']}")["items"]
            errors |= {(one["platform"], one["error"]["code"]) for one in items if one["error"]}
    assert states["completed"] >= 12
    assert states["pending"] == len(AHEAD) + 1  # the one that the page schedules
    assert dict(errors) | {"pinterest": ""} == {
        "instagram": "format_refused", "linkedin": "outcome_unknown", "tiktok": "daily_post_cap", "pinterest": "",
    }  # fmt: skip
    assert sum(at < now - timedelta(days=1) for at in times) >= len(HISTORY) - 1
    assert max(times) > now + timedelta(days=11)


async def _inaccessible(demo: dict[str, Any], chromium: str) -> list[str]:
    """Return what axe finds on the main pages of the demo, which has free times, troubles and reviews."""
    found = []
    async with async_playwright() as playwright:
        arguments = FLAGS + (["--no-sandbox"] if os.geteuid() == 0 else [])
        browser = await playwright.chromium.launch(executable_path=chromium, args=arguments)
        page = await browser.new_page(service_workers="block", reduced_motion="reduce")
        await page.goto(demo["base_url"])
        await page.get_by_label("E-mail").fill(demo["email"])
        await page.get_by_label("Password").fill(demo["password"])
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/w/{demo['workspace_id']}**")
        for width in (1280, 390):
            await page.set_viewport_size({"width": width, "height": 800})
            for path in ("", "/calendar", "/posts", "/review", "/clips", "/accounts", "/compose"):
                await page.goto(f"{demo['base_url']}/w/{demo['workspace_id']}{path}")
                found += [f"{path or '/'} on {width}: {one}" for one in await serious(page)]
        await browser.close()
    return found
