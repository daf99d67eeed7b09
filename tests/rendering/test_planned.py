"""Plans and their results: a file that is made by a plan keeps the rules for which it was made."""

import os
from pathlib import Path

import pytest

from clipcast.rendering.children import Children
from clipcast.rendering.convert import convert
from clipcast.rendering.planner import plan
from clipcast.rendering.recipe import Recipe
from tests.rendering.corpus import make
from tests.rendering.corpus_files import FILES
from tests.rendering.test_convert import examined, source
from tests.rendering.test_planner import LENGTHS, RULES

# Files that differ in what they need. The others follow with CORPUS=whole.
SOME = (
    "ordinary.ts",
    "ordinary.mkv",
    "odd-edges.webm",
    "screen.mp4",
    "late-sound.mp4",
    "hidden-start.mp4",
    "place.mp4",
)
NAMES = [name for name, file in FILES.items() if not file.rejected] if os.environ.get("CORPUS") == "whole" else SOME


@pytest.mark.parametrize("name", NAMES)
async def test_made_file_keeps_the_rules_of_its_plan(name: str, corpus: Path, tmp_path: Path) -> None:
    path = make(FILES[name].recipe, corpus)
    media = (await examined(path)).media
    made: dict[str, Path] = {}
    wrong = {}
    for target, rules in RULES.items():
        planned = plan(media, rules)
        if planned.recipe is None:
            continue
        key = planned.recipe.key("source")
        if key not in made:
            made[key] = await _made(planned.recipe, path, tmp_path / key)
        output = (await examined(made[key])).media
        errors, _ = rules.check(output)
        if broken := {problem.code for problem in errors} - LENGTHS:
            wrong[target] = broken
        assert (output.width, output.height) == (planned.output.width, planned.output.height)
        assert output.duration == pytest.approx(planned.output.duration, abs=0.15)
    assert wrong == {}


async def _made(recipe: Recipe, path: Path, folder: Path) -> Path:
    folder.mkdir()
    return (await convert(Children(), [source(path)], recipe, folder)).path
