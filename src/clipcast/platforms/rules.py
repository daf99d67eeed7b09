"""Media rules as data: one table drives preflight, `GET /platforms` and the documentation."""

from dataclasses import dataclass

from clipcast.clips.media import Media
from clipcast.problems import Problem


@dataclass(frozen=True)
class MediaRules:
    """A platform's limits for a video file. None means that the platform documents no limit.

    Sets are what the platform takes; `strict_format` tells whether another container or codec is an error or only
    worth a warning. Durations are seconds, sizes bytes, edges pixels after rotation.
    """

    docs_url: str
    containers: frozenset[str]
    video_codecs: frozenset[str]
    strict_format: bool
    max_bytes: int
    max_duration: float
    advised_min_duration: float
    min_frame_rate: float | None = None
    max_frame_rate: float | None = None
    min_edge: int | None = None
    max_edge: int | None = None
    max_width: int | None = None
    min_aspect: float | None = None  # width divided by height
    max_aspect: float | None = None
    min_bytes: int | None = None
    min_duration: float | None = None

    def check(self, media: Media) -> tuple[list[Problem], list[Problem]]:
        """Errors and warnings about the file itself."""
        errors: list[Problem] = []
        warnings: list[Problem] = []

        def bad(into: list[Problem], code: str, message: str, limit: object, actual: object) -> None:
            into.append(Problem("", code, message, limit, actual, self.docs_url))

        by_format = errors if self.strict_format else warnings
        if media.container not in self.containers:
            bad(by_format, "container_not_supported", f"The file is {media.container}; use mp4.",
                sorted(self.containers), media.container)  # fmt: skip
        if media.video_codec not in self.video_codecs:
            bad(by_format, "video_codec_not_supported", f"The video is {media.video_codec}; use h264.",
                sorted(self.video_codecs), media.video_codec)  # fmt: skip
        if media.audio_codec not in (None, "aac"):
            bad(warnings, "audio_codec_not_advised", f"The sound is {media.audio_codec}; aac is the safe choice.",
                "aac", media.audio_codec)  # fmt: skip
        if media.size > self.max_bytes:
            bad(errors, "file_too_large", f"The file may have {self.max_bytes} bytes.", self.max_bytes, media.size)
        if media.duration > self.max_duration:
            bad(errors, "video_too_long", f"At most {self.max_duration:g} s; this is {media.duration:.1f} s.",
                self.max_duration, media.duration)  # fmt: skip
        if self.min_bytes and media.size < self.min_bytes:
            message = f"The file needs at least {self.min_bytes} bytes."
            bad(errors, "file_too_small", message, self.min_bytes, media.size)
        if self.min_duration and media.duration < self.min_duration:
            message = f"At least {self.min_duration:g} s; this is {media.duration:.1f} s."
            bad(errors, "video_too_short", message, self.min_duration, media.duration)
        elif media.duration < self.advised_min_duration:
            bad(warnings, "video_very_short", f"Shorter than {self.advised_min_duration:g} s may be refused.",
                self.advised_min_duration, media.duration)  # fmt: skip
        if self.min_frame_rate and media.frame_rate < self.min_frame_rate:
            bad(errors, "frame_rate_too_low", f"At least {self.min_frame_rate:g} frames per second.",
                self.min_frame_rate, media.frame_rate)  # fmt: skip
        if self.max_frame_rate and media.frame_rate > self.max_frame_rate:
            bad(errors, "frame_rate_too_high", f"At most {self.max_frame_rate:g} frames per second.",
                self.max_frame_rate, media.frame_rate)  # fmt: skip
        if self.min_edge and min(media.width, media.height) < self.min_edge:
            bad(errors, "picture_too_small", f"Width and height need at least {self.min_edge} pixels each.",
                self.min_edge, min(media.width, media.height))  # fmt: skip
        if self.max_edge and max(media.width, media.height) > self.max_edge:
            bad(errors, "picture_too_large", f"Width and height may have {self.max_edge} pixels each.",
                self.max_edge, max(media.width, media.height))  # fmt: skip
        if self.max_width and media.width > self.max_width:
            message = f"The picture may be {self.max_width} pixels wide."
            bad(errors, "picture_too_wide", message, self.max_width, media.width)
        aspect = round(media.width / media.height, 4)
        if self.min_aspect and aspect < self.min_aspect:
            message = f"Width divided by height must be at least {self.min_aspect:g}."
            bad(errors, "picture_too_tall", message, self.min_aspect, aspect)
        if self.max_aspect and aspect > self.max_aspect:
            message = f"Width divided by height may be {self.max_aspect:g}."
            bad(errors, "picture_too_flat", message, self.max_aspect, aspect)
        return errors, warnings

    def as_dict(self) -> dict[str, object]:
        """The `media` object of `GET /platforms`."""
        return {key: sorted(value) if isinstance(value, frozenset) else value for key, value in vars(self).items()}
