"""Conversions: what is done to a clip before a platform gets it, as preflight and the items of a post show it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from clipcast.clock import clock
from clipcast.common.media import Media, known_media, stored_media
from clipcast.common.media_words import codec_title, container_title, format_words, resolution
from clipcast.common.problems import Problem
from clipcast.common.timestamps import format_timestamp
from clipcast.database.models.posts import Item
from clipcast.platforms.base import Platform
from clipcast.platforms.metadata import Metadata
from clipcast.platforms.registry import PLATFORMS
from clipcast.rendering.planner import Plan, estimate_seconds, plan
from clipcast.rendering.recipe import Recipe
from clipcast.renders.names import what_is_made

# What callers choose for a clip: conversion where a platform needs it, or an error.
AUTO, NEVER = CONFORMS = ("auto", "never")
WILL_BE_CONVERTED = "will_be_converted"
# The rules of which the first sentence of their problem is replaced by the platform's formats.
FORMATS = {"container_not_supported", "video_codec_not_supported"}


@dataclass(frozen=True)
class Conversion:
    """The conversion of a clip for the target at `path`."""

    path: str
    platform: Platform[Any]
    edit_id: UUID
    media: Media
    recipe: Recipe
    reasons: tuple[str, ...]
    output: Media
    # Why: a sentence.
    because: str

    @property
    def estimate_seconds(self) -> int:
        """About how long it takes, if nothing else is converted."""
        return estimate_seconds(self.media, self.recipe)

    @property
    def summary(self) -> str:
        """What is done, for pages: `1080p, H.264, AAC`."""
        return what_is_made(self.recipe.action, self.output)

    def warnings(self, scheduled_at: datetime | None) -> Iterable[Problem]:
        """Return that the clip will be converted, and whether that ends after `scheduled_at`."""
        message = f"{self.because} Your file ({format_words(self.media)}) will be converted: {self.summary}."
        yield Problem(self.path, WILL_BE_CONVERTED, message)
        ready_at = clock.now() + timedelta(seconds=self.estimate_seconds)
        if scheduled_at and ready_at > scheduled_at:
            message = (
                f"The conversion for {self.platform.title} takes until about {format_timestamp(ready_at)}, so the clip "
                "may be published late. Choose a later time, or upload a file that needs no conversion."
            )
            yield Problem(self.path, "may_be_late", message, format_timestamp(scheduled_at), format_timestamp(ready_at))


def plan_of(media: Media, platform: Platform[Any], metadata: Metadata | None, conform: str) -> Plan:
    """Return the plan for a clip on a platform. With `conform` never, it is to send the file as it is."""
    rules = platform.media_for(metadata)
    return plan(media, rules) if conform == AUTO else Plan(None, (), media, *rules.check(media))


def conversion_of(
    path: str, platform: Platform[Any], metadata: Metadata | None, edit_id: UUID, media: Media, planned: Plan
) -> Conversion | None:
    """Return the conversion of a plan; None if it converts nothing, or if the output has problems."""
    if planned.recipe is None or planned.problems:
        return None
    reason = planned.reasons[0]
    rules = platform.media_for(metadata)
    if reason in FORMATS:
        containers = " or ".join(map(container_title, sorted(rules.containers)))
        because = (
            f"{platform.title} takes {containers} with {' or '.join(map(codec_title, sorted(rules.video_codecs)))}."
        )
    else:
        first = next(problem for problem in rules.check(media)[0] if problem.code == reason)
        because = f"{platform.title}: {first.message.split('. ')[0]}."
    return Conversion(path, platform, edit_id, media, planned.recipe, planned.reasons, planned.output, because)


def listed(conversions: list[Conversion]) -> list[dict[str, Any]]:
    """Return the conversions as responses show them, each with the paths of the targets that share its file."""
    paths: dict[tuple[UUID, str], list[str]] = defaultdict(list)
    keys = [(one.edit_id, one.recipe.key()) for one in conversions]
    for one, key in zip(conversions, keys, strict=True):
        paths[key].append(one.path)
    return [
        {
            "path": one.path,
            "platform": one.platform.name,
            "action": one.recipe.action,
            "reasons": list(one.reasons),
            "output": facts(one.output),
            "estimate_seconds": one.estimate_seconds,
            "shared_with": [path for path in paths[key] if path != one.path],
        }
        for one, key in zip(conversions, keys, strict=True)
    ]


def rendition_of(item: Item, source: dict[str, Any] | None, url: str | None) -> dict[str, Any] | None:
    """Return the conversion of an item as responses show it; None without one.

    `source` are the stored properties of the file that is converted. `url` is that of the converted file, if it exists.
    The item's rendition is loaded.
    """
    rendition = item.rendition
    if rendition is None:
        return None
    known = known_media(rendition.media or rendition.expected)
    return {
        "action": rendition.action,
        "reasons": list(_reasons(item, source)),
        "status": rendition.status,
        "progress": rendition.progress,
        "media": facts(known) if known else None,
        "size": rendition.size,
        "url": url,
    }


def stage_text(item: Item) -> str | None:
    """Return what an item in the stage `preparing` waits for, for people; None in any other stage.

    The item's rendition is loaded.
    """
    rendition = item.rendition
    if item.visible_stage != "preparing" or rendition is None or item.platform not in PLATFORMS:
        return None
    media = known_media(rendition.media or rendition.expected)
    made = f": {codec_title(media.video_codec)} {media.width}x{media.height}" if media else ""
    title = PLATFORMS[item.platform].title
    if rendition.status == "active":
        return f"Being converted for {title}{made} ({rendition.progress} %)"
    if rendition.error:  # it waits for the operator
        return f"Waits to be converted for {title}: {rendition.error['message']}"
    return f"Waits to be converted for {title}{made}"


def _reasons(item: Item, source: dict[str, Any] | None) -> tuple[str, ...]:
    """Return the codes of the rules that the file breaks; none if the rules or the file cannot be read any more."""
    if source is None or item.platform not in PLATFORMS:
        return ()
    platform = PLATFORMS[item.platform]
    try:
        return plan_of(stored_media(source), platform, platform.metadata.model_validate(item.details), AUTO).reasons
    except ValueError:
        return ()


def facts(media: Media) -> dict[str, Any]:
    """Return the properties of a converted file that responses show."""
    names = ("container", "duration", "width", "height", "frame_rate", "video_codec", "audio_codec")
    return {name: getattr(media, name) for name in names} | {"resolution": resolution(media)}
