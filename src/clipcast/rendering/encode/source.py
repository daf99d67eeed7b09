"""A video file that is read to be converted."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import av
from av.error import FFmpegError

from clipcast.rendering.channel import SourceFile
from clipcast.rendering.joined import JOINABLE, LONGEST_GAP, packets_of
from clipcast.rendering.structure import Structure, read_structure
from clipcast.rendering.tracks import main_audio, main_video, open_media, reject_missing_bytes

# Containers without an index of key frames: a seek may end behind the wanted time. Seconds to seek earlier.
WITHOUT_INDEX, SEEK_EARLIER = {"ts", "mpg", "avi", "flv", "wmv"}, 10
# Sound that outlasts the picture by less is the rest of its last frame. Seconds.
SOUND_TAIL = Fraction(15, 100)
# Sound that starts earlier than the picture by less is what its encoder put before it. Seconds.
SOUND_HEAD = Fraction(15, 100)


@dataclass
class VideoSource:
    """An open file, with its times in seconds from its start: containers such as MPEG-TS start anywhere."""

    file: SourceFile
    container: Any
    structure: Structure
    video: Any
    audio: Any
    # The ends of picture and sound in seconds; 0 for a missing sound.
    ends: tuple[Fraction, Fraction] = (Fraction(0), Fraction(0))
    damaged: bool = False
    # The times of the key frames of a joined file in seconds, and that of the one where reading begins.
    keys: tuple[Fraction, ...] = ()
    begin: Fraction | None = None
    # The longest time in seconds without any packet, if there is none for longer than LONGEST_GAP.
    gap: Fraction = Fraction(0)

    @cached_property
    def start(self) -> Fraction:
        """The time in the file at which it starts: that of its picture, or of a sound that starts much earlier."""
        video = _seconds(self.video.start_time, self.video)
        audio = video if self.audio is None else _seconds(self.audio.start_time, self.audio)
        return audio if audio < video - SOUND_HEAD else video

    @property
    def duration(self) -> Fraction:
        """The duration in seconds: that of the picture, or of a sound that outlasts it."""
        video, audio = self.ends
        return audio if audio > video + SOUND_TAIL else video

    def ends_in_header(self) -> tuple[Fraction, Fraction]:
        """Return the ends by the index of an MP4 file."""
        ends = []
        for stream in (self.video, self.audio):
            known = stream is not None and stream.duration
            ends.append(
                _seconds((stream.start_time or 0) + stream.duration, stream) - self.start if known else Fraction(0)
            )
        return ends[0], ends[1]

    def read_ends(self) -> tuple[Fraction, Fraction]:
        """Read the whole file, for headers may lack the ends, or state only the end of the longer track."""
        ends, keys = {stream: Fraction(0) for stream in self.streams()}, []
        usual = 1 / Fraction(self.video.average_rate) if self.video.average_rate else Fraction(1, 30)
        for packet in self.packets(*self.streams()):
            if packet.pts is not None:
                lasts = _seconds(packet.duration, packet) or (usual if packet.stream is self.video else Fraction(0))
                ends[packet.stream] = max(ends[packet.stream], self.time_of(packet) + lasts)
                if self.structure.joined and packet.stream is self.video and packet.is_keyframe:
                    keys.append(self.time_of(packet))
        self.keys = tuple(keys)
        return ends[self.video], ends.get(self.audio, Fraction(0))

    def streams(self) -> list[Any]:
        """Return the picture's stream, and the sound's if there is one."""
        return [self.video] if self.audio is None else [self.video, self.audio]

    def time_of(self, packet_or_frame: Any) -> Fraction:
        """Return the time of a packet or frame with `pts`, in seconds from the start of the file."""
        return Fraction(packet_or_frame.pts) * Fraction(packet_or_frame.time_base) - self.start

    def seek(self, seconds: Fraction) -> None:
        """Continue at the last key frame before this time. It is called once, before packets are read."""
        if self.structure.family in WITHOUT_INDEX:
            seconds -= SEEK_EARLIER
        if self.structure.joined:  # it is read from its start: several places have the same time
            self.begin = max((key for key in self.keys if key <= seconds), default=None)
            return
        if seconds > 0:
            # Rounded up, because a key frame may be at this very time. Without an index the file is read from its
            # start.
            with suppress(FFmpegError):
                self.container.seek(int((self.start + seconds) * av.time_base) + 1)

    def packets(self, *streams: Any) -> Iterator[Any]:
        """Yield the packets of these streams. A file that is damaged in its middle ends there."""
        read = self.streams() if self.structure.joined else streams
        packets = packets_of(self.container, self.structure, *read)
        begun = self.begin is None
        reached: Fraction | None = None
        while True:
            try:
                packet = next(packets, None)
            except (FFmpegError, ValueError):
                self.damaged = True
                return
            if packet is None:
                return
            begun = begun or self._is_begin(packet)
            if not packet.size or not begun or packet.stream not in streams:
                continue
            if self.structure.family in JOINABLE and packet.pts is not None:
                time = self.time_of(packet)
                if reached is not None and time - reached > max(self.gap, Fraction(LONGEST_GAP)):
                    self.gap = time - reached
                reached = time if reached is None else max(reached, time)
            yield packet

    def _is_begin(self, packet: Any) -> bool:
        """Return whether a packet is the key frame where reading begins."""
        if packet.stream is not self.video or not packet.is_keyframe or packet.pts is None or self.begin is None:
            return False
        return self.time_of(packet) >= self.begin

    def decode(self, stream: Any, packet: Any) -> list[Any]:
        """Return the frames of a packet, or the last ones of the stream for None. Damaged packets have none."""
        try:
            frames = list(stream.codec_context.decode(packet))
        except EOFError:
            return []
        except (FFmpegError, ValueError):
            self.damaged = True
            return []
        for frame in frames:
            frame.time_base = stream.time_base  # which the last frames lack
        return frames


def open_source(file: SourceFile, threads: int) -> VideoSource:
    """Open a file, whose pictures `threads` threads decode. Raise UnreadableMedia."""
    structure = read_structure(file, file.size)
    source = _open(file, structure, threads)
    if structure.is_mp4:
        reject_missing_bytes(file.size, source.streams())
    if structure.is_mp4 and not structure.fragmented:
        source.ends = source.ends_in_header()
    if not source.ends[0]:
        source.ends = source.read_ends()
        source = reopened(source, threads)
    return source


def reopened(source: VideoSource, threads: int) -> VideoSource:
    """Return the file at its start again, after its packets were read: not every container can go back there."""
    source.container.close()
    return replace(_open(source.file, source.structure, threads), ends=source.ends, keys=source.keys)


def _open(file: SourceFile, structure: Structure, threads: int) -> VideoSource:
    file.seek(0)
    container = open_media(file, structure)
    video, audio = main_video(container), main_audio(container)
    video.codec_context.thread_count = threads
    video.thread_type = "AUTO"
    has_sound = audio is not None and audio.codec_context is not None
    return VideoSource(file, container, structure, video, audio if has_sound else None)


def _seconds(ticks: int | None, timed: Any) -> Fraction:
    return Fraction(ticks or 0) * Fraction(timed.time_base)
