"""The encoded sound."""

import math
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import av
from av.error import FFmpegError
from av.filter import Graph

from clipcast.rendering.encode.filling import LONGEST_FRAME, filled
from clipcast.rendering.encode.graphs import Line, Step, chain
from clipcast.rendering.encode.source import VideoSource
from clipcast.rendering.encode.target import Target
from clipcast.rendering.recipe import Sound

# Samples that an encoder of AAC puts before the sound. They take the place of as many samples of the sound: an edit
# list that hides them would be ignored by some players, and the sound would be late there.
PRIMING = FRAME = 1024
# The share of the bit rate up to which quiet sound is filled.
FILLED = 0.995
# Sound of at most so many seconds is encoded with this share of its bit rate, and filled up: the first frames may take
# more than their share, and the last one is rarely played whole.
SHORT, SHARE_OF_SHORT = 3, 0.85
# An encoder of AAC takes more than its bit rate for steady tones. What it has taken too much, it makes up for in so
# many seconds, at no less than this share of its bit rate.
MADE_UP_IN, LEAST_SHARE = 0.25, 0.5
LAYOUTS = {1: "mono", 2: "stereo"}
# The tempo that one filter changes without artefacts.
LEAST_TEMPO, MOST_TEMPO = Fraction(1, 2), Fraction(2)


class SoundTrack:
    """The track of encoded sound, which may come from several files in turn."""

    def __init__(self, target: Target, sound: Sound, samples: int) -> None:
        """Add the track. `samples` is the number of those that are played."""
        self.sound = sound
        self._target = target
        self._stream = target.add("aac", rate=sound.sample_rate)
        self._stream.layout = LAYOUTS[sound.channels]
        self._stream.bit_rate = sound.bit_rate
        if samples <= SHORT * sound.sample_rate:
            played = samples / (math.ceil(samples / FRAME) * FRAME)
            self._stream.bit_rate = int(sound.bit_rate * played * SHARE_OF_SHORT)
        self._usual = self._stream.bit_rate
        self._stream.time_base = Fraction(1, sound.sample_rate)
        self._fifo = av.AudioFifo()
        self._at = 0
        self._left = PRIMING
        # Bytes. The last frame makes up what the ones before may not fill: nobody knows yet how much is played of it.
        self._bytes_of_frame = FILLED * sound.bit_rate * FRAME / sound.sample_rate / 8
        self._bytes = FILLED * sound.bit_rate * samples / sound.sample_rate / 8
        self._wanted, self._written = -self._bytes_of_frame, 0

    def play(self, frame: Any) -> None:
        """Encode samples."""
        frame.pts = None
        self._fifo.write(frame)
        if self._left and self._fifo.samples >= self._left:
            self._fifo.read(self._left)
            self._at, self._left = self._left, 0
        while not self._left and (piece := self._fifo.read(FRAME)) is not None:
            self._encode(piece)

    def finish(self) -> None:
        """Encode the last samples."""
        if not self._left and (piece := self._fifo.read(partial=True)) is not None:
            self._encode(piece)
        *last_but_one, last = self._stream.encode(None) or [None]
        self._target.write(self._filled(last_but_one))
        if last is not None:
            self._wanted = self._bytes - self._bytes_of_frame
            self._target.write(self._filled([last]))

    def _encode(self, piece: Any) -> None:
        piece.pts, piece.time_base = self._at, Fraction(1, self.sound.sample_rate)
        self._at += piece.samples
        self._target.write(self._filled(self._stream.encode(piece)))
        # The encoder reads its bit rate with each frame.
        too_much = 8 * max(0.0, self._written - self._wanted)
        self._stream.bit_rate = int(max(self._usual * LEAST_SHARE, self._usual - too_much / MADE_UP_IN))

    def _filled(self, packets: Sequence[Any]) -> Iterator[Any]:
        """Yield the packets, filled up so that the whole track has its bit rate."""
        for packet in packets:
            self._wanted += self._bytes_of_frame
            most = LONGEST_FRAME * self.sound.channels
            content = filled(bytes(packet), min(int(self._wanted - self._written), most))
            self._written += len(content)
            if len(content) == packet.size:
                yield packet
                continue
            larger = av.Packet(content)
            larger.stream, larger.time_base = packet.stream, packet.time_base
            larger.pts, larger.dts, larger.duration = packet.pts, packet.dts, packet.duration
            larger.is_keyframe = True
            yield larger


class EncodedSound:
    """The sound of one file from its time `start`, at `speed`. It lasts `samples` samples; silence fills it up.

    `after` are the last filters. A `silent` part has no sound of its own.
    """

    def __init__(
        self,
        source: VideoSource,
        track: Any,
        samples: int,
        start: Fraction,
        speed: Fraction,
        after: Iterable[Step],
        silent: bool,
    ) -> None:
        self._source = source
        self._track = track
        self._start = start
        self._samples = samples
        self._speed = speed
        self._after = list(after)
        self._line: Line | None = None
        self._form: tuple[str, int, str] | None = None
        self._resamplers: dict[Any, Any] = {}
        self._end = start + samples * speed / track.sound.sample_rate
        self.done = silent or source.audio is None
        self._silent = self.done

    def push(self, packet: Any) -> None:
        """Decode and encode a packet."""
        for frame in self._source.decode(self._source.audio, packet):
            self._take(frame)

    def finish(self) -> None:
        """Encode the rest of the sound."""
        if not self._silent:
            for frame in self._source.decode(self._source.audio, None):
                self._take(frame)
        if self._line is None:
            self._line = self._build([("anullsrc", f"r={self._track.sound.sample_rate}:cl=stereo")])
        self._line.push(None)
        self._play()

    def _take(self, frame: Any) -> None:
        if frame.pts is None or self._source.time_of(frame) >= self._end:
            self.done |= frame.pts is not None
            return
        if self._form is None:
            self._form = frame.format.name, frame.sample_rate, _layout(frame)
            self._line = self._build(self._beginning())
        for piece in self._conformed(frame):
            base = Fraction(1, piece.sample_rate)
            piece.pts = round((self._source.time_of(frame) - self._start) / base)
            piece.time_base = base
            assert self._line is not None
            self._line.push(piece)
        self._play()

    def _conformed(self, frame: Any) -> list[Any]:
        """Return frames in the form of the first one: broadcasts change between stereo and 5.1."""
        form = frame.format.name, frame.sample_rate, _layout(frame)
        if form == self._form:
            return [frame]
        assert self._form is not None
        if form not in self._resamplers:
            wanted, rate, layout = self._form
            self._resamplers[form] = av.AudioResampler(wanted, layout, rate)
        time = frame.pts, frame.time_base
        frame.pts = None
        try:
            pieces = list(self._resamplers[form].resample(frame))
        except (FFmpegError, ValueError):
            return []
        frame.pts, frame.time_base = time
        return pieces[:1]

    def _beginning(self) -> list[Step]:
        assert self._form is not None
        name, rate, layout = self._form
        return [("abuffer", f"sample_fmt={name}:sample_rate={rate}:channel_layout={layout}:time_base=1/{rate}")]

    def _build(self, beginning: list[Step]) -> Line:
        graph = Graph()
        sound = self._track.sound
        [(name, options)] = beginning
        source = graph.add(name, options)
        steps: list[Step] = []
        if name == "abuffer":
            # The sound may start before the part or after it, and may have holes.
            steps += [("atrim", "start=0"), ("aresample", f"{sound.sample_rate}:async=1:first_pts=0")]
            steps += [("atempo", f"{float(tempo):.6f}") for tempo in tempos(self._speed)]
        steps.append(
            ("aformat", f"sample_fmts=fltp:sample_rates={sound.sample_rate}:channel_layouts={LAYOUTS[sound.channels]}")
        )
        steps += [("apad", ""), ("atrim", f"end_sample={self._samples}"), ("asetpts", "N/SR/TB"), *self._after]
        return Line(graph, source if name == "abuffer" else None, chain(graph, source, steps), "abuffersink")

    def _play(self) -> None:
        if self._line is not None:
            for frame in self._line.frames():
                self._track.play(frame)


def tempos(speed: Fraction) -> Iterator[Fraction]:
    """Yield the tempos of filters in a row that together change the speed."""
    if speed == 1:
        return
    count = 1
    while not LEAST_TEMPO**count <= speed <= MOST_TEMPO**count:
        count += 1
    for _ in range(count):
        yield Fraction(math.pow(speed, 1 / count))


def _layout(frame: Any) -> str:
    """Return the layout of a frame. A file may not tell it, but only a number of channels."""
    name = str(frame.layout.name)
    channels = frame.layout.nb_channels
    return {1: "mono", 2: "stereo"}.get(channels, name) if not name or "channels" in name else name
