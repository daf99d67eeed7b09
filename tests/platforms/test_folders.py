"""A platform's folder stands alone: it imports what platforms share, never another platform."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import clipcast

SOURCE = Path(clipcast.__file__).parent
# What several simulators share is in a folder of its own, too.
SHARED = {"graph", "media"}


def folders(room: str) -> list[Path]:
    return [path for path in sorted((SOURCE / room).iterdir()) if (path / "__init__.py").exists()]


def imported(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
            elif isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("room", ["platforms", "sandbox"])
def test_platform_folder_imports_no_other_platform(room: str) -> None:
    names = {folder.name for folder in folders(room)} - SHARED
    assert len(names) >= 8
    wrong = [
        f"{folder.name} imports {module}"
        for folder in folders(room)
        for module in imported(folder)
        for other in names - {folder.name}
        if f"{module}.".startswith(f"clipcast.{room}.{other}.")
    ]
    assert wrong == []
