"""The operator's folder of fonts."""

from pathlib import Path

FONT_FILES = {".ttf", ".otf", ".ttc", ".otc"}


def fonts_in(folder: Path) -> list[Path]:
    """Return the files of fonts in a folder and its folders."""
    return [path for path in folder.rglob("*") if path.suffix.lower() in FONT_FILES] if folder.is_dir() else []


def named(name: str | None, paths: list[Path]) -> list[Path]:
    """Return those of the files that a caller names, with or without the ending."""
    return [path for path in paths if name in (path.name, path.stem)]
