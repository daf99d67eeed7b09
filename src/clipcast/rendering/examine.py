"""The examination of an uploaded file in a child process."""

import base64
import re
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from clipcast.common.media import NAME, Media
from clipcast.rendering.children import Bounds, Children, ReadSource
from clipcast.rendering.confinement import LAYERS
from clipcast.rendering.errors import UnreadableMedia

# A hostile file may have taken over the child, so its result is checked like any untrusted input.
LARGEST_THUMBNAIL = 1024 * 1024
# Frames a second: more than the fastest cameras write as a rate.
HIGHEST_RATE = 10_000


@dataclass(frozen=True)
class Examined:
    """The facts of a file, and its thumbnail as JPEG."""

    media: Media
    thumbnail: bytes | None


async def examine(
    children: Children, read: ReadSource, size: int, bounds: Bounds | None = None, owner: Hashable = None
) -> Examined:
    """Examine a file of `size` bytes, of which `read` streams parts. Owners get places in turn.

    Raise UnreadableMedia, ChildUnavailable, and the errors of `read`.
    """
    outcome = await children.run("probe", read, size, bounds, owner)
    result = outcome.result
    if rejected := result.get("rejected"):
        raise _rejection(rejected)
    try:
        media = _media().validate_python(result["media"])
        thumbnail = base64.b64decode(result["thumbnail"], validate=True) if result["thumbnail"] else None
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        raise _implausible() from error
    if media.size != size or not 0 < media.duration < 10**7 or min(media.width, media.height) < 1:
        raise _implausible()
    if not 0 <= media.frame_rate <= HIGHEST_RATE or not 0 <= (media.mean_frame_rate or 0) <= HIGHEST_RATE:
        raise _implausible()
    if not all(_is_plausible(value) for value in vars(media).values() if value is not None):
        raise _implausible()
    if thumbnail and (len(thumbnail) > LARGEST_THUMBNAIL or not thumbnail.startswith(b"\xff\xd8\xff")):
        raise _implausible()
    return Examined(media, thumbnail)


def _rejection(rejected: Any) -> UnreadableMedia:
    if not isinstance(rejected, dict) or not re.fullmatch("[a-z_]{1,60}", str(rejected.get("code"))):
        return _implausible()
    values = [rejected.get(name) for name in ("limit", "actual")]
    if any(value is not None and not _is_plausible(value) for value in values):
        return _implausible()
    return UnreadableMedia(rejected["code"], _printable(str(rejected.get("message"))[:500]), *values)


def _is_plausible(value: Any) -> bool:
    if isinstance(value, str):
        return NAME.fullmatch(value) is not None
    return isinstance(value, int | float) and abs(value) < 2**63  # also false for NaN


async def missing_layers(children: Children) -> list[str]:
    """Start a child and return the layers of confinement that this machine lacks. Raise ChildUnavailable."""
    outcome = await children.run("check", _nothing, 0)
    return [layer for layer in LAYERS if layer not in outcome.layers]


async def _nothing(start: int, end: int) -> Any:
    return
    yield b""


@cache
def _media() -> TypeAdapter[Media]:
    return TypeAdapter(Media)


def _implausible() -> UnreadableMedia:
    message = "The file cannot be read safely: its facts are impossible. Export it again, as MP4 with H.264 and AAC."
    return UnreadableMedia("media_unreadable", message)


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
