"""The units at the start of a group of pictures."""

from types import SimpleNamespace
from typing import Any

import pytest

from clipcast.rendering.bitstream import ReferenceReader

AVC = bytes([1, 100, 0, 30, 0xFF])  # four bytes of length
HEVC = bytes([1, *[0] * 20, 0x03])


def reader(codec: str, extradata: bytes) -> ReferenceReader:
    context: Any = SimpleNamespace(codec=SimpleNamespace(canonical_name=codec), extradata=extradata)
    return ReferenceReader(context)


def stored(*units: bytes) -> Any:
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def streamed(*units: bytes) -> Any:
    return b"".join(b"\0\0\0\1" + unit for unit in units)


@pytest.mark.parametrize(("packed", "avc", "hevc"), [(stored, AVC, HEVC), (streamed, b"", b"")])
def test_key_frame_without_restart_is_open(packed: Any, avc: bytes, hevc: bytes) -> None:
    """H.264: unit 5 restarts decoding, 1 does not; 6 is a message. HEVC: units 19 and 20 restart, 21 does not."""
    h264, h265 = reader("h264", avc), reader("hevc", hevc)
    message = b"\x06\1\2"
    assert [h264.is_open(packed(message, bytes([kind, 9, 9]))) for kind in (0x65, 0x41)] == [False, True]
    assert [h265.is_open(packed(bytes([kind << 1, 1, 9]))) for kind in (19, 20, 21)] == [False, False, True]


@pytest.mark.parametrize("packet", [b"", b"\0", b"\0\0\0\5", b"\xff\xff\xff\xff\x41", bytes(500), b"\0\0\1"])
@pytest.mark.parametrize(("codec", "extradata"), [("h264", AVC), ("h264", b""), ("hevc", HEVC), ("hevc", b"")])
def test_damaged_packet_is_not_open(codec: str, extradata: bytes, packet: Any) -> None:
    assert not reader(codec, extradata).is_open(packet)


def test_other_codecs_are_not_open() -> None:
    assert not reader("vp9", b"").is_open(streamed(b"\x41\1\2"))
