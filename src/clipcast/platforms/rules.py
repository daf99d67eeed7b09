"""Media rules as data: one table drives preflight, `GET /platforms` and the documentation."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from clipcast.common.media import Media
from clipcast.common.problems import Problem

# Platforms measure a little differently from us: 60.001 frames a second are 60 to all of them.
RATE_TOLERANCE = ASPECT_TOLERANCE = 0.005  # shares of the limit
DURATION_TOLERANCE = 0.05  # seconds

MP4, MP4_OR_MOV = frozenset({"mp4"}), frozenset({"mp4", "mov"})
H264, H264_OR_HEVC = frozenset({"h264"}), frozenset({"h264", "hevc"})
AAC = frozenset({"aac"})


@dataclass(frozen=True)
class MediaRules:
    """A platform's limits for a video file. None, or False, means that the platform documents no limit.

    Sets are what the platform takes. Breaking a rule is an error; breaking one that `soft` names is only a warning.
    Durations are seconds, sizes bytes, edges pixels as shown, rates per second, bit rates bits per second, aspects
    width divided by height.
    """

    docs_url: str
    containers: frozenset[str]
    video_codecs: frozenset[str]
    max_bytes: int
    max_duration: float | None  # None: each account has a limit of its own
    audio_codecs: frozenset[str] = AAC
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
    max_video_bit_rate: int | None = None
    chroma: frozenset[str] | None = None
    max_bit_depth: int | None = None
    sdr: bool = False
    progressive: bool = False
    square_pixels: bool = False
    closed_gop: bool = False
    # MP4 and MOV: the index (moov) comes before the media; no part of the media is hidden by an edit list.
    index_first: bool = False
    no_edit_lists: bool = False
    max_audio_rate: int | None = None
    max_audio_channels: int | None = None
    # What the platform names, and nobody is refused for.
    advised_audio_bit_rate: int | None = None
    soft: frozenset[str] = frozenset()
    # What else a caller can do with a file that breaks these rules.
    alternative: str = ""

    def check(self, media: Media) -> tuple[list[Problem], list[Problem]]:
        """Return errors and warnings about the file itself."""
        errors: list[Problem] = []
        warnings: list[Problem] = []
        for check in CHECKS:
            limit, actual = getattr(self, check.rule), check.fact(media)
            if limit is None or limit is False or actual is None or not check.breaks(actual, limit):
                continue
            into = warnings if check.rule in self.soft or check.advice else errors
            if check.advice and any(problem.code == check.advice for problem in errors):
                continue  # the stricter rule has said so
            message = check.message.format(limit=_written(limit), actual=_written(actual))
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
    """How one rule is checked: which fact of a file breaks it when, and what is said then.

    A fact of None is unknown, and breaks nothing. `advice` names the code of the error beside which this is not said.
    """

    rule: str
    code: str
    fact: Callable[[Media], Any]
    breaks: Callable[[Any, Any], bool]
    message: str
    advice: str | None = None


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


def _written(value: Any) -> str:
    if isinstance(value, frozenset):
        return ", ".join(sorted(value))
    return f"{value:,.10g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


CHECKS = (
    Check("containers", "container_not_supported", lambda m: m.container, _not_in,
          "The file is {actual}; accepted: {limit}. Save it as MP4."),
    Check("video_codecs", "video_codec_not_supported", lambda m: m.video_codec, _not_in,
          "The video codec is {actual}; accepted: {limit}. Export the video as H.264."),
    Check("audio_codecs", "audio_codec_not_supported", lambda m: m.audio_codec, _not_in,
          "The sound's codec is {actual}; accepted: {limit}. Export the sound as AAC."),
    Check("max_audio_rate", "audio_rate_too_high", lambda m: m.audio_rate, _more,
          "The sound has {actual} Hz, at most {limit}. Export it with 48,000 Hz."),
    Check("max_audio_channels", "too_many_audio_channels", lambda m: m.audio_channels, _more,
          "The sound has {actual} channels, at most {limit}. Export it as stereo."),
    Check("max_bytes", "file_too_large", lambda m: m.size, _more,
          "The file has {actual} bytes, at most {limit}. Upload a smaller file."),
    Check("min_bytes", "file_too_small", lambda m: m.size, _less,
          "The file has {actual} bytes, at least {limit}. Export it with a higher quality."),
    Check("max_duration", "video_too_long", lambda m: m.duration, lambda a, limit: a > limit + DURATION_TOLERANCE,
          "The video lasts {actual} s, at most {limit} s. Shorten it."),
    Check("min_duration", "video_too_short", lambda m: m.duration, lambda a, limit: a < limit - DURATION_TOLERANCE,
          "The video lasts {actual} s, at least {limit} s. Use a longer one."),
    Check("advised_min_duration", "video_very_short", lambda m: m.duration,
          lambda a, limit: a < limit - DURATION_TOLERANCE,
          "The video lasts {actual} s. Below {limit} s it may be refused.", advice="video_too_short"),
    Check("min_frame_rate", "frame_rate_too_low", lambda m: m.frame_rate,
          lambda a, limit: a < limit * (1 - RATE_TOLERANCE),
          "The video has {actual} frames per second, at least {limit}. Export it with 30."),
    Check("max_frame_rate", "frame_rate_too_high", lambda m: m.frame_rate,
          lambda a, limit: a > limit * (1 + RATE_TOLERANCE),
          "The video has {actual} frames per second, at most {limit}. Export it with 30."),
    Check("constant_frame_rate", "frame_rate_varies", lambda m: m.variable_frame_rate, _is,
          "The video's frame rate varies. Export it with a constant one."),
    Check("min_edge", "picture_too_small", lambda m: min(m.width, m.height), _less,
          "The shorter side has {actual} pixels, at least {limit}. Use a larger picture."),
    Check("max_edge", "picture_too_large", lambda m: max(m.width, m.height), _more,
          "The longer side has {actual} pixels, at most {limit}. Make the picture smaller."),
    Check("min_width", "picture_too_small", lambda m: m.width, _less,
          "The picture is {actual} pixels wide, at least {limit}. Use a larger picture."),
    Check("max_width", "picture_too_wide", lambda m: m.width, _more,
          "The picture is {actual} pixels wide, at most {limit}. Make it smaller."),
    Check("min_height", "picture_too_small", lambda m: m.height, _less,
          "The picture is {actual} pixels high, at least {limit}. Use a larger picture."),
    Check("max_height", "picture_too_high", lambda m: m.height, _more,
          "The picture is {actual} pixels high, at most {limit}. Make it smaller."),
    Check("min_aspect", "picture_too_tall", _aspect, lambda a, limit: a < limit * (1 - ASPECT_TOLERANCE),
          "Width divided by height is {actual}, at least {limit}. Crop the picture or add bars at its sides."),
    Check("max_aspect", "picture_too_flat", _aspect, lambda a, limit: a > limit * (1 + ASPECT_TOLERANCE),
          "Width divided by height is {actual}, at most {limit}. Crop the picture or add bars above and below."),
    Check("max_video_bit_rate", "bit_rate_too_high", lambda m: m.video_bit_rate, _more,
          "The picture takes {actual} bits per second, at most {limit}. Export it with a lower bit rate."),
    Check("chroma", "chroma_not_supported", lambda m: m.chroma, _not_in,
          "The picture's colours are stored as {actual}; accepted: {limit}. Export it as yuv420p."),
    Check("max_bit_depth", "bit_depth_too_high", lambda m: m.bit_depth, _more,
          "The picture has {actual} bits per colour; {limit} are the safe choice."),
    Check("sdr", "hdr", lambda m: m.hdr is not None, _is,
          "The video is HDR; colours may look pale. SDR is the safe choice."),
    Check("progressive", "interlaced", lambda m: m.interlaced, _is,
          "The video is interlaced. Export it progressive (deinterlaced)."),
    Check("square_pixels", "pixels_not_square", lambda m: not m.square_pixels, _is,
          "The picture is stored with pixels that are not square; it may look stretched. Export it with square ones."),
    Check("closed_gop", "open_gop", lambda m: not m.closed_gop, _is,
          "The video has open groups of pictures. Export it with closed ones (closed GOP)."),
    Check("index_first", "index_at_the_end", lambda m: not m.index_first, _is,
          "The file's index (moov) comes after its media. Save it for the web (fast start)."),
    Check("no_edit_lists", "edit_list", lambda m: m.edit_list == "cut", _is,
          "An edit list hides parts of the file, which may be shown after all. Export the cut as a new file."),
)  # fmt: skip
