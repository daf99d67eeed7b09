"""The planner: what eight platforms need of a file that none takes as it is, and of one that all take."""

import time

from benchmarks.figures import Figure
from clipcast.common.media import Media
from clipcast.platforms.registry import PLATFORMS
from clipcast.rendering.planner import plan

ROUNDS, CALLS = 20, 50
GOOD = Media("mp4", 5_000_000, 20.0, 1080, 1920, 30.0, "h264", "aac", audio_bit_rate=128_000)
ODD = Media("webm", 5_000_000, 20.0, 1081, 1921, 120.0, "vp9", "opus", damaged=True, duration_in_header=False)


async def measure() -> list[Figure]:
    return [
        Figure(f"plan a file for {len(PLATFORMS)} platforms, {name}", _best(media), "ms", "the target", 1.0)
        for name, media in (("sent as it is", GOOD), ("converted for all", ODD))
    ]


def _best(media: Media) -> float:
    """Return the milliseconds of the plans for all platforms: the best round."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(CALLS):
            for platform in PLATFORMS.values():
                plan(media, platform.media)
        seconds.append((time.process_time() - start) / CALLS)
    return 1000 * min(seconds)
