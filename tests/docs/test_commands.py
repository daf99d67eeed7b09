"""The README and the pages of docs/ name only make targets, commands, options and settings that exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from clipcast.cli import app
from clipcast.common.settings import APP_SUFFIXES, INTERNAL, OF_CLIENTS, PREFIX, Settings
from clipcast.platforms.registry import declared

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
# Groups: a command line up to the end of its shell command.
CLIPCAST = re.compile(r"(?:^|bin/|\$ )clipcast(?=[ \n]|$)((?: [^\n;|&<>`]*)?)")
MAKE = re.compile(r"(?:^|\$ |&& |')make((?: [^\n;|&<>`]*)?)")


@pytest.fixture(params=PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def page(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_named_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {word for words in _commands(page, MAKE) for word in words if re.fullmatch(r"[a-z-]+", word)}
    assert not named - targets


def test_named_clipcast_commands_and_options_exist(page: Path) -> None:
    assert not [problem for words in _commands(page, CLIPCAST) if (problem := _unknown_part(words))]


def test_named_settings_exist(page: Path) -> None:
    settings = {PREFIX + field.upper() for field in Settings.model_fields} | {*INTERNAL, *OF_CLIENTS}
    settings |= {PREFIX + name.upper() for name in declared().settings}
    settings |= {PREFIX + name.upper() + suffix for name in declared().apps for suffix in APP_SUFFIXES}
    named = set(re.findall(rf"\b{PREFIX}[A-Z][A-Z_]*[A-Z]\b", page.read_text()))
    assert not named - settings


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["serve", "--port", "8000"], None),
        (["keys", "create", "--workspace", "Demo"], None),
        (["connect", "tiktok", "-w", "Demo"], None),
        (["srve"], "srve"),
        (["keys", "make"], "keys make"),
        (["serve", "--prt=8000"], "serve --prt"),
    ],
)
def test_unknown_part_names_command_or_option(words: list[str], expected: str | None) -> None:
    assert _unknown_part(words) == expected


def _commands(page: Path, pattern: re.Pattern[str]) -> Iterator[list[str]]:
    """Yield the words after the program's name for each command that the page shows."""
    text = page.read_text()
    blocks = [match[2] for match in FENCE.finditer(text) if match[1] in ("", "sh")]
    spans = re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    for line in "\n".join([*blocks, *spans]).replace("\\\n", " ").splitlines():
        for match in pattern.finditer(line.strip()):
            words = match[1].split(" #")[0].strip()
            # A quote that opens before the program's name closes after its last word.
            yield shlex.split(words.removesuffix("'") if words.count("'") % 2 else words)


def _unknown_part(words: list[str]) -> str | None:
    """Return the first command or option that the CLI lacks."""
    command: Any = typer.main.get_command(app)
    path: list[str] = []
    for word in words:
        if hasattr(command, "list_commands") and not word.startswith(("-", "[")):
            path.append(word)
            if word not in command.commands:
                return " ".join(path)
            command = command.commands[word]
        elif word.startswith("-"):
            option = word.partition("=")[0]
            options = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
            if option not in options | {"--help", "-h", "--version"}:
                return " ".join([*path, option])
    return None
