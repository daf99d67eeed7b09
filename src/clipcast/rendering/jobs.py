"""The jobs of a child. Importing this module loads FFmpeg."""

import base64
from collections.abc import Callable
from typing import Any

import av

from clipcast.rendering.channel import SourceFile
from clipcast.rendering.errors import UnreadableMedia
from clipcast.rendering.probe import probe

av.logging.set_level(None)


def _probe(source: SourceFile, job: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of the file and its thumbnail, or the error of an unreadable file."""
    try:
        probed = probe(source, job["size"])
    except UnreadableMedia as error:
        return {"rejected": vars(error)}
    thumbnail = base64.b64encode(probed.thumbnail).decode() if probed.thumbnail else None
    return {"media": vars(probed.media), "thumbnail": thumbnail}


def _check(source: SourceFile, job: dict[str, Any]) -> dict[str, Any]:
    """Return nothing: the message before the result holds the layers in effect."""
    return {}


JOBS: dict[str, Callable[[SourceFile, dict[str, Any]], dict[str, Any]]] = {"probe": _probe, "check": _check}
