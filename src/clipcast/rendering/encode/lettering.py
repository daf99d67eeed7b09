"""Captions, drawn with the operator's fonts."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont, features

from clipcast.rendering.fonts import fonts_in, named
from clipcast.rendering.recipe import CaptionStyle, Picture

# The fonts of the system that are tried first, for they have many scripts. All others are tried up to a number.
PREFERRED = ("NotoSans-Bold", "NotoSans-Regular", "DejaVuSans-Bold", "LiberationSans-Bold", "NotoColorEmoji")
MOST_FONTS = 300
# Fonts of colour emoji have pictures of this size alone, in pixels.
EMOJI_SIZE = 109
# Shares of the canvas: the widest line, and the distance to the edge, which platforms cover with buttons.
WIDEST, EDGE = 0.86, 0.12
# Shares of the size: the distance of lines, the outline, and the padding of the background.
LEADING, OUTLINE, PADDING = 1.25, 0.08, 0.25
BACKGROUND_OPACITY = 200
# Text that needs too many lines is drawn smaller, at these shares of the size, and else cut.
SHRINKING = (1.0, 0.85, 0.7, 0.6)
LONGEST_TEXT = 600  # characters
LEAST_SIZE = 8  # pixels
# Characters that no font draws alone: they change their neighbours.
JOINERS = {"\u200b", "\u200c", "\u200d", "\u2060", "\ufe0e", "\ufe0f"}
# Characters without ink. The ink of others may have a format that is not drawn, as in many fonts of emoji.
BLANK, BLANK_CATEGORIES = {"\u115f", "\u1160", "\u2800", "\u3164", "\uffa0"}, {"Cf", "Mn", "Zl", "Zp", "Zs"}
RIGHT_TO_LEFT = {"R", "AL"}
MISSING = "\U0010fffe"  # a character that no font has


@dataclass(frozen=True)
class _Run:
    """A piece of a line in one font."""

    font: "_Font"
    text: str


class _Font:
    """A font of any size, and the characters that it has."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._sizes: dict[int, Any] = {}
        self._has: dict[str, bool] = {}
        self._size: int | None = None
        try:
            self.at(32)
        except OSError:
            self._size = EMOJI_SIZE
            self.at(EMOJI_SIZE)

    @property
    def is_emoji(self) -> bool:
        return self._size is not None

    def at(self, size: int) -> Any:
        """Return the font in a size in pixels. Fonts of pictures have one size."""
        size = self._size or size
        if size not in self._sizes:
            if self._path is None:
                self._sizes[size] = ImageFont.load_default(size)
            else:
                layout = ImageFont.Layout.RAQM if _orders() else ImageFont.Layout.BASIC
                self._sizes[size] = ImageFont.truetype(str(self._path), size, layout_engine=layout)
        return self._sizes[size]

    def has(self, character: str) -> bool:
        """Return whether the font has a glyph of its own for this character, in a format that can be drawn."""
        if character not in self._has:
            glyph = _glyph(self.at(32), character)
            is_blank = character in BLANK or unicodedata.category(character) in BLANK_CATEGORIES
            self._has[character] = glyph != self._missing and (is_blank or any(glyph[1]))
        return self._has[character]

    @cached_property
    def _missing(self) -> tuple[Any, bytes]:
        return _glyph(self.at(32), MISSING)


def _orders() -> bool:
    """Return whether text from right to left can be drawn in its order, and its letters joined."""
    return bool(features.check("raqm"))


def _glyph(font: Any, character: str) -> tuple[Any, bytes]:
    mask = font.getmask(character, "RGBA")  # with the colours of fonts that have them
    return mask.size, bytes(mask.getband(3))


class Lettering:
    """Draws captions of one style for one canvas. `fonts` is the operator's folder of fonts."""

    def __init__(self, style: CaptionStyle, picture: Picture, fonts: Path | None, system: tuple[Path, ...]) -> None:
        self._style = style
        self._picture = picture
        self._fonts: list[_Font] = []
        self._more = _font_files(style.font, fonts, system)
        self.missing: set[str] = set()
        self.cut = False
        self._is_unordered = False
        self._has_font = style.font is None or bool(fonts and named(style.font, [*fonts_in(fonts)]))
        if style.font is not None:
            self._load_next()

    @property
    def warnings(self) -> list[str]:
        """What could not be drawn."""
        warnings = []
        if not self._has_font:
            warnings.append(f"The folder of fonts has no font {self._style.font}. Another one is used.")
        if self.missing:
            shown = ", ".join(f"U+{ord(one):04X}" for one in sorted(self.missing)[:10])
            warnings.append(f"No font has some characters of the captions: {shown}. Add a font to the folder of fonts.")
        if self._is_unordered:
            message = "Captions from right to left are drawn from left to right: the library fribidi is missing."
            warnings.append(f"{message} Install it on the server.")
        if self.cut:
            warnings.append(f"Some captions need more than {self._style.max_lines} lines, and are cut. Shorten them.")
        return warnings

    def draw(self, text: str) -> tuple[Image.Image, int, int] | None:
        """Return the picture of a text, and its left and top edge; None for a text without visible characters."""
        lines, size = self._fitted(self._cleaned(text))
        if not any(lines):
            return None
        style, picture = self._style, self._picture
        step, outline = round(size * LEADING), max(1, round(size * OUTLINE)) if style.outline else 0
        padding = round(size * PADDING) + outline
        widths = [sum(self._width(run, size) for run in runs) for runs in lines]
        width, height = min(picture.width, round(max(widths)) + 2 * padding), step * len(lines) + 2 * padding
        height = min(height, picture.height)
        image = Image.new("RGBA", (width, height), (0, 0, 0, 0))
        canvas = ImageDraw.Draw(image)
        if style.background:
            box = (0, 0, width - 1, height - 1)
            canvas.rounded_rectangle(box, radius=padding, fill=_rgba(style.background, BACKGROUND_OPACITY))
        for number, (runs, wide) in enumerate(zip(lines, widths, strict=True)):
            self._draw_line(image, canvas, runs, ((width - wide) / 2, padding + number * step), size, outline)
        top = {
            "top": round(picture.height * EDGE),
            "middle": (picture.height - height) // 2,
            "bottom": round(picture.height * (1 - EDGE)) - height,
        }[style.position]
        return image, (picture.width - width) // 4 * 2, max(0, min(top, picture.height - height)) // 2 * 2

    def _cleaned(self, text: str) -> list[str]:
        """Return the lines of a text, without control characters."""
        if len(text) > LONGEST_TEXT:
            text, self.cut = text[:LONGEST_TEXT], True
        if self._style.uppercase:
            text = text.upper()
        lines = unicodedata.normalize("NFC", text).splitlines()
        kept = ("".join(one for one in line if unicodedata.category(one) != "Cc") for line in lines)
        return [line.strip() for line in kept if line.strip()]

    def _fitted(self, lines: list[str]) -> tuple[list[list[_Run]], int]:
        """Return the lines, broken where they are too wide, and the size at which they fit."""
        wanted = max(LEAST_SIZE, round(self._style.size * self._picture.height))
        for share in SHRINKING:
            size = max(LEAST_SIZE, round(wanted * share))
            broken = [piece for line in lines for piece in self._broken(line, size)]
            if len(broken) <= self._style.max_lines:
                break
        else:
            self.cut = True
            broken = broken[: self._style.max_lines]
        return [self._runs(line) for line in broken], size

    def _broken(self, line: str, size: int) -> list[str]:
        """Break a line at spaces, and words that are too wide alone at any character."""
        widest, pieces, current = self._picture.width * WIDEST, [], ""
        for word in line.split():
            wider = f"{current} {word}".strip()
            if self._line_width(wider, size) <= widest:
                current = wider
                continue
            if current:
                pieces.append(current)
            current = ""
            for character in word:
                if current and self._line_width(current + character, size) > widest:
                    pieces.append(current)
                    current = ""
                current += character
                if len(pieces) > self._style.max_lines:
                    return pieces
            if len(pieces) > self._style.max_lines:
                return pieces
        return [*pieces, current] if current else pieces

    def _line_width(self, line: str, size: int) -> float:
        return sum(self._width(run, size) for run in self._runs(line))

    def _width(self, run: _Run, size: int) -> float:
        length = float(run.font.at(size).getlength(run.text))
        return length * size / EMOJI_SIZE if run.font.is_emoji else length

    def _runs(self, line: str) -> list[_Run]:
        """Return the pieces of a line in the order of their places, from the left."""
        runs: list[_Run] = []
        preferred = self._font_of_all(line)
        skipped = False
        for character in line:
            joins = character in JOINERS or bool(unicodedata.combining(character))
            font = self._font_of(character, joins, preferred, runs[-1].font if runs else None)
            if font is None or (joins and skipped):
                skipped = True
                continue
            skipped = False
            if runs and runs[-1].font is font:
                runs[-1] = _Run(font, runs[-1].text + character)
            else:
                runs.append(_Run(font, character))
        # A font's own pieces are ordered by Raqm.
        directions = [unicodedata.bidirectional(one) for one in line]
        if not RIGHT_TO_LEFT.isdisjoint(directions) and not _orders():
            self._is_unordered = True
        first = next((one for one in directions if one in RIGHT_TO_LEFT or one == "L"), "L")
        return runs[::-1] if first in RIGHT_TO_LEFT else runs

    def _font_of_all(self, line: str) -> _Font | None:
        """Return the first font that has all letters of a line: a line in one font looks best."""
        letters = {one for one in line if unicodedata.category(one)[0] == "L"}
        number = 0
        while number < len(self._fonts) or (number < len(PREFERRED) and self._load_next()):
            if all(self._fonts[number].has(one) for one in letters):
                return self._fonts[number]
            number += 1
        return None

    def _font_of(self, character: str, joins: bool, preferred: _Font | None, before: _Font | None) -> _Font | None:
        """Return the font of the character before if it has this one, else the first font that has it, or None."""
        if before is not None and (joins or character.isspace()):
            return before
        for font in (preferred, before):
            if font is not None and font.has(character) and not font.is_emoji:
                return font
        number = 0
        while number < len(self._fonts) or self._load_next():
            if joins or character.isspace() or self._fonts[number].has(character):
                return self._fonts[number]
            number += 1
        self.missing.add(character)
        return None

    def _load_next(self) -> bool:
        """Load the next font that can be read. Return whether there was one."""
        for path in self._more:
            try:
                self._fonts.append(_Font(path))
            except (OSError, ValueError):
                continue
            return True
        return False

    def _draw_line(
        self,
        image: Image.Image,
        canvas: Any,
        runs: list[_Run],
        at: tuple[float, float],
        size: int,
        outline: int,
    ) -> None:
        left, top = at
        baseline = top + size
        for run in runs:
            font, width = run.font.at(size), self._width(run, size)
            if run.font.is_emoji:
                self._draw_emoji(image, run, (left, top), size, width)
            else:
                canvas.text(
                    (left, baseline),
                    run.text,
                    font=font,
                    anchor="ls",
                    fill=_rgba(self._style.color),
                    stroke_width=outline,
                    stroke_fill=_rgba(self._style.outline) if self._style.outline else None,
                )
            left += width

    def _draw_emoji(self, image: Image.Image, run: _Run, at: tuple[float, float], size: int, width: float) -> None:
        """Draw emoji in their only size, and scale them."""
        font = run.font.at(size)
        drawn = Image.new("RGBA", (max(1, round(font.getlength(run.text))), round(EMOJI_SIZE * LEADING)), (0, 0, 0, 0))
        ImageDraw.Draw(drawn).text((0, 0), run.text, font=font, embedded_color=True)
        scaled = drawn.resize((max(1, round(width)), max(1, round(size * LEADING))), Image.Resampling.LANCZOS)
        image.alpha_composite(scaled, (max(0, round(at[0])), max(0, round(at[1]))))


def _font_files(name: str | None, fonts: Path | None, system: tuple[Path, ...]) -> Iterator[Path | None]:
    """Yield the style's font, the operator's others, those that have many scripts, the built-in one, and the rest.

    None is the built-in font.
    """
    own = sorted(fonts_in(fonts)) if fonts is not None else []
    chosen = named(name, own)
    yield from chosen
    yield from (path for path in own if path not in chosen)
    others = sorted(path for folder in system for path in fonts_in(folder))[: 10 * MOST_FONTS]
    preferred = [path for stem in PREFERRED for path in others if path.stem == stem]
    yield from preferred
    yield None
    yield from [path for path in others if path not in preferred][:MOST_FONTS]


def _rgba(color: str, opacity: int = 255) -> tuple[int, int, int, int]:
    red, green, blue = bytes.fromhex(color.removeprefix("#"))
    return red, green, blue, opacity
