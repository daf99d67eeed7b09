"""The jobs of a child. Importing this module loads FFmpeg."""

import base64
import importlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import av

from clipcast.common.media import stored_media
from clipcast.rendering.errors import UnreadableMedia
from clipcast.rendering.probe import probe
from clipcast.rendering.task import Task

av.logging.set_level(None)


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


def _timeline(task: Task) -> dict[str, Any]:
    """Return the film strip and the peaks of a probed file."""
    # Imported here, because most children probe.
    from clipcast.rendering.timeline_job import make_timeline

    [source] = task.sources
    return make_timeline(source, source.size, stored_media(task.arguments["media"]))


def _pictures(task: Task) -> dict[str, Any]:
    """Return small pictures of a thumbnail."""
    from clipcast.rendering.pictures_job import make_pictures

    [source] = task.sources
    return make_pictures(source, task.arguments["widths"])


def _logo(task: Task) -> dict[str, Any]:
    """Return a picture of somebody else as a small one, or why it is rejected."""
    from clipcast.rendering.pictures_job import make_logo

    [source] = task.sources
    return make_logo(source, task.arguments["edge"], task.arguments["pixels_max"], task.arguments["square"])


def _analyze(task: Task) -> dict[str, Any]:
    """Return where a probed file can be cut."""
    from clipcast.rendering.analysis_job import find_cuts

    [source] = task.sources
    try:
        return find_cuts(source, source.size, task.arguments["subject"])
    except UnreadableMedia:
        return {}


def _convert(task: Task) -> dict[str, Any]:
    """Make a file by a recipe."""
    # Imported here, because most children probe.
    from clipcast.rendering.encode.convert import convert

    return convert(task)


def _try_encoder(task: Task) -> dict[str, Any]:
    """Return whether an encoder works on this machine."""
    from clipcast.rendering.encode.h264 import works

    return {"works": works(task.arguments["encoder"])}


def load_libraries(kind: str) -> None:
    """Load what a job of this kind needs of the system, whose files the confined child can no longer open."""
    if kind == "convert":
        # Pillow looks for fribidi, which orders right-to-left captions, at this import. Only captions need the module.
        with suppress(ImportError):
            importlib.import_module("PIL._imagingft")


JOBS: dict[str, Callable[[Task], dict[str, Any]]] = {
    "probe": _probe,
    "check": _check,
    "convert": _convert,
    "try_encoder": _try_encoder,
    "timeline": _timeline,
    "pictures": _pictures,
    "logo": _logo,
    "analyze": _analyze,
}
