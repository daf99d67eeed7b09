"""Strategies: how a submission finds clips in a video.

This is the seam for finders of other kinds, such as one that rates clips by a language model: add a row to STRATEGIES
whose `find` returns `Found` with ratings. A finder runs in a renderer, on the queue `cpu`. It gets the facts of the
video and a `Cuts` that analyzes the file on demand.
"""

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from clipcast.common.media import Media
from clipcast.rendering.analysis import Subject

# The most clips of one submission.
FOUND_MAX = 500
LENGTH_MIN = 1.0  # seconds

# Return the seconds at which the video can be cut.
Cuts = Callable[[Subject], Awaitable[list[float]]]


@dataclass(frozen=True)
class Limits:
    """The part of the video to search, and the lengths of clips. All are in seconds."""

    start: float
    end: float
    min_length: float
    max_length: float


@dataclass(frozen=True)
class Found:
    """A clip, in seconds of the video. `rating` is from 0 to 100; None if the strategy does not rate."""

    start: float
    end: float
    title: str | None = None
    rating: float | None = None


Find = Callable[[Media, Limits, Cuts], Awaitable[list[Found]]]


@dataclass(frozen=True)
class Strategy:
    """A way to find clips, with its default lengths in seconds. One without `reads_file` needs no job."""

    id: str
    name: str
    description: str
    find: Find
    min_length: float
    max_length: float
    reads_file: bool = True


async def _whole(media: Media, limits: Limits, cuts: Cuts) -> list[Found]:
    return [Found(limits.start, limits.end)]


async def _scenes(media: Media, limits: Limits, cuts: Cuts) -> list[Found]:
    return divide(await cuts("scenes"), limits)


async def _silence(media: Media, limits: Limits, cuts: Cuts) -> list[Found]:
    return divide(await cuts("silence"), limits)


DAY = 86_400.0
STRATEGIES: Mapping[str, Strategy] = {
    one.id: one
    for one in (
        Strategy("whole", "Whole video", "One clip: the whole video, or the timeframe.", _whole, 0, DAY, False),
        Strategy("scenes", "Scenes", "Clips that begin and end where the picture changes.", _scenes, 5, 60),
        Strategy("silence", "Pauses", "Clips that begin and end in pauses of the sound.", _silence, 10, 60),
    )
}
DEFAULT = "whole"


def divide(cuts: Iterable[float], limits: Limits) -> list[Found]:
    """Divide a part of a video at cuts into clips that keep the lengths, at most FOUND_MAX.

    Each clip ends at the first possible cut, or after the greatest length. What is left at the end joins the last clip
    if that stays short enough, and is left out if it is too short itself. A part that is too short for any clip is one
    clip.
    """
    places = sorted(cut for cut in cuts if limits.start < cut < limits.end)
    found: list[Found] = []
    start = limits.start
    while start < limits.end and len(found) < FOUND_MAX:
        end = _next_end(places, start, limits)
        found.append(Found(start, end))
        start = end
    return _without_short_end(found, limits) if start >= limits.end else found


def _next_end(places: list[float], start: float, limits: Limits) -> float:
    at, latest = bisect_left(places, start + limits.min_length), start + limits.max_length
    return places[at] if at < len(places) and places[at] <= latest else min(latest, limits.end)


def _without_short_end(found: list[Found], limits: Limits) -> list[Found]:
    if len(found) < 2 or found[-1].end - found[-1].start >= limits.min_length:
        return found
    *others, before, last = found
    joined = Found(before.start, last.end)
    return [*others, joined if joined.end - joined.start <= limits.max_length else before]
