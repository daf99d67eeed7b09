"""The first bytes of the accepted containers."""

import pytest

from clipcast.common.containers import ACCEPT, SNIFFED, TITLES, family_of

TS = (b"G" + bytes(187)) * 2
M2TS = (bytes(4) + b"G" + bytes(187)) * 2


@pytest.mark.parametrize(
    ("head", "family"),
    [
        (b"\0\0\0\x18ftypisom", "mp4"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "mp4"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81", "matroska"),
        (b"RIFF\0\0\0\0AVI LIST", "avi"),
        (TS, "ts"),
        (M2TS, "ts"),
        (b"\0\0\1\xba\x44\0\4\0", "mpg"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9", "wmv"),
        (b"FLV\1\5\0\0\0\x09", "flv"),
        (b"RIFF\0\0\0\0WAVEfmt ", None),
        (b"GIF89a" + bytes(200), None),
        (b"OggS" + bytes(200), None),
        (b"#EXTM3U\n" + b"G" * 3 + bytes(200), None),
        (b"FLV\2", None),
        (b"", None),
        (bytes(SNIFFED), None),
    ],
)
def test_family_is_that_of_the_first_bytes(head: bytes, family: str | None) -> None:
    assert family_of(head[:SNIFFED]) == family


def test_short_head_of_a_transport_stream_is_one() -> None:
    assert (family_of(TS[:12]), family_of(M2TS[:12])) == ("ts", "ts")


def test_words_for_people_name_all_containers() -> None:
    assert TITLES.startswith("MP4, MOV, ")
    assert TITLES.endswith(" WMV or FLV")
    assert {".m4v", ".mkv", ".3gp", "video/mp2t"} < set(ACCEPT.split(","))
