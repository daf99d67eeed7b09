"""Small pictures for lists: a thumbnail in several widths, as WebP, made in a child process."""

import base64
from collections.abc import Hashable
from typing import Any

from clipcast.rendering.children import Bounds, ChildFailed, ChildJob, Children, ReadSource, Source

# In pixels: a row, a row on a dense screen, and a tile.
WIDTHS = (72, 144, 400)
PICTURE_MAX = 256 * 1024  # bytes
BOUNDS = Bounds(cpu=10)


async def make_pictures(children: Children, read: ReadSource, size: int, owner: Hashable = None) -> dict[int, bytes]:
    """Return a JPEG of `size` bytes as WebP, by width; empty if it is unreadable.

    Raise ChildUnavailable, and the errors of `read`.
    """
    job = ChildJob("pictures", (Source(read, size),), BOUNDS, {"widths": WIDTHS})
    try:
        return _checked((await children.run_job(job, owner)).result)
    except ChildFailed:
        return {}


def _checked(result: dict[str, Any]) -> dict[int, bytes]:
    """Return the pictures of an untrusted result: none unless all are plausible."""
    try:
        made = {width: base64.b64decode(result[str(width)], validate=True) for width in WIDTHS}
    except (KeyError, TypeError, ValueError):
        return {}
    plausible = all(len(one) <= PICTURE_MAX and is_webp(one) for one in made.values())
    return made if plausible else {}


def is_webp(content: bytes) -> bool:
    """Return whether a file begins as WebP does."""
    return content[:4] == b"RIFF" and content[8:12] == b"WEBP"
