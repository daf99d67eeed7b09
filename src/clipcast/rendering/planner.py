"""The planner: the cheapest recipe that makes a file keep a platform's rules. Pure, so preflight can ask for any item.

The picture's profile is the same for all platforms (UNIVERSAL_*), except where a platform's rules exclude it. So one
conversion usually serves several platforms: equal recipes have equal keys.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from math import ceil, floor, inf

from clipcast.common.media import Media
from clipcast.common.problems import Problem
from clipcast.platforms.rules import ASPECT_TOLERANCE, RATE_TOLERANCE, MediaRules
from clipcast.rendering.recipe import (
    COPIED_DELAY,
    COPIED_PICTURES,
    COPIED_SOUNDS,
    Action,
    Fit,
    Picture,
    Recipe,
    Sound,
)

# The cheapest action that can mend a broken rule, by the problem's code. A code that is absent cannot be mended.
CURES = {
    code: action
    for action, codes in {
        Action.REMUX: (
            "container_not_supported", "duration_not_stated", "file_too_small", "fragmented", "hev1",
            "index_at_the_end",
        ),
        Action.AUDIO: (
            "audio_bit_rate_too_high", "audio_bit_rate_too_low", "audio_codec_not_supported",
            "audio_profile_not_supported", "audio_rate_too_high", "no_sound", "too_many_audio_channels",
        ),
        Action.VIDEO: (
            "bit_depth_too_high", "bit_rate_too_high", "chroma_not_supported", "damaged", "edit_list", "file_too_large",
            "frame_rate_too_high", "frame_rate_too_low", "frame_rate_varies", "hdr", "interlaced", "mirrored",
            "open_gop", "picture_too_flat", "picture_too_high", "picture_too_large", "picture_too_small",
            "picture_too_tall", "picture_too_wide", "pixels_not_square", "video_codec_not_supported",
        ),
    }.items()
    for code in codes
}  # fmt: skip
FROM_CHEAPEST = tuple(Action)

# AVI, ASF and program streams lack times of pictures. Broadcasts lack the description of sound that an MP4 needs.
NO_PICTURE_COPIED, NO_SOUND_COPIED = {"avi", "mpg", "wmv"}, {"avi", "mpg", "ts"}
# The containers whose bit rates are measured. Others do not state that of sound, or state any.
MEASURED = {"mp4", "mov"}

UNIVERSAL_RATES = {
    numerator / denominator: (numerator, denominator)
    for denominator, numerators in ((1001, (24_000, 30_000, 60_000)), (1, (24, 25, 30, 50, 60)))
    for numerator in numerators
}
# Reels need 24.
RATE_MIN, RATE_MAX, RATE_OF_SLIDES = 24, 60, 30
# The longest short and long edge of the picture. The smaller ones follow if the file's size is limited.
UNIVERSAL_EDGES = ((1080, 1920), (720, 1280), (540, 960))
# The shortest edge that is not enlarged, and that of a picture whose shape is changed.
UNIVERSAL_MIN_EDGE, CANVAS_MIN_EDGE = 360, 540
# Fewer bits for a pixel of a picture look worse than a smaller picture.
MIN_BITS_PER_PIXEL = 0.045
# What constant quality takes, for predictions.
USUAL_BITS_PER_PIXEL = 0.1
# Bits per second: the peak, that of more than 31 pictures per second, and the least.
PEAK, FAST_PEAK, FAST_RATE, LEAST_BIT_RATE = 12_000_000, 20_000_000, 31, 100_000
# The share of a limited size that picture and sound may fill.
FILLED = 0.96
UNIVERSAL_SOUND = range(126_000, 130_001)  # bits per second
UNIVERSAL_MIN_BYTES = 75_000
NO_RULES = MediaRules("", frozenset(), frozenset(), max_bytes=0, max_duration=None)
# Seconds. No conversion runs for longer than a day.
LONGEST_ESTIMATE = 86_400


@dataclass(frozen=True)
class Plan:
    """What is done to a file for a platform, and what the platform then gets.

    `recipe` is None if the file is sent as it is. `reasons` are the codes of the broken rules that the recipe cures,
    errors first. `output` is the file that the platform gets, predicted if there is a recipe. `problems` are errors
    that no conversion cures; `warnings` concern the output.
    """

    recipe: Recipe | None
    reasons: tuple[str, ...]
    output: Media
    problems: list[Problem]
    warnings: list[Problem]

    @property
    def action(self) -> Action:
        """What has to be done to the file."""
        return self.recipe.action if self.recipe else Action.NOTHING


def plan(media: Media, rules: MediaRules, fit: Fit = "pad_blur") -> Plan:
    """Return the cheapest plan that makes a file keep the rules.

    A file that only breaks soft rules is sent as it is. If a file is made, it keeps the soft rules, too, as far as the
    action can mend them.
    """
    errors, warnings = rules.check(media)
    broken = {problem.code for problem in [*errors, *warnings]}
    curable = {problem.code for problem in errors if problem.code in CURES}
    best = Plan(None, (), media, errors, warnings)
    if not curable:
        return best
    least = max(FROM_CHEAPEST.index(CURES[code]) for code in curable)
    for action in FROM_CHEAPEST[least:]:
        recipe = _recipe(media, rules, broken, action, fit)
        if recipe is None:
            continue
        output = after(media, recipe)
        problems, left = rules.check(output)
        remaining = {problem.code for problem in problems}
        kept = remaining | {problem.code for problem in left}
        reasons = [problem.code for problem in [*errors, *warnings] if problem.code not in kept]
        if curable - remaining:
            best = Plan(recipe, tuple(dict.fromkeys(reasons)), output, _of(errors, problems), _of(warnings, left))
        if not remaining & CURES.keys():
            break
    return best


def after(media: Media, recipe: Recipe, others: Mapping[int, Media] | None = None) -> Media:
    """Return the predicted properties of what `recipe` makes of `media`.

    `others` are the facts of the job's further videos, by index: the intro and outro.
    """
    edit = recipe.edit
    joined = [others[one] for one in (edit.intro, edit.outro) if others and one is not None]
    end = min(media.duration, edit.trim.end or media.duration) if edit.trim else media.duration
    duration = (end - (edit.trim.start if edit.trim else 0)) / edit.speed
    duration += sum(one.duration for one in joined)
    duration = round(max(duration, 0.0), 3)
    output = replace(
        media,
        container="mp4",
        duration=duration,
        video_tag=COPIED_PICTURES.get(media.video_codec),
        brand="isom",
        index_first=True,
        fragmented=False,
        edit_list="none",
        other_tracks=0,
        has_location=False,
        duration_in_header=True,
    )
    if duration != media.duration:
        output = replace(output, video_duration=duration, audio_duration=duration if media.audio_codec else None)
    if recipe.picture:
        output = _with_picture(output, recipe.picture)
    if recipe.sound:
        has_sound = any(one.audio_codec for one in (media, *joined))
        output = _with_sound(output, recipe.sound, has_sound)
    return replace(output, size=max(_size(media, output, recipe), recipe.min_bytes))


def can_copy_picture(media: Media) -> bool:
    """Return whether the picture can be copied into an MP4."""
    return (
        media.video_codec in COPIED_PICTURES and media.container not in NO_PICTURE_COPIED and media.edit_list != "cut"
    )


def can_copy_sound(media: Media) -> bool:
    """Return whether the sound can be copied into an MP4, or there is none."""
    return media.audio_codec is None or (
        media.audio_codec in COPIED_SOUNDS
        and media.container not in NO_SOUND_COPIED
        and media.audio_delay <= COPIED_DELAY
        and media.edit_list != "cut"
    )


def encoded(media: Media, recipe: Recipe) -> Recipe:
    """Return the recipe that encodes what `recipe` would copy of `media`, in its own size and a usual rate."""
    rate = usual_rate(media)
    peak = FAST_PEAK if rate > FAST_RATE else PEAK
    width, height = (max(2, edge // 2 * 2) for edge in (media.width, media.height))
    picture = Picture(width, height, rate.as_integer_ratio(), max_bit_rate=peak)
    return replace(recipe, picture=picture, sound=recipe.sound or Sound())


def estimate_seconds(media: Media, recipe: Recipe, output: Media | None = None) -> int:
    """Return about how long two idle cores take to make what `recipe` makes of `media`.

    `output` is what an edit makes of it: a part, or more than it.
    """
    seconds, duration = 1 + media.size / 200_000_000, output.duration if output else media.duration
    if recipe.sound:
        seconds += duration * 0.02
    if recipe.picture:
        read = duration * recipe.edit.speed * media.frame_rate * media.width * media.height
        written = (
            duration * recipe.picture.width * recipe.picture.height * recipe.picture.rate[0] / recipe.picture.rate[1]
        )
        # Nanoseconds for a pixel: to decode it, to map its tones, to encode it.
        seconds += 1e-9 * (read * 4 + (written * 8 if media.hdr else 0) + written * 9)
    return ceil(min(seconds, LONGEST_ESTIMATE))


def _recipe(media: Media, rules: MediaRules, broken: Set[str], action: Action, fit: Fit) -> Recipe | None:
    """Return the recipe for an action, or None if it cannot copy what it would have to."""
    is_known = media.audio_codec is None or media.container in MEASURED or rules.max_audio_bit_rate is None
    copies_sound = is_known and can_copy_sound(media)
    least_bytes = max(rules.min_bytes or 0, UNIVERSAL_MIN_BYTES)
    if action is Action.VIDEO:
        sound = None if copies_sound and _has_good_sound(media, broken) else _sound(rules)
        picture = _picture(media, rules, sound, fit)
        # Only of a picture whose bits are counted, so that the other recipes stay equal.
        most_bytes = rules.max_bytes if picture.bit_rate is not None else None
        return Recipe(picture, sound, min_bytes=least_bytes, max_bytes=most_bytes)
    if not can_copy_picture(media) or (action is Action.REMUX and not copies_sound):
        return None
    return Recipe(sound=_sound(rules) if action is Action.AUDIO else None, min_bytes=least_bytes)


def _has_good_sound(media: Media, broken: Set[str]) -> bool:
    """Return whether the sound keeps the rules and those of the other platforms, so that the file can serve them."""
    if any(CURES.get(code) is Action.AUDIO for code in broken):
        return False
    return media.audio_codec is None or (
        media.audio_profile in (None, "LC")
        and (media.audio_rate or 0) <= Sound.sample_rate
        and (media.audio_channels or 0) <= Sound.channels
        and media.container in MEASURED
        and media.audio_bit_rate in UNIVERSAL_SOUND
    )


def _sound(rules: MediaRules) -> Sound:
    return Sound(
        bit_rate=_between(Sound.bit_rate, rules.min_audio_bit_rate, rules.max_audio_bit_rate),
        sample_rate=min(Sound.sample_rate, rules.max_audio_rate or Sound.sample_rate),
        channels=min(Sound.channels, rules.max_audio_channels or Sound.channels),
        silent_track=rules.needs_sound,
    )


def _picture(media: Media, rules: MediaRules, sound: Sound | None, fit: Fit) -> Picture:
    rate = usual_rate(media, rules)
    peak = min(FAST_PEAK if rate > FAST_RATE else PEAK, rules.max_video_bit_rate or FAST_PEAK)
    has_sound = media.audio_codec is not None or rules.needs_sound
    sound_rate = (sound.bit_rate if sound else media.audio_bit_rate or 0) if has_sound else 0
    budget = FILLED * 8 * rules.max_bytes / max(media.duration, 0.1) - sound_rate
    # Rounded, so that nearly equal recipes are equal.
    limited = int(max(min(budget, PEAK, peak) // 10_000 * 10_000, LEAST_BIT_RATE)) if budget < peak else None
    for short, long in UNIVERSAL_EDGES:
        width, height = _canvas(media, rules, fit, short, long)
        if limited is None or limited >= MIN_BITS_PER_PIXEL * width * height * float(rate):
            break
    return Picture(width, height, rate.as_integer_ratio(), fit, max_bit_rate=peak, bit_rate=limited)


def usual_rate(media: Media, rules: MediaRules = NO_RULES) -> Fraction:
    """Return a usual rate near the file's. Higher ones are halved, those of slides raised."""
    highest = min(RATE_MAX, rules.max_frame_rate or RATE_MAX) * (1 + RATE_TOLERANCE)
    lowest = max(RATE_MIN, rules.min_frame_rate or RATE_MIN) * (1 - RATE_TOLERANCE)
    rate = media.frame_rate
    while rate > highest:
        rate /= 2
    if rate < lowest:
        rate = min(RATE_OF_SLIDES, highest)
    usual = [one for one in sorted(UNIVERSAL_RATES) if one <= highest]
    near = [one for one in usual if abs(rate / one - 1) <= RATE_TOLERANCE]
    if near:
        return Fraction(*UNIVERSAL_RATES[min(near, key=lambda one: abs(rate - one))])
    higher = [one for one in usual if one >= rate]
    if media.variable_frame_rate and higher:
        return Fraction(*UNIVERSAL_RATES[higher[0]])
    return Fraction(rate).limit_denominator(1001)


def _canvas(media: Media, rules: MediaRules, fit: Fit, short: int, long: int) -> tuple[int, int]:
    """Return the width and height of the picture: even, in the nearest legal shape, enlarged only to a minimum."""
    low = [max(one or 2, rules.min_edge or 2) for one in (rules.min_width, rules.min_height)]
    high = [min(one or inf, rules.max_edge or inf) for one in (rules.max_width, rules.max_height)]
    flattest_of_edges, tallest_of_edges = high[0] / low[1], low[0] / high[1]
    flattest = min(rules.max_aspect or inf, flattest_of_edges)
    tallest = max(rules.min_aspect or 0, tallest_of_edges)
    width, height = float(media.width), float(media.height)
    aspect = width / height
    # The limits of edges are exact.
    is_tall = aspect < tallest * (1 - ASPECT_TOLERANCE) or aspect < tallest_of_edges
    is_flat = aspect > flattest * (1 + ASPECT_TOLERANCE) or aspect > flattest_of_edges
    least_edge = UNIVERSAL_MIN_EDGE
    if is_tall or is_flat:
        legal = tallest if is_tall else flattest
        if rules.canvas_aspect and fit != "crop":
            legal = rules.canvas_aspect
        least_edge = CANVAS_MIN_EDGE
        # Bars widen a tall picture; a crop makes it lower.
        if is_tall == (fit != "crop"):
            width = height * legal
        else:
            height = width / legal
    longer, shorter = max(width, height), min(width, height)
    largest = min(high[0] / width, high[1] / height)
    factor = min(1, long / longer, short / shorter, largest)
    factor = max(factor, min(least_edge / shorter, long / longer, largest), low[0] / width, low[1] / height)
    width, height = width * factor, height * factor
    # Factors are not exact: 359.99999 is 360.
    edges = [sorted({max(floor(edge / 2 + 1e-6) * 2, 2), ceil(edge / 2 - 1e-6) * 2}) for edge in (width, height)]

    def strays(edge: tuple[float, ...]) -> tuple[bool, float]:
        """Sort by whether a limit is broken, then by the change of the shape."""
        limits = zip(low, edge, high, strict=True)
        illegal = not all(least <= one <= most for least, one, most in limits)
        ratio = edge[0] / edge[1]
        illegal |= not tallest * (1 - ASPECT_TOLERANCE) <= round(ratio, 4) <= flattest * (1 + ASPECT_TOLERANCE)
        return illegal, abs(ratio / (width / height) - 1)

    best = min(product(*edges), key=strays)
    return int(best[0]), int(best[1])


def _with_picture(media: Media, picture: Picture) -> Media:
    rate = picture.rate[0] / picture.rate[1]
    usual = min(USUAL_BITS_PER_PIXEL * picture.width * picture.height * rate, picture.max_bit_rate)
    return replace(
        media,
        width=picture.width,
        height=picture.height,
        frame_rate=round(rate, 3),
        mean_frame_rate=round(rate, 3),
        variable_frame_rate=False,
        video_codec="h264",
        video_tag="avc1",
        video_duration=media.duration,
        video_bit_rate=picture.bit_rate or int(usual),
        rotation=0,
        mirrored=False,
        square_pixels=True,
        interlaced=False,
        bit_depth=8,
        chroma="4:2:0",
        hdr=None,
        closed_gop=True,
        pixel_format="yuv420p",
        color_primaries="bt709",
        full_range=False,
        damaged=False,
    )


def _with_sound(media: Media, sound: Sound, has_sound: bool) -> Media:
    if not sound.silent_track and (sound.mute or not has_sound):
        return replace(media, audio_codec=None, audio_duration=None, audio_profile=None, audio_rate=None,
                       audio_channels=None, audio_bit_rate=None, audio_layout=None, audio_delay=0.0)  # fmt: skip
    return replace(
        media,
        audio_codec="aac",
        audio_duration=media.duration,
        audio_profile="LC",
        audio_rate=sound.sample_rate,
        audio_channels=sound.channels,
        audio_bit_rate=sound.bit_rate,
        audio_layout="mono" if sound.channels == 1 else "stereo",
        audio_delay=0.0,
    )


def _size(media: Media, output: Media, recipe: Recipe) -> int:
    """Return the predicted size: of what is encoded by its bit rate, of what is copied by the file's size."""
    if recipe.picture:
        rates = (output.video_bit_rate or 0) + (output.audio_bit_rate or 0)
        return int(output.duration * rates / 8)
    kept = output.duration * recipe.edit.speed / media.duration if media.duration else 1
    sounds = output.duration * ((output.audio_bit_rate or 0) - (media.audio_bit_rate or 0)) / 8 if recipe.sound else 0
    return int(max(media.size * min(kept, 1) + sounds, 1))


def _of(before: list[Problem], remaining: list[Problem]) -> list[Problem]:
    """Return the remaining problems, with the figures of the file before it was converted."""
    known = {problem.code: problem for problem in before}
    return [known.get(problem.code, problem) for problem in remaining]


def _between(value: int, least: int | None, most: int | None) -> int:
    return min(max(value, least or value), most or value)
