"""Files whose times restart: recordings that were joined byte by byte are read and converted whole."""

import io
from itertools import pairwise
from pathlib import Path

import pytest

from clipcast.rendering.recipe import Edit, Picture, Recipe, Sound, Trim
from clipcast.rendering.restarts import BYTES, _places, has_restarts
from tests.rendering.corpus import make
from tests.rendering.corpus_files import FILES
from tests.rendering.test_convert import converted, examined

PICTURE = Picture(180, 320, (30, 1))


@pytest.mark.parametrize("name", ["ordinary.ts", "h264.mpg", "ordinary.mpg"])
async def test_joined_recordings_are_one_video(name: str, corpus: Path, tmp_path: Path) -> None:
    part = make(FILES[name].recipe, corpus)
    joined = tmp_path / f"joined{part.suffix}"
    joined.write_bytes(part.read_bytes() * 3)
    one, three = (await examined(part)).media, (await examined(joined)).media
    assert three.duration == pytest.approx(3 * one.duration, abs=0.25)
    whole = await converted(Recipe(PICTURE, Sound()), tmp_path, joined)
    made = (await examined(whole.path)).media
    assert made.duration == pytest.approx(three.duration, abs=0.1)
    assert made.audio_duration == pytest.approx(made.duration, abs=0.1)
    start = one.duration * 2
    last = await converted(Recipe(PICTURE, Sound(), Edit(Trim(start, start + 1))), tmp_path, joined)
    assert (await examined(last.path)).media.duration == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("name", ["ordinary.ts", "late.ts", "camera.m2ts", "h264.mpg", "ordinary.mpg"])
def test_times_of_an_ordinary_recording_do_not_restart(name: str, corpus: Path) -> None:
    content = make(FILES[name].recipe, corpus).read_bytes()
    assert not has_restarts(io.BytesIO(content), len(content))


def packet(time: float) -> bytes:
    """Return the head of a packet of MPEG-2 at this time in seconds."""
    ticks = int(time * 90_000) % 2**33
    parts = (
        0x21 | ticks >> 30 << 1,
        ticks >> 22 & 0xFF,
        ticks >> 14 & 0xFF | 1,
        ticks >> 7 & 0xFF,
        ticks << 1 & 0xFF | 1,
    )
    return b"\0\0\1\xe0\0\0\x80\x80\x05" + bytes(parts) + bytes(40)


@pytest.mark.parametrize(
    ("times", "restarts"),
    [
        ((10, 11, 10.5, 12), False),
        ((10, 11, 1.4, 2), True),
        # The times begin again from 0 after 26.5 hours.
        ((95_440, 95_443, 95_444, 95_446), False),
    ],
)
def test_times_that_restart_are_told_from_those_that_wrap(times: tuple[float, ...], restarts: bool) -> None:
    content = b"".join(map(packet, times))
    assert has_restarts(io.BytesIO(content), len(content)) is restarts


def test_restart_is_found_at_the_end_of_a_large_file() -> None:
    content = b"".join(packet(second) + bytes(100_000) for second in (*range(100), 1, 2))
    assert has_restarts(io.BytesIO(content), len(content))


def test_restart_after_a_short_first_part_is_found() -> None:
    content = b"".join(packet(second) + bytes(100_000) for second in (*range(12), *range(300)))
    assert has_restarts(io.BytesIO(content), len(content))


def test_few_places_of_a_huge_file_are_read_which_do_not_overlap() -> None:
    for size in (1, 10**5, 3 * 10**6, 10**7, 10**12):
        places = _places(size)
        assert len(places) <= 16 + 40
        assert all(after - before >= BYTES for before, after in pairwise(places))
