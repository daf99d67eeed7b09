"""The tests mirror the tree of the sources."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SOURCES = TESTS.parent / "src" / "clipcast"
# Folders of tests that concern several folders of the sources.
ACROSS = {"conformance", "crash", "docs", "e2e", "examples", "generated_clients", "integrations", "real_pds"}


def packages(folder: Path) -> Iterator[str]:
    """Yield the names of the packages that are direct children of `folder`."""
    return (path.parent.name for path in sorted(folder.glob("*/__init__.py")))


# The parts of a folder are tested with it, except platforms, which contributors add one by one.
FOLDERS = [*packages(SOURCES), *(f"platforms/{name}" for name in packages(SOURCES / "platforms"))]


def names_of_tests(folder: Path) -> list[str]:
    """Return the names of the test functions in a folder."""
    return [
        node.name
        for path in sorted(folder.glob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]


@pytest.mark.parametrize("folder", FOLDERS)
def test_folder_of_sources_has_tests_in_the_folder_of_the_same_name(folder: str) -> None:
    """Every folder under src/clipcast has its folder under tests, with at least one test."""
    assert names_of_tests(TESTS / folder), f"Write a test in tests/{folder}/test_*.py for src/clipcast/{folder}."


def test_folder_of_tests_names_a_folder_of_sources() -> None:
    """A test stands beside the others of its folder, so that readers find it."""
    unknown = sorted(set(packages(TESTS)) - set(packages(SOURCES)) - ACROSS)
    assert not unknown, "Move these tests to the folder of the sources that they test, or add them to ACROSS."
