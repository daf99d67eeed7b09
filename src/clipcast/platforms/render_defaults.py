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


def takes_captions(metadata: Metadata, size: int | None, language: str | None) -> bool:
    """Return whether the platform gets a render's captions, of `size` bytes as WebVTT: it has none of the caller."""
    return size is not None and not _has_captions(metadata) and _captions_problem("", metadata, size, language) is None


def left_out(
    title: str, metadata: Metadata, cover_at: float | None, captions_size: int | None, language: str | None = None
) -> list[Problem]:
    """Return a warning for the render's cover and captions, each if the platform `title` does not get it.

    Their paths are empty. What the metadata gives itself is no reason for one.
    """
    warnings = []
    if cover_at is not None and not _has_cover(metadata) and with_cover(metadata, cover_at, cover_at) is metadata:
        message = f"{title} does not get the render's cover: this kind of post takes no time of a cover."
        warnings.append(Problem("", "cover_left_out", message))
    if captions_size is not None and not _has_captions(metadata):
        problem = _captions_problem(title, metadata, captions_size, language)
        warnings += [problem] if problem else []
    return warnings


def _captions_problem(title: str, metadata: Metadata, size: int, language: str | None) -> Problem | None:
    """Return why the platform does not get captions of a render, or None if it gets them."""
    file, language = metadata.captions_file, language or metadata.captions_language
    limit: int | list[str] | None = None
    actual: int | str | None = None
    if file is None:
        reason = "Clipcast sends it no captions."
    elif file.max_bytes is not None and size > file.max_bytes:
        limit, actual = file.max_bytes, size
        reason = f"they have {size} bytes, maximum {file.max_bytes}. Shorten them."
    elif language is None and (file.needs_language or file.languages):
        reason = "it needs their language. Set `language` of the captions."
    elif file.languages and language is not None and language.split("-")[0].lower() not in file.languages:
        limit, actual = list(file.languages), language
        reason = f"their language is {language}, and it takes {' or '.join(file.languages)}."
    else:
        return None
    message = f"{title} does not get the render's captions: {reason} Burn them into the picture (mode burn)."
    return Problem("", "captions_left_out", message, limit, actual)


def _has_captions(metadata: Metadata) -> bool:
    file = metadata.captions_file
    return bool(file and file.field and getattr(metadata, file.field))


def _has_cover(metadata: Metadata) -> bool:
    return any(getattr(metadata, name) is not None for name in metadata.cover_fields)
