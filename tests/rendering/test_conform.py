"""Every file of the corpus is published on every platform that takes its length."""

import os
from pathlib import Path
from typing import Any

import pytest

from clipcast.platforms.registry import PLATFORMS
from clipcast.testing.case import Case
from clipcast.testing.harness import Stage
from tests.rendering.conform import (
    AS_THEY_ARE,
    LENGTHS,
    PUBLISHED,
    encodings,
    is_lengths_fault,
    publish_everywhere,
    publishable,
)
from tests.rendering.conftest import table
from tests.rendering.corpus import make
from tests.rendering.corpus_files import FILES

# CORPUS=whole publishes all files (`make conform`).
IS_WHOLE = os.environ.get("CORPUS") == "whole"
# The files that differ most in what is done with them.
SHORT = (
    "index-first.mp4",
    "live.mkv",
    "ordinary.ts",
    "ordinary.3gp",
    "hev1.mp4",
    "9-21.mp4",
    "phone.mp4",
    "no-sound.mp4",
    "late-sound.mp4",
    "open-groups-hevc.mp4",
    "one-frame.mp4",
    "encrypted.mp4",
    "playlist.mp4",
)
# What is in no known format is rejected before it is probed.
REJECTED_AT_ONCE = {"not_a_video": "unsupported_media_type"}
# A post to all platforms encodes the pictures at most so often: once for all, and once for another shape.
MOST_ENCODINGS = 2
NAMES = FILES if IS_WHOLE else SHORT


@pytest.mark.parametrize("name", NAMES)
async def test_file_is_published_wherever_its_length_is_taken(
    stage: Stage, cases: list[Case], corpus: Path, name: str, record_property: Any
) -> None:
    file = FILES[name]
    recipe = publishable(file.recipe)
    outcomes = await publish_everywhere(stage, cases, make(recipe, corpus), name)
    record_property("outcomes", {platform: [one.action, *one.codes] for platform, one in outcomes.items()})
    if file.rejected:
        code = REJECTED_AT_ONCE.get(file.rejected, file.rejected)
        assert {one.codes for one in outcomes.values()} == {(code,)}
        return
    missed = {
        platform: outcome
        for platform, outcome in outcomes.items()
        if outcome.action not in PUBLISHED and not is_lengths_fault(platform, recipe)
    }
    assert not missed
    assert await encodings(stage) <= MOST_ENCODINGS


def test_every_platform_has_lengths() -> None:
    assert set(LENGTHS) == set(PLATFORMS)


@pytest.mark.parametrize("name", [name for name, file in FILES.items() if not file.rejected])
def test_files_have_a_length_that_all_platforms_take(name: str) -> None:
    """Only the files that are about a length or a size are shorter."""
    recipe = publishable(FILES[name].recipe)
    taken = not any(is_lengths_fault(platform, recipe) for platform in LENGTHS)
    assert taken is (name not in AS_THEY_ARE)


def test_table_counts_the_published_pairs() -> None:
    fits, refused = ["as it is"], ["refused", "open_gop"]
    converted = {"a.mp4": {"tiktok": fits, "threads": ["video"]}, "b.mkv": {"tiktok": refused, "threads": refused}}
    lines = list(table(converted))
    assert lines[0].split() == ["threads", "tiktok"]
    assert lines[1].split() == ["a.mp4", "video", "as", "it", "is"]
    assert lines[2].split() == ["b.mkv", "refused", "1", "refused", "1"]
    assert "  1  open_gop" in lines
    assert lines[-1] == "Published pairs: 2 of 4"
