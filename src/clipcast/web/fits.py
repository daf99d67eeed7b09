"""What each platform does with a file: it takes the file as it is, Clipcast converts it, or nothing helps."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from clipcast.common.media import Media
from clipcast.common.media_words import codec_title, container_title, format_words, quality_words
from clipcast.platforms.base import Platform
from clipcast.platforms.registry import PLATFORMS
from clipcast.platforms.rules import MediaRules
from clipcast.rendering.planner import plan
from clipcast.rendering.recipe import Action
from clipcast.web.pages import length, size

TOO_LONG = "video_too_long"
# With more codecs, a platform takes nearly any.
FEW = 4


@dataclass(frozen=True)
class Outcome:
    """What becomes of a file on a platform: `fits`, `converted`, `advised` against, or `misfits`, and why.

    `kind` is the kind of post, if the platform has several with rules of their own. `trim_to` is the most seconds, if
    the file is only too long.
    """

    platform: str
    kind: str
    verdict: str
    why: str
    trim_to: float | None = None


def outcomes(media: Media) -> list[Outcome]:
    """Return what becomes of the file for each platform and kind of post."""
    return [
        _outcome(media, platform, kind, rules) for platform in PLATFORMS.values() for kind, rules in _kinds(platform)
    ]


def by_platform(media: Media) -> Mapping[str, Outcome]:
    """Return what becomes of the file for the general rules of each platform, by the platform's name."""
    return {one.name: _outcome(media, one, "", one.media) for one in PLATFORMS.values()}


def _kinds(platform: Platform[Any]) -> Iterator[tuple[str, MediaRules]]:
    """Yield each kind of post and its rules. The general rules have no name."""
    yield "", platform.media
    for kind, rules in platform.media_kinds.items():
        yield platform.metadata.value_titles.get(kind, kind), rules


def _outcome(media: Media, platform: Platform[Any], kind: str, rules: MediaRules) -> Outcome:
    made = plan(media, rules)
    if made.problems:
        codes = {problem.code for problem in made.problems}
        trim_to = rules.max_duration if codes == {TOO_LONG} else None
        return Outcome(platform.name, kind, "misfits", " ".join(one.message for one in made.problems), trim_to)
    warnings = " ".join(one.message for one in made.warnings)
    if made.recipe is None:
        return Outcome(platform.name, kind, "advised" if warnings else "fits", warnings or "Sent as it is.")
    return Outcome(platform.name, kind, "converted", f"{_converted(made.action, made.output)} {warnings}".strip())


def _converted(action: Action, output: Media) -> str:
    if action is Action.REMUX:
        return "Will be saved as MP4. Picture and sound stay as they are."
    if action is Action.AUDIO:
        return "The sound will be converted to AAC. The picture stays as it is."
    return f"Will be converted: {quality_words(output)}."


def rules_in_words(platform: Platform[Any], details: Mapping[str, Any]) -> str:
    """Return the main limits of files for a post with these settings: formats, length and size."""
    try:
        rules = platform.media_for(platform.metadata.model_validate(details))
    except ValidationError:
        rules = platform.media
    formats = _one_of(map(container_title, rules.containers))
    codecs = f" with {_one_of(map(codec_title, rules.video_codecs))}" if len(rules.video_codecs) <= FEW else ""
    spans = {"at least": rules.min_duration, "at most": rules.max_duration}
    spoken = [f"{words} {length(limit)} long" for words, limit in spans.items() if limit]
    return f"{platform.title} takes {', '.join([formats + codecs, *spoken, f'at most {size(rules.max_bytes)}'])}."


def file_in_words(media: Media) -> str:
    """Return what the same limits are about: MP4, H.264, AAC, 720x1280, 0:05 long, 0.9 MB."""
    return ", ".join(
        [format_words(media), f"{media.width}x{media.height}", f"{length(media.duration)} long", size(media.size)]
    )


def _one_of(names: Iterable[str]) -> str:
    *others, last = sorted(names) or [""]
    return f"{', '.join(others)} or {last}" if others else last
