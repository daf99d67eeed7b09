"""Conversions of hostile files, within bounds, and what is left when a conversion ends early."""

import asyncio
import os
import random
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from clipcast.common.unavailable import StorageUnavailable
from clipcast.rendering.children import Bounds, Children
from clipcast.rendering.convert import Input, bounds_of, convert
from clipcast.rendering.encoders import working_encoder
from clipcast.rendering.errors import ConversionError, WorkFolderFull
from clipcast.rendering.recipe import Picture, Recipe, Sound
from tests.rendering.corpus import Recipe as File
from tests.rendering.corpus import make
from tests.rendering.corpus_files import FILES
from tests.rendering.test_children import acting, linux
from tests.rendering.test_convert import converted, examined, reading, source

MEBIBYTE = 1024 * 1024
RECIPES = [Recipe(), Recipe(sound=Sound()), Recipe(picture=Picture(180, 320, (30, 1)), sound=Sound())]
LONG = File("long.mp4", seconds=20, size=(540, 960))
ENCODED = Recipe(picture=Picture(1080, 1920, (60, 1)))
BOUNDS = Bounds(memory=4096 * MEBIBYTE, cpu=60, seconds=60, written=64 * MEBIBYTE)


def damaged(path: Path, seed: int) -> bytes:
    """Return a file with random bytes in its middle."""
    chance, content = random.Random(seed), bytearray(path.read_bytes())
    for _ in range(40):
        at = chance.randrange(len(content) // 20, len(content))
        content[at : at + 8] = chance.randbytes(8)
    return bytes(content)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("name", [name for name, file in FILES.items() if file.rejected])
async def test_rejected_file_is_an_error(corpus: Path, tmp_path: Path, name: str, recipe: Recipe) -> None:
    with pytest.raises(ConversionError) as caught:
        await converted(recipe, tmp_path, make(FILES[name].recipe, corpus), bounds=BOUNDS)
    assert caught.value.code == "conversion_failed"
    assert caught.value.message.endswith(".")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("recipe", RECIPES[1:])
@pytest.mark.parametrize("name", ["index-first.mp4", "ordinary.mkv", "ordinary.ts"])
@pytest.mark.parametrize("seed", [1, 2])
async def test_damaged_file_is_converted_or_an_error(
    corpus: Path, tmp_path: Path, name: str, recipe: Recipe, seed: int
) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(damaged(make(FILES[name].recipe, corpus), seed))
    folder = tmp_path / "work"
    folder.mkdir()
    made = await asyncio.gather(converted(recipe, folder, broken, bounds=BOUNDS), return_exceptions=True)
    if isinstance(made[0], BaseException):
        assert isinstance(made[0], ConversionError)
        assert made[0].code in ("conversion_failed", "conversion_crashed")
        assert list(folder.iterdir()) == []
    else:
        assert 0 < made[0].size < 10 * MEBIBYTE


@pytest.mark.parametrize(
    ("bounds", "code"),
    [
        (Bounds(memory=4096 * MEBIBYTE, cpu=1, seconds=60, written=64 * MEBIBYTE), "conversion_timeout"),
        (Bounds(memory=4096 * MEBIBYTE, cpu=60, seconds=0.5, written=64 * MEBIBYTE), "conversion_timeout"),
        (Bounds(memory=4096 * MEBIBYTE, cpu=60, seconds=60, written=8_000), "conversion_failed"),
    ],
)
async def test_conversion_beyond_a_limit_is_an_error(corpus: Path, tmp_path: Path, bounds: Bounds, code: str) -> None:
    with pytest.raises(ConversionError) as caught:
        await converted(ENCODED, tmp_path, make(LONG, corpus), bounds=bounds)
    assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []


def test_bounds_grow_with_the_video() -> None:
    short, long = (bounds_of([Input(None, 10**6, seconds)], ENCODED) for seconds in (0, 60))  # type: ignore[arg-type]
    assert (short.cpu, long.cpu) == (120, 120 + 20 * 60)
    assert long.written > 1.5 * 12_000_000 * 60 / 8


@linux
async def test_full_disk_is_not_the_files_fault(corpus: Path, tmp_path: Path) -> None:
    """Write to a device that is always full."""
    (tmp_path / "converted.mp4").symlink_to("/dev/full")
    script = "from clipcast.rendering import child, confinement; import os; child.restrict_files = lambda *_: []\n"
    script += "os._exit(child.main())"
    path = make(FILES["index-first.mp4"].recipe, corpus)
    children = Children(command=(sys.executable, "-I", "-c", script))
    with pytest.raises(WorkFolderFull):
        await convert(children, [source(path)], RECIPES[2], tmp_path)


async def test_cancelled_conversion_leaves_nothing(corpus: Path, tmp_path: Path) -> None:
    running = asyncio.Event()
    path = make(LONG, corpus)
    inputs = [source(path)]
    task = asyncio.create_task(convert(Children(), inputs, ENCODED, tmp_path, lambda share: running.set()))
    await running.wait()
    [child] = children_of(os.getpid())
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


async def test_killed_child_is_a_crash_and_leaves_nothing(corpus: Path, tmp_path: Path) -> None:
    running = asyncio.Event()
    inputs = [source(make(LONG, corpus))]
    task = asyncio.create_task(convert(Children(), inputs, ENCODED, tmp_path, lambda share: running.set()))
    await running.wait()
    for child in children_of(os.getpid()):
        os.kill(child, 9)
    with pytest.raises(ConversionError) as caught:
        await task
    assert caught.value.code == "conversion_crashed"
    assert list(tmp_path.iterdir()) == []


def children_of(parent: int) -> list[int]:
    """Return the processes of this parent that convert."""
    found = []
    for one in psutil.Process(parent).children():
        with suppress(psutil.NoSuchProcess):  # another child, which has ended
            if "clipcast.rendering.child" in one.cmdline():
                found.append(one.pid)
    return found


async def test_storage_away_is_told_as_such(tmp_path: Path) -> None:
    async def read(start: int, end: int) -> Any:
        raise StorageUnavailable("away")
        yield b""

    with pytest.raises(StorageUnavailable):
        await convert(Children(), [Input(read, 1000, 1)], Recipe(), tmp_path)


async def test_child_writes_in_its_folder_alone(corpus: Path, tmp_path: Path) -> None:
    from clipcast.rendering.examine import missing_layers

    if "files" in await missing_layers(Children()):
        pytest.skip("this kernel has no Landlock")
    outside = tmp_path / "outside"
    outside.mkdir()
    script = f"""
import os
from clipcast.rendering import child, jobs
from clipcast.rendering.encode import convert
def act(task):
    task.arguments["path"] = {str(outside / "converted.mp4")!r}
    return convert.convert(task)
jobs.JOBS["convert"] = act
os._exit(child.main())
"""
    folder = tmp_path / "work"
    folder.mkdir()
    children = Children(command=(sys.executable, "-I", "-c", script))
    with pytest.raises(ConversionError):
        await convert(children, [source(make(FILES["index-first.mp4"].recipe, corpus))], Recipe(), folder)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("result", ["{}", "{'start': 'x', 'warnings': []}", "{'start': 0, 'warnings': []}"])
async def test_implausible_result_is_an_error(tmp_path: Path, result: str) -> None:
    """The child may be taken over. It says that there is a file, but there is none."""
    script = f"import os\nfrom clipcast.rendering import child, jobs\njobs.JOBS['convert'] = lambda task: {result}\n"
    children = Children(command=(sys.executable, "-I", "-c", script + "os._exit(child.main())"))
    with pytest.raises(ConversionError) as caught:
        await convert(children, [Input(reading(Path(__file__)), 10, 1)], Recipe(), tmp_path)
    assert caught.value.code == "conversion_crashed"


async def test_encoder_that_this_machine_lacks_is_replaced() -> None:
    assert await working_encoder(Children(), "libx264") == "libx264"
    assert await working_encoder(Children(), "h264_videotoolbox") == (
        "h264_videotoolbox" if sys.platform == "darwin" else "libx264"
    )


async def test_encoder_in_hardware_that_fails_is_replaced(corpus: Path, tmp_path: Path) -> None:
    """This machine hardly has it. Another one may have too few sessions, or take no pictures of this size."""
    path = make(FILES["index-first.mp4"].recipe, corpus)
    made = await converted(RECIPES[2], tmp_path, path, bounds=BOUNDS, encoder="h264_nvenc")
    media = (await examined(made.path)).media
    assert (media.video_codec, media.width, media.duration) == ("h264", 180, pytest.approx(2, abs=0.1))


@pytest.mark.parametrize("act", ["while True: pass", "bytearray(1 << 42)"], ids=["hangs", "memory"])
async def test_encoder_in_hardware_that_ends_its_child_is_replaced(tmp_path: Path, act: str) -> None:
    """A copy has no encoder, which could be at fault."""
    kids = acting(
        f"""
        file = open(task.arguments["path"], "x")
        if task.arguments["encoder"] != "libx264":
            {act}
        result.update(start=0, warnings=[])
        """,
        kind="convert",
    )
    clip, bounds = Input(reading(Path(__file__)), 10, 1), replace(BOUNDS, cpu=2)
    made = await convert(kids, [clip], RECIPES[2], tmp_path, encoder="h264_nvenc", bounds=bounds)
    assert made.path.exists()
    made.path.unlink()
    if "1 << 42" in act:
        with pytest.raises(ConversionError, match="memory"):
            await convert(kids, [clip], RECIPES[0], tmp_path, encoder="h264_nvenc", bounds=bounds)
