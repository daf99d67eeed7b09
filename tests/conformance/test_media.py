"""What preflight calls valid, no platform refuses: odd but real files, to every platform that preflight lets through.

The sandbox judges the bytes by a reading of its own, so that it can disagree.
"""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import bluesky, facebook, instagram, linkedin, pinterest, threads, tiktok, youtube
from tests.harness import Stage
from tests.rendering.files import make

CASES = (tiktok.CASE, youtube.CASE, instagram.CASE, threads.CASE, pinterest.CASE, linkedin.CASE, facebook.CASE,
         bluesky.CASE)  # fmt: skip
ALL = {case.platform for case in CASES}
# Reading what YouTube and Facebook take is left to them: they convert nearly anything.
OPEN = {"youtube", "facebook"}
META = {"instagram", "threads"}
SECONDS = 4.2
# Enough bytes for LinkedIn's least.
PLAIN: dict[str, Any] = {"seconds": SECONDS, "size": (540, 960), "tags": {"comment": "x" * 80_000}}

Make = Callable[[Path], Path]


def file(name: str = "a.mp4", **options: Any) -> Make:
    return lambda folder: make(folder / name, **PLAIN | options)


def with_junk(folder: Path) -> Path:
    """A whole file with something of its sender's own behind it."""
    path = file()(folder)
    path.write_bytes(path.read_bytes() + b"SEFT and more\0\x01\x02" * 20)
    return path


def trimmed(folder: Path) -> Path:
    """An edit list that hides the first half second, as phones write when they cut."""
    path = file()(folder)
    content = bytearray(path.read_bytes())
    at = content.index(b"elst") + 16
    content[at : at + 4] = (7_680).to_bytes(4, "big")
    path.write_bytes(content)
    return path


# Each file, and the platforms that take it.
FILES: dict[str, tuple[Make, set[str]]] = {
    "ordinary": (file(), ALL),
    "mov": (file("a.mov"), ALL - {"linkedin"}),
    "m4v": (file("a.m4v", format="mp4"), ALL),
    "vp9 webm": (file("a.webm", codec="libvpx-vp9", sound="libopus", container={},
                      video_options={"deadline": "realtime", "cpu-used": "8"}), {"tiktok", *OPEN}),
    "h264 mkv": (file("a.mkv", container={}), OPEN),
    "hevc": (file(codec="libx265", video_options={"preset": "ultrafast", "tag": "hvc1", "x265-params": "open-gop=0"}),
             ALL - {"linkedin", "bluesky"}),
    "mp3 sound": (file(sound="libmp3lame"), {"tiktok", "pinterest", *OPEN}),
    "ac3 sound": (file(sound="ac3"), {"tiktok", "pinterest", *OPEN}),
    "pcm sound": (file("a.mov", sound="pcm_s16le"), {"tiktok", "pinterest", *OPEN}),
    "5.1 sound": (file(layout="5.1"), ALL - META),
    "96 kHz": (file(sound_rate=96_000), ALL - META),
    "no sound": (file(sound=None), ALL),
    "index last": (file(container={}), ALL - META),
    "fragmented": (file(container={"movflags": "frag_keyframe+empty_moov"}), ALL),
    "edit list": (trimmed, ALL),
    "interlaced": (file(codec="mpeg2video", video_options={"flags": "+ilme+ildct", "b": "500k"}), {"youtube"}),
    "4:2:2": (file(pix_fmt="yuv422p"), ALL - META - {"facebook"}),
    "10 bit": (file(pix_fmt="yuv420p10le"), ALL),
    "60.001 frames": (file(rate=Fraction(60_001, 1000)), ALL),
    "23.976 frames": (file(rate=Fraction(24_000, 1001)), ALL),
    "75 frames": (file(rate=75), ALL - META - {"tiktok", "facebook"}),
    "turned": (file(size=(960, 540), rotation=90), ALL),
    # A screen recording of something that did not move in the end, and a camera whose clock is not steady.
    "sound is longer": (file(seconds=2.5, sound_seconds=SECONDS), ALL),
    "unsteady": (file(times=[number / 30 + 0.002 * (number % 3) for number in range(126)]), ALL),
    "screen recording": (file(times=[number / 60 + number // 8 / 4 for number in range(64)], sound_seconds=9),
                         ALL - META - {"tiktok", "facebook"}),
    "not quite as long": (file(seconds=3.96, rate=50, sound=None), ALL),
    "a fragment for each frame": (file(container={"movflags": "frag_every_frame+empty_moov"}), ALL),
    "not square": (file(size=(1080, 540), aspect=Fraction(8, 9)), ALL - {"facebook"}),
    "motion jpeg": (file("a.mov", codec="mjpeg", pix_fmt="yuvj420p"), {"youtube"}),
    "junk behind": (with_junk, ALL),
    "grey": (file(pix_fmt="gray"), ALL),
    "open groups": (file(video_options={"preset": "veryfast",
                                        "x264-params": "open-gop=1:keyint=15:bframes=2:b-adapt=0"}),
                    ALL - META - {"facebook"}),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
async def test_file_that_preflight_calls_valid_is_published(stage: Stage, tmp_path: Path, name: str) -> None:
    write, taken_by = FILES[name]
    path = write(tmp_path)
    edit = await stage.caller.upload(path, path.name)
    posts: dict[str, str] = {}
    refused: dict[str, list[str]] = {}
    for case in CASES:
        target = {"connectionId": await case.connect(stage), "metadata": {case.platform: case.metadata}}
        body = {"videos": [{"editId": edit, "targets": [target]}]}
        answer = await stage.caller.post("/posts", body)
        if answer.status_code == 201:
            posts[case.platform] = answer.json()["post_id"]
        else:
            refused[case.platform] = [error["code"] for error in answer.json()["errors"]]
    assert set(posts) == taken_by, refused
    await stage.run_until_ended()
    errors = {platform: (await stage.item(post_id))["error"] for platform, post_id in posts.items()}
    assert errors == dict.fromkeys(posts)
