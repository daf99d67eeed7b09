"""Logos: an uploaded picture as a small WebP, made in a child process."""

import base64
from collections.abc import AsyncIterator, Hashable

from clipcast.rendering.children import Bounds, ChildFailed, ChildJob, Children, Source
from clipcast.rendering.pictures import PICTURE_MAX, is_webp

# Bytes and pixels of the uploaded picture, and the longer side of the small one.
BYTES_MAX, PIXELS_MAX, EDGE = 2_000_000, 16_000_000, 192
BOUNDS = Bounds(memory=768 * 1024 * 1024, cpu=10, seconds=20)
TOO_LARGE = f"The picture is too large: maximum {BYTES_MAX / 1e6:.0f} MB. Choose a smaller one."
UNREADABLE = "The file is not a readable picture. Choose a PNG, JPEG or WebP file."


class NotALogo(Exception):
    """The file cannot become a logo. The message says why, and what to do."""


async def make_logo(children: Children, content: bytes, owner: Hashable = None) -> bytes:
    """Return a PNG, JPEG or WebP picture as a WebP of at most EDGE pixels. Raise NotALogo and ChildUnavailable."""
    if len(content) > BYTES_MAX:
        raise NotALogo(TOO_LARGE)

    async def read(start: int, end: int) -> AsyncIterator[bytes]:
        yield content[start:end]

    arguments = {"edge": EDGE, "pixels_max": PIXELS_MAX}
    try:
        outcome = await children.run_job(ChildJob("logo", (Source(read, len(content)),), BOUNDS, arguments), owner)
    except ChildFailed:
        raise NotALogo(UNREADABLE) from None
    if outcome.result.get("rejected") == "too_many_pixels":
        raise NotALogo(f"The picture has more than {PIXELS_MAX // 1_000_000} million pixels. Make it smaller.")
    try:
        made = base64.b64decode(outcome.result["logo"], validate=True)
    except (KeyError, TypeError, ValueError):
        raise NotALogo(UNREADABLE) from None
    if len(made) > PICTURE_MAX or not is_webp(made):
        raise NotALogo(UNREADABLE)
    return made
