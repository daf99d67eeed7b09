"""What a render gives an item whose metadata leaves it open: the time of its cover, and captions."""

from typing import TypeVar

from clipcast.common.problems import Problem
from clipcast.platforms.metadata import Metadata

M = TypeVar("M", bound=Metadata)
# Seconds before the end of the last frame that is a cover: files of one video differ by less.
BEFORE_END = 0.1
# Below the precision of a time, and above that of its product.
ROUNDING = 1e-6


def with_cover(metadata: M, at: float | None, duration: float) -> M:
    """Return the metadata with the cover at `at`, in seconds of a video of `duration` seconds.

    Return it unchanged if it chooses a cover, or if this kind of post takes no time of a cover.
    """
    time = metadata.cover_time
    if at is None or time is None or _has_cover(metadata):
        return metadata
    units = int(min(at, max(0.0, duration - BEFORE_END)) * time.per_second + ROUNDING)
    changed = metadata.model_copy(update={time.field: units})
    return changed if len(changed.ignored()) == len(metadata.ignored()) else metadata


def takes_captions(metadata: Metadata, size: int | None) -> bool:
    """Return whether the platform gets a render's captions, of `size` bytes as WebVTT: it has none of the caller."""
    file = metadata.captions_file
    return size is not None and file is not None and not getattr(metadata, file.field) and size <= file.max_bytes


def left_out(title: str, metadata: Metadata, cover_at: float | None, captions_size: int | None) -> list[Problem]:
    """Return a warning for the render's cover and captions, each if the platform `title` does not get it.

    Their paths are empty. What the metadata gives itself is no reason for one.
    """
    warnings = []
    if cover_at is not None and not _has_cover(metadata) and with_cover(metadata, cover_at, cover_at) is metadata:
        message = f"{title} does not get the render's cover: this kind of post takes no time of a cover."
        warnings.append(Problem("", "cover_left_out", message))
    file = metadata.captions_file
    if captions_size is None or (file and getattr(metadata, file.field)):
        return warnings
    burn = "Burn them into the picture (mode burn)."
    if file is None:
        message = f"{title} does not get the render's captions: Clipcast sends it no captions. {burn}"
        warnings.append(Problem("", "captions_left_out", message))
    elif captions_size > file.max_bytes:
        message = (
            f"{title} does not get the render's captions: they have {captions_size} bytes, maximum {file.max_bytes}. "
            f"Shorten them. {burn}"
        )
        warnings.append(Problem("", "captions_left_out", message, file.max_bytes, captions_size))
    return warnings


def _has_cover(metadata: Metadata) -> bool:
    return any(getattr(metadata, name) is not None for name in metadata.cover_fields)
