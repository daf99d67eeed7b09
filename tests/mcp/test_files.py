"""Paths that an agent writes are found, or refused with a reason."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest

from clipcast.mcp import publish_file
from clipcast.mcp.api import ToolError
from clipcast.mcp.files import find_video
from clipcast.sdk import Progress
from clipcast.sdk.uploads import OnProgress


def test_path_is_found_from_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.mp4").write_bytes(b"x")
    assert find_video("~/a.mp4") == tmp_path / "a.mp4"


@pytest.mark.parametrize(
    "written", ["~nobody-here/x.mp4", "a\0b.mp4", "a" * 5000 + ".mp4", "\ud800.mp4", "", "none.mp4"]
)
def test_path_that_leads_nowhere_is_refused(written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ToolError) as raised:
        find_video(written)
    assert raised.value.code == ("file_not_found" if written else "not_a_file")


async def test_result_follows_every_report_of_progress(tmp_path: Path) -> None:
    """A client that reads reports slowly has all of them before the result."""
    seen: list[float] = []

    class Session:
        async def report_progress(self, done: float, total: float, message: str) -> None:
            for _ in range(50):
                await asyncio.sleep(0)
            seen.append(done)

    class Client:
        async def upload(self, path: Path, *, progress: OnProgress, idempotency_key: str) -> dict[str, str]:
            for sent in (1, 2, 4):
                progress(Progress(path.name, sent, 4))
            return {"edit_setting_id": "e"}

    (tmp_path / "a.mp4").write_bytes(b"clip")
    context, api = SimpleNamespace(session=Session()), SimpleNamespace(client=Client())
    assert await publish_file._uploaded(context, api, str(tmp_path / "a.mp4"), "k") == "e"  # type: ignore[arg-type]
    assert seen == [0.1, 0.2, 0.4]
