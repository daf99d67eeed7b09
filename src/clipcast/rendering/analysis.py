"""The analysis of a video in a child process: where its scenes change, and where it is silent."""

from collections.abc import Hashable
from typing import Any, Literal

from clipcast.common.media import Media
from clipcast.rendering.children import REASONS, Bounds, ChildFailed, ChildJob, Children, ReadSource, Source
from clipcast.rendering.errors import UnreadableMedia

Subject = Literal["scenes", "silence"]

# The most changes or pauses of one video. Later ones are not reported.
FOUND_MAX = 20_000
# Seconds of CPU: for any file, and for each second of video. The wall clock may take a multiple of it.
CPU_BASE, CPU_PER_SECOND, WALL_CLOCK_FACTOR = 60, 4, 8


async def find_cuts(
    children: Children, read: ReadSource, media: Media, subject: Subject, owner: Hashable = None
) -> list[float]:
    """Return the seconds at which a video can be cut, in order: where scenes change, or in the middle of each pause.

    Raise UnreadableMedia, ChildUnavailable, and the errors of `read`.
    """
    cpu = int(CPU_BASE + CPU_PER_SECOND * media.duration)
    job = ChildJob(
        "analyze",
        (Source(read, media.size),),
        Bounds(cpu=cpu, seconds=WALL_CLOCK_FACTOR * cpu),
        {"subject": subject},
    )
    try:
        result = (await children.run_job(job, owner)).result
    except ChildFailed as failure:
        message = f"The video cannot be analyzed: {REASONS[failure.kind]}. Export it again, as MP4 with H.264 and AAC."
        raise UnreadableMedia("media_unreadable", message) from failure
    return _checked(result, media.duration)


def _checked(result: dict[str, Any], duration: float) -> list[float]:
    """Return the cuts of an untrusted result."""
    found = result.get("cuts")
    if not isinstance(found, list) or len(found) > FOUND_MAX or not all(type(one) in (int, float) for one in found):
        message = "The video cannot be analyzed. Export it again, as MP4 with H.264 and AAC."
        raise UnreadableMedia("media_unreadable", message)
    return sorted({round(float(one), 3) for one in found if 0 < one < duration})
