"""Commands that can be repeated: a saved id makes the server continue what an interrupted command began."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from clipcast.cli.demos import write_private
from clipcast.clock import clock

# The server keeps an Idempotency-Key for 24 hours. A command that begins shortly before would outlive it.
LIFETIME = 23 * 3600.0


@dataclass
class Repeatable:
    """A command under way. `id` is the base of its Idempotency-Keys, `at` the instant that its `--at` meant."""

    path: Path
    id: str
    at: str | None
    # Whether an earlier, interrupted command has begun it.
    continues: bool

    def end(self) -> None:
        """Forget the command: the next one like it is another one."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


def begin(asked: dict[str, Any], files: Sequence[str], at: str | None) -> Repeatable:
    """Return the command that `asked` and the files describe: a new one, or the one that was interrupted."""
    facts = [asked, [_facts_of(file) for file in files]]
    name = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode("utf-8", "surrogateescape")).hexdigest()
    path = _folder() / f"{name[:32]}.json"
    with suppress(OSError, ValueError, KeyError):
        saved = json.loads(path.read_text())
        if clock.now().timestamp() - saved["begun_at"] < LIFETIME:
            return Repeatable(path, saved["id"], saved["at"], True)
    command = Repeatable(path, f"cli-{uuid.uuid4()}", at, False)
    with suppress(OSError):  # without the file, the command works, but cannot be continued
        write_private(path, json.dumps({"id": command.id, "at": at, "begun_at": clock.now().timestamp()}))
        _delete_old()
    return command


def _folder() -> Path:
    return platformdirs.user_state_path("clipcast") / "commands"


def _facts_of(file: str) -> list[Any]:
    """Return what tells a file from another one of its name, without reading it."""
    with suppress(OSError, ValueError):
        found = os.stat(file)
        return [os.path.abspath(file), found.st_size, found.st_mtime_ns]
    return [file]


def _delete_old() -> None:
    for path in _folder().glob("*.json"):
        with suppress(OSError):
            if clock.now().timestamp() - path.stat().st_mtime > LIFETIME:
                path.unlink()
