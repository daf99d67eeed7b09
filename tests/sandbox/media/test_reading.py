"""Tests of the sandbox's readers with files of real encoders."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from clipcast.sandbox.media import read_path
from clipcast.sandbox.media.bits import is_field
from clipcast.sandbox.media.reading import Reading, Sound
from clipcast.testing.media_files import make

HEADERS_LAST: dict[str, Any] = {"container": {}}
B_FRAMES: dict[str, str] = {"preset": "veryfast", "x264-params": "bframes=3:b-adapt=0"}
INTERLACED: dict[str, Any] = {"video_options": {"flags": "+ildct+ilme", "x264-params": "interlaced=1"}}


def test_ordinary_file_is_read_completely(tmp_path: Path) -> None:
    found = read_path(make(tmp_path / "a.mp4", seconds=2, rate=30))
    assert found is not None
    assert (found.container, found.video_codec, found.width, found.height) == ("mp4", "h264", 128, 192)
    assert found.duration == pytest.approx(2, abs=0.03)
    assert (found.frame_rate, found.chroma, found.interlaced) == (30.0, "4:2:0", False)
    assert (found.headers_first, found.sound) == (True, Sound("aac", 48_000, 2))


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("a.mp4", HEADERS_LAST, {"headers_first": False}),
        ("a.mp4", INTERLACED, {"interlaced": True}),
        ("a.mp4", {"pix_fmt": "yuv422p"}, {"chroma": "4:2:2"}),
        ("a.mp4", {"pix_fmt": "yuv444p"}, {"chroma": "4:4:4"}),
        ("a.mp4", {"video_options": {"x264-params": "fake-interlaced=1"}}, {"interlaced": False}),
        ("a.mp4", {"aspect": Fraction(4, 3)}, {"width": 171, "height": 192}),
        ("a.mov", {"codec": "mjpeg", "pix_fmt": "yuvj420p"}, {"video_codec": "jpeg"}),
        ("a.mp4", {"rotation": 90}, {"width": 192, "height": 128}),
        ("a.mp4", {"sound": None}, {"sound": None}),
        ("a.mp4", {"sound": "ac3"}, {"sound": Sound("ac3", 48_000, 2)}),
        ("a.mp4", {"sound": "mp3"}, {"sound": Sound("mp3", 48_000, 2)}),
        ("a.mp4", {"layout": "5.1"}, {"sound": Sound("aac", 48_000, 6)}),
        ("a.mp4", {"layout": "mono", "sound_rate": 96_000}, {"sound": Sound("aac", 96_000, 1)}),
        ("a.mov", {"sound": "pcm_s16le"}, {"container": "mov", "sound": Sound("pcm", 48_000, 2)}),
        ("a.mov", {}, {"container": "mov", "sound": Sound("aac", 48_000, 2)}),
        ("a.mp4", {"container": {"movflags": "+frag_keyframe+empty_moov"}, "rate": 24}, {"frame_rate": 24.0}),
        ("a.mp4", {"container": {"movflags": "+frag_keyframe+empty_moov+default_base_moof"}}, {"frame_rate": 30.0}),
        ("a.mkv", {}, {"container": "mkv", "video_codec": "h264", "sound": Sound("aac", 48_000, 2), "chroma": "4:2:0"}),
        ("a.webm", {"codec": "libvpx-vp9", "sound": "libopus"}, {"container": "webm", "video_codec": "vp9"}),
        ("a.webm", {"codec": "libvpx", "sound": None, "live": True}, {"container": "webm", "video_codec": "vp8"}),
    ],
)  # fmt: skip
def test_unusual_file_is_read_correctly(
    tmp_path: Path, name: str, options: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = read_path(make(tmp_path / name, **options))
    assert found is not None
    assert {key: getattr(found, key) for key in expected} == expected


def test_duration_of_fragmented_file_is_that_of_its_fragments(tmp_path: Path) -> None:
    fragments = {"container": {"movflags": "+frag_keyframe+empty_moov"}}
    found = read_path(make(tmp_path / "a.mp4", seconds=3, **fragments))  # type: ignore[arg-type]
    assert found is not None
    assert found.duration == pytest.approx(3, abs=0.1)


def test_rate_is_read_from_fragments_that_state_only_their_starts(tmp_path: Path) -> None:
    fragments = {"container": {"movflags": "+frag_every_frame+empty_moov"}}
    found = read_path(make(tmp_path / "a.mp4", seconds=3, rate=25, **fragments))  # type: ignore[arg-type]
    assert found is not None
    assert found.duration == pytest.approx(3, abs=0.1)
    assert found.frame_rate == pytest.approx(25, rel=0.02)


def test_duration_is_the_longer_one_of_picture_and_sound(tmp_path: Path) -> None:
    found = read_path(make(tmp_path / "a.mp4", seconds=2, sound_seconds=4))
    assert found is not None
    assert found.duration == pytest.approx(4, abs=0.05)


def test_duration_of_trimmed_file_is_that_of_its_edit_list(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", seconds=4, sound=None, container={"use_editlist": "1"}, video_options=B_FRAMES)
    content = bytearray(path.read_bytes())
    at = content.index(b"elst") + 12
    content[at : at + 4] = (1500).to_bytes(4, "big")  # in milliseconds
    path.write_bytes(content)
    found = read_path(path)
    assert found is not None
    assert found.duration == 1.5


@pytest.mark.parametrize(
    ("times", "rate"),
    [
        ([number / 30 + 0.002 * (number % 3) for number in range(90)], 30),
        ([number / 60 + number // 10 for number in range(60)], 60 / 5.98),
        ([0.0, 3.0, 6.0, 9.0], 1 / 3),
    ],
    ids=["unsteady clock", "long pauses", "slideshow"],
)
def test_rate_is_the_steady_one_or_the_mean(tmp_path: Path, times: list[float], rate: float) -> None:
    found = read_path(make(tmp_path / "a.mp4", times=times, sound=None))
    assert found is not None
    assert found.frame_rate == pytest.approx(rate, rel=0.02)


def test_data_after_a_complete_file_is_ignored(tmp_path: Path) -> None:
    for path in (make(tmp_path / "a.mp4"), make(tmp_path / "a.webm", codec="libvpx", sound=None)):
        path.write_bytes(path.read_bytes() + b"SEFT and more\0\x01\x02" * 20)
        assert read_path(path) is not None


@pytest.mark.parametrize("kind", [b"styp", b"uuid", b"abcd"])
def test_file_can_begin_with_any_box(tmp_path: Path, kind: bytes) -> None:
    path = make(tmp_path / "a.mp4")
    content = bytearray(path.read_bytes())
    content[4:8] = kind
    path.write_bytes(content)
    assert read_path(path) is not None


def test_width_of_matroska_file_is_in_square_pixels(tmp_path: Path) -> None:
    def element(id: str, content: bytes) -> bytes:
        return bytes.fromhex(id) + bytes([0x80 | len(content)]) + content

    picture = (
        element("b0", b"\x02\xd0") + element("ba", b"\x01\xe0") + element("54b0", b"\x04") + element("54ba", b"\x03")
    )
    track = element("83", b"\x01") + element("86", b"V_VP8") + element("e0", picture)
    tracks = element("1654ae6b", element("ae", track))
    (tmp_path / "a.mkv").write_bytes(element("1a45dfa3", element("4282", b"matroska")) + element("18538067", tracks))
    found = read_path(tmp_path / "a.mkv")
    assert found is not None
    assert (found.width, found.height) == (640, 480)


def test_limits_have_a_small_tolerance() -> None:
    found = Reading("mp4", "h264", 1000, 500, 60.04, 1, 60.25)
    assert found.lasts(3, 60)
    assert found.has_rate(23, 60)
    assert found.has_aspect(0.1, 1.991)
    assert not found.lasts(3, 59.9)
    assert not found.has_rate(23, 59.9)
    assert not found.has_aspect(0.1, 1.98)


def test_duration_of_live_recording_ends_at_its_last_picture(tmp_path: Path) -> None:
    found = read_path(make(tmp_path / "a.webm", seconds=3, codec="libvpx", sound=None, live=True))
    assert found is not None
    assert found.duration == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("name", ["a.mp4", "a.webm"])
def test_file_that_ends_early_is_damaged(tmp_path: Path, name: str) -> None:
    options = {} if name == "a.mp4" else {"codec": "libvpx", "sound": None}
    path = make(tmp_path / name, seconds=5, **options)
    content = path.read_bytes()
    for share in (0.05, 0.5, 0.95):
        path.write_bytes(content[: int(len(content) * share)])
        assert read_path(path) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"v=0\r\n", b"\x1a\x45\xdf\xa3", b"\0\0\0\x08ftyp", b"\0\0\0\0moov" + b"\xff" * 100, b"\x89PNG"],
)
def test_file_that_is_not_a_video_returns_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    assert read_path(path) is None


@pytest.mark.parametrize("claimed", [60_000_000, 0xFFFFFFFF])
def test_file_that_states_too_many_samples_is_damaged(tmp_path: Path, claimed: int) -> None:
    path = make(tmp_path / "a.mp4", seconds=1)
    content = path.read_bytes()
    at = content.index(b"stts") + 8
    path.write_bytes(content[:at] + claimed.to_bytes(4, "big") + content[at + 4 :])
    assert read_path(path) is None


def test_file_with_any_changed_byte_raises_no_error(tmp_path: Path) -> None:
    for name, options in (("a.mp4", {}), ("a.webm", {"codec": "libvpx", "sound": None})):
        path = make(tmp_path / name, seconds=1, **options)
        content = path.read_bytes()
        for at in range(0, min(len(content), 2000), 13):
            for value in (0, 1, 0x7F, 0xFF):
                path.write_bytes(content[:at] + bytes([value]) + content[at + 1 :])
                read_path(path)  # any result is valid


@pytest.mark.parametrize(
    ("parameters", "closed"),
    [
        ("keyint=15:bframes=2:b-adapt=0", True),
        ("keyint=15:bframes=2:b-adapt=0:open-gop=1", False),
        # The key frames of this file do not reset the decoder, although no frame is shown before them.
        ("keyint=15:bframes=0:intra-refresh=1", False),
    ],
)
@pytest.mark.parametrize("container", [{}, {"movflags": "+frag_keyframe+empty_moov"}], ids=["whole", "fragmented"])
def test_groups_are_closed_if_no_frame_needs_the_group_before(
    tmp_path: Path, parameters: str, closed: bool, container: dict[str, str]
) -> None:
    options = {"preset": "veryfast", "x264-params": parameters}
    found = read_path(make(tmp_path / "a.mp4", seconds=3, video_options=options, container=container))
    assert found is not None
    assert found.closed_groups is closed


def test_bit_rates_are_the_means_of_the_samples(tmp_path: Path) -> None:
    fragments = {"movflags": "+frag_keyframe+empty_moov"}
    path = tmp_path / "a.mp4"
    parts = read_path(make(path, seconds=4, size=(360, 640), container=fragments))
    whole = read_path(make(path, seconds=4, size=(360, 640), container={}))
    content = path.read_bytes()
    at = content.index(b"mdat")
    assert whole is not None
    assert parts is not None
    assert whole.bit_rate is not None
    assert whole.sound_bit_rate is not None
    bits = 8 * (int.from_bytes(content[at - 4 : at], "big") - 8)
    assert (whole.bit_rate + whole.sound_bit_rate) * whole.duration == pytest.approx(bits, rel=0.01)
    assert (parts.bit_rate, parts.sound_bit_rate) == pytest.approx((whole.bit_rate, whole.sound_bit_rate), rel=0.05)


def test_pictures_of_fields_are_interlaced() -> None:
    """Slices of a stream that allows fields state in their header whether they belong to one."""
    start, number = "1" + "00110" + "1", "0000"  # the first macroblock, slice type 5, the first parameters
    for bit, expected in (("1", True), ("0", False)):
        content = int((start + number + bit).ljust(16, "0"), 2).to_bytes(2, "big")
        assert is_field(content, len(number)) is expected


def test_protected_file_is_damaged(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes().replace(b"avc1", b"encv"))
    assert read_path(path) is None


def test_containers_that_few_platforms_accept_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a"
    starts = {
        "ts": b"\x47" + bytes(187) + b"\x47" + bytes(200),
        "avi": b"RIFF\0\0\0\0AVI ",
        "mpg": b"\0\0\1\xba",
        "flv": b"FLV\1",
    }
    for name, start in starts.items():
        path.write_bytes(start)
        found = read_path(path)
        assert found is not None
        assert (found.container, found.video_codec) == (name, None)
