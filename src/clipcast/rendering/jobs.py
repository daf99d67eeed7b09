"""The jobs that a child does. Importing this loads FFmpeg."""

import base64
from collections.abc import Callable
from typing import Any

import av

from clipcast.rendering.channel import SourceFile
from clipcast.rendering.errors import UnreadableMedia
from clipcast.rendering.probe import probe

av.logging.set_level(None)


def _probe(source: SourceFile, job: dict[str, Any]) -> dict[str, Any]:
    """What the file is, and its thumbnail; or why it cannot be read."""
    try:
        probed = probe(source, job["size"])
    except UnreadableMedia as error:
        return {"refused": {"code": error.code, "message": error.message}}
    thumbnail = base64.b64encode(probed.thumbnail).decode() if probed.thumbnail else None
    return {"media": vars(probed.media), "thumbnail": thumbnail}


def _check(source: SourceFile, job: dict[str, Any]) -> dict[str, Any]:
    """Nothing: the message before the result says which layers hold."""
    return {}


JOBS: dict[str, Callable[[SourceFile, dict[str, Any]], dict[str, Any]]] = {"probe": _probe, "check": _check}
