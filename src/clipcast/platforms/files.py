"""What platforms take as the files behind addresses that callers give: covers, thumbnails, subtitles.

One table for preflight, which looks at such a file beforehand, and for the step that sends it.
"""

import struct
from dataclasses import dataclass
from io import BytesIO
from typing import Protocol

import imagesize

from clipcast.common.problems import Problem
from clipcast.platforms.errors import InvalidRequest

# By how the file begins.
SIGNATURES = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif"}
# What is needed of a file to judge it: its first bytes, where a picture's width and height are.
HEAD = 512 * 1024
# Another shape is cropped; so much of a difference nobody sees.
ASPECT_TOLERANCE = 0.02


class FileRules(Protocol):
    """What a platform takes as a file. `max_bytes` is the largest."""

    @property
    def max_bytes(self) -> int: ...

    def check(self, head: bytes) -> tuple[list[Problem], list[Problem]]:
        """Return errors and warnings about the file by its first HEAD bytes; their paths are empty."""
        ...


@dataclass(frozen=True)
class LinkedFile:
    """A file that metadata names by its address. `path` is where, as a JSON pointer into the metadata."""

    path: str
    url: str
    rules: FileRules


@dataclass(frozen=True)
class PictureRules:
    """A cover or thumbnail. Width and height are pixels; `aspect` is the one advised, width divided by height."""

    formats: tuple[str, ...]
    max_bytes: int
    min_width: int = 1
    aspect: float | None = None

    def check(self, head: bytes) -> tuple[list[Problem], list[Problem]]:
        kind = kind_of(head)
        if kind not in self.formats:
            return [self._wrong_kind(kind)], []
        width, height = _size_of(head[:HEAD])
        if width < 1 or height < 1:  # of a file whose size comes later than that, the platform is the judge
            broken = Problem("", "not_an_image", "The picture cannot be read: it is cut off or broken. Save it anew.")
            return [broken] if len(head) < HEAD else [], []
        if width < self.min_width:
            message = f"The picture is too small: {width} pixels wide, minimum {self.min_width}. Use a larger one."
            return [Problem("", "picture_too_small", message, self.min_width, width)], []
        if self.aspect and abs(width / height / self.aspect - 1) > ASPECT_TOLERANCE:
            message = f"The picture is {width}x{height}; the platform cuts it to another shape."
            return [], [Problem("", "picture_cropped", message, round(self.aspect, 4), round(width / height, 4))]
        return [], []

    def media_type(self, content: bytes) -> str:
        """Return the picture's media type. Raises InvalidRequest when it is none of these formats."""
        kind = kind_of(content)
        if kind not in self.formats:
            problem = self._wrong_kind(kind)
            raise InvalidRequest(problem.code, problem.message, rejected=True)
        return f"image/{kind}"

    def _wrong_kind(self, kind: str) -> Problem:
        wanted = " or ".join(one.upper() for one in self.formats)
        found = "a web page" if kind == "html" else f"a {kind.upper()} file" if kind else "something else"
        return Problem("", "not_an_image", f"Not a {wanted} picture, but {found}. Give the address of a picture.")


@dataclass(frozen=True)
class SubtitleRules:
    """A WebVTT file."""

    max_bytes: int

    def check(self, head: bytes) -> tuple[list[Problem], list[Problem]]:
        if head.removeprefix(b"\xef\xbb\xbf").startswith(b"WEBVTT"):
            return [], []
        return [Problem("", "not_webvtt", "Not a WebVTT file: it does not begin with WEBVTT. Convert it.")], []


def kind_of(content: bytes) -> str:
    """Return what a file is by how it begins; an empty text when that is not known here."""
    if content[:512].lstrip().startswith(b"<"):
        return "html"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "webp"
    return next((kind for signature, kind in SIGNATURES.items() if content.startswith(signature)), "")


def _size_of(head: bytes) -> tuple[int, int]:
    """Return width and height by the file's head; below 1 where they cannot be read."""
    try:
        width, height = imagesize.get(BytesIO(head))
    except (ValueError, TypeError, IndexError, OverflowError, struct.error):
        return 0, 0
    return int(width), int(height)
