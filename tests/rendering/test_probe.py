"""The facts that the probe finds in real files, and the files that it rejects."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from clipcast.common.media import Media
from clipcast.rendering.errors import UnreadableMedia
from clipcast.rendering.probe import Probed, probe
from clipcast.testing.media_files import colours, make, picture


def probe_path(path: Path) -> Probed:
    with path.open("rb") as file:
        return probe(file, path.stat().st_size)


def media_of(path: Path) -> Media:
    return probe_path(path).media


def rejection_code(path: Path) -> str:
    with pytest.raises(UnreadableMedia) as caught:
        probe_path(path)
    assert caught.value.message.endswith(".")
    return caught.value.code


def cut(path: Path, share: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def test_probe_ordinary_mp4_returns_all_facts(tmp_path: Path) -> None:
    media = media_of(make(tmp_path / "a.mp4", seconds=3))
    assert (media.container, media.width, media.height, media.frame_rate) == ("mp4", 128, 192, 30)
    assert (media.video_codec, media.audio_codec, media.audio_profile) == ("h264", "aac", "LC")
    assert (media.audio_rate, media.audio_channels) == (48_000, 2)
    assert media.duration == pytest.approx(3, abs=0.05)
    assert (media.chroma, media.bit_depth, media.hdr, media.interlaced) == ("4:2:0", 8, None, False)
    assert (media.index_first, media.fragmented, media.edit_list, media.closed_gop) == (True, False, "delay", True)
    assert media.video_bit_rate
    assert media.audio_bit_rate


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv"])
@pytest.mark.parametrize(("picture_lasts", "sound_lasts"), [(1, 6), (6, 1)])
def test_probe_sound_and_picture_of_different_length_are_whole(
    tmp_path: Path, name: str, picture_lasts: float, sound_lasts: float
) -> None:
    """Accept streams of different lengths: screen recordings and slideshows have few pictures."""
    media = media_of(make(tmp_path / name, seconds=picture_lasts, sound_seconds=sound_lasts))
    assert media.duration == pytest.approx(6, abs=0.1)
    if name != "a.mkv":
        assert media.video_duration == pytest.approx(picture_lasts, abs=0.1)
        assert media.audio_duration == pytest.approx(sound_lasts, abs=0.1)


def test_probe_slideshow_of_few_pictures_is_whole(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", times=[0, 2, 4], sound_seconds=6)
    assert media_of(path).duration == pytest.approx(6, abs=0.1)


@pytest.mark.parametrize("options", [{"movflags": "+faststart"}, {"movflags": "frag_keyframe+empty_moov"}])
@pytest.mark.parametrize("share", [0.95, 0.5])
def test_probe_mp4_without_its_end_is_cut_off(tmp_path: Path, options: dict[str, str], share: float) -> None:
    path = make(tmp_path / "a.mp4", seconds=5, container=options, video_options={"g": "15"})
    assert rejection_code(cut(path, share)) == "file_cut_off"


def test_probe_mp4_without_its_index_is_cut_off(tmp_path: Path) -> None:
    assert rejection_code(cut(make(tmp_path / "a.mp4", seconds=5, container={}), 0.95)) == "file_cut_off"


def test_probe_matroska_without_its_end_is_cut_off(tmp_path: Path) -> None:
    assert rejection_code(cut(make(tmp_path / "a.mkv", seconds=5), 0.95)) == "file_cut_off"


@pytest.mark.parametrize("share", [0.99, 0.95, 0.5])
def test_probe_live_recording_that_ends_within_a_picture_is_cut_off(tmp_path: Path, share: float) -> None:
    path = make(tmp_path / "a.webm", seconds=5, codec="libvpx", sound="libopus", live=True, container={})
    content = path.read_bytes()
    end = content.index(b"\xa3", int(len(content) * share))  # a picture or a piece of sound begins here or nearby
    path.write_bytes(content[: end + 7])
    assert rejection_code(path) == "file_cut_off"


@pytest.mark.parametrize(("name", "codec", "sound"), [
    ("a.mkv", "libx264", "aac"), ("a.webm", "libvpx", "libopus"), ("a.mp4", "libx264", "aac"),
])  # fmt: skip
def test_probe_live_recording_without_duration_is_read_to_its_end(
    tmp_path: Path, name: str, codec: str, sound: str
) -> None:
    options = {"movflags": "frag_keyframe+empty_moov"} if name == "a.mp4" else {}
    media = media_of(make(tmp_path / name, seconds=3, codec=codec, sound=sound, live=True, container=options))
    assert media.duration == pytest.approx(3, abs=0.1)
    assert media.frame_rate == pytest.approx(30, rel=0.005)
    assert media.container == name.removeprefix("a.")


@pytest.mark.parametrize("rate", [Fraction(60_001, 1000), Fraction(60_000, 1001), Fraction(24_000, 1001), 24])
def test_probe_constant_rate_is_the_nominal_one(tmp_path: Path, rate: Fraction) -> None:
    media = media_of(make(tmp_path / "a.mp4", rate=rate))
    assert media.frame_rate == pytest.approx(float(rate), rel=0.001)
    assert not media.variable_frame_rate


def test_probe_rate_with_a_gap_is_the_nominal_one(tmp_path: Path) -> None:
    """A dropped frame changes the mean, and not the rate."""
    times = [Fraction(number, 24) for number in range(96) if number not in (40, 41, 42)]
    path = make(tmp_path / "a.mp4", times=times, container={"movflags": "frag_keyframe+empty_moov"})
    media = media_of(path)
    assert (media.frame_rate, media.variable_frame_rate) == (pytest.approx(24, rel=0.001), False)


def test_probe_variable_rate_is_the_mean(tmp_path: Path) -> None:
    times = [Fraction(number, 60) for number in range(60)] + [1 + Fraction(number, 10) for number in range(30)]
    media = media_of(make(tmp_path / "a.mp4", times=times, sound=None))
    assert media.variable_frame_rate
    assert media.frame_rate == pytest.approx(90 / 4, rel=0.05)


@pytest.mark.parametrize(
    ("rotation", "turned", "order"),
    [
        (0, 0, ["red", "green", "blue", "white"]),
        (90, 270, ["green", "white", "red", "blue"]),
        (-90, 90, ["blue", "red", "white", "green"]),
        (180, 180, ["white", "blue", "green", "red"]),
    ],
)
def test_probe_rotated_clip_is_upright(tmp_path: Path, rotation: int, turned: int, order: list[str]) -> None:
    """`rotation` of a display matrix is counter-clockwise."""
    probed = probe_path(make(tmp_path / "a.mp4", rotation=rotation))
    assert (probed.media.rotation, probed.media.mirrored) == (turned, False)
    expected = (192, 128) if turned % 180 else (128, 192)
    assert (probed.media.width, probed.media.height) == expected
    assert probed.thumbnail is not None
    assert colours(probed.thumbnail) == (expected, order)


@pytest.mark.parametrize(
    ("matrix", "turned", "order"),
    [
        ((-1, 0, 0, 1), 0, ["green", "red", "white", "blue"]),
        ((1, 0, 0, -1), 180, ["blue", "white", "red", "green"]),
        ((0, 1, 1, 0), 270, ["red", "blue", "green", "white"]),
        ((0, -1, -1, 0), 90, ["white", "green", "blue", "red"]),
    ],
)
def test_probe_mirrored_clip_is_shown_mirrored(
    tmp_path: Path, matrix: tuple[int, int, int, int], turned: int, order: list[str]
) -> None:
    path = make(tmp_path / "a.mp4")
    content = path.read_bytes()
    plain = b"".join(number.to_bytes(4, "big", signed=True) for number in (0x10000, 0, 0, 0, 0x10000, 0))
    # The first is the whole movie's matrix, the second the picture's.
    at = content.index(plain, content.index(plain) + 1)
    a, b, c, d = (number * 0x10000 for number in matrix)
    other = b"".join(number.to_bytes(4, "big", signed=True) for number in (a, b, 0, c, d, 0))
    path.write_bytes(content[:at] + other + content[at + len(other) :])
    probed = probe_path(path)
    assert (probed.media.rotation, probed.media.mirrored) == (turned, True)
    assert probed.thumbnail is not None
    assert colours(probed.thumbnail)[1] == order


def test_probe_pixels_that_are_not_square_are_shown_square(tmp_path: Path) -> None:
    probed = probe_path(make(tmp_path / "a.mp4", size=(160, 160), aspect=Fraction(16, 9)))
    assert (probed.media.width, probed.media.height, probed.media.square_pixels) == (284, 160, False)
    assert probed.thumbnail is not None
    assert colours(probed.thumbnail)[0] == (284, 160)


@pytest.mark.parametrize(
    ("codec", "sound", "name", "expected"),
    [
        ("libx264", "libmp3lame", "a.mp4", ("h264", "mp3")),
        ("libvpx-vp9", "libopus", "a.webm", ("vp9", "opus")),
        ("libsvtav1", "libopus", "a.mp4", ("av1", "opus")),
        ("libx264", "pcm_s16le", "a.mov", ("h264", "pcm_s16le")),
        ("libx264", "ac3", "a.mp4", ("h264", "ac3")),
        ("mpeg4", None, "a.mp4", ("mpeg4", None)),
    ],
)
def test_probe_codecs_have_their_common_names(
    tmp_path: Path, codec: str, sound: str | None, name: str, expected: tuple[str, str | None]
) -> None:
    media = media_of(make(tmp_path / name, codec=codec, sound=sound))
    assert (media.video_codec, media.audio_codec) == expected


def test_probe_sound_facts(tmp_path: Path) -> None:
    media = media_of(make(tmp_path / "a.mp4", sound_rate=96_000, layout="5.1"))
    assert (media.audio_rate, media.audio_channels) == (96_000, 6)


def test_probe_default_sound_track_is_used(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    sounds = [make(tmp_path / "mp3.mkv", sound="libmp3lame"), make(tmp_path / "aac.mkv", sound="aac")]
    with av.open(path, "w") as output:
        sources = [av.open(one) for one in sounds]
        streams: dict[Any, Any] = {sources[0].streams.video[0]: None, sources[0].streams.audio[0]: None,
                                   sources[1].streams.audio[0]: None}  # fmt: skip
        for stream in streams:
            streams[stream] = output.add_stream_from_template(stream)
        second, third = list(streams.values())[1:]
        second.disposition, third.disposition = 0, 1
        for source in sources:
            for packet in source.demux([one for one in streams if one.container is source]):
                if packet.dts is not None:
                    packet.stream = streams[packet.stream]
                    output.mux(packet)
    assert media_of(path).audio_codec == "aac"


@pytest.mark.parametrize(
    ("pix_fmt", "chroma", "depth"),
    [("yuv420p", "4:2:0", 8), ("yuv422p", "4:2:2", 8), ("yuv444p", "4:4:4", 8), ("yuv420p10le", "4:2:0", 10)],
)
def test_probe_pixel_format(tmp_path: Path, pix_fmt: str, chroma: str, depth: int) -> None:
    media = media_of(make(tmp_path / "a.mp4", pix_fmt=pix_fmt))
    assert (media.chroma, media.bit_depth) == (chroma, depth)


def test_probe_interlaced_video(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", codec="mpeg2video", video_options={"flags": "+ilme+ildct", "b": "500k"})
    assert media_of(path).interlaced


@pytest.mark.parametrize(("transfer", "hdr"), [("smpte2084", "pq"), ("arib-std-b67", "hlg"), ("bt709", None)])
def test_probe_hdr(tmp_path: Path, transfer: str, hdr: str | None) -> None:
    options = {"x264-params": f"colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"}
    assert media_of(make(tmp_path / "a.mp4", video_options=options)).hdr == hdr


@pytest.mark.parametrize(("open_gop", "closed"), [("0", True), ("1", False)])
def test_probe_groups_of_pictures(tmp_path: Path, open_gop: str, closed: bool) -> None:
    options = {"preset": "veryfast", "x264-params": f"open-gop={open_gop}:keyint=15:bframes=2:b-adapt=0"}
    assert media_of(make(tmp_path / "a.mp4", seconds=3, video_options=options)).closed_gop is closed


@pytest.mark.parametrize(
    ("options", "index_first", "fragmented"),
    [({}, False, False), ({"movflags": "+faststart"}, True, False),
     ({"movflags": "frag_keyframe+empty_moov"}, True, True)],
)  # fmt: skip
def test_probe_place_of_the_index(tmp_path: Path, options: dict[str, str], index_first: bool, fragmented: bool) -> None:
    media = media_of(make(tmp_path / "a.mp4", container=options))
    assert (media.index_first, media.fragmented) == (index_first, fragmented)


def test_probe_edit_list_that_hides_pictures_is_a_cut(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", seconds=3)
    content = bytearray(path.read_bytes())
    at = content.index(b"elst") + 16  # version, count, duration, then the time in the media
    content[at : at + 4] = (15_360).to_bytes(4, "big")
    path.write_bytes(content)
    assert media_of(path).edit_list == "cut"


def test_probe_tags_that_are_not_utf8_are_accepted(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", tags={"title": "Cafe at noon"})
    path.write_bytes(path.read_bytes().replace(b"Cafe at noon", b"Caf\xe9 at no\x00n"))
    assert media_of(path).video_codec == "h264"


def test_probe_picture_track_before_the_video_is_not_the_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mov"
    source = av.open(make(tmp_path / "b.mp4"))
    with av.open(path, "w") as output:
        cover: Any = output.add_stream("png", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "rgb24"
        streams = {stream: output.add_stream_from_template(stream) for stream in source.streams}
        still = picture(64, 64, "rgb24")
        still.pts, still.time_base = 0, Fraction(1)
        output.mux([*cover.encode(still), *cover.encode(None)])
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream]
                output.mux(packet)
    media = media_of(path)
    assert (media.video_codec, media.width) == ("h264", 128)


def test_probe_unknown_codec_is_named(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz").replace(b"avcC", b"zzzC"))
    assert rejection_code(path) == "video_codec_unknown"


def test_probe_unknown_sound_codec_is_accepted(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes().replace(b"mp4a", b"zzza").replace(b"esds", b"zzzs"))
    assert media_of(path).audio_codec == "unknown"


@pytest.mark.parametrize("more", [{}, {"movflags": "frag_keyframe+empty_moov"}])
def test_probe_encrypted_file_is_named(tmp_path: Path, more: dict[str, str]) -> None:
    key = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "11" * 16, "encryption_kid": "22" * 16}
    assert rejection_code(make(tmp_path / "a.mp4", container=key | more)) == "encrypted"


def test_probe_sound_alone_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(make(tmp_path / "b.mp4")) as source, av.open(path, "w") as output:
        sound = output.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = sound
                output.mux(packet)
    assert rejection_code(path) == "no_picture"


def test_probe_pictures_that_cannot_be_decoded_are_named(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", sound=None)
    content = path.read_bytes()
    at = content.index(b"mdat") + 4
    path.write_bytes(content[:at] + b"\xff" * (len(content) - at))
    assert rejection_code(path) == "no_picture"


@pytest.mark.parametrize("content", [b"", b"\x1a\x45\xdf\xa3", b"\x00\x00\x00\x10ftypisom" + bytes(500), bytes(500)])
def test_probe_file_that_is_not_a_video_is_rejected(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    assert rejection_code(path) == "not_a_video"


def test_probe_broken_key_frame_is_damage(tmp_path: Path) -> None:
    """A file that starts with a broken picture is read, and marked."""
    path = make(tmp_path / "a.mp4", sound=None, video_options={"g": "5"})
    with av.open(path) as container:
        first = container.streams.video[0].index_entries[0]
        start, end = first.pos, first.pos + first.size
    content = path.read_bytes()
    path.write_bytes(content[:start] + b"\xff" * (end - start) + content[end:])
    probed = probe_path(path)
    assert probed.media.damaged
    assert probed.thumbnail is not None


def test_probe_concealed_errors_of_a_later_key_frame_are_damage(tmp_path: Path) -> None:
    """Decoders show a broken picture without an error, and the first picture may be whole."""
    path = make(tmp_path / "a.mp4", seconds=2, sound=None, size=(320, 480), video_options={"g": "8"})
    assert not media_of(path).damaged
    with av.open(path) as container:
        keys = [entry for entry in container.streams.video[0].index_entries if entry.is_keyframe]
        start, end = keys[4].pos, keys[4].pos + keys[4].size
    content = bytearray(path.read_bytes())
    for at in range((start + 3 * end) // 4, end):
        content[at] ^= 0x55
    path.write_bytes(content)
    with av.open(path) as container:
        assert len(list(container.decode(video=0))) == 60
    assert media_of(path).damaged
