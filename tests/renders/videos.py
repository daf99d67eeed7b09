"""Videos with known scenes and pauses."""

import math
from array import array
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from clipcast.testing.harness import Caller

BLACK, WHITE = (10, 10, 10), (240, 240, 240)
RATE, SAMPLES = 48_000, 1024
PAUSE = 0.6  # seconds at the end of each scene


def make_scenes(
    path: Path,
    count: int = 3,
    seconds: float = 2.0,
    size: tuple[int, int] = (128, 192),
    colors: Sequence[tuple[int, int, int]] = (BLACK, WHITE),
) -> Path:
    """Write a video of scenes in these colours, in turn. Each ends in a pause of the sound."""
    width, height = size
    with av.open(path, "w") as container:
        video: Any = container.add_stream("libx264", rate=30)
        video.width, video.height, video.pix_fmt, video.options = width, height, "yuv420p", {"preset": "ultrafast"}
        audio: Any = container.add_stream("aac", rate=RATE)
        audio.layout = "mono"
        for number in range(round(count * seconds * 30)):
            color = colors[int(number / 30 / seconds) % len(colors)]
            picture = av.VideoFrame(width, height, "rgb24")
            plane = picture.planes[0]
            plane.update((bytes(color) * width + bytes(plane.line_size - 3 * width)) * height)
            frame = picture.reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 30)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for at in range(0, round(count * seconds * RATE), SAMPLES):
            times = ((at + one) / RATE for one in range(SAMPLES))
            tone = (0.5 * math.sin(2 * math.pi * 440 * t) if t % seconds < seconds - PAUSE else 0.0 for t in times)
            sound = av.AudioFrame(format="fltp", layout="mono", samples=SAMPLES)
            sound.planes[0].update(array("f", tone).tobytes())
            sound.sample_rate, sound.pts, sound.time_base = RATE, at, Fraction(1, RATE)
            container.mux(audio.encode(sound))
        container.mux(audio.encode(None))
    return path


async def upload_video(caller: Caller, path: Path, name: str = "clip.mp4") -> str:
    """Upload a video, and return its `video_id`."""
    content = path.read_bytes()
    started = (await caller.post("/videos/upload", {"file_name": name, "file_size": len(content)})).json()
    assert (await caller.http.put(started["upload_url"], content=content)).status_code == 200
    done = await caller.post("/videos/upload/complete", {"video_id": started["video_id"], "file_name": name})
    assert done.status_code == 200, done.text
    return str(started["video_id"])
