"""The jobs of a child. Importing this module loads FFmpeg."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import av

from clipcast.rendering.channel import SourceFile
from clipcast.rendering.errors import UnreadableMedia
from clipcast.rendering.probe import probe

av.logging.set_level(None)


@dataclass(frozen=True)
class Task:
    """A job of the child: its source files and arguments. `report` sends the share that is done to the parent."""

    sources: tuple[SourceFile, ...]
    arguments: dict[str, Any]
    report: Callable[[float], None]


def _probe(task: Task) -> dict[str, Any]:
    """Return the facts of the file and its thumbnail, or the error of an unreadable file."""
    [source] = task.sources
    try:
        probed = probe(source, source.size)
    except UnreadableMedia as error:
        return {"rejected": vars(error)}
    thumbnail = base64.b64encode(probed.thumbnail).decode() if probed.thumbnail else None
    return {"media": vars(probed.media), "thumbnail": thumbnail}


def _check(task: Task) -> dict[str, Any]:
    """Return nothing: the message before the result holds the layers in effect."""
    return {}


JOBS: dict[str, Callable[[Task], dict[str, Any]]] = {"probe": _probe, "check": _check}
