"""Covers, thumbnails and subtitles, judged by their first bytes."""

import struct

import pytest

from clipcast.platforms.errors import InvalidRequest
from clipcast.platforms.files import HEAD, PictureRules, SubtitleRules

RULES = PictureRules(formats=("jpeg", "png"), max_bytes=1000, min_width=640)
COVER = PictureRules(formats=("jpeg",), max_bytes=1000, aspect=9 / 16)


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBBI", 13, b"IHDR", width, height, 8, 2, 0, 0, 0, 0)


def jpeg(width: int, height: int, before: bytes = b"") -> bytes:
    frame = struct.pack(">BHHB", 8, height, width, 3) + bytes(9)
    return b"\xff\xd8" + before + b"\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame + b"\xff\xd9"


@pytest.mark.parametrize("content", [png(1280, 720), jpeg(640, 360), jpeg(640, 360, b"\xff\xe1\x00\x10" + bytes(14))])
def test_picture_within_rules_is_valid(content: bytes) -> None:
    assert RULES.check(content) == ([], [])


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"<!doctype html><title>Sign in</title>", "not_an_image", "a web page"),
        (b"\n  <html>", "not_an_image", "a web page"),
        (b"GIF89a" + bytes(20), "not_an_image", "a GIF file"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "not_an_image", "a WEBP file"),
        (b"RIFF\x00\x00\x00\x00AVI ", "not_an_image", "something else"),
        (b"", "not_an_image", "something else"),
        (png(1280, 720)[:12], "not_an_image", "cut off"),
        (jpeg(640, 360)[:9], "not_an_image", "cut off"),
        (png(0, 0), "not_an_image", "cut off"),
        (png(639, 2000), "picture_too_small", "639 pixels wide, minimum 640"),
    ],
)
def test_file_that_breaks_a_rule_is_an_error(content: bytes, code: str, said: str) -> None:
    [error], warnings = RULES.check(content)
    assert (error.code, warnings) == (code, [])
    assert said in error.message


def test_other_shape_is_a_warning() -> None:
    assert COVER.check(jpeg(1080, 1920)) == ([], [])
    assert COVER.check(jpeg(1081, 1920)) == ([], [])
    errors, [warning] = COVER.check(jpeg(1080, 1080))
    assert (errors, warning.code) == ([], "picture_cropped")


def test_picture_with_size_beyond_head_is_valid() -> None:
    """The platform decides about a picture whose size lies beyond HEAD."""
    padding = b"".join(b"\xff\xe1\xff\xff" + bytes(65_533) for _ in range(HEAD // 65_000 + 1))
    assert RULES.check(jpeg(100, 100, padding)) == ([], [])


def test_media_type_follows_content() -> None:
    assert (RULES.media_type(png(1, 1)), RULES.media_type(jpeg(1, 1))) == ("image/png", "image/jpeg")
    with pytest.raises(InvalidRequest, match="not_an_image"):
        COVER.media_type(png(1, 1))


@pytest.mark.parametrize(
    ("content", "taken"),
    [(b"WEBVTT\n\n", True), (b"\xef\xbb\xbfWEBVTT", True), (b"1\n00:00:01,000", False), (b"", False)],
)
def test_subtitles_must_be_webvtt(content: bytes, taken: bool) -> None:
    errors, _ = SubtitleRules(max_bytes=100).check(content)
    assert [error.code for error in errors] == ([] if taken else ["not_webvtt"])
