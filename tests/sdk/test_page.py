"""The examples of docs/python.md work, in their order, against an installation with a worker."""

import contextlib
import io
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

import clipcast.sdk
from clipcast.clock import clock
from clipcast.sdk.errors import ClipcastError
from clipcast.testing.harness import some_day
from tests.sdk.conftest import Served
from tests.sdk.test_webhooks import BODY, SECRET

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "python.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
DAY = "2027-01-24"


def run(folder: Path, block: str, names: dict[str, Any]) -> str:
    printed = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        exec(compile(block, "docs/python.md", "exec"), names)
    return printed.getvalue()


async def test_examples_of_the_page_work(
    served: Served, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(clip, tmp_path / "clip.mp4")
    monkeypatch.setenv("CLIPCAST_API_KEY", served.stage.caller.key)
    monkeypatch.setenv("CLIPCAST_URL", f"http://127.0.0.1:{served.port}")
    for platform in ("bluesky", "threads", "youtube"):
        await served.stage.connect(platform)
    names: dict[str, Any] = {}
    async with served.publishing():
        day = some_day()
        blocks = [block.replace(DAY, day).replace("2027-01-25", some_day(1)) for block in BLOCKS]
        printed = [await served.call(run, tmp_path, block, names) for block in blocks]
    live, later, _, _, upload, problems, once, operations, both, _ = printed
    assert sorted(line.split()[:2] for line in live.splitlines()) == [
        ["bluesky:@harbour.films", "published"],
        ["threads:@harbour.films", "published"],
    ]
    assert later == f"pending {day}T21:00:00.000Z\n"
    size = clip.stat().st_size
    assert upload.splitlines()[-1] == f"clip.mp4: {size} of {size} bytes"
    assert names["square"].id
    assert "/videos/0/targets/0/connectionId not_found" in problems
    assert once == "True\n"
    assert operations.startswith("Workspace\n")
    assert "harbour.films" in operations
    assert both.startswith("['p")
    headers = {"webhook-id": "1", "webhook-timestamp": str(int(clock.now().timestamp()))}
    headers["webhook-signature"] = Webhook(SECRET).sign("1", clock.now(), BODY)
    assert names["receive"](BODY, headers, SECRET) == 204
    assert names["receive"](BODY + " ", headers, SECRET) == 400


def test_page_names_every_error() -> None:
    exported = vars(clipcast.sdk).items()
    errors = {name for name, one in exported if isinstance(one, type) and issubclass(one, ClipcastError)}
    # The class of them all needs no line of its own.
    assert {name for name in errors if name not in PAGE} == {"ApiError"}


def test_readme_of_the_distribution_shows_the_call_of_the_page() -> None:
    readme = (ROOT / "integrations" / "python-sdk" / "README.md").read_text()
    [call] = re.findall(r"^post = client\.publish\(.*$", readme, re.MULTILINE)
    assert call in PAGE
