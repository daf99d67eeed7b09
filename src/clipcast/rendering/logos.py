"""Logos of clients and pictures of accounts: a picture of somebody else as a small WebP, made in a child process."""

import base64
from collections.abc import AsyncIterator, Hashable
from typing import Any

from clipcast.rendering.children import Bounds, ChildFailed, ChildJob, Children, Source
from clipcast.rendering.pictures import PICTURE_MAX, is_webp

# Bytes and pixels of the picture.
BYTES_MAX, PIXELS_MAX = 2_000_000, 16_000_000
# The longer side of a logo, and the sides of an account's picture: twice the pixels that the largest one takes.
LOGO_EDGE, AVATAR_EDGE = 192, 96
BOUNDS = Bounds(memory=768 * 1024 * 1024, cpu=10, seconds=20)
TOO_LARGE = f"The picture is too large: maximum {BYTES_MAX / 1e6:.0f} MB. Choose a smaller one."
UNREADABLE = "The file is not a readable picture. Choose a PNG, JPEG or WebP file."


class NotAPicture(Exception):
    """The file cannot become a logo or a picture of an account. The message says why, and what to do."""


async def make_logo(children: Children, content: bytes, owner: Hashable = None) -> bytes:
    """Return a PNG, JPEG or WebP picture as a WebP of at most LOGO_EDGE pixels.

    Raise NotAPicture and ChildUnavailable.
    """
    return await _make(children, content, {"edge": LOGO_EDGE, "square": False}, owner)


async def make_avatar(children: Children, content: bytes, owner: Hashable = None) -> bytes:
    """Return the middle of a PNG, JPEG or WebP picture as a square WebP of AVATAR_EDGE pixels.

    Raise NotAPicture and ChildUnavailable.
    """
    return await _make(children, content, {"edge": AVATAR_EDGE, "square": True}, owner)


async def _make(children: Children, content: bytes, arguments: dict[str, Any], owner: Hashable) -> bytes:
    if len(content) > BYTES_MAX:
        raise NotAPicture(TOO_LARGE)

    async def read(start: int, end: int) -> AsyncIterator[bytes]:
        yield content[start:end]

    job = ChildJob("logo", (Source(read, len(content)),), BOUNDS, arguments | {"pixels_max": PIXELS_MAX})
    try:
        outcome = await children.run_job(job, owner)
    except ChildFailed:
        raise NotAPicture(UNREADABLE) from None
    if outcome.result.get("rejected") == "too_many_pixels":
        raise NotAPicture(f"The picture has more than {PIXELS_MAX // 1_000_000} million pixels. Make it smaller.")
    try:
        made = base64.b64decode(outcome.result["logo"], validate=True)
    except (KeyError, TypeError, ValueError):
        raise NotAPicture(UNREADABLE) from None
    if len(made) > PICTURE_MAX or not is_webp(made):
        raise NotAPicture(UNREADABLE)
    return made
