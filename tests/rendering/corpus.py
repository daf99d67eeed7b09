"""A corpus of real video files: containers, codecs, pictures, rates, sounds and times of all kinds, made by PyAV.

Each file shows quarters of four colours, a white flash with a beep at each full second, and each frame's number as a
bar code. A test can thus tell which frames and which sound remain, at which time and which way up.
"""

import array
import hashlib
import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from clipcast.testing.media_files import BLUE, GREEN, RED, WHITE, Pipe, kept_scheduling

# The bar code: this many bars across the lowest sixteenth of the picture, the highest bit first.
BARS = 16
FLASH = Fraction(1, 15)  # seconds
BEEP, PITCH = Fraction(1, 10), 1000  # seconds, Hz
TICK = Fraction(1, 90_000)


@dataclass(frozen=True)
class Recipe:
    """How to make a file. `change` is the last step: it returns the file's bytes with a change."""

    name: str
    format: str | None = None
    codec: str | None = "libx264"
    tag: str | None = None
    size: tuple[int, int] = (180, 320)
    pix_fmt: str = "yuv420p"
    rate: Fraction = Fraction(30)
    seconds: float = 2
    # The times of the frames in seconds, instead of those of `rate` and `seconds`.
    times: Sequence[Fraction | float] | None = None
    video: Mapping[str, str] = field(default_factory=dict)
    aspect: Fraction | None = None
    rotation: int = 0
    mirrored: bool = False
    interlaced: bool = False
    sound: str | None = "aac"
    sound_rate: int = 48_000
    sound_bit_rate: int | None = None
    layout: str = "stereo"
    sound_start: float = 0
    sound_seconds: float | None = None
    second_sound: str | None = None
    sound_first: bool = False
    cover: bool = False
    data: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    container: Mapping[str, str] = field(default_factory=dict)
    live: bool = False
    change: Callable[[bytes], bytes] | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """A digest of the recipe without its change, which belongs to its name."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]

    def frame_times(self) -> list[Fraction]:
        if self.times is not None:
            return [Fraction(time) for time in self.times]
        return [Fraction(number) / self.rate for number in range(round(self.seconds * self.rate))]


def make(recipe: Recipe, folder: Path) -> Path:
    """Return the file of a recipe. Make it once per folder, also if several processes share the folder."""
    path = folder / f"{recipe.key}-{recipe.name}"
    if not path.exists():
        unfinished = path.with_name(f"{os.getpid()}-{path.name}")
        _write(recipe, unfinished)
        if recipe.change is not None:
            unfinished.write_bytes(recipe.change(unfinished.read_bytes()))
        # Whoever is first stays: another process may have opened the file already.
        with suppress(FileExistsError):
            path.hardlink_to(unfinished)
        unfinished.unlink()
    return path


def draw(number: int, time: Fraction, size: tuple[int, int], field_shift: int = 0) -> Any:
    """Return the RGB frame of this number. With `field_shift`, every other row shows the bar code of a later frame."""
    width, height = size
    frame = av.VideoFrame(width, height, "rgb24")
    plane = frame.planes[0]
    padding = bytes(plane.line_size - width * 3)
    half = width // 2
    rows = [bytes(one) * half + bytes(other) * (width - half) for one, other in ((RED, GREEN), (BLUE, WHITE))]
    lines = [rows[y * 2 // height] + padding for y in range(height)]
    if time % 1 < FLASH:
        left, right = width * 3 // 8 * 3, width * 5 // 8 * 3
        for y in range(height * 3 // 8, height * 5 // 8):
            lines[y] = lines[y][:left] + b"\xff" * (right - left) + lines[y][right:]
    for y in range(height - max(2, height // 16), height):
        lines[y] = _bars(number + (field_shift if y % 2 else 0), width) + padding
    plane.update(b"".join(lines))
    return frame


def _bars(number: int, width: int) -> bytes:
    edges = [width * bar // BARS for bar in range(BARS + 1)]
    return b"".join(
        (b"\xff" if number >> (BARS - 1 - bar) & 1 else b"\0") * 3 * (edges[bar + 1] - edges[bar])
        for bar in range(BARS)
    )


def number_of(frame: Any) -> int:
    """Return the number that the bar code of a frame shows."""
    grey = frame.reformat(format="gray")
    plane, number = grey.planes[0], 0
    row = bytes(plane)[(frame.height - max(1, frame.height // 32)) * plane.line_size :]
    for bar in range(BARS):
        number = number << 1 | (row[(2 * bar + 1) * frame.width // (2 * BARS)] > 127)
    return number


@kept_scheduling()
def _write(recipe: Recipe, path: Path) -> None:
    target: Any = Pipe() if recipe.live else path
    with av.open(target, "w", format=recipe.format or _format(path), options=dict(recipe.container)) as output:
        output.metadata.update(recipe.tags)
        makers = [_add_video, _add_sound]
        if recipe.sound_first:
            makers.reverse()
        encoders = [encoder for maker in makers if (encoder := maker(output, recipe)) is not None]
        if recipe.second_sound:
            encoders[-1].stream.disposition = 0
            encoders.append(_Sound(output, recipe, recipe.second_sound))
            encoders[-1].stream.disposition = 1
        if recipe.cover:
            cover = draw(0, Fraction(0), (64, 64))
            encoder: Any = av.CodecContext.create("png", "w")
            encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 64, "rgb24", Fraction(1, 25)
            picture: Any = output.add_stream("png", rate=1)
            picture.width, picture.height, picture.pix_fmt, picture.disposition = 64, 64, "rgb24", 0x0400
            output.start_encoding()
            [still] = [*encoder.encode(cover), *encoder.encode(None)]
            still.stream, still.pts, still.dts, still.time_base = picture, 0, 0, Fraction(1)
            output.mux(still)
        if recipe.data:
            track: Any = output.add_data_stream("bin_data")
            output.start_encoding()
            packet = av.Packet(b"a measured value")
            packet.stream, packet.pts, packet.dts, packet.time_base = track, 0, 0, Fraction(1, 1000)
            output.mux(packet)
        _interleave(output, encoders)
    if recipe.live:
        path.write_bytes(target.content)


def _format(path: Path) -> str:
    return {
        ".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm", ".ts": "mpegts",
        ".m2ts": "mpegts", ".avi": "avi", ".3gp": "3gp", ".wmv": "asf", ".flv": "flv", ".mpg": "mpeg",
    }[path.suffix]  # fmt: skip


def _interleave(output: Any, encoders: "Sequence[_Video | _Sound]") -> None:
    """Encode all tracks, always the one that is behind."""
    left = list(encoders)
    while left:
        encoder = min(left, key=lambda one: one.time)
        packets = encoder.encode()
        if packets is None:
            left.remove(encoder)
            packets = encoder.stream.encode(None)
        for packet in packets:
            output.mux(packet)


def _add_video(output: Any, recipe: Recipe) -> "_Video | None":
    return _Video(output, recipe) if recipe.codec else None


def _add_sound(output: Any, recipe: Recipe) -> "_Sound | None":
    return _Sound(output, recipe, recipe.sound) if recipe.sound else None


class _Video:
    """The picture track of a file in the making."""

    def __init__(self, output: Any, recipe: Recipe) -> None:
        assert recipe.codec
        self._recipe = recipe
        self._times = recipe.frame_times()
        self._next = 0
        rate = recipe.rate
        self._tick = TICK if recipe.times is not None else Fraction(1) / rate
        self.stream: Any = output.add_stream(recipe.codec, rate=rate)
        self.stream.width, self.stream.height = recipe.size
        self.stream.pix_fmt = recipe.pix_fmt
        if recipe.times is not None:
            self.stream.time_base = self.stream.codec_context.time_base = TICK
        if recipe.tag:
            self.stream.codec_context.codec_tag = recipe.tag
        defaults = {
            "libx264": {"preset": "ultrafast"},
            "libx265": {"preset": "ultrafast"},
            "libvpx": {"deadline": "realtime", "cpu-used": "8", "threads": "1"},
            "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
            "libsvtav1": {"preset": "12"},
        }
        self.stream.options = defaults.get(recipe.codec, {}) | dict(recipe.video)
        if recipe.aspect:
            self.stream.codec_context.sample_aspect_ratio = recipe.aspect
        if recipe.rotation:
            self.stream.set_display_rotation(recipe.rotation)
        if recipe.mirrored:
            self.stream.set_display_matrix([-65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30])

    @property
    def time(self) -> Fraction:
        return self._times[self._next] if self._next < len(self._times) else Fraction(0)

    def encode(self) -> Any:
        """Return the packets of the next frame; None after the last one."""
        if self._next == len(self._times):
            return None
        number, time = self._next, self._times[self._next]
        shown = draw(number, time, self._recipe.size, field_shift=int(self._recipe.interlaced))
        options: dict[str, Any] = {}
        if self._recipe.pix_fmt.startswith("yuvj"):
            options["dst_color_range"] = 2
        frame = shown.reformat(format=self._recipe.pix_fmt, **options)
        frame.pts, frame.time_base, frame.pict_type = round(time / self._tick), self._tick, 0
        self._next += 1
        return self.stream.encode(frame)


class _Sound:
    """A sound track of a file in the making."""

    def __init__(self, output: Any, recipe: Recipe, codec: str) -> None:
        self.stream: Any = output.add_stream(codec, rate=recipe.sound_rate)
        self.stream.layout = recipe.layout
        if recipe.sound_bit_rate:
            self.stream.bit_rate = recipe.sound_bit_rate
        self._rate = recipe.sound_rate
        seconds = recipe.sound_seconds
        if seconds is None:
            seconds = max((float(time + 1 / recipe.rate) for time in recipe.frame_times()), default=recipe.seconds)
        self._start = round(recipe.sound_start * self._rate)
        self._end = self._start + round(seconds * self._rate)
        self._at = self._start
        size = self.stream.codec_context.frame_size or 1024
        self._size = size
        self._resampler = av.AudioResampler(self.stream.format.name, recipe.layout, self._rate, size)

    @property
    def time(self) -> Fraction:
        return Fraction(self._at, self._rate)

    def encode(self) -> Any:
        """Return the packets of the next piece; None after the last one."""
        if self._at >= self._end:
            return None
        wave = array.array("h", [self._sample(at) for at in range(self._at, self._at + self._size)])
        frame = av.AudioFrame("s16", "mono", self._size)
        frame.planes[0].update(wave.tobytes())
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._at, Fraction(1, self._rate)
        self._at += self._size
        return [packet for one in self._resampler.resample(frame) for packet in self.stream.encode(one)]

    def _sample(self, at: int) -> int:
        if at >= self._end or at % self._rate >= BEEP * self._rate:
            return 0
        return round(12_000 * math.sin(2 * math.pi * PITCH * at / self._rate))
