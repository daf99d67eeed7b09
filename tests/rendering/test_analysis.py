"""The analysis of videos: changes of scenes, and pauses."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from clipcast.common.media import Media
from clipcast.rendering import analysis
from clipcast.rendering.analysis import find_cuts
from clipcast.rendering.children import ChildFailed, Children, Outcome
from clipcast.rendering.errors import UnreadableMedia
from clipcast.rendering.examine import examine
from clipcast.testing.media_files import make
from tests.renders.videos import make_scenes


async def cuts_of(path: Path, subject: Any, media: Media | None = None) -> list[float]:
    content = path.read_bytes()

    async def read(start: int, end: int) -> AsyncIterator[bytes]:
        yield content[start:end]

    children = Children()
    facts = media or (await examine(children, read, len(content))).media
    return await find_cuts(children, read, facts, subject)


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
async def test_scenes_are_found_where_the_picture_changes(tmp_path: Path, container: str) -> None:
    path = make_scenes(tmp_path / f"a.{container}", count=4)
    assert await cuts_of(path, "scenes") == pytest.approx([2.0, 4.0, 6.0], abs=0.05)


@pytest.mark.parametrize("size", [(128, 192), (192, 1080)])
async def test_scenes_of_equal_brightness_are_found(tmp_path: Path, size: tuple[int, int]) -> None:
    """From red to green, to blue, and to red again, all of which are about as bright by BT.601."""
    colors = ((255, 0, 0), (0, 128, 0), (30, 30, 255))
    path = make_scenes(tmp_path / "a.mp4", count=4, seconds=1, colors=colors, size=size)
    assert await cuts_of(path, "scenes") == pytest.approx([1.0, 2.0, 3.0], abs=0.05)


async def test_pauses_are_cut_in_their_middle(tmp_path: Path) -> None:
    path = make_scenes(tmp_path / "a.mp4", count=4)
    assert await cuts_of(path, "silence") == pytest.approx([1.7, 3.7, 5.7], abs=0.05)


async def test_video_without_sound_has_no_pauses(tmp_path: Path) -> None:
    assert await cuts_of(make(tmp_path / "a.mp4", sound=None), "silence") == []


async def test_picture_that_does_not_change_has_one_scene(tmp_path: Path) -> None:
    assert await cuts_of(make(tmp_path / "a.mp4"), "scenes") == []


async def test_file_that_is_no_video_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"\0" * 5000)
    media = Media("mp4", 5000, 10.0, 100, 100, 30.0, "h264", None)
    for subject in ("scenes", "silence"):
        with pytest.raises(UnreadableMedia) as raised:
            await cuts_of(path, subject, media)
        assert raised.value.code == "media_unreadable"


@pytest.mark.parametrize(
    "result",
    [{}, *({"cuts": cuts} for cuts in (None, ["1"], [True], [None], [0.0] * (analysis.FOUND_MAX + 1)))],
)
async def test_result_of_a_hostile_child_is_rejected(result: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    async def run_job(self: object, job: object, owner: object = None) -> Outcome:
        return Outcome((), result)

    monkeypatch.setattr(Children, "run_job", run_job)
    with pytest.raises(UnreadableMedia):
        await find_cuts(Children(), None, Media("mp4", 1, 9.0, 1, 1, 30.0, "h264", None), "scenes")  # type: ignore[arg-type]


async def test_cuts_outside_the_video_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run_job(self: object, job: object, owner: object = None) -> Outcome:
        return Outcome((), {"cuts": [-1, 0, 3, 2.00049, 2.0001, 9, 1e300, float("inf")]})

    monkeypatch.setattr(Children, "run_job", run_job)
    media = Media("mp4", 1, 9.0, 1, 1, 30.0, "h264", None)
    assert await find_cuts(Children(), None, media, "scenes") == [2.0, 3.0]  # type: ignore[arg-type]


async def test_child_that_fails_is_an_unreadable_file(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run_job(self: object, job: object, owner: object = None) -> Outcome:
        raise ChildFailed("memory")

    monkeypatch.setattr(Children, "run_job", run_job)
    with pytest.raises(UnreadableMedia, match="too much memory"):
        await find_cuts(Children(), None, Media("mp4", 1, 9.0, 1, 1, 30.0, "h264", None), "scenes")  # type: ignore[arg-type]
