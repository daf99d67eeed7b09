"""Paths that an agent writes are found, or refused with a reason."""

from pathlib import Path

import pytest

from clipcast.mcp.api import ToolError
from clipcast.mcp.files import find_video


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
