"""The job `convert` of a child: a file by a recipe."""

import errno
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

from av.error import FFmpegError

from clipcast.rendering.encode.copies import CopiedPicture, CopiedSound, can_copy_sound
from clipcast.rendering.encode.h264 import thread_count
from clipcast.rendering.encode.picture import EncodedPicture, PictureTrack
from clipcast.rendering.encode.sound import EncodedSound, SoundTrack
from clipcast.rendering.encode.source import VideoSource, open_source
from clipcast.rendering.encode.target import Target
from clipcast.rendering.errors import ConversionError, UnreadableMedia
from clipcast.rendering.recipe import Recipe, Sound, Trim, recipe_of
from clipcast.rendering.task import Task

# The picture may have more bits than its mean bit rate says by this factor, else it is encoded again with fewer.
LARGEST_SHARE, SMALLER_RATE = 1 / 0.96, 0.9
DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


class Sink(Protocol):
    """Where the packets of one track of one file go."""

    @property
    def done(self) -> bool:
        """Whether the sink needs no further packets."""
        ...

    def push(self, packet: Any) -> None:
        """Take a packet."""
        ...

    def finish(self) -> None:
        """End the part of the file."""
        ...


@dataclass(frozen=True)
class Part:
    """A part of a file from `start` to `end`, in seconds from the start of the file. It is played at `speed`."""

    source: VideoSource
    start: Fraction
    end: Fraction
    speed: Fraction = Fraction(1)

    @property
    def lasts(self) -> Fraction:
        return (self.end - self.start) / self.speed


def convert(task: Task) -> dict[str, Any]:
    """Make the file `path` by the recipe, and return what is to be known of it, or why it failed."""
    recipe = recipe_of(task.arguments["recipe"])
    path = Path(task.arguments["path"])
    try:
        return _convert(task, recipe, path)
    except (ConversionError, UnreadableMedia) as error:
        return {"failed": error.message}
    except OSError as error:  # FFmpeg's errors with a number, too
        if error.errno in DISK_FULL:
            return {"disk_full": True}
        if error.errno == errno.EFBIG:
            return {"failed": "The converted file is larger than expected. Choose a lower resolution."}
        return {"failed": _reason(error)}
    except (FFmpegError, ValueError, OverflowError, ZeroDivisionError) as error:
        return {"failed": _reason(error)}


def _reason(error: Exception) -> str:
    return f"The file cannot be converted ({type(error).__name__}). Export it again, as MP4 with H.264 and AAC."


def _convert(task: Task, recipe: Recipe, path: Path) -> dict[str, Any]:
    made = _Conversion(task, recipe, path).run()
    picture = recipe.picture
    if picture is not None and picture.bit_rate is not None and made["bit_rate"] > picture.bit_rate * LARGEST_SHARE:
        smaller = replace(picture, bit_rate=int(picture.bit_rate * SMALLER_RATE))
        made = _Conversion(task, replace(recipe, picture=smaller), path).run()
    return made


class _Conversion:
    """One pass over the files."""

    def __init__(self, task: Task, recipe: Recipe, path: Path) -> None:
        self._task = task
        self._recipe = recipe
        self._path = path
        self._parts = [self._main()]
        self._target = Target(path, task.report)

    def run(self) -> dict[str, Any]:
        """Make the file."""
        self._target.duration = sum((part.lasts for part in self._parts), Fraction(0))
        picture = self._recipe.picture
        track = PictureTrack(self._target, picture, self._task.arguments["encoder"]) if picture else None
        pictures: list[Sink] = [self._picture(part, track) for part in self._parts]
        sound, sounds = self._sounds(track)
        for part, picture_sink, sound_sink in zip(self._parts, pictures, sounds, strict=True):
            _run(part, picture_sink, sound_sink)
        for encoded in (track, sound):
            if encoded is not None:
                encoded.finish()
        self._target.close(self._recipe.min_bytes)
        return {
            "start": float(self._parts[0].start),
            "bit_rate": track.bit_rate if track is not None else 0,
            "warnings": ["damaged"] if any(part.source.damaged for part in self._parts) else [],
        }

    def _open(self, number: int) -> VideoSource:
        return open_source(self._task.sources[number], thread_count())

    def _main(self) -> Part:
        source, edit = self._open(0), self._recipe.edit
        trim = edit.trim or Trim()
        start, end = Fraction(trim.start), source.duration
        if trim.end is not None:
            end = min(end, Fraction(trim.end))
        if start >= end:
            message = (
                f"The trim leaves nothing: it starts at {float(start):.2f} s, and the clip ends at {float(end):.2f} s. "
                "Start it earlier."
            )
            raise ConversionError("conversion_failed", message)
        if self._recipe.picture is None and start:
            start = _key_frame_before(source, start)
        return Part(source, start, end, Fraction(edit.speed).limit_denominator(1000))

    def _picture(self, part: Part, track: PictureTrack | None) -> Sink:
        if track is None:
            whole = self._recipe.edit.trim is None or self._recipe.edit.trim.end is None
            return CopiedPicture(part.source, self._target, part.start, None if whole else part.end)
        assert self._recipe.picture is not None
        count = _ticks(part, track)
        return EncodedPicture(part.source, track, self._recipe.picture, count, part.start, part.speed, None)

    def _sounds(self, picture: PictureTrack | None) -> tuple[SoundTrack | None, list[Sink | None]]:
        """Return the track of encoded sound, and the sink of each part's sound."""
        sound = self._recipe.sound
        if sound is not None and sound.mute:
            for part in self._parts:
                part.source.audio = None
        if all(part.source.audio is None for part in self._parts) and not (sound and sound.silent_track):
            return None, [None] * len(self._parts)
        if sound is None and self._copies_sound():
            [part] = self._parts
            end = part.end if self._recipe.edit.trim is not None else None
            return None, [CopiedSound(part.source, self._target, part.start, end)]
        track = SoundTrack(self._target, sound or Sound())
        rate = track.sound.sample_rate
        sinks: list[Sink | None] = []
        for part in self._parts:
            lasts = _ticks(part, picture) * picture.tick if picture is not None else part.lasts
            sinks.append(EncodedSound(part.source, track, round(lasts * rate), part.start, part.speed, ()))
        return track, sinks

    def _copies_sound(self) -> bool:
        edit = self._recipe.edit
        trims = edit.trim is not None and self._recipe.picture is not None
        return len(self._parts) == 1 and edit.speed == 1 and not trims and can_copy_sound(self._parts[0].source)


def _ticks(part: Part, track: PictureTrack) -> int:
    return max(1, round(part.lasts / track.tick))


def _key_frame_before(source: VideoSource, start: Fraction) -> Fraction:
    source.seek(start)
    for packet in source.packets(source.video):
        if packet.is_keyframe and packet.pts is not None:
            return max(Fraction(0), source.time_of(packet))
    raise ConversionError("conversion_failed", "The clip has no key frame there. Choose the precision exact.")


def _run(part: Part, picture: Sink, sound: Sink | None) -> None:
    source = part.source
    source.seek(part.start)
    sinks = {source.video: picture}
    if sound is not None and source.audio is not None:
        sinks[source.audio] = sound
    for packet in source.packets(*sinks):
        sink = sinks[packet.stream]
        if not sink.done:
            sink.push(packet)
        if all(sink.done for sink in sinks.values()):
            break
    picture.finish()
    if sound is not None:
        sound.finish()
