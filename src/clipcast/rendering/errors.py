"""The error of a file that cannot be read as a video."""


class UnreadableMedia(Exception):
    """A file that cannot be read as a video. The message holds the reason and a fix for the file's owner.

    `code` is one of: not_a_video, file_cut_off, video_codec_unknown, encrypted, no_picture, too_many_pixels,
    too_many_samples, too_many_streams, media_unreadable. `limit` and `actual` are the rule's value and the file's;
    None for a rule without a value.
    """

    def __init__(
        self, code: str, message: str, limit: int | str | None = None, actual: int | str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.limit = limit
        self.actual = actual


def cut_off(size: int, end: int) -> UnreadableMedia:
    """Return the error of a truncated file: it has `size` bytes, and its structure extends to byte `end`."""
    message = f"The file is truncated: {size:,} bytes, at least {end:,} expected. Upload the whole file."
    return UnreadableMedia("file_cut_off", message, end, size)


def index_missing(size: int) -> UnreadableMedia:
    """Return the error of an MP4 or MOV file of `size` bytes that ends before its index."""
    message = f"The file is truncated: its index (moov) is missing after {size:,} bytes. Upload the whole file."
    return UnreadableMedia("file_cut_off", message, None, size)


def too_many(kind: str, limit: int, actual: int) -> UnreadableMedia:
    """Return the error of a file with too many `kind`: samples or streams."""
    name = {"streams": "tracks"}.get(kind, kind)
    message = f"The file has too many {name}: {actual:,}, maximum {limit:,}. Export it again."
    return UnreadableMedia(f"too_many_{kind}", message, limit, actual)


def encrypted() -> UnreadableMedia:
    """Return the error of an encrypted file."""
    return UnreadableMedia("encrypted", "The file is encrypted (DRM). Upload a copy without protection.")


class ConversionError(Exception):
    """A conversion that ended without a file. The message names a fix.

    `code` is one of: conversion_failed (this file cannot be converted in this way), conversion_crashed (the child
    ended: another attempt may succeed) and conversion_timeout.
    """

    # As in the errors of items (platforms/errors.py), of which this is one later.
    kind, actor, retryable = "media", "caller", False

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class WatermarkUnreadable(ConversionError):
    """A watermark that is not a whole picture, or too large. The clip is not at fault."""

    def __init__(self, message: str) -> None:
        super().__init__("conversion_failed", message)


class WorkFolderFull(Exception):
    """The disk of the work folder is full. The operator has to free space; the file itself is valid."""
