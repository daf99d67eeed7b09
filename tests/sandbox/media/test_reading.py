"""What the sandbox reads of files, which real encoders made."""

from pathlib import Path
from typing import Any

import pytest

from clipcast.sandbox.media import read_path
from clipcast.sandbox.media.reading import Sound
from tests.rendering.files import make

HEADERS_LAST: dict[str, Any] = {"container": {}}
INTERLACED: dict[str, Any] = {"video_options": {"flags": "+ildct+ilme", "x264-params": "interlaced=1"}}


def test_ordinary_file_is_read_whole(tmp_path: Path) -> None:
    found = read_path(make(tmp_path / "a.mp4", seconds=2, rate=30))
    assert found is not None
    assert (found.container, found.video_codec, found.width, found.height) == ("mp4", "h264", 128, 192)
    assert (found.duration, found.frame_rate, found.chroma, found.interlaced) == (2.0, 30.0, "4:2:0", False)
    assert (found.headers_first, found.sound) == (True, Sound("aac", 48_000, 2))


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("a.mp4", HEADERS_LAST, {"headers_first": False}),
        ("a.mp4", INTERLACED, {"interlaced": True}),
        ("a.mp4", {"pix_fmt": "yuv422p"}, {"chroma": "4:2:2"}),
        ("a.mp4", {"pix_fmt": "yuv444p"}, {"chroma": "4:4:4"}),
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
def test_odd_file_is_read_as_what_it_is(
    tmp_path: Path, name: str, options: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = read_path(make(tmp_path / name, **options))
    assert found is not None
    assert {key: getattr(found, key) for key in expected} == expected


def test_file_in_fragments_lasts_as_long_as_they_do(tmp_path: Path) -> None:
    fragments = {"container": {"movflags": "+frag_keyframe+empty_moov"}}
    found = read_path(make(tmp_path / "a.mp4", seconds=3, **fragments))  # type: ignore[arg-type]
    assert found is not None
    assert found.duration == pytest.approx(3, abs=0.1)


def test_recording_without_duration_lasts_until_its_last_picture(tmp_path: Path) -> None:
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
def test_what_is_no_video_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    assert read_path(path) is None


@pytest.mark.parametrize("claimed", [60_000_000, 0xFFFFFFFF])
def test_file_that_claims_too_many_samples_is_damaged_at_once(tmp_path: Path, claimed: int) -> None:
    path = make(tmp_path / "a.mp4", seconds=1)
    content = path.read_bytes()
    at = content.index(b"stts") + 8
    path.write_bytes(content[:at] + claimed.to_bytes(4, "big") + content[at + 4 :])
    assert read_path(path) is None


def test_every_changed_byte_is_survived(tmp_path: Path) -> None:
    for name, options in (("a.mp4", {}), ("a.webm", {"codec": "libvpx", "sound": None})):
        path = make(tmp_path / name, seconds=1, **options)
        content = path.read_bytes()
        for at in range(0, min(len(content), 2000), 13):
            for value in (0, 1, 0x7F, 0xFF):
                path.write_bytes(content[:at] + bytes([value]) + content[at + 1 :])
                read_path(path)  # whatever it finds
