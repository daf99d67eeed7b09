"""What preflight calls valid as it is, no platform refuses: odd but real files, to every platform that takes them.

The sandbox judges the bytes by a reading of its own, so that it can disagree.
"""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from clipcast.testing.case import Case
from clipcast.testing.harness import Stage
from clipcast.testing.media_files import make

SECONDS = 4.2
# Enough bytes for LinkedIn's least.
PLAIN: dict[str, Any] = {"seconds": SECONDS, "size": (540, 960), "tags": {"comment": "x" * 80_000}}

Make = Callable[[Path], Path]


def file(name: str = "a.mp4", **options: Any) -> Make:
    return lambda folder: make(folder / name, **PLAIN | options)


def with_junk(folder: Path) -> Path:
    """Return a whole file with data of its sender's own behind it."""
    path = file()(folder)
    path.write_bytes(path.read_bytes() + b"SEFT and more\0\x01\x02" * 20)
    return path


def trimmed(folder: Path) -> Path:
    """Write an edit list that hides the first half second, as phones write when they cut."""
    path = file()(folder)
    content = bytearray(path.read_bytes())
    at = content.index(b"elst") + 16
    content[at : at + 4] = (7_680).to_bytes(4, "big")
    path.write_bytes(content)
    return path


# The odd files by name. A case names those that preflight rejects (Case.rejected_files).
FILES: dict[str, Make] = {
    "ordinary": file(),
    "mov": file("a.mov"),
    "m4v": file("a.m4v", format="mp4"),
    "vp9 webm": file("a.webm", codec="libvpx-vp9", sound="libopus", container={},
                      video_options={"deadline": "realtime", "cpu-used": "8"}),
    "h264 mkv": file("a.mkv", container={}),
    "hevc": file(codec="libx265", video_options={"preset": "ultrafast", "tag": "hvc1", "x265-params": "open-gop=0"}),
    "mp3 sound": file(sound="libmp3lame"),
    "ac3 sound": file(sound="ac3"),
    "pcm sound": file("a.mov", sound="pcm_s16le"),
    "5.1 sound": file(layout="5.1"),
    "96 kHz": file(sound_rate=96_000),
    "no sound": file(sound=None),
    "index last": file(container={}),
    "fragmented": file(container={"movflags": "frag_keyframe+empty_moov"}),
    "edit list": trimmed,
    "interlaced": file(codec="mpeg2video", video_options={"flags": "+ilme+ildct", "b": "500k"}),
    "4:2:2": file(pix_fmt="yuv422p"),
    "10 bit": file(pix_fmt="yuv420p10le"),
    "60.001 frames": file(rate=Fraction(60_001, 1000)),
    "23.976 frames": file(rate=Fraction(24_000, 1001)),
    "75 frames": file(rate=75),
    "turned": file(size=(960, 540), rotation=90),
    # A screen recording of something that did not move in the end, and a camera whose clock is not steady.
    "sound is longer": file(seconds=2.5, sound_seconds=SECONDS),
    "unsteady": file(times=[number / 30 + 0.002 * (number % 3) for number in range(126)]),
    "screen recording": file(times=[number / 60 + number // 8 / 4 for number in range(64)], sound_seconds=9),
    "not quite as long": file(seconds=3.96, rate=50, sound=None),
    "a fragment for each frame": file(container={"movflags": "frag_every_frame+empty_moov"}),
    "not square": file(size=(1080, 540), aspect=Fraction(8, 9)),
    "motion jpeg": file("a.mov", codec="mjpeg", pix_fmt="yuvj420p"),
    "junk behind": with_junk,
    "grey": file(pix_fmt="gray"),
    "open groups": file(video_options={"preset": "veryfast",
                                        "x264-params": "open-gop=1:keyint=15:bframes=2:b-adapt=0"}),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
async def test_file_that_preflight_calls_valid_is_published(
    stage: Stage, cases: list[Case], tmp_path: Path, name: str
) -> None:
    path = FILES[name](tmp_path)
    edit = await stage.caller.upload(path, path.name)
    posts: dict[str, str] = {}
    refused: dict[str, list[str]] = {}
    for case in cases:
        target = {"connectionId": await case.connect(stage), "metadata": {case.platform: case.metadata}}
        body = {"videos": [{"editId": edit, "conform": "never", "targets": [target]}]}
        answer = await stage.caller.post("/posts", body)
        if answer.status_code == 201:
            posts[case.platform] = answer.json()["post_id"]
        else:
            refused[case.platform] = [error["code"] for error in answer.json()["errors"]]
    assert set(posts) == {case.platform for case in cases if name not in case.rejected_files}, refused
    await stage.run_until_ended()
    errors = {platform: (await stage.item(post_id))["error"] for platform, post_id in posts.items()}
    assert errors == dict.fromkeys(posts)


def test_case_names_files_of_the_suite(cases: list[Case]) -> None:
    assert not {name for case in cases for name in case.rejected_files} - set(FILES)
