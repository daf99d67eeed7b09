"""Caption files of callers: SubRip (SRT) and WebVTT, parsed with bounds, and written for platforms.

An invalid line is an error that names its number, because a caption that silently disappears is noticed too late.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from clipcast.common.problems import PROBLEMS_MAX, Problem
from clipcast.rendering.recipe import Cue

# In bytes; also of a text in a request.
CAPTIONS_MAX = 200_000
CUES_MAX = 5000
# Characters of one caption. More would not fit on a screen.
CUE_MAX = 500
TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
TIMING = re.compile(rf"\s*{TIME}\s*-->\s*{TIME}(?:\s.*)?")
ARROW = "-->"
# Blocks of WebVTT that hold no caption.
ASIDE = re.compile(r"(NOTE|STYLE|REGION)(\s|$)")
# The tags of both formats, and the positions that some players read from SRT.
TAG = re.compile(r"</?(?:i|b|u|s|c|v|lang|ruby|rt|font)(?:[.\s][^<>]*)?>|<[\d:.]{1,20}>|\{\\[^{}]*\}", re.IGNORECASE)
# Control characters, which cannot be drawn. Marks of the writing direction stay.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass
class CaptionFile:
    """The captions of a file, by time, or the problems that make it invalid. The problems' paths are empty."""

    cues: tuple[Cue, ...] = ()
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class _Block:
    """The lines between two empty lines. `number` is that of the first line, from 1."""

    number: int
    lines: list[str]


def parse_caption_bytes(content: bytes) -> CaptionFile:
    """Parse a file in UTF-8, or in UTF-16 with a byte order mark."""
    if len(content) > CAPTIONS_MAX:
        return CaptionFile(problems=[_too_large(len(content))])
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        message = f"Line {number} of the captions is not UTF-8. Save the file as UTF-8."
        return CaptionFile(problems=[Problem("", "captions_not_utf8", message)])
    if "\0" in text:  # which the bodies of requests cannot contain either
        message = "contains the character NUL (U+0000). Remove it."
        number = text.count("\n", 0, text.index("\0")) + 1
        return CaptionFile(problems=[_problem(number, "forbidden_character", message)])
    return parse_captions(text)


def parse_captions(text: str) -> CaptionFile:
    """Parse a text: WebVTT if it begins with WEBVTT, else SRT."""
    # UTF-8 needs no more bytes than this for each character.
    if len(text) * 4 > CAPTIONS_MAX and (size := len(text.encode("utf-8", "replace"))) > CAPTIONS_MAX:
        return CaptionFile(problems=[_too_large(size)])
    text = text.removeprefix("\ufeff")
    is_vtt = text.startswith("WEBVTT")
    reader = _Reader(is_vtt)
    for block in _without_header(_blocks(text)) if is_vtt else _blocks(text):
        reader.read(block)
        if len(reader.problems) >= PROBLEMS_MAX or len(reader.cues) > CUES_MAX:
            break
    return reader.finish()


def _too_large(size: int) -> Problem:
    message = f"The captions are too large: {size} bytes, maximum {CAPTIONS_MAX} bytes. Shorten them."
    return Problem("", "captions_too_large", message, CAPTIONS_MAX, size)


def _blocks(text: str) -> Iterator[_Block]:
    lines: list[str] = []
    number = 0
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if line.strip():
            lines.append(line)
        elif lines:
            yield _Block(number - len(lines), lines)
            lines = []
    if lines:
        yield _Block(number - len(lines) + 1, lines)


def _without_header(blocks: Iterator[_Block]) -> Iterator[_Block]:
    """Yield the blocks after the header of WebVTT, which ends at an empty line or before the first line with times.

    The first line is the header's, whatever it holds (W3C: WebVTT, parser algorithm).
    """
    for header in islice(blocks, 1):
        at = next((index for index, line in enumerate(header.lines) if index and ARROW in line), None)
        if at is not None:
            yield _Block(header.number + at, header.lines[at:])
    yield from blocks


class _Reader:
    """The captions and problems of the blocks so far."""

    def __init__(self, is_vtt: bool) -> None:
        self._is_vtt = is_vtt
        self.cues: list[Cue] = []
        self.problems: list[Problem] = []

    def read(self, block: _Block) -> None:
        """Read a block. A cue begins with its times, or with an identifier before them."""
        if self._is_vtt and ASIDE.match(block.lines[0]):
            return
        at = next((index for index, line in enumerate(block.lines[:2]) if ARROW in line), None)
        if at is None:
            self._continue(block)
            return
        number, timing = block.number + at, TIMING.fullmatch(block.lines[at])
        if timing is None:
            message = "has no valid times. Write them as 00:00:01.000 --> 00:00:02.500."
            self.problems.append(_problem(number, "captions_time_invalid", message))
            return
        start, end = _seconds(timing.groups()[:4]), _seconds(timing.groups()[4:])
        if end <= start:
            message = f"ends at {end:g} s, which is not after its start at {start:g} s. Correct the times."
            self.problems.append(_problem(number, "captions_time_invalid", message, start, end))
            return
        lines = block.lines[at + 1 :]
        stray = next((index for index, line in enumerate(lines) if ARROW in line), None)
        if stray is not None:
            message = f"has the times of another caption: {ARROW} inside a text. Put an empty line before it."
            self.problems.append(_problem(number + 1 + stray, "captions_time_invalid", message))
        self._add_cue(number + 1, Cue(start, end, self._plain("\n".join(lines))))

    def _continue(self, block: _Block) -> None:
        """Read a block without times. In SRT, a text may have empty lines. WebVTT ignores such a block."""
        if self._is_vtt:
            return
        if not self.cues:
            message = "is not a caption. Begin with WEBVTT, or with the first caption's number and times."
            self.problems.append(_problem(block.number, "captions_time_invalid", message))
            return
        last = self.cues.pop()
        self._add_cue(block.number, replace(last, text=f"{last.text}\n{self._plain(chr(10).join(block.lines))}"))

    def _add_cue(self, number: int, cue: Cue) -> None:
        if len(cue.text) > CUE_MAX:
            message = f"is too long a caption: {len(cue.text)} characters, maximum {CUE_MAX}. Split it."
            self.problems.append(_problem(number, "caption_too_long", message, CUE_MAX, len(cue.text)))
            cue = replace(cue, text="")
        self.cues.append(cue)

    def _plain(self, text: str) -> str:
        text = TAG.sub("", text)
        if self._is_vtt:
            text = html.unescape(text)
        return "\n".join(line.strip() for line in CONTROL.sub("", text).split("\n")).strip()

    def finish(self) -> CaptionFile:
        if len(self.cues) > CUES_MAX:
            message = f"The captions are too many: over {CUES_MAX}, the maximum. Use fewer."
            return CaptionFile(problems=[Problem("", "too_many_captions", message, CUES_MAX, len(self.cues))])
        cues = tuple(sorted((cue for cue in self.cues if cue.text), key=lambda cue: (cue.start, cue.end)))
        if not cues and not self.problems:
            message = "The captions have no text. Send SRT or WebVTT, with times and a text for each caption."
            self.problems.append(Problem("", "captions_empty", message))
        return CaptionFile(() if self.problems else cues, self.problems)


def _problem(line: int, code: str, message: str, limit: float | None = None, actual: float | None = None) -> Problem:
    return Problem("", code, f"Line {line} of the captions {message}", limit, actual)


def _seconds(parts: Sequence[str | None]) -> float:
    hours, minutes, seconds, fraction = parts
    return (
        int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0) + int((fraction or "").ljust(3, "0")) / 1000
    )


def as_vtt(cues: Sequence[Cue]) -> str:
    """Return the captions as WebVTT."""
    texts = (f"{_time(cue.start, '.')} {ARROW} {_time(cue.end, '.')}\n{_escaped(cue.text)}\n" for cue in cues)
    return "\n".join(("WEBVTT\n", *texts))


def as_srt(cues: Sequence[Cue]) -> str:
    """Return the captions as SRT. It cannot hold the arrow of its times in a text, which gets a shorter one."""
    return "\n".join(
        f"{number}\n{_time(cue.start, ',')} {ARROW} {_time(cue.end, ',')}\n{_without_arrows(_without_gaps(cue.text))}\n"
        for number, cue in enumerate(cues, 1)
    )


def _escaped(text: str) -> str:
    return _without_gaps(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _without_arrows(text: str) -> str:
    """Return the text without the arrow of times: readers would take its line for the times of another caption."""
    return re.sub("-+->", "->", text)


def _without_gaps(text: str) -> str:
    """Return the text without empty lines, which would end the caption."""
    return "\n".join(line for line in text.split("\n") if line)


def _time(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"
