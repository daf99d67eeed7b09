"""The recipe of a caller's edit. Pure: it reads the facts of the files, never the files."""

import hashlib
import json
from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from clipcast.common.media import Media
from clipcast.common.problems import Problem
from clipcast.platforms.rules import ASPECT_TOLERANCE
from clipcast.rendering.planner import (
    FAST_PEAK,
    FAST_RATE,
    PEAK,
    after,
    can_copy_picture,
    can_copy_sound,
    usual_rate,
)
from clipcast.rendering.recipe import (
    Captions,
    CaptionStyle,
    Cue,
    Edit,
    Focus,
    Picture,
    Recipe,
    Sound,
    Trim,
    Watermark,
)
from clipcast.renders.edit_schemas import EditBody

# Platforms and players measure durations slightly differently.
TOLERANCE = 0.05  # seconds
# Callers write the times of frames by thousandths, or less exactly.
WRITTEN_TO = 0.001  # seconds
SHORT_EDGE_MAX = 2160
EDGE_MIN = 16
FULL_HD = 1920 * 1080
BIT_RATE_MAX = 60_000_000  # bits per second


@dataclass(frozen=True)
class Part:
    """Another file of the edit."""

    sha256: str
    media: Media | None = None
    cues: tuple[Cue, ...] = ()


@dataclass(frozen=True)
class Materials:
    """The files that an edit names, beside the video. None for a file that it does not name, or that does not exist."""

    captions: Part | None = None
    watermark: Part | None = None
    intro: Part | None = None
    outro: Part | None = None

    def inputs(self) -> list[Part]:
        """Return the further inputs of the job, numbered from 1: watermark, intro, outro."""
        return list(self._by_field().values())

    def numbers(self) -> dict[str, int]:
        """Return the numbers of the further inputs by the fields that name them."""
        return {name: number for number, name in enumerate(self._by_field(), 1)}

    def _by_field(self) -> dict[str, Part]:
        named = {"watermark": self.watermark, "intro": self.intro, "outro": self.outro}
        return {name: part for name, part in named.items() if part}

    def videos(self) -> dict[int, Media]:
        """Return the facts of the further videos by the numbers of their inputs."""
        return {number: part.media for number, part in enumerate(self.inputs(), 1) if part.media}


@dataclass
class Compiled:
    """The recipe of an edit, or its problems. Without a recipe and problems, the result is the video as it is."""

    recipe: Recipe | None = None
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    # Of the finished video, in seconds.
    duration: float = 0.0
    # The predicted properties of the result; None if it is the video as it is.
    output: Media | None = None
    # The captions that posts send beside the video, by its times.
    sidecar: tuple[Cue, ...] = ()


# The fields that make a result long.
LENGTH = {"trim", "speed", "intro", "outro"}
# The fields on which the problems of a field depend, by the first part of the problem's path. It is empty for the
# length of a video that no field makes longer.
DEPENDS_ON = {
    "": LENGTH,
    "trim": {"trim"},
    "speed": LENGTH,
    "intro": LENGTH,
    "outro": LENGTH,
    "fade": {"trim", "speed"},
    "focus": {"trim", "speed", "fit"},
    "captions": {"trim", "speed"},
    "cover": LENGTH,
}


def independent(problems: Sequence[Problem], wrong: Set[str]) -> list[Problem]:
    """Return those of a compiled edit's problems that it has whatever the left-out fields `wrong` say."""
    return [one for one in problems if not DEPENDS_ON.get(one.path.lstrip("/").partition("/")[0], frozenset()) & wrong]


def edit_key(sha256: str, edit: EditBody, materials: Materials) -> str:
    """Return the name of the result: equal edits of equal files have equal names."""
    canonical = edit.canonical()
    for name in ("captions", "watermark", "intro", "outro"):
        if part := getattr(materials, name):
            rest = {key: value for key, value in canonical[name].items() if key not in ("asset_id", "text", "video_id")}
            canonical[name] = rest | {"sha256": part.sha256}
    written = json.dumps([sha256, canonical], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()


def compile_edit(edit: EditBody, media: Media, materials: Materials, max_duration: float) -> Compiled:
    """Return the recipe of an edit of a video with these facts, or all problems of the edit.

    `max_duration` is the longest result in seconds. The paths of problems point into the body.
    """
    return _Compiler(edit, media, materials, max_duration).run()


class _Compiler:
    def __init__(self, edit: EditBody, media: Media, materials: Materials, max_duration: float) -> None:
        self._edit = edit
        self._media = media
        self._materials = materials
        self._max_duration = max_duration
        self._result = Compiled()
        self._main_duration = 0.0

    def run(self) -> Compiled:
        edit, result = self._edit, self._result
        trim = self._trim()
        self._main_duration = _kept(trim, self._media) / edit.speed
        result.duration = self._main_duration + sum(one.duration for one in self._materials.videos().values())
        self._check_duration()
        self._check_times()
        captions = self._captions()
        if result.problems:
            return result
        picture = self._picture(trim, captions)
        self._check_keyframe(picture)
        sound = self._sound(trim, bool(picture))
        made_edit = self._made_edit(trim, captions)
        result.sidecar = self._sidecar(captions)
        if not result.problems and (picture or sound or edit.strip_metadata or trim):
            result.recipe = Recipe(picture=picture, sound=sound, edit=made_edit)
            result.output = after(self._media, result.recipe, self._materials.videos())
        return result

    def _problem(self, path: str, code: str, message: str, limit: Any = None, actual: Any = None) -> None:
        self._result.problems.append(Problem(path, code, message, limit, actual))

    def _trim(self) -> Trim | None:
        """Return the trim, or None if it keeps the whole video."""
        body, duration = self._edit.trim, self._media.duration
        if body is None:
            return None
        result, end = self._result, duration if body.end is None else body.end
        kept_end = None if end >= duration - 1e-6 else end
        if end > duration + TOLERANCE:
            message = (
                f"The end is after the end of the video: {end:g} s, maximum {duration:g} s. Choose an earlier one."
            )
            result.problems.append(Problem("/trim/end", "after_the_end", message, duration, end))
        if body.start >= duration:
            message = (
                f"The start is after the end of the video: {body.start:g} s, of {duration:g} s. Choose an earlier one."
            )
            result.problems.append(Problem("/trim/start", "after_the_end", message, duration, body.start))
        elif (length := min(end, duration) - body.start) < self._least(ends=kept_end is None):
            ends = kept_end is None
            least = (0.5 if ends else 1) / max(self._media.frame_rate, 1)
            rule = "at the end of the video" if ends else "which is one frame"
            what = f"The trim is too short: {length:g} s, minimum {least:.4g} s, {rule}."
            if end < body.start:
                what = f"The end of the trim, {end:g} s, is before its start, {body.start:g} s."
            message = f"{what} Choose {'an earlier start' if ends else 'a later end, or an earlier start'}."
            result.problems.append(Problem("/trim", "trim_empty", message, round(least, 6), max(length, 0)))
        return None if body.start == 0 and kept_end is None else Trim(body.start, kept_end, body.precision)

    def _least(self, ends: bool) -> float:
        """Return the shortest trim. One that ends with the video may begin within its last frame: half of it counts."""
        frame = 1 / max(self._media.frame_rate, 1)
        return frame / 2 if ends else frame - min(WRITTEN_TO, frame / 2)

    def _check_duration(self) -> None:
        if self._result.duration > self._max_duration:
            actual, limit = round(self._result.duration, 3), self._max_duration
            message = f"The result is too long: {actual:g} s, maximum {limit:g} s. Trim it, or raise the speed."
            longer = {"/speed": self._edit.speed < 1, "/intro": self._edit.intro, "/outro": self._edit.outro}
            path = next((path for path, is_given in longer.items() if is_given), "")
            self._result.problems.append(Problem(path, "too_long_to_convert", message, limit, actual))

    def _check_times(self) -> None:
        edit, problems = self._edit, self._result.problems
        if edit.fade and edit.fade.fade_in + edit.fade.fade_out > self._main_duration + 1e-6:
            actual, limit = edit.fade.fade_in + edit.fade.fade_out, round(self._main_duration, 3)
            message = f"The fades are longer than the video: {actual:g} s, maximum {limit:g} s. Shorten them."
            problems.append(Problem("/fade", "fade_too_long", message, limit, actual))
        if edit.cover and edit.cover.at >= round(self._result.duration, 6):
            limit = round(self._result.duration, 3)
            message = f"The cover is not before the end: {edit.cover.at:g} s, of {limit:g} s. Choose an earlier time."
            problems.append(Problem("/cover/at", "after_the_end", message, limit, edit.cover.at))
        for index, point in enumerate(edit.focus or ()):
            if point.at > self._main_duration:
                limit = round(self._main_duration, 3)
                message = f"The point is after the end: {point.at:g} s, maximum {limit:g} s. Choose an earlier time."
                problems.append(Problem(f"/focus/{index}/at", "after_the_end", message, limit, point.at))
        if edit.focus and edit.fit != "crop":
            message = "The focus needs the fit crop. Set `fit` to crop, or leave the focus out."
            problems.append(Problem("/focus", "without_effect", message))
        self._check_effects()

    def _check_effects(self) -> None:
        """Warn of what changes nothing."""
        edit, warnings = self._edit, self._result.warnings
        if edit.fit == "crop" and not self._is_reshaped():
            what, path = ("focus has", "/focus") if edit.focus else ("crop has", "/fit")
            message = f"The video has this shape already, so nothing is cropped: the {what} no effect."
            warnings.append(Problem(path, "without_effect", message))
        if edit.audio and edit.audio.loudness is not None:
            parts = (self._media, *self._materials.videos().values())
            if edit.audio.mute or not any(one.audio_codec for one in parts):
                why = "The sound is removed" if edit.audio.mute else "The video has no sound"
                message = f"{why}: the loudness has no effect."
                warnings.append(Problem("/audio/loudness", "without_effect", message))

    def _captions(self) -> tuple[Cue, ...]:
        """Return the captions within the video."""
        if self._edit.captions is None or self._materials.captions is None:
            return ()
        cues = self._materials.captions.cues
        kept = tuple(
            Cue(cue.start, min(cue.end, self._main_duration), cue.text)
            for cue in cues
            if cue.start < self._main_duration
        )
        late, limit = len(cues) - len(kept), round(self._main_duration, 3)
        if late and not kept:
            message = f"All captions begin after the end, which is at {limit:g} s after trim and speed. Correct them."
            self._result.problems.append(Problem("/captions", "after_the_end", message, limit, cues[0].start))
        elif late:
            begin, are = ("caption begins", "is") if late == 1 else ("captions begin", "are")
            message = f"{late} {begin} after the end at {limit:g} s, and {are} left out."
            self._result.warnings.append(Problem("/captions", "after_the_end", message, limit, cues[-1].start))
        return kept

    def _sidecar(self, captions: tuple[Cue, ...]) -> tuple[Cue, ...]:
        """Return the captions that are not burnt, moved behind the intro."""
        if self._edit.captions is None or self._edit.captions.mode != "sidecar":
            return ()
        intro = self._materials.intro
        before = intro.media.duration if intro and intro.media else 0.0
        return tuple(replace(cue, start=cue.start + before, end=cue.end + before) for cue in captions)

    def _picture(self, trim: Trim | None, captions: tuple[Cue, ...]) -> Picture | None:
        """Return the encoded picture, or None if the picture can be copied."""
        edit, media = self._edit, self._media
        width, height = self._canvas()
        changes = (
            (trim is not None and trim.precision == "exact")
            or edit.speed != 1
            or bool(edit.fade and (edit.fade.fade_in or edit.fade.fade_out))
            or (bool(captions) and edit.captions is not None and edit.captions.mode == "burn")
            or edit.watermark is not None
            or edit.intro is not None
            or edit.outro is not None
            or (width, height) != (_even(media.width), _even(media.height))
        )
        rewritten = trim is not None or edit.strip_metadata or self._sound_changes()
        if not changes and not (rewritten and not can_copy_picture(media)):
            return None
        rate = usual_rate(media)
        per_full_hd = FAST_PEAK if rate > FAST_RATE else PEAK
        return Picture(
            width=width,
            height=height,
            rate=rate.as_integer_ratio(),
            fit=edit.fit,
            pad_color=edit.pad_color,
            focus=tuple(Focus(point.at, point.x, point.y) for point in edit.focus or ()) or (Focus(),),
            max_bit_rate=min(BIT_RATE_MAX, max(per_full_hd, per_full_hd * width * height // FULL_HD)),
        )

    def _canvas(self) -> tuple[int, int]:
        """Return the size of the result. Nothing is scaled up."""
        edit, width, height = self._edit, self._media.width, self._media.height
        short = SHORT_EDGE_MAX if edit.resolution == "source" else int(edit.resolution.removesuffix("p"))
        if self._is_reshaped():
            shaped = _cropped if edit.fit == "crop" else _padded
            width, height = shaped(width, height, self._wanted_aspect())
        if min(width, height) > short:
            scale = Fraction(short, min(width, height))
            width, height = round(width * scale), round(height * scale)
        return _even(width), _even(height)

    def _wanted_aspect(self) -> Fraction:
        """Return the wanted width divided by the height: the video's own if the edit names none."""
        if self._edit.aspect_ratio == "source":
            return Fraction(self._media.width, self._media.height)
        across, down = map(int, self._edit.aspect_ratio.split(":"))
        return Fraction(across, down)

    def _is_reshaped(self) -> bool:
        return abs(self._media.width / self._media.height / self._wanted_aspect() - 1) > ASPECT_TOLERANCE

    def _check_keyframe(self, picture: Picture | None) -> None:
        edit, trim = self._edit, self._edit.trim
        if trim is None or trim.precision != "keyframe":
            return
        message = None
        if picture:
            message = "A trim at a keyframe copies the picture, but this edit encodes it. Use the precision exact."
        elif trim.start and (edit.captions or edit.cover):
            message = (
                "The keyframe before the start is known when the file is made. Captions and a cover need their times "
                "earlier. Use the precision exact."
            )
        if message:
            self._result.problems.append(Problem("/trim/precision", "keyframe_not_possible", message))

    def _sound_changes(self) -> bool:
        audio = self._edit.audio
        return audio is not None and (
            audio.mute
            or (audio.loudness is not None and self._media.audio_codec is not None)
            or (audio.silent_track and self._media.audio_codec is None)
        )

    def _sound(self, trim: Trim | None, encoded: bool) -> Sound | None:
        """Return the encoded sound, or None if the sound can be copied."""
        edit, codec = self._edit, self._media.audio_codec
        cut = (trim is not None and trim.precision == "exact") or edit.speed != 1
        joined = edit.intro is not None or edit.outro is not None
        faded = edit.fade is not None and bool(edit.fade.fade_in or edit.fade.fade_out)
        rewritten = encoded or trim is not None or edit.strip_metadata
        foreign = rewritten and not can_copy_sound(self._media)
        if not (self._sound_changes() or joined or foreign or (codec is not None and (cut or faded))):
            return None
        audio = edit.audio
        return Sound(
            loudness=audio.loudness if audio and not audio.mute else None,
            mute=audio.mute if audio else False,
            silent_track=audio.silent_track if audio else False,
        )

    def _made_edit(self, trim: Trim | None, captions: tuple[Cue, ...]) -> Edit:
        edit, numbers = self._edit, self._materials.numbers()
        watermark = None
        if edit.watermark and "watermark" in numbers:
            shown = edit.watermark
            watermark = Watermark(numbers["watermark"], shown.position, shown.width, shown.opacity, shown.margin)
        burnt = captions if edit.captions and edit.captions.mode == "burn" else ()
        style = CaptionStyle(**edit.captions.style.model_dump()) if edit.captions else CaptionStyle()
        return Edit(
            trim=trim,
            speed=edit.speed,
            captions=Captions(burnt, style) if burnt else None,
            watermark=watermark,
            fade_in=edit.fade.fade_in if edit.fade else 0.0,
            fade_out=edit.fade.fade_out if edit.fade else 0.0,
            intro=numbers.get("intro"),
            outro=numbers.get("outro"),
        )


def _kept(trim: Trim | None, media: Media) -> float:
    """Return the kept seconds, at least 0."""
    if trim is None:
        return media.duration
    end = media.duration if trim.end is None else min(trim.end, media.duration)
    return max(0.0, end - trim.start)


def _even(pixels: int) -> int:
    return max(EDGE_MIN, pixels // 2 * 2)


def _cropped(width: int, height: int, wanted: Fraction) -> tuple[int, int]:
    """Return the largest part of the picture with this aspect."""
    return (round(height * wanted), height) if Fraction(width, height) > wanted else (width, round(width / wanted))


def _padded(width: int, height: int, wanted: Fraction) -> tuple[int, int]:
    """Return a canvas of this aspect whose shorter side is that of the picture."""
    short = min(width, height)
    return (round(short * wanted), short) if wanted >= 1 else (short, round(short / wanted))
