"""Conversions of a clip in full HD, beside the ffmpeg program with the same settings."""

import asyncio
import json
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import imageio_ffmpeg
import psutil

from benchmarks.figures import Figure
from clipcast.platforms.registry import PLATFORMS
from clipcast.rendering.children import Children
from clipcast.rendering.convert import OUTPUT, Input, convert
from clipcast.rendering.examine import examine
from clipcast.rendering.planner import plan
from clipcast.rendering.recipe import Picture, Recipe, Sound

# A shorter clip is enough to see a change: BENCH_SECONDS=10.
SECONDS = int(os.environ.get("BENCH_SECONDS", "60"))
RUNS = 3
PLANS = 100
COMPARED = "10"
PICTURE = Picture(1080, 1920, (30, 1))
H264 = ["-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high", "-crf", "19"]
H264 += ["-maxrate", "12M", "-bufsize", "24M", "-g", "60", "-bf", "2"]
AAC = ["-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", "48000"]
HLG = ["-x265-params", "log-level=none:colorprim=bt2020:colormatrix=bt2020nc:transfer=arib-std-b67"]


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip, large = folder / "clip.mp4", folder / "large.mp4"
        noise = f"testsrc2=size=1080x1920:rate=30:duration={SECONDS},noise=alls=14:allf=t"
        sound = f"sine=frequency=440:sample_rate=48000:duration={SECONDS}"
        made = ["-f", "lavfi", "-i", noise, "-f", "lavfi", "-i", sound, "-preset", "ultrafast", "-b:v", "16M"]
        ffmpeg(*made, "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k", str(clip))
        noise = "testsrc2=size=2160x3840:rate=30:duration=1,noise=alls=8:allf=t"
        ffmpeg("-f", "lavfi", "-i", noise, "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", *HLG,
               "-tag:v", "hvc1", str(large))  # fmt: skip
        return [*await _encoding(folder, clip, large), *await _copying(folder, clip), *await _cheap(folder, clip)]


async def _encoding(folder: Path, clip: Path, large: Path) -> list[Figure]:
    encode = Recipe(picture=PICTURE, sound=Sound())
    threads = str(min(6, max(2, os.cpu_count() or 2)))
    program = ["-i", str(clip), *H264, "-threads", threads, *AAC, "-movflags", "+faststart", str(folder / "a.mp4")]
    ours = [await _cpu(partial(_convert, folder, clip, encode)) for _ in range(RUNS)]
    theirs = [await _cpu(partial(asyncio.to_thread, ffmpeg, *program)) for _ in range(RUNS)]
    await _convert(folder, clip, encode)
    quality = _vmaf(folder / OUTPUT, clip), _vmaf(folder / "a.mp4", clip)
    hdr = [await _cpu(partial(_convert, folder, large, Recipe(picture=PICTURE))) for _ in range(RUNS)]
    return [
        Figure(f"convert {SECONDS} s of 1080p: CPU", min(ours)[0], "s", "ffmpeg", min(theirs)[0]),
        Figure("convert 1080p: memory", min(one[1] for one in ours), "MB", "ffmpeg", min(one[1] for one in theirs)),
        Figure("convert 1080p: quality, VMAF of 100", quality[0], "", "ffmpeg", quality[1]),
        Figure("convert 4K 10 bit HLG to 1080p: memory", min(one[1] for one in hdr), "MB", "goal", 650),
    ]


async def _copying(folder: Path, clip: Path) -> list[Figure]:
    copy = ["-i", str(clip), "-c", "copy", "-movflags", "+faststart", str(folder / "b.mp4")]
    ours = [await _wall(partial(_convert, folder, clip, Recipe())) for _ in range(RUNS)]
    theirs = [await _wall(partial(asyncio.to_thread, ffmpeg, *copy)) for _ in range(RUNS)]
    cp = [await _wall(partial(asyncio.to_thread, shutil.copyfile, clip, folder / "c.mp4")) for _ in range(RUNS)]
    size = clip.stat().st_size / 1e6
    return [
        Figure(f"remux {size:,.0f} MB", 1000 * min(ours), "ms", "ffmpeg -c copy", 1000 * min(theirs)),
        Figure(f"remux {size:,.0f} MB", 1000 * min(ours), "ms", "8 x cp", 8000 * min(cp)),
    ]


async def _cheap(folder: Path, clip: Path) -> list[Figure]:
    sound = [await _cpu(partial(_convert, folder, clip, Recipe(sound=Sound()))) for _ in range(RUNS)]
    probe = [await _cpu(partial(_examine, clip)) for _ in range(RUNS)]
    media = (await _examine(clip)).media
    started = time.perf_counter()
    for _ in range(PLANS):
        for platform in PLATFORMS.values():
            plan(media, platform.media)
    planning = (time.perf_counter() - started) / PLANS
    gone = [await _cancel(folder, clip) for _ in range(RUNS)]
    return [
        Figure("convert the sound alone: CPU", min(sound)[0], "s", "goal", 1.5),
        Figure("probe: CPU", min(probe)[0], "s", "goal", 0.3),
        Figure("plan for all platforms", 1000 * planning, "ms", "goal", 1),
        Figure("cancel to gone", 1000 * min(gone), "ms", "goal", 500),
    ]


def ffmpeg(*arguments: str) -> None:
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", *arguments], check=True)


def _vmaf(made: Path, clip: Path) -> float:
    """Return how alike the first seconds of a converted file and its source look, from 0 to 100."""
    log = made.with_suffix(".json")
    # Without the same tags, the filter would convert the colours of one of them.
    same = "setpts=PTS-STARTPTS,setparams=colorspace=bt709:range=tv"
    compare = f"[0:v]{same}[a];[1:v]{same}[b];[a][b]libvmaf=log_fmt=json:log_path={log}"
    compared = ["-t", COMPARED, "-i", str(made), "-t", COMPARED, "-i", str(clip), "-lavfi", compare, "-f", "null", "-"]
    ffmpeg(*compared)
    return float(json.loads(log.read_text())["pooled_metrics"]["vmaf"]["mean"])


async def _read(path: Path, start: int, end: int) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        yield file.read(end - start)


async def _convert(folder: Path, path: Path, recipe: Recipe) -> None:
    await convert(Children(), [Input(partial(_read, path), path.stat().st_size, SECONDS)], recipe, folder)


async def _examine(path: Path):  # type: ignore[no-untyped-def]
    return await examine(Children(), partial(_read, path), path.stat().st_size)


async def _wall(act: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    await act()
    return time.perf_counter() - started


async def _cpu(act: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Return the seconds of CPU and the megabytes of the processes that are started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    task = asyncio.ensure_future(act())
    most = 0
    while not task.done():
        for child in psutil.Process().children():
            with suppress(psutil.Error):
                most = max(most, child.memory_info().rss)
        await asyncio.wait([task], timeout=0.02)
    await task
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, most / 1e6


async def _cancel(folder: Path, path: Path) -> float:
    """Return the seconds from cancelling a conversion to the end of its process."""
    running = asyncio.Event()
    read, size = partial(_read, path), path.stat().st_size
    recipe = Recipe(picture=PICTURE)
    act = convert(Children(), [Input(read, size, SECONDS)], recipe, folder, lambda share: running.set())
    task = asyncio.create_task(act)
    await running.wait()
    started = time.perf_counter()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return time.perf_counter() - started
