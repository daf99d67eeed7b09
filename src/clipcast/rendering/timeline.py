"""The timeline of a clip's page: a film strip and the peaks of the sound, made in a child process."""

import base64
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from clipcast.common.media import Media
from clipcast.rendering.children import Bounds, ChildFailed, ChildJob, Children, ReadSource, Source

# The frames of the strip, and the most points of the peaks.
FRAMES, POINTS = 12, 1000
STRIP_MAX = 1024 * 1024  # bytes
BOUNDS = Bounds(cpu=60)


@dataclass(frozen=True)
class Timeline:
    """`strip` is a JPEG of `FRAMES` frames side by side, each from the middle of its part of the video.

    `peaks` are from 0 to 100, at equal distances. Either is empty if the file has no such track, or it is unreadable.
    """

    strip: bytes = b""
    peaks: tuple[int, ...] = ()


async def make_timeline(children: Children, read: ReadSource, media: Media, owner: Hashable = None) -> Timeline:
    """Return the timeline of a file with these facts. Raise ChildUnavailable, and the errors of `read`."""
    job = ChildJob("timeline", (Source(read, media.size),), BOUNDS, {"media": vars(media)})
    try:
        return _checked((await children.run_job(job, owner)).result)
    except ChildFailed:
        return Timeline()


def _checked(result: dict[str, Any]) -> Timeline:
    """Return the timeline of an untrusted result: empty where it is not plausible."""
    strip, peaks = result.get("strip"), result.get("peaks")
    try:
        picture = base64.b64decode(strip, validate=True) if isinstance(strip, str) else b""
    except ValueError:
        picture = b""
    if len(picture) > STRIP_MAX or not picture.startswith(b"\xff\xd8\xff"):
        picture = b""
    plausible = (
        isinstance(peaks, list) and len(peaks) <= POINTS and all(type(one) is int and 0 <= one <= 100 for one in peaks)
    )
    return Timeline(picture, tuple(peaks) if plausible and isinstance(peaks, list) else ())
