"""The job `convert` of a child: a file by a recipe."""

import errno
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from av.error import FFmpegError

from clipcast.rendering.encode.copies import CopiedPicture, CopiedSound, can_copy_sound
from clipcast.rendering.encode.graphs import Step
from clipcast.rendering.encode.h264 import thread_count
from clipcast.rendering.encode.loudness import Meter, find_gain
from clipcast.rendering.encode.picture import EncodedPicture, PictureTrack
from clipcast.rendering.encode.sound import EncodedSound, SoundTrack
from clipcast.rendering.encode.source import VideoSource, open_source, reopened
from clipcast.rendering.encode.target import Target
from clipcast.rendering.encoders import SOFTWARE
from clipcast.rendering.errors import ConversionError, UnreadableMedia, WatermarkUnreadable
from clipcast.rendering.recipe import Focus, Recipe, Sound, Trim, recipe_of
from clipcast.rendering.task import Task

if TYPE_CHECKING:
    from clipcast.rendering.encode.overlays import Overlays

# The picture may have more bits than its mean bit rate says by this factor, else it is encoded again with fewer, at
# most so many times. A file that is too large aims below its limit by the same factor.
LARGEST_SHARE, SMALLER_RATE, TIMES_SMALLER = 1 / 0.96, 0.9, 2
# A file may last longer than its facts say by this many seconds, for they measure it in another way.
DURATION_TOLERANCE = Fraction(1, 2)
# Of times in thousandths, in seconds.
ROUNDING = Fraction(1, 1000)
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
    """A part of a file from `start` to `end`, in seconds from the start of the file. It is played at `speed`.

    It lasts `lasts` seconds: `ticks` pictures, if they are encoded. The edit is about the main part.
    """

    source: VideoSource
    start: Fraction
    end: Fraction
    speed: Fraction
    lasts: Fraction
    ticks: int
    is_main: bool


def convert(task: Task) -> dict[str, Any]:
    """Make the file `path` by the recipe, and return what is to be known of it, or why it failed."""
    recipe = recipe_of(task.arguments["recipe"])
    path = Path(task.arguments["path"])
    try:
        return _convert(task, recipe, path)
    except (ConversionError, UnreadableMedia) as error:
        return {"failed": error.message, "in_watermark": isinstance(error, WatermarkUnreadable)}
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
    encoder = task.arguments["encoder"]
    made = _encoded(task, recipe, path, encoder)
    picture = recipe.picture
    if picture is not None and picture.bit_rate is not None:
        rate = picture.bit_rate
        for _ in range(TIMES_SMALLER):
            share = recipe.max_bytes / path.stat().st_size if recipe.max_bytes else 1.0
            if share >= 1 and made["bit_rate"] <= picture.bit_rate * LARGEST_SHARE:
                break
            rate = int(min(rate, made["bit_rate"]) * min(SMALLER_RATE, share / LARGEST_SHARE))
            smaller = replace(picture, bit_rate=rate)
            made = _encoded(task, replace(recipe, picture=smaller), path, made["encoder"])
    return made | {"replaced": made["encoder"] != encoder}


def _encoded(task: Task, recipe: Recipe, path: Path, encoder: str) -> dict[str, Any]:
    """Make the file. Hardware may be busy, or take no picture of this size: then the encoder in software makes it."""
    try:
        return _Conversion(task, recipe, path, encoder).run() | {"encoder": encoder}
    except FFmpegError as error:
        if recipe.picture is None or encoder == SOFTWARE or error.errno in DISK_FULL:
            raise
    path.unlink(missing_ok=True)
    return _encoded(task, recipe, path, SOFTWARE)


class _Conversion:
    """One pass over the files."""

    def __init__(self, task: Task, recipe: Recipe, path: Path, encoder: str) -> None:
        self._task = task
        self._recipe = recipe
        self._encoder = encoder
        self._sources: dict[int, VideoSource] = {}
        self._parts = self._opened()
        sound = recipe.sound
        self._sound: Sound | None = None
        self._after: list[Step] = []
        muted = sound is not None and sound.mute
        self._has_sound = not muted and any(part.source.audio is not None for part in self._parts)
        self._copies_sound = self._has_sound and sound is None and self._can_copy_sound()
        if not self._copies_sound and (self._has_sound or (sound is not None and sound.silent_track)):
            self._sound = sound or Sound()
        if self._sound is not None and self._sound.loudness is not None and self._has_sound:
            self._after = find_gain(self._sound.loudness, self._measure)
            self._parts = self._opened()
        self._target = Target(path, task.report)
        self._warnings: list[str] = []

    def run(self) -> dict[str, Any]:
        """Make the file."""
        recipe = self._recipe
        self._target.duration = sum((part.lasts for part in self._parts), Fraction(0))
        track = None
        if recipe.picture is not None:
            track = PictureTrack(self._target, recipe.picture, self._encoder)
        overlays = self._overlays(track)
        pictures = [self._picture(part, track, overlays if part.is_main else None) for part in self._parts]
        sound = None
        if self._sound is not None:
            sound = SoundTrack(self._target, self._sound, round(self._target.duration * self._sound.sample_rate))
        sounds = [self._sound_sink(part, sound, self._after) for part in self._parts]
        for part, picture_sink, sound_sink in zip(self._parts, pictures, sounds, strict=True):
            _run(part, picture_sink, sound_sink)
        for encoded in (track, sound):
            if encoded is not None:
                encoded.finish()
        self._target.close(recipe.min_bytes)
        if overlays is not None and overlays.lettering is not None:
            self._warnings += overlays.lettering.warnings
        if any(part.source.damaged for part in self._parts):
            self._warnings.append("The file is damaged: some pictures or sounds may be missing.")
        if gap := max(part.source.gap for part in self._parts):
            self._warnings.append(f"The recording has a gap of {float(gap):.0f} s: the picture stands still there.")
        main = next(part for part in self._parts if part.is_main)
        if recipe.edit.trim is not None and abs(main.start - _exact(recipe.edit.trim.start)) > ROUNDING:
            start, wanted = float(main.start), recipe.edit.trim.start
            side = "before" if start < wanted else "after"
            self._warnings.append(f"The file starts at {start:.2f} s, the keyframe {side} {wanted:g} s.")
        return {
            "start": float(main.start),
            "bit_rate": track.bit_rate if track is not None else 0,
            "warnings": self._warnings,
        }

    def _opened(self) -> list[Part]:
        """Open the files, in the order of their parts."""
        edit = self._recipe.edit
        parts = [self._main()]
        if edit.intro is not None:
            parts.insert(0, self._whole(edit.intro))
        if edit.outro is not None:
            parts.append(self._whole(edit.outro))
        return parts

    def _open(self, number: int) -> VideoSource:
        """Open a file, or open it again: then its ends are known, and the former opening ends."""
        known = self._sources.get(number)
        source = reopened(known, thread_count()) if known else open_source(self._task.sources[number], thread_count())
        self._sources[number] = source
        return source

    def _duration(self, source: VideoSource, number: int) -> Fraction:
        known = self._task.arguments["durations"][number]
        return min(source.duration, Fraction(known) + DURATION_TOLERANCE) if known else source.duration

    def _whole(self, number: int) -> Part:
        source = self._open(number)
        return self._part(source, Fraction(0), self._duration(source, number))

    def _part(
        self, source: VideoSource, start: Fraction, end: Fraction, speed: Fraction = Fraction(1), is_main: bool = False
    ) -> Part:
        """Return a part. The encoded picture fills whole ticks."""
        lasts = (end - start) / speed
        picture = self._recipe.picture
        if picture is None:
            return Part(source, start, end, speed, lasts, 0, is_main)
        ticks = max(1, round(lasts * Fraction(*picture.rate)))
        return Part(source, start, end, speed, ticks / Fraction(*picture.rate), ticks, is_main)

    def _main(self) -> Part:
        source, edit = self._open(0), self._recipe.edit
        trim = edit.trim or Trim()
        start, end = _exact(trim.start), self._duration(source, 0)
        if trim.end is not None:
            end = min(end, _exact(trim.end))
        if start >= end:
            message = (
                f"The trim leaves nothing: it starts at {float(start):.2f} s, and the clip ends at {float(end):.2f} s. "
                "Start it earlier."
            )
            raise ConversionError("conversion_failed", message)
        if self._recipe.picture is None and start:
            start = _key_frame_before(source, start)
            source = self._open(0)
        return self._part(source, start, end, _exact(edit.speed), is_main=True)

    def _overlays(self, track: PictureTrack | None) -> "Overlays | None":
        """Return what is drawn over the main part; None for nothing."""
        edit, picture = self._recipe.edit, self._recipe.picture
        drawn = edit.watermark or edit.captions or edit.fade_in or edit.fade_out
        if picture is None or track is None or not drawn:
            return None
        # Imported here, because few conversions need Pillow.
        from clipcast.rendering.encode.lettering import Lettering
        from clipcast.rendering.encode.overlays import Fades, Overlays
        from clipcast.rendering.encode.watermarks import read_watermark

        watermark = lettering = None
        if edit.watermark is not None:
            watermark = read_watermark(self._task.sources[edit.watermark.input], edit.watermark, picture)
        if edit.captions is not None:
            arguments = self._task.arguments
            fonts = Path(arguments["fonts"]) if arguments["fonts"] else None
            system = tuple(map(Path, arguments["system_fonts"]))
            lettering = Lettering(edit.captions.style, picture, fonts, system)
        main = next(part for part in self._parts if part.is_main)
        fades = Fades(edit.fade_in, edit.fade_out, float(main.lasts))
        return Overlays(track.tick, fades, watermark, edit.captions.cues if edit.captions else (), lettering)

    def _picture(self, part: Part, track: PictureTrack | None, overlays: "Overlays | None") -> Sink:
        picture = self._recipe.picture
        if track is None or picture is None:
            trim = self._recipe.edit.trim
            end = part.end if trim is not None and trim.end is not None else None
            return CopiedPicture(part.source, self._target, part.start, end)
        if not part.is_main:
            picture = replace(picture, focus=(Focus(),))
        return EncodedPicture(part.source, track, picture, part.ticks, part.start, part.speed, overlays)

    def _sound_sink(self, part: Part, track: SoundTrack | Meter | None, after: Sequence[Step]) -> Sink | None:
        """Return where the sound of a part goes. `after` are the last filters."""
        if self._copies_sound:
            end = part.end if self._recipe.edit.trim is not None else None
            return CopiedSound(part.source, self._target, part.start, end)
        if track is None:
            return None
        steps = [*self._fades(part), *after]
        samples = round(part.lasts * track.sound.sample_rate)
        return EncodedSound(part.source, track, samples, part.start, part.speed, steps, silent=not self._has_sound)

    def _fades(self, part: Part) -> list[Step]:
        edit = self._recipe.edit
        steps: list[Step] = []
        if part.is_main and edit.fade_in:
            steps.append(("afade", f"t=in:st=0:d={edit.fade_in:.6f}"))
        if part.is_main and edit.fade_out:
            steps.append(("afade", f"t=out:st={float(part.lasts) - edit.fade_out:.6f}:d={edit.fade_out:.6f}"))
        return steps

    def _measure(self, after: list[Step]) -> tuple[float, float]:
        """Return the loudness and the peak of the sound behind these filters."""
        assert self._sound is not None
        meter = Meter(self._sound)
        for part in self._opened():
            _run(part, None, self._sound_sink(part, meter, after))
        return meter.finish()

    def _can_copy_sound(self) -> bool:
        edit = self._recipe.edit
        cuts = edit.trim is not None and self._recipe.picture is not None
        changes = cuts or edit.speed != 1 or edit.fade_in or edit.fade_out or len(self._parts) > 1
        return not changes and can_copy_sound(self._parts[0].source)


def _exact(value: float) -> Fraction:
    """Return the decimal number that a float stands for."""
    return Fraction(value).limit_denominator(1_000_000)


def _key_frame_before(source: VideoSource, start: Fraction) -> Fraction:
    """Return the time of the last key frame at or before `start`, else that of the first one behind it.

    Whoever names a key frame's time by thousandths means this key frame.
    """
    source.seek(start)
    found = None
    for packet in source.packets(source.video):
        if packet.pts is None:
            continue
        time = source.time_of(packet)
        if found is not None and packet.is_keyframe and time > start + ROUNDING:
            break
        if packet.is_keyframe:
            found = max(Fraction(0), time)
    if found is None:
        raise ConversionError("conversion_failed", "The clip has no key frame there. Choose the precision exact.")
    return found


def _run(part: Part, picture: Sink | None, sound: Sink | None) -> None:
    """Send the packets of a part to the sinks of its tracks."""
    source = part.source
    source.seek(part.start)
    both = ((source.video, picture), (source.audio, sound))
    sinks = {stream: sink for stream, sink in both if stream is not None and sink is not None}
    # No streams would be all streams.
    for packet in source.packets(*sinks) if sinks else ():
        sink = sinks[packet.stream]
        if not sink.done:
            sink.push(packet)
        if all(sink.done for sink in sinks.values()):
            break
    for _, ended in both:
        if ended is not None:
            ended.finish()
