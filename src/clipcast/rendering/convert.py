"""The conversion of a video in a child process, by a recipe."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from clipcast.rendering.children import MEBIBYTE, Bounds, ChildFailed, ChildJob, Children, ReadSource, Source
from clipcast.rendering.encoders import ENCODERS, SOFTWARE
from clipcast.rendering.errors import ConversionError, WatermarkUnreadable, WorkFolderFull
from clipcast.rendering.recipe import Recipe

log = structlog.get_logger()

OUTPUT = "converted.mp4"
# Folders of fonts, which captions are drawn with.
SYSTEM_FONTS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
# Seconds of CPU: for any file, and for each second of video. The wall clock may take a multiple of it, because other
# processes go first.
CPU_BASE, CPU_PER_SECOND, WALL_CLOCK_FACTOR = 120, 20, 8
MEMORY = 4096 * MEBIBYTE
# The size of a file by its bit rates is a guess.
SIZE_FACTOR, SIZE_BASE = 1.5, 16 * MEBIBYTE
# A file without an index is read once more for its end, and its sound several times for its loudness. A second encoder
# begins again.
REREADS = 16
LONGEST_MESSAGE, MOST_WARNINGS = 500, 20
# How an encoder in hardware ends a child, if its driver hangs or takes too much memory.
OF_DRIVERS = ("time", "memory")
# Why a child ended without a file.
FAILURES = {
    "crash": lambda: ConversionError("conversion_crashed", "The process that converts the file ended unexpectedly."),
    "invalid": lambda: ConversionError(
        "conversion_crashed", "The process that converts the file returned invalid data."
    ),
    "time": lambda: ConversionError(
        "conversion_timeout", "The conversion took too long. Shorten the clip, or choose a lower resolution."
    ),
    "reads": lambda: ConversionError(
        "conversion_failed", "The file is read too often. Export it again, as MP4 with H.264."
    ),
    "memory": lambda: ConversionError(
        "conversion_failed",
        f"The conversion needs more than {MEMORY // MEBIBYTE:,} MB of memory. Export the file in a lower resolution.",
    ),
}


@dataclass(frozen=True)
class Input:
    """A file that a recipe names by its index.

    `duration` is that of its facts, in seconds: no more of it is converted, whatever damaged times say. It is 0 if it
    is unknown, and for the picture of a watermark.
    """

    read: ReadSource
    size: int
    duration: float = 0.0


@dataclass(frozen=True)
class Converted:
    """A file that was made. `start` is the second of the source where it starts: copies start at a key frame.

    `warnings` are sentences.
    """

    path: Path
    size: int
    start: float
    warnings: tuple[str, ...]


async def convert(
    children: Children,
    inputs: Sequence[Input],
    recipe: Recipe,
    folder: Path,
    progress: Callable[[float], None] | None = None,
    *,
    encoder: str = SOFTWARE,
    fonts: Path | None = None,
    bounds: Bounds | None = None,
) -> Converted:
    """Make a file of the inputs by the recipe. `folder` has to exist; the caller deletes it, with the file.

    An encoder in hardware that fails, hangs or takes too much memory is replaced by the one in software. Cancelling
    kills the child. `fonts` is the operator's folder of fonts. Raise ConversionError, WorkFolderFull, ChildUnavailable,
    and the errors of the inputs. Then no file is left.
    """
    path, needs = folder / OUTPUT, ENCODERS[encoder]
    job = ChildJob(
        "convert",
        tuple(Source(one.read, one.size) for one in inputs),
        needs.within(bounds or bounds_of(inputs, recipe)),
        {
            "recipe": recipe.as_dict(),
            "durations": [one.duration for one in inputs],
            "path": str(path),
            "encoder": encoder,
            "fonts": str(fonts) if fonts else None,
            "system_fonts": [*map(str, SYSTEM_FONTS)],
        },
        readable=(*([fonts] if fonts else []), *SYSTEM_FONTS, *needs.readable),
        writable=(folder, *needs.devices),
        progress=progress,
    )
    try:
        outcome = await children.run_job(job)
        if outcome.result.get("replaced"):
            log.warning("encoder_replaced", wanted=encoder, used=SOFTWARE)
        return _converted(path, outcome.result)
    except ChildFailed as failure:
        path.unlink(missing_ok=True)
        if recipe.picture is None or encoder == SOFTWARE or failure.kind not in OF_DRIVERS:
            raise FAILURES[failure.kind]() from failure
    except BaseException:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise
    log.warning("encoder_replaced", wanted=encoder, used=SOFTWARE)
    return await convert(children, inputs, recipe, folder, progress, fonts=fonts, bounds=bounds)


def bounds_of(inputs: Sequence[Input], recipe: Recipe) -> Bounds:
    """Return the limits of a conversion."""
    seconds = sum(one.duration for one in inputs) / min(1.0, recipe.edit.speed)
    cpu = int(CPU_BASE + CPU_PER_SECOND * seconds)
    size: float = sum(one.size for one in inputs)
    if recipe.picture is not None:
        sound = recipe.sound.bit_rate if recipe.sound else 512_000
        size = max(size if recipe.picture.bit_rate is None else 0, (recipe.picture.max_bit_rate + sound) * seconds / 8)
    return Bounds(
        memory=MEMORY,
        cpu=cpu,
        seconds=WALL_CLOCK_FACTOR * cpu,
        rereads=REREADS,
        written=int(SIZE_FACTOR * max(size, recipe.min_bytes) + SIZE_BASE),
    )


def _converted(path: Path, result: dict[str, Any]) -> Converted:
    """Return the outcome of a child, which a hostile file may have taken over."""
    if result.get("disk_full"):
        raise WorkFolderFull
    if "failed" in result:
        message = _printable(result["failed"])
        raise (
            WatermarkUnreadable(message)
            if result.get("in_watermark")
            else ConversionError("conversion_failed", message)
        )
    start, warnings = result.get("start"), result.get("warnings")
    if not isinstance(start, int | float) or not isinstance(warnings, list) or path.is_symlink() or not path.is_file():
        raise FAILURES["invalid"]()
    shown = tuple(_printable(warning) for warning in warnings[:MOST_WARNINGS])
    return Converted(path, os.path.getsize(path), float(start), shown)


def _printable(text: Any) -> str:
    return "".join(character for character in str(text)[:LONGEST_MESSAGE] if character.isprintable())
