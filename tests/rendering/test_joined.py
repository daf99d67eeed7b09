"""Files whose times jump: recordings that were joined byte by byte are read and converted whole."""

import io
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from clipcast.rendering import structure
from clipcast.rendering.encode.convert import convert as convert_here
from clipcast.rendering.encode.source import open_source
from clipcast.rendering.joined import BYTES, _places, is_joined
from clipcast.rendering.recipe import Edit, Picture, Recipe, Sound, Trim
from clipcast.rendering.task import Task
from tests.rendering.corpus import make
from tests.rendering.corpus_files import FILES
from tests.rendering.test_convert import converted, examined

PICTURE = Picture(180, 320, (30, 1))


class File(io.BytesIO):
    """A file in memory with its size in bytes."""

    @property
    def size(self) -> Any:
        return len(self.getbuffer())


class Counted(File):
    """A file that counts the bytes that are read."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self.count += len(content)
        return content


def converted_here(file: File, folder: Path, recipe: Recipe, seconds: float) -> dict[str, Any]:
    """Convert a file in this process."""
    arguments = {
        "recipe": recipe.as_dict(),
        "path": str(folder / "made.mp4"),
        "encoder": "libx264",
        "durations": [seconds],
    }
    return convert_here(Task((file,), arguments, lambda share: None))  # type: ignore[arg-type] # sources of a child


def recorded(name: str, corpus: Path, at: int) -> bytes:
    """Return a recording that begins when its clock shows so many seconds."""
    recipe = FILES[name].recipe
    offset = {"output_ts_offset": str(at)} if at else {}
    return make(replace(recipe, container={**recipe.container, **offset}), corpus).read_bytes()


def sees_jump(content: bytes) -> bool:
    return is_joined(io.BytesIO(content), len(content))


@pytest.mark.parametrize(
    ("name", "clocks"),
    [
        ("ordinary.ts", (0, 0, 0)),
        ("ordinary.ts", (0, 5000, 90_000)),
        ("ordinary.ts", (5000, 40, 0)),
        ("h264.mpg", (0, 0, 0)),
        ("h264.mpg", (0, 500, 5000)),
        ("ordinary.mpg", (0, 0, 0)),
        ("ordinary.mpg", (0, 0, 500)),
    ],
)
async def test_joined_recordings_are_one_video(name: str, clocks: Sequence[int], corpus: Path, tmp_path: Path) -> None:
    part = make(FILES[name].recipe, corpus)
    joined = tmp_path / f"joined{part.suffix}"
    joined.write_bytes(b"".join(recorded(name, corpus, at) for at in clocks))
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
def test_times_of_an_ordinary_recording_do_not_jump(name: str, corpus: Path) -> None:
    content = make(FILES[name].recipe, corpus).read_bytes()
    assert not sees_jump(content)


def test_end_of_a_joined_recording_is_read_from_the_key_frame_before_it(corpus: Path) -> None:
    content = b"".join(recorded("ordinary.ts", corpus, at) for at in (*range(0, 8000, 1000), 0))
    source = open_source(File(content), 1)  # type: ignore[arg-type] # a source of a child
    assert source.duration == pytest.approx(9 * 2, abs=0.5)
    source.seek(Fraction(17))
    pictures = [source.time_of(packet) for packet in source.packets(source.video)]
    assert 5 < pictures[0] <= 17 - 10
    assert len(pictures) == pytest.approx(30 * (18 - pictures[0]), abs=15)


def test_gap_that_is_not_closed_is_a_warning(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long recording few parts are looked at, so that a short gap in it may not be found."""
    monkeypatch.setattr(structure, "is_joined", lambda file, size: False)
    file = File(recorded("ordinary.ts", corpus, 0) + recorded("ordinary.ts", corpus, 14))
    made = converted_here(file, tmp_path, Recipe(PICTURE, Sound()), 16)
    assert made["warnings"] == ["The recording has a gap of 12 s: the picture stands still there."]


def test_file_without_an_index_is_read_for_its_end_once(corpus: Path, tmp_path: Path) -> None:
    """Its sound is read several times: it gets loud, and must not be cut off."""
    file = Counted(recorded("ordinary.ts", corpus, 0) * 40)
    made = converted_here(file, tmp_path, Recipe(sound=Sound(loudness=-14)), 80)
    assert made["warnings"] == []
    assert 3 <= file.count / file.size <= 8


def packet(time: float, stream: int = 0xE0) -> bytes:
    """Return the head of a packet of MPEG-2 at this time in seconds."""
    ticks = int(time * 90_000) % 2**33
    parts = (
        0x21 | ticks >> 30 << 1,
        ticks >> 22 & 0xFF,
        ticks >> 14 & 0xFF | 1,
        ticks >> 7 & 0xFF,
        ticks << 1 & 0xFF | 1,
    )
    return b"\0\0\1" + bytes([stream]) + b"\0\0\x80\x80\x05" + bytes(parts) + bytes(40)


@pytest.mark.parametrize(
    ("times", "jumps"),
    [
        ((10, 11, 10.5, 12), False),
        ((10, 11, 1.4, 2), True),
        ((10, 19, 28), False),
        ((10, 11, 22, 23), True),
        # The times begin again from 0 after 26.5 hours.
        ((95_440, 95_443, 95_444, 95_446), False),
    ],
)
def test_times_that_jump_are_told_from_those_that_wrap(times: tuple[float, ...], jumps: bool) -> None:
    content = b"".join(map(packet, times))
    assert sees_jump(content) is jumps


def test_slides_with_sound_are_no_jump() -> None:
    sound = (packet(second, 0xC0) for second in range(60))
    content = b"".join(one + (packet(at) if at % 20 == 0 else b"") for at, one in enumerate(sound))
    assert not sees_jump(content)


@pytest.mark.parametrize("at", [3, 40, 97])
def test_jump_forward_is_found_in_a_large_file(at: int) -> None:
    """What is recorded takes now more, now fewer bytes."""
    content = b"".join(
        packet(second if second < at else second + 200) + bytes(40_000 + second % 9 * 20_000) for second in range(100)
    )
    assert sees_jump(content)
    assert not sees_jump(b"".join(packet(second) + bytes(40_000 + second % 9 * 20_000) for second in range(100)))


def test_restart_is_found_at_the_end_of_a_large_file() -> None:
    content = b"".join(packet(second) + bytes(100_000) for second in (*range(100), 1, 2))
    assert sees_jump(content)


def test_restart_after_a_short_first_part_is_found() -> None:
    content = b"".join(packet(second) + bytes(100_000) for second in (*range(12), *range(300)))
    assert sees_jump(content)


def test_few_places_of_a_huge_file_are_read_which_do_not_overlap() -> None:
    for size in (1, 10**5, 3 * 10**6, 10**7, 10**12):
        places = _places(size)
        assert len(places) <= 16 + 40
        assert all(after - before >= BYTES for before, after in pairwise(places))
