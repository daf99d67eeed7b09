"""How each file of the corpus fares on each platform: what was done with it, or why it was not published."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from sqlalchemy import select

from clipcast.database.models.renditions import Rendition
from clipcast.testing.case import Case
from clipcast.testing.harness import Stage
from tests.rendering.corpus import Recipe

# The shortest and the longest video of each platform in seconds (docs/platforms/*.md 3).
LENGTHS: Mapping[str, tuple[float, float]] = {
    "tiktok": (0, 300), "youtube": (0, 900), "instagram": (3, 900), "threads": (0, 300), "facebook": (3, 90),
    "pinterest": (4, 900), "linkedin": (3, 1800), "bluesky": (0, 600),
}  # fmt: skip
# The corpus is small, so that all its files are probed quickly. Most platforms publish only larger and longer videos.
SIZES = {(180, 320): (540, 960), (90, 160): (540, 960)}
SECONDS = 4.8
# LinkedIn publishes no file of less than 75 000 bytes.
TAGS = {"comment": "x" * 80_000}
# The files whose length or size is what they test.
AS_THEY_ARE = ("one-frame.mp4", "few-frames.mpg")
AS_IS, REFUSED, FAILED, UPLOAD = "as it is", "refused", "failed", "not taken"
PUBLISHED = (AS_IS, "remux", "audio", "video")


@dataclass(frozen=True)
class Outcome:
    """What became of a file on a platform: one of PUBLISHED, or why it was not published."""

    action: str
    codes: tuple[str, ...] = ()


def publishable(recipe: Recipe) -> Recipe:
    """Return the recipe of the same file, in a size and a length that platforms publish."""
    if recipe.name in AS_THEY_ARE:
        return recipe
    return replace(
        recipe,
        size=SIZES.get(recipe.size, recipe.size),
        tags=recipe.tags or TAGS,
        seconds=max(recipe.seconds, SECONDS),
        times=recipe.times and _continued(recipe.times, SECONDS),
        sound_seconds=SECONDS - recipe.sound_start if recipe.sound_start else recipe.sound_seconds,
    )


def _continued(times: Sequence[Fraction | float], seconds: float) -> list[Fraction]:
    """Repeat the pattern of times until it lasts so long."""
    known = [Fraction(time) for time in times]
    period = known[-1] - known[0] + (known[-1] - known[0]) / (len(known) - 1)
    rounds = range(int(Fraction(seconds) / period) + 1)
    return [time + period * number for number in rounds for time in known if time + period * number < seconds]


def length_of(recipe: Recipe) -> float:
    """Return the length of the recipe's file in seconds."""
    picture = float(recipe.frame_times()[-1] + 1 / recipe.rate) if recipe.codec else 0
    sound = recipe.sound_start + (recipe.sound_seconds or 0) if recipe.sound else 0
    return max(picture, sound)


def is_lengths_fault(platform: str, recipe: Recipe) -> bool:
    """Return whether the platform publishes no video of this length."""
    shortest, longest = LENGTHS[platform]
    return not shortest <= length_of(recipe) <= longest


async def publish_everywhere(stage: Stage, cases: Sequence[Case], path: Path, name: str) -> dict[str, Outcome]:
    """Publish a file with one post to every platform that preflight lets it through to. Return the outcomes."""
    edit = await _upload(stage, path, name)
    if isinstance(edit, Outcome):
        return {case.platform: edit for case in cases}
    targets = {
        case.platform: {"connectionId": await case.connect(stage), "metadata": {case.platform: case.metadata}}
        for case in cases
    }
    outcomes: dict[str, Outcome] = {}
    while targets:
        body = {"videos": [{"editId": edit, "targets": list(targets.values())}]}
        response = await stage.caller.post("/posts", body)
        if response.status_code == 201:
            await stage.run_until_ended()
            return outcomes | await _endings(stage, response.json()["post_id"], path)
        refused = _refused(response.json()["errors"], list(targets))
        outcomes |= refused
        targets = {platform: target for platform, target in targets.items() if platform not in refused}
    return outcomes


async def _upload(stage: Stage, path: Path, name: str) -> str | Outcome:
    """Upload a file. Returns its render, or the reason why it was rejected."""
    started = (await stage.caller.post("/videos/upload", {"file_name": name, "file_size": path.stat().st_size})).json()
    stored = await stage.caller.http.put(started["upload_url"], content=path.read_bytes())
    if stored.status_code != 200:
        return Outcome(UPLOAD, (stored.json()["code"],))
    done = await stage.caller.post("/videos/upload/complete", {"video_id": started["video_id"], "file_name": name})
    if done.status_code != 200:
        return Outcome(UPLOAD, tuple(error["code"] for error in done.json()["errors"]))
    render = await stage.caller.post("/renders", {"video_id": started["video_id"]})
    return str(render.json()["edit_setting_id"])


def _refused(errors: Sequence[Mapping[str, Any]], platforms: Sequence[str]) -> dict[str, Outcome]:
    """Return the platforms that preflight refuses, from the paths of its errors."""
    codes: dict[str, list[str]] = {}
    for error in errors:
        place = error["path"].split("/")
        assert place[3] == "targets", error
        codes.setdefault(platforms[int(place[4])], []).append(error["code"])
    assert codes, errors
    return {platform: Outcome(REFUSED, tuple(dict.fromkeys(found))) for platform, found in codes.items()}


async def _endings(stage: Stage, post_id: str, path: Path) -> dict[str, Outcome]:
    """Return how the items of a post ended. A file that needs no conversion is published bit for bit."""
    received = {post["platform"]: post["sha256"] for post in await stage.sandbox.posts()}
    unchanged = hashlib.sha256(path.read_bytes()).hexdigest()
    endings = {}
    for item in (await stage.show(post_id))["items"]:
        platform, error, rendition = item["platform"], item["error"], item.get("rendition")
        if item["status"] != "published":
            endings[platform] = Outcome(FAILED, (error["code"] if error else item["status"],))
            continue
        assert (received[platform] == unchanged) is (rendition is None), platform
        endings[platform] = Outcome(rendition["action"] if rendition else AS_IS)
    return endings


async def encodings(stage: Stage) -> int:
    """Return how often pictures were encoded."""
    async with stage.installation.database.session() as session:
        found = await session.execute(select(Rendition.id).where(Rendition.action == "video"))
        return len(found.all())
