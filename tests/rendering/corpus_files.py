"""The files of the corpus, with the facts that the probe finds or the code with which it rejects them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.rendering.corpus import Recipe

NTSC = Fraction(1000, 1001)
FAST_START = {"movflags": "+faststart"}
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov"}
KEY_FRAMES = {"g": "15"}
HDR = "log-level=none:colorprim=bt2020:colormatrix=bt2020nc:transfer="
ENCRYPTED = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "11" * 16, "encryption_kid": "22" * 16}


@dataclass(frozen=True)
class File:
    """A file of the corpus. `facts` are fields of Media, `near` those that may differ by a few hundredths.

    `short` marks the files of a quick run: at least one of each group.
    """

    recipe: Recipe
    facts: Mapping[str, Any] = field(default_factory=dict)
    near: Mapping[str, float] = field(default_factory=dict)
    rejected: str | None = None
    short: bool = False


def cut(share: float) -> Any:
    """Return a change that keeps this share of a file's bytes."""
    return lambda content: content[: int(len(content) * share)]


def replace(old: bytes, new: bytes) -> Any:
    """Return a change that replaces bytes. They must occur in the file."""

    def change(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new)

    return change


def hide_start(content: bytes) -> bytes:
    """Let the edit list of the first track begin half a second later, within a group of pictures."""
    at = content.index(b"elst") + 16  # version, count, duration, then the time in the media
    scale = content.index(b"mdhd") + 16  # version, two dates, then the ticks of a second
    ticks = int.from_bytes(content[scale : scale + 4], "big")
    return content[:at] + (ticks // 2).to_bytes(4, "big") + content[at + 4 :]


def unknown_codec(content: bytes) -> bytes:
    return content.replace(b"avc1", b"zzzz").replace(b"avcC", b"zzzC")


def playlist(_: bytes) -> bytes:
    return b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n" + b"#" * 200


CONTAINERS = [
    File(Recipe("index-first.mp4", container=FAST_START),
         {"container": "mp4", "index_first": True, "fragmented": False, "brand": "isom", "video_tag": "avc1",
          "video_codec": "h264", "audio_codec": "aac", "audio_profile": "LC", "audio_layout": "stereo",
          "frame_rate": 30, "pixel_format": "yuv420p", "edit_list": "delay", "other_tracks": 0, "damaged": False},
         {"duration": 2, "video_duration": 2, "audio_duration": 2, "mean_frame_rate": 30}, short=True),
    File(Recipe("index-last.mp4"), {"container": "mp4", "index_first": False}, {"duration": 2}),
    File(Recipe("fragmented.mp4", container=FRAGMENTED, video=KEY_FRAMES),
         {"container": "mp4", "fragmented": True, "frame_rate": 30}, {"duration": 2, "video_duration": 2}),
    File(Recipe("ordinary.mov", sound="pcm_s16le"),
         {"container": "mov", "brand": "qt", "audio_codec": "pcm_s16le"}, {"duration": 2}),
    File(Recipe("ordinary.mkv"), {"container": "mkv", "duration_in_header": True},
         {"frame_rate": 30, "duration": 2, "video_duration": 2, "audio_duration": 2}, short=True),
    File(Recipe("live.mkv", live=True), {"container": "mkv", "duration_in_header": False},
         {"duration": 2, "video_duration": 2}),
    File(Recipe("live.webm", codec="libvpx", sound="libopus", live=True),
         {"container": "webm", "duration_in_header": False, "video_codec": "vp8"}, {"duration": 2}),
    File(Recipe("ordinary.ts"), {"container": "ts", "frame_rate": 30, "video_codec": "h264", "closed_gop": True},
         {"duration": 2, "video_duration": 2, "audio_duration": 2}, short=True),
    File(Recipe("late.ts", container={"output_ts_offset": "1.4"}), {"container": "ts"}, {"duration": 2}),
    File(Recipe("camera.m2ts", container={"mpegts_m2ts_mode": "1"}), {"container": "ts"}, {"duration": 2}),
    File(Recipe("ordinary.avi", codec="mjpeg", pix_fmt="yuvj420p", sound="pcm_s16le"),
         {"container": "avi", "video_codec": "mjpeg", "audio_codec": "pcm_s16le", "frame_rate": 30,
          "full_range": True}, {"duration": 2}, short=True),
    File(Recipe("phone.3gp"), {"container": "mp4", "video_codec": "h264"}, {"duration": 2}, short=True),
    File(Recipe("ordinary.3gp", codec="h263", size=(176, 144), sound_rate=8000, layout="mono"),
         {"container": "3gp", "video_codec": "h263", "audio_rate": 8000, "audio_channels": 1}, {"duration": 2}),
    File(Recipe("ordinary.m4v"), {"container": "mp4"}, {"duration": 2}),
    File(Recipe("ordinary.mpg", codec="mpeg2video", sound="mp2", size=(352, 288)),
         {"container": "mpg", "video_codec": "mpeg2video", "audio_codec": "mp2", "frame_rate": 30},
         {"duration": 2, "video_duration": 2}),
    File(Recipe("ordinary.wmv", codec="wmv2", sound="wmav2", sound_rate=44_100, sound_bit_rate=128_000),
         {"container": "wmv", "video_codec": "wmv2", "audio_codec": "wmav2"}, {"duration": 2.05}),
    File(Recipe("ordinary.flv", codec="flv", sound="libmp3lame", sound_rate=44_100),
         {"container": "flv", "video_codec": "flv1", "audio_codec": "mp3"}, {"duration": 2.06, "video_duration": 2}),
    File(Recipe("h264.wmv"), {"container": "wmv", "video_codec": "h264", "audio_codec": "aac"}, {"duration": 2.03}),
    File(Recipe("h264.mpg", sound="mp2"), {"container": "mpg", "video_codec": "h264", "audio_codec": "mp2"},
         {"duration": 2}),
    File(Recipe("h264.flv"), {"container": "flv", "video_codec": "h264"}, {"duration": 2, "frame_rate": 30}),
]  # fmt: skip

CODECS = [
    File(Recipe("hvc1.mp4", codec="libx265", tag="hvc1", video={"x265-params": "log-level=none"}),
         {"video_codec": "hevc", "video_tag": "hvc1"}),
    File(Recipe("hev1.mp4", codec="libx265", video={"x265-params": "log-level=none"}),
         {"video_codec": "hevc", "video_tag": "hev1"}, short=True),
    File(Recipe("vp8.webm", codec="libvpx", sound="libopus"), {"video_codec": "vp8", "audio_codec": "opus"}),
    File(Recipe("vp9.webm", codec="libvpx-vp9", sound="libopus"), {"video_codec": "vp9", "container": "webm"}),
    File(Recipe("av1.mp4", codec="libsvtav1"), {"video_codec": "av1", "video_tag": "av01"}),
    File(Recipe("mpeg4.mp4", codec="mpeg4"), {"video_codec": "mpeg4", "interlaced": False}),
    File(Recipe("prores.mov", codec="prores_ks", pix_fmt="yuv422p10le", sound="pcm_s16le"),
         {"video_codec": "prores", "bit_depth": 10, "chroma": "4:2:2"}),
    File(Recipe("444.mp4", pix_fmt="yuv444p"), {"chroma": "4:4:4", "bit_depth": 8}),
    File(Recipe("10-bit.mp4", pix_fmt="yuv420p10le"), {"bit_depth": 10, "pixel_format": "yuv420p10le", "hdr": None}),
    File(Recipe("mpeg2.mp4", codec="mpeg2video"), {"video_codec": "mpeg2video", "interlaced": False}),
]  # fmt: skip

PICTURES = [
    File(Recipe("turned-left.mp4", rotation=90), {"rotation": 270, "width": 320, "height": 180, "mirrored": False},
         short=True),
    File(Recipe("turned-right.mp4", rotation=-90), {"rotation": 90, "width": 320, "height": 180}),
    File(Recipe("upside-down.mp4", rotation=180), {"rotation": 180, "width": 180, "height": 320}),
    File(Recipe("mirrored.mp4", mirrored=True), {"rotation": 0, "mirrored": True, "width": 180}),
    File(Recipe("wide-pixels.mp4", size=(240, 240), aspect=Fraction(16, 9)),
         {"width": 427, "height": 240, "square_pixels": False}),
    File(Recipe("interlaced.mp4", interlaced=True, video={"x264-params": "tff=1"}),
         {"interlaced": True, "video_codec": "h264"}),
    File(Recipe("interlaced.mpg", codec="mpeg2video", sound="mp2", size=(352, 288), interlaced=True,
                video={"flags": "+ilme+ildct", "b": "2M"}), {"interlaced": True, "container": "mpg"}),
    File(Recipe("pq.mp4", codec="libx265", pix_fmt="yuv420p10le", video={"x265-params": HDR + "smpte2084"}),
         {"hdr": "pq", "color_primaries": "bt2020", "bit_depth": 10}),
    File(Recipe("hlg.mp4", codec="libx265", pix_fmt="yuv420p10le", video={"x265-params": HDR + "arib-std-b67"}),
         {"hdr": "hlg", "color_primaries": "bt2020", "bit_depth": 10}),
    File(Recipe("full-range.mp4", pix_fmt="yuvj420p"), {"full_range": True, "chroma": "4:2:0"}),
    File(Recipe("odd-edges.webm", codec="libvpx-vp9", sound="libopus", size=(181, 321)),
         {"width": 181, "height": 321}),
    File(Recipe("4k.mp4", size=(3840, 2160), seconds=0.2), {"width": 3840, "height": 2160}),
    File(Recipe("tiny-picture.mp4", size=(176, 144)), {"width": 176, "height": 144}),
    File(Recipe("9-21.mp4", size=(180, 420)), {"width": 180, "height": 420}),
    File(Recipe("21-9.mp4", size=(420, 180)), {"width": 420, "height": 180}),
    File(Recipe("1-4.mp4", size=(120, 480)), {"width": 120, "height": 480}),
    # More bits than such pictures need: the encoder adds empty ones.
    File(Recipe("high-rate.mp4", video={"b": "30M", "x264-params": "nal-hrd=cbr:vbv-maxrate=30000:vbv-bufsize=30000"}),
         {"video_codec": "h264", "width": 180}),
]  # fmt: skip

RATES = [
    File(Recipe("60.001.mp4", rate=Fraction(60_001, 1000)), {"variable_frame_rate": False}, {"frame_rate": 60.001},
         short=True),
    File(Recipe("59.94.mp4", rate=60 * NTSC), {"variable_frame_rate": False}, {"frame_rate": 59.94}),
    File(Recipe("23.976.mp4", rate=24 * NTSC), {"variable_frame_rate": False}, {"frame_rate": 23.976}),
    File(Recipe("120.mp4", rate=Fraction(120), seconds=1), {"frame_rate": 120}),
    File(Recipe("phone.mp4", times=[Fraction(number, 30) + Fraction(number * 7 % 5, 240) for number in range(60)]),
         {"variable_frame_rate": True}, {"mean_frame_rate": 29.81}),
    File(Recipe("screen.mp4", rate=Fraction(2), times=[Fraction(number, 2) for number in range(8)]),
         {"variable_frame_rate": False}, {"frame_rate": 2, "duration": 4}),
    File(Recipe("jitter.mp4", times=[Fraction(round(number / 0.03) + number % 3 - 1, 1000) for number in range(1, 61)]),
         {"variable_frame_rate": False}, {"frame_rate": 30}),
]  # fmt: skip

SOUNDS = [
    File(Recipe("no-sound.mp4", sound=None),
         {"audio_codec": None, "audio_rate": None, "audio_layout": None, "audio_duration": None}, short=True),
    File(Recipe("mono.mp4", sound_rate=22_050, layout="mono"),
         {"audio_rate": 22_050, "audio_channels": 1, "audio_layout": "mono"}),
    File(Recipe("5.1.mp4", layout="5.1"), {"audio_channels": 6, "audio_layout": "5.1"}),
    File(Recipe("96k.mp4", sound_rate=96_000), {"audio_rate": 96_000}),
    File(Recipe("ac3.mp4", sound="ac3"), {"audio_codec": "ac3"}),
    File(Recipe("mp3.mp4", sound="libmp3lame"), {"audio_codec": "mp3"}),
    File(Recipe("pcm.mov", sound="pcm_s24le"), {"audio_codec": "pcm_s24le"}),
    File(Recipe("opus.mp4", sound="libopus"), {"audio_codec": "opus"}),
    # The extension of the sound's description says that the rate doubles.
    File(Recipe("he-aac.mp4", sound_rate=24_000, change=replace(b"\x13\x10\x56\xe5\x00", b"\x13\x10\x56\xe5\x98")),
         {"audio_codec": "aac", "audio_profile": "HE-AAC", "audio_rate": 48_000}),
    File(Recipe("high-rate-sound.mp4", sound_bit_rate=256_000), {"audio_codec": "aac", "audio_rate": 48_000}),
    File(Recipe("second-track.mkv", sound="libmp3lame", second_sound="aac"),
         {"audio_codec": "aac", "other_tracks": 1}),
]  # fmt: skip

TIMES = [
    File(Recipe("sound-longer.mp4", size=(90, 160), seconds=4, sound_seconds=12), {},
         {"duration": 12, "video_duration": 4, "audio_duration": 12}, short=True),
    File(Recipe("sound-longer.mkv", size=(90, 160), seconds=4, sound_seconds=12, video={"g": "15"}), {},
         {"duration": 12, "video_duration": 4, "audio_duration": 12}),
    File(Recipe("sound-longer.ts", size=(90, 160), seconds=4, sound_seconds=12), {},
         {"duration": 12, "audio_duration": 12}),
    File(Recipe("picture-longer.mp4", size=(90, 160), seconds=12, sound_seconds=4), {},
         {"duration": 12, "video_duration": 12, "audio_duration": 4}),
    File(Recipe("late-sound.mp4", sound_start=0.5, sound_seconds=1.5), {}, {"audio_delay": 0.5, "duration": 2}),
    File(Recipe("hidden-start.mp4", change=hide_start, container=FAST_START), {"edit_list": "cut"}),
    File(Recipe("open-groups.mp4", seconds=3, video={"preset": "veryfast",
                "x264-params": "open-gop=1:keyint=15:bframes=2:b-adapt=0:log=-1"}), {"closed_gop": False}),
    File(Recipe("open-groups-hevc.mp4", codec="libx265", seconds=3,
                video={"x265-params": "log-level=none:open-gop=1:keyint=15:bframes=2"}), {"closed_gop": False}),
    File(Recipe("closed-groups-hevc.mp4", codec="libx265", seconds=3,
                video={"x265-params": "log-level=none:open-gop=0:keyint=15:bframes=2"}), {"closed_gop": True}),
    # Empty edits delay both tracks.
    File(Recipe("late.mp4", times=[0.5 + number / 30 for number in range(75)], sound_start=0.5, sound_seconds=2.5),
         {"variable_frame_rate": False, "frame_rate": 30}),
    # Its key frames show whole pictures, but do not reset the decoder.
    File(Recipe("refresh.mp4", seconds=3, video={"preset": "veryfast",
                "x264-params": "intra-refresh=1:keyint=15:bframes=0"}), {"closed_gop": False}),
    File(Recipe("negative-times.mp4", video={"preset": "veryfast"}, container={"movflags": "+negative_cts_offsets"}),
         {"closed_gop": True, "frame_rate": 30}, {"duration": 2}),
]  # fmt: skip

EXTRAS = [
    File(Recipe("cover.mp4", cover=True), {"video_codec": "h264", "width": 180, "other_tracks": 1}),
    File(Recipe("place.mp4", tags={"location": "+48.8577+002.2950/"}), {"has_location": True}, short=True),
    File(Recipe("latin-1.mp4", tags={"title": "Cafe at noon"}, change=replace(b"Cafe at noon", b"Caf\xe9 at noon")),
         {"has_location": False, "video_codec": "h264"}),
    File(Recipe("data.ts", data=True), {"video_codec": "h264", "other_tracks": 1}),
    File(Recipe("sound-first.mp4", sound_first=True), {"video_codec": "h264", "audio_codec": "aac"}),
    File(Recipe("one-frame.mp4", size=(16, 16), times=[0], sound=None), {"width": 16}),
    File(Recipe("few-frames.mpg", codec="mpeg2video", size=(352, 288), seconds=0.2, sound=None),
         {"interlaced": False}, {"duration": 0.2}),
]  # fmt: skip

REJECTED = [
    File(Recipe("cut.mp4", container=FAST_START, change=cut(0.6)), rejected="file_cut_off", short=True),
    File(Recipe("cut-index-last.mp4", change=cut(0.6)), rejected="file_cut_off"),
    File(Recipe("cut.mkv", change=cut(0.6)), rejected="file_cut_off"),
    File(Recipe("cut-fragment.mp4", container=FRAGMENTED, video=KEY_FRAMES, change=cut(0.95)),
         rejected="file_cut_off"),
    File(Recipe("encrypted.mp4", container=ENCRYPTED), rejected="encrypted", short=True),
    File(Recipe("unknown-codec.mp4", change=unknown_codec), rejected="video_codec_unknown"),
    File(Recipe("playlist.mp4", change=playlist), rejected="not_a_video"),
    File(Recipe("sound-alone.mp4", codec=None), rejected="no_picture"),
]  # fmt: skip

GROUPS = {
    "containers": CONTAINERS,
    "codecs": CODECS,
    "pictures": PICTURES,
    "rates": RATES,
    "sounds": SOUNDS,
    "times": TIMES,
    "extras": EXTRAS,
    "rejected": REJECTED,
}
FILES = {file.recipe.name: file for group in GROUPS.values() for file in group}
