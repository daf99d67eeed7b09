"""The page of the commands, from the Typer app."""

from collections.abc import Iterator
from typing import Any

import typer

from clipcast.cli import app

NAME = "clipcast"
HEAD = """# The command line

`make docs` generates this page from the commands' own help. Every command also has `--help`.
`make demo` installs the command as `.venv/bin/clipcast`; the pages call it `clipcast`.

`post`, `posts`, `accounts`, `upload`, `render`, `webhooks`, `login`, `logout` and `mcp` call the API of any
installation: [post from the command line](command-line.md) shows how. The other commands run on the installation's
machine, and their [settings](configuration.md) come from the environment.

| exit code | meaning |
| --- | --- |
| 0 | The command succeeded, or a server stopped after SIGTERM or Ctrl-C. A post is live, scheduled or on its way. |
| 1 | The command failed, a check found an error, or an item failed. The message states the cause. |
| 2 | The arguments, settings or the post are invalid, and nothing was done. The message lists all problems. |
| 3 | Clipcast cannot be reached. |
| 70 | A worker could not renew its leases. `clipcast serve` starts another one. |
| 90 | An operator drained this worker of `clipcast serve`, which does not start it again. |
| 130 | Ctrl-C ended the command before its work was done. A command for posting states how to continue. |
"""


def page() -> str:
    """Return the whole page."""
    group: Any = typer.main.get_command(app)
    context = group.make_context(NAME, ["--help"], resilient_parsing=True)
    commands = list(_commands(group, context, NAME))
    index = "".join(f"| [`{name}`](#{_anchor(name)}) | {_first_line(command)} |\n" for name, command, _ in commands)
    sections = "".join(_section(name, command, within) for name, command, within in commands)
    return f"{HEAD}\n| command | purpose |\n| --- | --- |\n{index}{sections}"


def _commands(group: Any, context: Any, prefix: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield the name, the command and its context for each command that does something."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command.hidden:
            continue
        within = context.__class__(command, parent=context, info_name=name)
        if hasattr(command, "list_commands"):
            yield from _commands(command, within, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command, within


def _section(name: str, command: Any, context: Any) -> str:
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    lines = [f"\n## {name}\n", f"{_paragraphs(command)}\n", f"```\n{usage}\n```"]
    rows = [_row(param.get_help_record(context)) for param in command.get_params(context) if param.name != "help"]
    if any(rows):
        lines += ["\n| argument or option | meaning |\n| --- | --- |", *filter(None, rows)]
    return "\n".join(lines) + "\n"


def _row(record: tuple[str, str] | None) -> str:
    if record is None:  # hidden
        return ""
    name, meaning = record
    return f"| `{_cell(name)}` | {_cell(meaning)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _paragraphs(command: Any) -> str:
    parts = (command.help or "").strip().split("\n\n")
    return "\n\n".join(" ".join(part.split()) for part in parts)


def _first_line(command: Any) -> str:
    return _cell(_paragraphs(command).split("\n")[0])


def _anchor(heading: str) -> str:
    return heading.lower().replace(" ", "-")
