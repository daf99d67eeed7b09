"""Media rules as data: one table serves preflight, `GET /platforms` and the documentation."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from clipcast.common.media import Media
from clipcast.common.media_words import codec_title, container_title
from clipcast.common.problems import Problem

# Platforms measure slightly differently: all of them accept 60.001 frames per second as 60.
RATE_TOLERANCE = ASPECT_TOLERANCE = 0.005  # shares of the limit
DURATION_TOLERANCE = 0.05  # seconds

MP4, MP4_OR_MOV = frozenset({"mp4"}), frozenset({"mp4", "mov"})
H264, H264_OR_HEVC = frozenset({"h264"}), frozenset({"h264", "hevc"})
AAC = frozenset({"aac"})
# What platforms that convert "almost any video" convert. Nobody knows that they read archives' and editors' own codecs.
COMMON_CODECS = frozenset(
    {
        "h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mpeg2video", "mpeg1video", "h263", "flv1", "wmv1", "wmv2",
        "wmv3", "vc1", "theora", "mjpeg", "prores", "dnxhd",
    }
)  # fmt: skip

SIZES = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"))


@dataclass(frozen=True)
class MediaRules:
    """A platform's limits for a video file. None, or False, means that the platform documents no limit.

    Sets hold the accepted values. A broken rule is an error, or a warning if `soft` names the rule. Units: durations in
    seconds, sizes in bytes, edges in displayed pixels, frame rates per second, bit rates in bits per second. An aspect
    is the width divided by the height. Conversion keeps all of them when it makes a file, also the soft ones.
    """

    docs_url: str
    containers: frozenset[str]
    video_codecs: frozenset[str]
    max_bytes: int
    max_duration: float | None  # None: each account has its own limit
    audio_codecs: frozenset[str] = AAC
    # The codecs that the platform can read, if `video_codecs` is only advice.
    readable_video_codecs: frozenset[str] | None = None
    min_bytes: int | None = None
    min_duration: float | None = None
    advised_min_duration: float | None = None
    min_frame_rate: float | None = None
    max_frame_rate: float | None = None
    constant_frame_rate: bool = False
    min_edge: int | None = None
    max_edge: int | None = None
    min_width: int | None = None
    max_width: int | None = None
    min_height: int | None = None
    max_height: int | None = None
    min_aspect: float | None = None
    max_aspect: float | None = None
    # The aspect of the bars' canvas if the picture's own is not accepted. None: the nearest accepted aspect.
    canvas_aspect: float | None = None
    max_video_bit_rate: int | None = None
    chroma: frozenset[str] | None = None
    max_bit_depth: int | None = None
    sdr: bool = False
    progressive: bool = False
    square_pixels: bool = False
    closed_gop: bool = False
    not_mirrored: bool = False
    # For MP4 and MOV: the index (moov) precedes the media data and is complete; no edit list hides part of the media;
    # HEVC is not marked hev1, which Apple's players reject.
    index_first: bool = False
    no_fragments: bool = False
    no_edit_lists: bool = False
    no_hev1: bool = False
    known_duration: bool = False
    no_damage: bool = True
    needs_sound: bool = False
    audio_profiles: frozenset[str] | None = None
    max_audio_rate: int | None = None
    max_audio_channels: int | None = None
    min_audio_bit_rate: int | None = None
    max_audio_bit_rate: int | None = None
    # Recommended by the platform, not enforced.
    advised_audio_bit_rate: int | None = None
    soft: frozenset[str] = frozenset()
    # A hint for callers whose file breaks these rules: another kind of post that accepts it.
    alternative: str = ""

    @cached_property
    def _applied(self) -> list[tuple["Check", Any]]:
        """The checks of the rules that this platform has, with their limits."""
        limits = ((check, getattr(self, check.rule)) for check in CHECKS)
        return [(check, limit) for check, limit in limits if limit is not None and limit is not False]

    def check(self, media: Media) -> tuple[list[Problem], list[Problem]]:
        """Return errors and warnings about the file itself."""
        errors: list[Problem] = []
        warnings: list[Problem] = []
        for check, limit in self._applied:
            actual = check.fact(media)
            if actual is None or not check.breaks(actual, limit):
                continue
            into = warnings if check.rule in self.soft or check.advice else errors
            if into is warnings and any(problem.code == (check.advice or check.code) for problem in errors):
                continue  # the stricter rule already reports it
            if check.rule in self.soft:
                text, write = ADVICE.get(check.rule, (check.message.partition(". ")[0] + ".", check.write))
                text += " This is advice: the clip is published anyway."
            else:
                text, write = check.message, check.write
            message = text.format(**_written(write, limit=limit, actual=actual))
            if self.alternative and into is errors:
                message = f"{message} {self.alternative}"
            if limit is True:  # a rule without a figure
                limit = actual = None
            shown = sorted(limit) if isinstance(limit, frozenset) else limit
            into.append(Problem("", check.code, message, shown, actual, self.docs_url))
        return errors, warnings

    def as_dict(self) -> dict[str, object]:
        """Return the `media` object of `GET /platforms`."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in values.items()}


@dataclass(frozen=True)
class Check:
    """The check of one rule: the file's fact, the comparison that breaks the rule, and the message.

    A fact of None is unknown and breaks nothing. A check with `advice` warns, unless the error of that code is present.
    """

    rule: str
    code: str
    fact: Callable[[Media], Any]
    breaks: Callable[[Any, Any], bool]
    message: str
    advice: str | None = None
    write: Callable[[Any, bool], str] = lambda value, exact: _plain(value)


def _not_in(actual: str, limit: frozenset[str]) -> bool:
    return actual not in limit


def _more(actual: float, limit: float) -> bool:
    return actual > limit


def _less(actual: float, limit: float) -> bool:
    return actual < limit


def _is(actual: bool, limit: bool) -> bool:
    return actual


def _aspect(media: Media) -> float:
    return round(media.width / media.height, 4)


def _plain(value: Any) -> str:
    if isinstance(value, frozenset):
        return ", ".join(sorted(value))
    return f"{value:.10g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _size(value: int, exact: bool) -> str:
    if exact:
        return f"{value} bytes"
    factor, unit = next(((factor, unit) for factor, unit in SIZES if value >= factor), (1, "bytes"))
    return f"{value / factor:.4g} {unit}"


def _bit_rate(value: int, exact: bool) -> str:
    if exact:
        return f"{value} bit/s"
    return f"{value / 1_000_000:.4g} Mbit/s" if value >= 1_000_000 else f"{value / 1000:.4g} kbit/s"


def _written(write: Callable[[Any, bool], str], **values: Any) -> dict[str, str]:
    """Return the values as text: rounded, or exact where rounding makes them equal."""
    rounded = {name: write(value, False) for name, value in values.items()}
    return rounded if len(set(rounded.values())) > 1 else {name: write(value, True) for name, value in values.items()}


def _titles(value: Any, exact: bool) -> str:
    names = sorted(value) if isinstance(value, frozenset) else [value]
    return ", ".join(codec_title(container_title(name)) for name in names)


# What a soft rule says instead of its message. Without an entry, it is the first sentence of the message.
ADVICE: dict[str, tuple[str, Callable[[Any, bool], str]]] = {
    "containers": ("The platform advises {limit}, the file is {actual}.", _titles),
    "video_codecs": ("The platform advises {limit}, the video is {actual}.", _titles),
    "audio_codecs": ("The platform advises {limit}, the sound is {actual}.", _titles),
    "audio_profiles": ("The platform advises the profile {limit}, the sound has {actual}.", _titles),
}
CHECKS = (
    Check("containers", "container_not_supported", lambda m: m.container, _not_in,
          "The file format is not supported: {actual}, accepted: {limit}. Save the file as MP4."),
    Check("readable_video_codecs", "video_codec_not_supported", lambda m: m.video_codec, _not_in,
          "The video codec is not supported: {actual}, accepted: {limit}. Export the video as H.264.", write=_titles),
    Check("video_codecs", "video_codec_not_supported", lambda m: m.video_codec, _not_in,
          "The video codec is not supported: {actual}, accepted: {limit}. Export the video as H.264."),
    Check("audio_codecs", "audio_codec_not_supported", lambda m: m.audio_codec, _not_in,
          "The audio codec is not supported: {actual}, accepted: {limit}. Export the sound as AAC."),
    Check("max_audio_rate", "audio_rate_too_high", lambda m: m.audio_rate, _more,
          "The sample rate is too high: {actual} Hz, maximum {limit} Hz. Export the sound with 48000 Hz."),
    Check("max_audio_channels", "too_many_audio_channels", lambda m: m.audio_channels, _more,
          "The sound has too many channels: {actual}, maximum {limit}. Export it as stereo."),
    Check("audio_profiles", "audio_profile_not_supported", lambda m: m.audio_profile, _not_in,
          "The profile of the sound is not supported: {actual}, accepted: {limit}. Export the sound as AAC-LC."),
    Check("min_audio_bit_rate", "audio_bit_rate_too_low", lambda m: m.audio_bit_rate, _less,
          "The audio bit rate is too low: {actual}, minimum {limit}. Export the sound with 128 kbit/s.",
          write=_bit_rate),
    Check("max_audio_bit_rate", "audio_bit_rate_too_high", lambda m: m.audio_bit_rate, _more,
          "The audio bit rate is too high: {actual}, maximum {limit}. Export the sound with 128 kbit/s.",
          write=_bit_rate),
    Check("needs_sound", "no_sound", lambda m: m.audio_codec is None, _is,
          "The video has no sound. Add an audio track; a silent one suffices."),
    Check("max_bytes", "file_too_large", lambda m: m.size, _more,
          "The file is too large: {actual}, maximum {limit}. Upload a smaller file.", write=_size),
    Check("min_bytes", "file_too_small", lambda m: m.size, _less,
          "The file is too small: {actual}, minimum {limit}. Export it with a higher quality.", write=_size),
    Check("max_duration", "video_too_long", lambda m: m.duration, lambda a, limit: a > limit + DURATION_TOLERANCE,
          "The video is too long: {actual} s, maximum {limit} s. Shorten it."),
    Check("min_duration", "video_too_short", lambda m: m.duration, lambda a, limit: a < limit - DURATION_TOLERANCE,
          "The video is too short: {actual} s, minimum {limit} s. Use a longer video."),
    Check("advised_min_duration", "video_very_short", lambda m: m.duration,
          lambda a, limit: a < limit - DURATION_TOLERANCE,
          "The video lasts {actual} s. The platform may reject videos under {limit} s.", advice="video_too_short"),
    Check("min_frame_rate", "frame_rate_too_low", lambda m: m.frame_rate,
          lambda a, limit: a < limit * (1 - RATE_TOLERANCE),
          "The frame rate is too low: {actual} fps, minimum {limit} fps. Export the video with 30 fps."),
    Check("max_frame_rate", "frame_rate_too_high", lambda m: m.frame_rate,
          lambda a, limit: a > limit * (1 + RATE_TOLERANCE),
          "The frame rate is too high: {actual} fps, maximum {limit} fps. Export the video with 30 fps."),
    Check("constant_frame_rate", "frame_rate_varies", lambda m: m.variable_frame_rate, _is,
          "The frame rate varies. Export the video with a constant frame rate."),
    Check("min_edge", "picture_too_small", lambda m: min(m.width, m.height), _less,
          "The video is too small: shortest side {actual} px, minimum {limit} px. Use a larger video."),
    Check("max_edge", "picture_too_large", lambda m: max(m.width, m.height), _more,
          "The video is too large: longest side {actual} px, maximum {limit} px. Resize it."),
    Check("min_width", "picture_too_small", lambda m: m.width, _less,
          "The video is too small: width {actual} px, minimum {limit} px. Use a larger video."),
    Check("max_width", "picture_too_wide", lambda m: m.width, _more,
          "The video is too wide: {actual} px, maximum {limit} px. Resize it."),
    Check("min_height", "picture_too_small", lambda m: m.height, _less,
          "The video is too small: height {actual} px, minimum {limit} px. Use a larger video."),
    Check("max_height", "picture_too_high", lambda m: m.height, _more,
          "The video is too high: {actual} px, maximum {limit} px. Resize it."),
    Check("min_aspect", "picture_too_tall", _aspect, lambda a, limit: a < limit * (1 - ASPECT_TOLERANCE),
          "The video is too tall: width divided by height is {actual}, minimum {limit}. Crop it or add bars at the "
          "sides."),
    Check("max_aspect", "picture_too_flat", _aspect, lambda a, limit: a > limit * (1 + ASPECT_TOLERANCE),
          "The video is too flat: width divided by height is {actual}, maximum {limit}. Crop it or add bars above and "
          "below."),
    Check("max_video_bit_rate", "bit_rate_too_high", lambda m: m.video_bit_rate, _more,
          "The video bit rate is too high: {actual}, maximum {limit}. Export the video with a lower bit rate.",
          write=_bit_rate),
    Check("chroma", "chroma_not_supported", lambda m: m.chroma, _not_in,
          "The chroma subsampling is not supported: {actual}, accepted: {limit}. Export the video as yuv420p."),
    Check("max_bit_depth", "bit_depth_too_high", lambda m: m.bit_depth, _more,
          "The video has {actual} bits per colour, advised maximum {limit}. Export it with {limit} bits."),
    Check("sdr", "hdr", lambda m: m.hdr is not None, _is,
          "The video is HDR, so its colours may look pale. Export it as SDR."),
    Check("progressive", "interlaced", lambda m: m.interlaced, _is,
          "The video is interlaced. Export it as progressive (deinterlaced)."),
    Check("square_pixels", "pixels_not_square", lambda m: not m.square_pixels, _is,
          "The pixels are not square, so the video may look stretched. Export it with square pixels."),
    Check("closed_gop", "open_gop", lambda m: not m.closed_gop, _is,
          "The video has open groups of pictures (GOP). Export it with closed GOPs."),
    Check("index_first", "index_at_the_end", lambda m: not m.index_first, _is,
          "The file's index (moov) follows the media data. Export the file for the web (fast start)."),
    Check("no_edit_lists", "edit_list", lambda m: m.edit_list == "cut", _is,
          "An edit list hides parts of the file, and the platform may show them. Export the cut as a new file."),
    Check("no_fragments", "fragmented", lambda m: m.fragmented, _is,
          "The file consists of fragments, so its index (moov) is incomplete. Save it as an ordinary MP4."),
    Check("no_hev1", "hev1", lambda m: m.video_tag == "hev1", _is,
          "The HEVC video is marked hev1, so Apple's players reject it. Save it again with the mark hvc1."),
    Check("known_duration", "duration_not_stated", lambda m: not m.duration_in_header, _is,
          "The file does not state its duration. Recordings of browsers often lack it. Save it again as MP4."),
    Check("not_mirrored", "mirrored", lambda m: m.mirrored, _is,
          "The file asks players to mirror the picture, and the platform may not do so. Export it again."),
    Check("no_damage", "damaged", lambda m: m.damaged, _is,
          "Parts of the file are damaged, so players show errors. Export it again."),
)  # fmt: skip
