"""What all commands for posting share: the client, messages, JSON, and exit codes that mean something."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clipcast.cli.client import installations
from clipcast.cli.client.times import with_local_times

if TYPE_CHECKING:
    from clipcast.sdk import Clipcast

# All is live or scheduled; something failed; wrong usage, or rejected by a check; Clipcast cannot be reached.
OK, FAILED, USAGE, UNREACHABLE = 0, 1, 2, 3
INTERRUPTED = 130
# The codes of errors in JSON that have none of their own, by exit code.
CODES = {FAILED: "failed", USAGE: "usage", UNREACHABLE: "unreachable", INTERRUPTED: "interrupted"}
# Characters that control a terminal, or turn the direction of a text around.
CONTROLS = re.compile("[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069]")
# Seconds for a response; how often a request is sent whose connection is lost, and the seconds before the second time.
TIMEOUT, ATTEMPTS, FIRST_PAUSE = 60.0, 5, 0.3

Url = Annotated[
    str | None,
    typer.Option(
        "--url", help="Address of the installation. Default: CLIPCAST_URL, the last login, or a running demo."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else to standard output.")]


class Refused(Exception):
    """The command ends with this exit code and message. `details` are further lines, `data` is for `--json`."""

    def __init__(self, message: str, code: int = USAGE, details: Sequence[str] = (), data: Any = None) -> None:
        super().__init__(message)
        self.message, self.code, self.details, self.data = message, code, list(details), data


class Session:
    """A client, and what to say if a person interrupts the command, or if the connection is lost."""

    def __init__(self, client: Clipcast, url: str, as_json: bool, caller: str = "") -> None:
        self.client = client
        self.url = url
        # Tells the key and the workspace from others, without showing the key.
        self.caller = caller
        self.as_json = as_json
        self.on_interrupt = "Stopped."
        self.on_loss = ""
        # Whether the command prints until a person ends it: then that is no error, also not in JSON.
        self.is_endless = False

    def result(self, data: Any, lines: Sequence[str]) -> None:
        """Print the result: `data` with `--json`, otherwise the lines."""
        show(data, lines, self.as_json)


@contextmanager
def session(url: str | None, as_json: bool, timeout: float = TIMEOUT) -> Iterator[Session]:
    """Open a client until the end of the block. Errors end the command with a message and an exit code."""
    found: Session | None = None
    with ending(as_json):
        from clipcast.sdk import Clipcast, ClipcastError, Retries

        try:
            installation = installations.find(url)
        except installations.NoInstallation as error:
            raise Refused(str(error)) from None
        if installation.source == "demo":
            say(f"Using the demo at {installation.url}.")
        workspace = os.environ.get(installations.WORKSPACE)
        retries = Retries(ATTEMPTS, FIRST_PAUSE)
        with Clipcast(installation.key, installation.url, workspace, timeout, retries=retries) as client:
            found = Session(client, installation.url, as_json, _caller_of(installation.key, workspace))
            try:
                yield found
            except (KeyboardInterrupt, typer.Abort):
                if found.is_endless:
                    say(found.on_interrupt)
                    raise typer.Exit(INTERRUPTED) from None
                raise Refused(found.on_interrupt, INTERRUPTED) from None
            except ClipcastError as error:
                refused = _refused(error)
                if refused.code != USAGE and found.on_loss:
                    refused.details.append(found.on_loss)
                raise refused from None


def _caller_of(key: str, workspace: str | None) -> str:
    return hashlib.sha256(json.dumps([key, workspace or ""]).encode()).hexdigest()[:32]


@contextmanager
def ending(as_json: bool) -> Iterator[None]:
    """Turn the errors of the block into a message and an exit code."""
    try:
        yield
    except Refused as error:
        refused = error
    except (KeyboardInterrupt, typer.Abort):
        refused = Refused("Stopped.", INTERRUPTED)
    except typer.Exit:
        raise
    except Exception as error:
        from clipcast.sdk import ClipcastError

        if not isinstance(error, ClipcastError):
            raise
        refused = _refused(error)
    else:
        return
    if as_json:
        own = {"code": CODES[refused.code], "message": refused.message, "details": refused.details}
        show({"error": own} | (refused.data or {}), (), True)
    for line in (refused.message, *refused.details):
        say(line, typer.colors.RED if line == refused.message and refused.code != INTERRUPTED else None)
    raise typer.Exit(refused.code)


@contextmanager
def about(file: str) -> Iterator[None]:
    """Have errors of the API name the file that the block uploads or imports: the API knows the bytes alone."""
    from clipcast.sdk import ApiError

    try:
        yield
    except ApiError as error:
        if file not in error.message:
            error.message = f"{file}: {error.message}"
        raise


def _refused(error: Any) -> Refused:
    from clipcast.sdk import ApiError, ConnectionFailed, ServerError, Unavailable, UnexpectedResponse

    if isinstance(error, ConnectionFailed | UnexpectedResponse | Unavailable):
        code = UNREACHABLE
    else:
        code = FAILED if isinstance(error, ServerError) or getattr(error, "status", 0) == 429 else USAGE
    details = [f"  {place_of(one)}: {one['message']}".replace("  : ", "  ") for one in getattr(error, "errors", ())]
    if error.fix and error.fix not in (error.message, "Correct what `errors` lists."):
        details.append(error.fix)
    data: dict[str, Any] = {"error": {"code": error.code, "message": error.message, "fix": error.fix}}
    if error.post_id:
        data["error"]["post_id"] = error.post_id
    if isinstance(error, ApiError):
        data["error"] |= {"status": error.status, "errors": error.errors, "request_id": error.request_id}
    return Refused(error.message, code, details, data)


def place_of(problem: Mapping[str, Any]) -> str:
    """Return what a problem is about: the line and the column of a plan, or the field of a request."""
    if problem.get("line") is None:
        return str(problem["path"]).removeprefix("/query").strip("/").replace("/", ".")
    return f"line {problem['line']}" + (f", {problem['column']}" if problem.get("column") else "")


def say(message: str, colour: str | None = None) -> None:
    """Print a message to standard error."""
    typer.secho(printable(message), err=True, fg=colour)


def show(data: Any, lines: Sequence[str], as_json: bool) -> None:
    """Print a result to standard output. Raises Refused if it cannot be written, or typer.Exit if nobody reads it."""
    try:
        for line in [json.dumps(data, indent=1)] if as_json else map(printable, lines):
            typer.echo(line)
    except OSError as error:
        # Python would report it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            # For example after `| head`.
            raise typer.Exit(FAILED) from None
        raise Refused(f"The output cannot be written: {error.strerror}.", FAILED) from None


def printable(text: str) -> str:
    """Return a text for people, with local times. It cannot control a terminal: names of files are others' choice."""
    text = with_local_times(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
    return CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """Return a text without line breaks, for a table."""
    return " ".join(printable(text).split())


def count(number: int, thing: str) -> str:
    """Return how many there are of a thing, such as `1 item` or `2 items`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return lines whose columns are aligned."""
    plain = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*plain, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in plain]


def is_interactive() -> bool:
    """Return whether a person can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def agree(question: str) -> bool:
    """Ask on standard error. The default is no."""
    return typer.confirm(printable(question), err=True)
