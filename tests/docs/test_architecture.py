"""docs/architecture.md shows the rooms that import-linter checks, and names code that exists."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "clipcast"
PAGE = (ROOT / "docs" / "architecture.md").read_text()
# A file of the source, and a name that it defines: `jobs/queue.py` (`claim`).
NAMED = re.findall(r"`([a-z_/]+\.py)`\s+\(`(\w+)`\)", PAGE)


def floors_of_the_picture() -> list[str]:
    [picture] = re.findall(r"```\n(testing .*?)```", PAGE, re.DOTALL)
    return [re.split(r" {2,}", line)[0] for line in picture.splitlines() if not line.startswith(" ")]


def floors_of_the_rule() -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    [layers] = [contract["layers"] for contract in settings["contracts"] if contract["type"] == "layers"]
    assert isinstance(layers, list)
    return layers


def test_picture_shows_the_floors_that_import_linter_checks() -> None:
    assert floors_of_the_picture() == floors_of_the_rule()


def test_picture_shows_every_room() -> None:
    rooms = {path.name.removesuffix(".py") for path in SOURCE.iterdir() if not path.name.startswith("_")} - {"py.typed"}
    assert {room for floor in floors_of_the_picture() for room in floor.split(" | ")} == rooms


def test_walk_passes_through_the_rooms_of_a_post() -> None:
    passed = {file.split("/")[0] for file, _ in NAMED}
    assert {"server", "api", "posts", "publishing", "jobs", "connections", "platforms"} <= passed


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[f"{file}:{name}" for file, name in NAMED])
def test_named_code_exists(file: str, name: str) -> None:
    defined = {getattr(node, "name", None) for node in ast.parse((SOURCE / file).read_text()).body}
    assert name in defined
