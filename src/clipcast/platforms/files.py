"""Rules for the files that metadata links to: covers, thumbnails, subtitles.

Preflight and the step that sends such a file share them.
"""

import struct
from dataclasses import dataclass
from io import BytesIO
from typing import Protocol

import imagesize

from clipcast.common.problems import Problem
from clipcast.platforms.errors import InvalidRequest

# File types by their first bytes.
SIGNATURES = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif"}
# The number of first bytes that a check needs: they hold a picture's width and height.
HEAD = 512 * 1024
# Platforms crop a picture of another aspect. A smaller difference than this is invisible.
ASPECT_TOLERANCE = 0.02


class FileRules(Protocol):
    """A platform's rules for one linked file. `max_bytes` is its largest size."""

    @property
    def max_bytes(self) -> int: ...

    def check(self, head: bytes) -> tuple[list[Problem], list[Problem]]:
        """Return errors and warnings about the file, judged by its first HEAD bytes. Their paths are empty."""
        ...


@dataclass(frozen=True)
class LinkedFile:
    """A file that metadata links to. `path` is the field, as a JSON pointer into the metadata."""

    path: str
    url: str
    rules: FileRules


@dataclass(frozen=True)
class PictureRules:
    """A cover or thumbnail. `min_width` is in pixels; `aspect` is the advised width divided by height.

    `advice` tells what to do about a file that is no picture.
    """

    formats: tuple[str, ...]
    max_bytes: int
    min_width: int = 1
    aspect: float | None = None
    advice: str = "Give the address of a picture."

    def check(self, head: bytes) -> tuple[list[Problem], list[Problem]]:
        """Return errors and warnings about the picture."""
        kind = kind_of(head)
        if kind not in self.formats:
            return [self._wrong_kind(kind)], []
        width, height = picture_size(head[:HEAD])
        if width < 1 or height < 1:
            broken = Problem("", "not_an_image", "The picture is cut off or damaged. Save it again.")
            # A longer file may hold its width and height beyond HEAD: the platform decides.
            return [broken] if len(head) < HEAD else [], []
        if width < self.min_width:
            message = f"The picture is too small: {width} pixels wide, minimum {self.min_width}. Use a larger one."
            return [Problem("", "picture_too_small", message, self.min_width, width)], []
        if self.aspect and abs(width / height / self.aspect - 1) > ASPECT_TOLERANCE:
            message = f"The picture is {width}x{height}. The platform crops it to another aspect."
            return [], [Problem("", "picture_cropped", message, round(self.aspect, 4), round(width / height, 4))]
        return [], []

    def media_type(self, content: bytes) -> str:
        """Return the picture's media type. Raise InvalidRequest for any format but `formats`."""
        kind = kind_of(content)
        if kind not in self.formats:
            problem = self._wrong_kind(kind)
            raise InvalidRequest(problem.code, problem.message, rejected=True)
        return f"image/{kind}"

    def _wrong_kind(self, kind: str) -> Problem:
        accepted = " or ".join(one.upper() for one in self.formats)
        found = "a web page" if kind == "html" else f"a {kind.upper()} file" if kind else "something else"
        return Problem("", "not_an_image", f"Not a {accepted} picture, but {found}. {self.advice}")


@dataclass(frozen=True)
class SubtitleRules:
    """A WebVTT file."""

    max_bytes: int

    def check(self, head: bytes) -> tuple[list[Problem], list[Problem]]:
        """Return an error if the file is not WebVTT."""
        if head.removeprefix(b"\xef\xbb\xbf").startswith(b"WEBVTT"):
            return [], []
        return [Problem("", "not_webvtt", "Not a WebVTT file: it does not begin with WEBVTT. Convert it.")], []


def kind_of(content: bytes) -> str:
    """Return the file's type by its first bytes; an empty string for any other type."""
    if content[:512].lstrip().startswith(b"<"):
        return "html"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "webp"
    return next((kind for signature, kind in SIGNATURES.items() if content.startswith(signature)), "")


def picture_size(head: bytes) -> tuple[int, int]:
    """Return the width and height from the file's head; numbers below 1 if they cannot be read."""
    try:
        width, height = imagesize.get(BytesIO(head))
    except (ValueError, TypeError, IndexError, OverflowError, struct.error):
        return 0, 0
    return int(width), int(height)


def is_whole(content: bytes) -> bool:
    """Return whether a PNG has its chunks up to the last one, or a WebP the length that it states."""
    if kind_of(content) == "webp":
        return len(content) >= 8 + int.from_bytes(content[4:8], "little")
    at = 8
    while at + 8 <= len(content):
        length, name = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        at += 12 + length
        if name == b"IEND":
            return at <= len(content)
    return False
