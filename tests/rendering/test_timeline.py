"""The film strip and the peaks of a clip's page."""

import base64
import io
from array import array
from collections.abc import AsyncIterator
from fractions import Fraction
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any

import av
import pytest

from clipcast.common.media import Media
from clipcast.rendering import timeline_job
from clipcast.rendering.children import Children
from clipcast.rendering.examine import examine
from clipcast.rendering.probe import probe
from clipcast.rendering.timeline import FRAMES, POINTS, Timeline, make_timeline
from clipcast.testing.media_files import make


@pytest.fixture(autouse=True)
def own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count no CPU time: a child has used none when it begins, and the process of the tests has used some."""
    monkeypatch.setattr(timeline_job, "CPU_MAX", inf)


def reading(path: Path) -> Any:
    async def read(start: int, end: int) -> AsyncIterator[bytes]:
        yield path.read_bytes()[start:end]

    return read


async def media_of(path: Path) -> Media:
    return (await examine(Children(), reading(path), path.stat().st_size)).media


async def timeline_of(path: Path) -> Timeline:
    return await make_timeline(Children(), reading(path), await media_of(path))


def loud_in_the_middle(path: Path) -> Path:
    """Write 3 s of video whose grey rises, with a loud sound in the middle second only."""
    with av.open(path, "w") as output:
        video: Any = output.add_stream("libx264", rate=30, options={"preset": "ultrafast", "g": "15"})
        video.width, video.height, video.pix_fmt = 64, 96, "yuv420p"
        audio: Any = output.add_stream("aac", rate=48_000)
        audio.layout = "mono"
        for number in range(90):
            frame = av.VideoFrame(64, 96, "gray")
            frame.planes[0].update(bytes([20 + 2 * number]) * (frame.planes[0].line_size * 96))
            shown = frame.reformat(format="yuv420p")
            shown.pts, shown.time_base = number, Fraction(1, 30)
            output.mux(video.encode(shown))
        output.mux(video.encode(None))
        for start in range(0, 144_000, 1024):
            is_loud = 48_000 <= start < 96_000
            sound = av.AudioFrame(format="flt", layout="mono", samples=1024)
            wave = [0.8 * (-1) ** (at // 50) if is_loud else 0.0 for at in range(1024)]
            sound.planes[0].update(memoryview(array("f", wave)).cast("B"))
            sound.sample_rate, sound.pts, sound.time_base = 48_000, start, Fraction(1, 48_000)
            output.mux(audio.encode(av.AudioResampler("fltp", "mono", 48_000).resample(sound)[0]))
        output.mux(audio.encode(None))
    return path


def levels(strip: bytes) -> list[int]:
    """Return the grey in the middle of each frame."""
    with av.open(io.BytesIO(strip)) as container:
        frame = next(container.decode(video=0)).reformat(format="gray")
    width, line = frame.width // FRAMES, frame.planes[0].line_size
    content = bytes(frame.planes[0])
    return [content[frame.height // 2 * line + width * number + width // 2] for number in range(FRAMES)]


async def test_strip_shows_the_video_from_start_to_end(tmp_path: Path) -> None:
    timeline = await timeline_of(loud_in_the_middle(tmp_path / "clip.mp4"))
    found = levels(timeline.strip)
    assert found == sorted(found)
    assert found[0] < 60
    assert found[-1] > 170


async def test_strip_shows_each_of_joined_recordings(tmp_path: Path) -> None:
    path = loud_in_the_middle(tmp_path / "clip.ts")
    path.write_bytes(path.read_bytes() * 3)
    found = levels((await timeline_of(path)).strip)
    assert len([one for one, after in pairwise(found) if after < one - 80]) == 2
    assert found[-1] > 170


def test_strip_and_peaks_of_a_long_joined_recording_are_sampled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several of its places have the same time, and reading them all would take too long."""
    path = loud_in_the_middle(tmp_path / "clip.ts")
    content = path.read_bytes() * 8
    monkeypatch.setattr(timeline_job, "PIXELS_MAX", 64 * 96 * 24)
    monkeypatch.setattr(timeline_job, "WHOLE_SECONDS", 5)
    media = probe(io.BytesIO(content), len(content)).media
    made = timeline_job.make_timeline(io.BytesIO(content), len(content), media)
    found = levels(base64.b64decode(made["strip"]))
    assert len([one for one, after in pairwise(found) if after < one]) >= 3
    loud = [one > 50 for one in made["peaks"]]
    assert sum(not before and after for before, after in pairwise(loud)) == 8


async def test_peaks_are_high_only_where_the_sound_is_loud(tmp_path: Path) -> None:
    peaks = (await timeline_of(loud_in_the_middle(tmp_path / "clip.mp4"))).peaks
    assert len(peaks) == POINTS
    third = POINTS // 3
    assert max(peaks[: third - 30]) < 5
    assert min(peaks[third + 30 : 2 * third - 30]) > 50
    assert max(peaks[2 * third + 30 :]) < 5


async def test_strip_of_a_rotated_video_is_upright(tmp_path: Path) -> None:
    path = make(tmp_path / "clip.mp4", size=(192, 128), rotation=90, sound=None)
    timeline = await timeline_of(path)
    with av.open(io.BytesIO(timeline.strip)) as container:
        frame = next(container.decode(video=0))
    assert (frame.width, frame.height) == (FRAMES * 106, 160)
    assert timeline.peaks == ()


async def test_long_video_is_sampled(tmp_path: Path) -> None:
    # Sound as it is: to encode 700 s of it takes 14 s of CPU.
    sound = {"sound": "pcm_s16le", "sound_rate": 8_000, "layout": "mono"}
    path = make(tmp_path / "clip.mov", seconds=700, rate=1, size=(64, 64), **sound)
    timeline = await timeline_of(path)
    assert len(timeline.peaks) == POINTS
    assert timeline.strip


async def test_recording_without_an_index_has_a_timeline(tmp_path: Path) -> None:
    path = make(tmp_path / "clip.webm", codec="libvpx", sound="libopus", live=True)
    timeline = await timeline_of(path)
    assert timeline.strip
    assert len(timeline.peaks) == POINTS


async def test_unreadable_file_has_an_empty_timeline(tmp_path: Path) -> None:
    media = await media_of(make(tmp_path / "clip.mp4"))
    path = tmp_path / "noise.mp4"
    path.write_bytes(b"\0" * media.size)
    assert await make_timeline(Children(), reading(path), media) == Timeline()


class Lying(Children):
    """Children whose result is invented."""

    def __init__(self, **result: Any) -> None:
        super().__init__()
        self._result = result

    async def run_job(self, job: Any, owner: Any = None) -> Any:
        return type("Outcome", (), {"result": self._result})


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"strip": "?", "peaks": [101]},
        {"strip": "R0lGODlh", "peaks": [1.5]},
        {"strip": 7, "peaks": "all"},
        {"strip": None, "peaks": [0] * (POINTS + 1)},
    ],
)
async def test_implausible_result_is_dropped(tmp_path: Path, result: dict[str, Any]) -> None:
    media = await media_of(make(tmp_path / "clip.mp4"))
    assert await make_timeline(Lying(**result), reading(tmp_path / "clip.mp4"), media) == Timeline()
