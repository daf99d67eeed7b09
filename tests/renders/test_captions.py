"""Caption files: what is read of them, and what makes them invalid."""

import pytest

from clipcast.rendering.recipe import Cue
from clipcast.renders.captions import (
    CAPTIONS_MAX,
    CUE_MAX,
    CUES_MAX,
    as_srt,
    as_vtt,
    parse_caption_bytes,
    parse_captions,
)

SRT = "1\n00:00:01,000 --> 00:00:02,500\nHello\n\n2\n00:00:03,000 --> 00:00:04,000\n<i>Two</i>\nlines\n"
VTT = (
    "WEBVTT - made by hand\n\nNOTE not shown\n00:00.000 --> 00:01.000\n\nSTYLE\n::cue { color: red }\n\n"
    "first\n00:01.000 --> 00:02.000 align:start\n<v Bob>Hello</v> <c.red>you</c> &amp; me\n\n"
    "second\n01:00:02.000 --> 01:00:03.000\n<00:01:02.000>Bye\n"
)


def test_srt_is_read() -> None:
    assert parse_captions(SRT).cues == (Cue(1.0, 2.5, "Hello"), Cue(3.0, 4.0, "Two\nlines"))


def test_webvtt_is_read_without_notes_identifiers_and_tags() -> None:
    assert parse_captions(VTT).cues == (Cue(1.0, 2.0, "Hello you & me"), Cue(3602.0, 3603.0, "Bye"))


@pytest.mark.parametrize("header", ["WEBVTT", "WEBVTT - a --> b", "WEBVTT\nKind: captions", "WEBVTT\nfirst"])
def test_first_caption_may_follow_the_header_of_webvtt_at_once(header: str) -> None:
    """W3C: a line with an arrow ends the header, with or without an empty line before it."""
    captions = "00:01.000 --> 00:02.000\nHello\n\n00:03.000 --> 00:04.000\nYou\n"
    assert parse_captions(f"{header}\n{captions}").cues == (Cue(1.0, 2.0, "Hello"), Cue(3.0, 4.0, "You"))
    [problem] = parse_captions(f"{header}\n{captions.replace('02.000', '00.500')}").problems
    assert problem.message.startswith(f"Line {header.count(chr(10)) + 2} of the captions ends at 0.5 s")


@pytest.mark.parametrize(
    ("text", "shown"), [("a --&gt; b", "a -> b"), ("<i>--&gt;</i>", "->"), ("a ---&gt; b", "a -> b")]
)
def test_arrow_in_a_text_of_webvtt_is_no_time_in_srt(text: str, shown: str) -> None:
    cues = parse_captions(f"WEBVTT\n\n00:01.000 --> 00:02.000\n{text}\n").cues
    assert "-->" in cues[0].text
    assert parse_captions(as_vtt(cues)).cues == cues
    assert parse_captions(as_srt(cues)).cues == (Cue(1.0, 2.0, shown),)


@pytest.mark.parametrize("text", [SRT.replace("\n", "\r\n"), SRT.replace("\n", "\r"), "\ufeff" + SRT, SRT.rstrip()])
def test_line_ends_and_byte_order_marks_do_not_matter(text: str) -> None:
    assert parse_captions(text) == parse_captions(SRT)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_bytes_are_decoded(encoding: str) -> None:
    assert parse_caption_bytes(SRT.encode(encoding)) == parse_captions(SRT)


@pytest.mark.parametrize(
    "text", ["שלום עולם", "\u202bمرحبا (world)\u202c", "👩‍👩‍👧‍👦 🇧🇷 ❤️", "ไม่มีช่องว่าง", "a < b & c > d", "e\u0301"]
)  # fmt: skip
def test_text_of_any_script_survives_both_formats(text: str) -> None:
    cues = (Cue(1.0, 2.0, text), Cue(3661.5, 3662.001, f"{text}\n{text}"))
    assert parse_captions(as_vtt(cues)).cues == cues
    assert parse_captions(as_srt(cues)).cues == cues


def test_empty_line_inside_a_text_of_srt_is_kept() -> None:
    [cue] = parse_captions("1\n00:00:01,000 --> 00:00:02,000\nA\n\nB\n").cues
    assert cue.text == "A\nB"


def test_captions_are_sorted_by_time() -> None:
    text = "2\n00:00:03,000 --> 00:00:04,000\nB\n\n1\n00:00:01,000 --> 00:00:02,000\nA\n"
    assert [cue.text for cue in parse_captions(text).cues] == ["A", "B"]


def test_all_invalid_lines_are_named() -> None:
    text = (
        "1\n00:00:01,000 --> 00:00:0x,000\nA\n\n2\n00:00:05,000 --> 00:00:04,000\nB\n\n"
        f"3\n00:00:06,000 --> 00:00:07,000\n{'C' * (CUE_MAX + 1)}\n\n"
        "4\n00:00:08,000 --> 00:00:09,000\nD\n5\n00:00:10,000 --> 00:00:11,000\nE\n"
    )
    parsed = parse_captions(text)
    assert parsed.cues == ()
    assert [(one.code, one.message.split(" of ")[0]) for one in parsed.problems] == [
        ("captions_time_invalid", "Line 2"),
        ("captions_time_invalid", "Line 6"),
        ("caption_too_long", "Line 11"),
        ("captions_time_invalid", "Line 17"),
    ]
    assert (parsed.problems[2].limit, parsed.problems[2].actual) == (CUE_MAX, CUE_MAX + 1)


@pytest.mark.parametrize("filling", ["x", "x\n", "<", "<i", "{\\", "&amp", "\u202b", "-", "- >"])
def test_caption_of_200_kilobytes_is_an_error_that_names_its_line(filling: str) -> None:
    head = "1\n00:00:01,000 --> 00:00:02,000\n"
    count = (CAPTIONS_MAX - len(head)) // len(filling.encode())
    [problem] = parse_captions(head + filling * count).problems
    assert (problem.code, problem.limit) == ("caption_too_long", CUE_MAX)
    assert problem.message.startswith("Line 3 of the captions is too long a caption")


@pytest.mark.parametrize("gap", ["\n", "\r", " \n", "\x0b\n"])
def test_200_kilobytes_of_empty_lines_hold_no_caption(gap: str) -> None:
    head = "1\n00:00:01,000 --> 00:00:02,000\nfirst\n"
    parsed = parse_captions(head + gap * ((CAPTIONS_MAX - len(head)) // len(gap)))
    assert parsed.cues == (Cue(1.0, 2.0, "first"),)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "captions_empty"),
        (b"WEBVTT", "captions_empty"),
        (b"WEBVTT\n\nno times\n", "captions_empty"),
        (b"hello", "captions_time_invalid"),
        (b"1\n00:00:01,000 --> 00:00:02,000\n\n", "captions_empty"),
        (b"1\n00:00:01,000 --> 00:00:02,000\n\xff\n", "captions_not_utf8"),
        (b"\xff\xfe\x00", "captions_not_utf8"),
        (b"1" * (CAPTIONS_MAX + 1), "captions_too_large"),
        (b"[Script Info]\nTitle: x", "captions_time_invalid"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nA\n\n" * (CUES_MAX + 1), "too_many_captions"),
    ],
)  # fmt: skip
def test_invalid_file(content: bytes, code: str) -> None:
    parsed = parse_caption_bytes(content)
    assert (parsed.cues, [one.code for one in parsed.problems]) == ((), [code])


def test_text_larger_than_a_file_may_be_is_rejected() -> None:
    [problem] = parse_captions("😀" * (CAPTIONS_MAX // 4 + 1)).problems
    assert (problem.code, problem.limit, problem.actual) == ("captions_too_large", CAPTIONS_MAX, CAPTIONS_MAX + 4)
