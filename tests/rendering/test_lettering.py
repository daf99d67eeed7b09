"""The fonts of captions: what no font can draw is reported."""

import struct
import sys
from pathlib import Path

import pytest
from PIL import ImageFont, features

from clipcast.rendering.encode.lettering import Lettering
from clipcast.rendering.jobs import load_libraries
from clipcast.rendering.recipe import CaptionStyle, Picture

PICTURE = Picture(360, 640, (30, 1))
SUNRISE = "\U0001f305"


def font_without_ink(path: Path, character: str) -> Path:
    """Write a font whose only glyph has a width and no outline, as glyphs have whose ink is in another format."""
    font = ImageFont.load_default(32)
    assert isinstance(font, ImageFont.FreeTypeFont)
    content = bytearray(font.font_bytes)
    [count] = struct.unpack_from(">H", content, 4)
    entries = {bytes(content[at : at + 4]): at for at in range(12, 12 + 16 * count, 16)}
    offsets = {name: struct.unpack_from(">L", content, at + 8)[0] for name, at in entries.items()}
    [length] = struct.unpack_from(">L", content, entries[b"loca"] + 12)
    ends = struct.unpack_from(f">{length // 2}H", content, offsets[b"loca"])
    blank = next(number for number in range(3, len(ends)) if ends[number] == ends[number + 1])
    groups = struct.pack(">LLL", ord(character), ord(character), blank)
    table = struct.pack(">HHHHL", 0, 1, 3, 10, 12) + struct.pack(">HHLLL", 12, 0, 16 + len(groups), 0, 1) + groups
    content[offsets[b"cmap"] : offsets[b"cmap"] + len(table)] = table
    struct.pack_into(">L", content, entries[b"cmap"] + 12, len(table))
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("text", [SUNRISE, f"First light {SUNRISE} in the harbour"])
@pytest.mark.parametrize("has_blank_glyph", [False, True])
def test_emoji_that_no_font_draws_is_reported(tmp_path: Path, text: str, has_blank_glyph: bool) -> None:
    if has_blank_glyph:
        path = font_without_ink(tmp_path / "emoji.ttf", SUNRISE)
        assert ImageFont.truetype(str(path), 32).getlength(SUNRISE) != ImageFont.truetype(str(path), 32).getlength("x")
    lettering = Lettering(CaptionStyle(background="#ff0000"), PICTURE, tmp_path, ())
    drawn = lettering.draw(text)
    assert (drawn is None) == (text == SUNRISE)
    assert any("U+1F305" in warning for warning in lettering.warnings)


def test_missing_font_of_a_style_is_reported(tmp_path: Path) -> None:
    path = font_without_ink(tmp_path / "own.ttf", SUNRISE)
    for name, fonts, is_missing in ((path.stem, tmp_path, False), ("other", tmp_path, True), ("own", None, True)):
        lettering = Lettering(CaptionStyle(font=name), PICTURE, fonts, ())
        assert any(f"no font {name}" in warning for warning in lettering.warnings) == is_missing


@pytest.mark.parametrize("text", ["a\u00a0b c", "\u202ea\u2060", "e\u0301", "a\u3164"])
def test_characters_without_ink_are_not_missing(tmp_path: Path, text: str) -> None:
    lettering = Lettering(CaptionStyle(), PICTURE, None, (Path("/usr/share/fonts"),))
    assert lettering.draw(text) is not None
    assert lettering.missing <= {"\u3164"}


@pytest.mark.parametrize(
    ("text", "is_unordered"), [("\u05e9\u05dc\u05d5\u05dd", True), ("a \u0645\u0631", True), ("a", False)]
)
def test_text_from_right_to_left_is_reported_without_the_library(
    monkeypatch: pytest.MonkeyPatch, text: str, is_unordered: bool
) -> None:
    for has_library in (True, False):
        monkeypatch.setattr(features, "check", lambda name, found=has_library: found)
        lettering = Lettering(CaptionStyle(), PICTURE, None, (Path("/usr/share/fonts"),))
        lettering.draw(text)
        assert any("right to left" in one for one in lettering.warnings) == (is_unordered and not has_library)


def test_conversions_begin_without_the_module_of_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Pillow without FreeType has none. Conversions without captions need none."""
    monkeypatch.setitem(sys.modules, "PIL._imagingft", None)
    load_libraries("convert")
