"""Commands that can be repeated: a saved id makes the server continue what an interrupted command began."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
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
    """A command under way.

    `id` is the base of its Idempotency-Keys, `at` the instant that its `--at` meant. `sent` is None until the post may
    exist, and then whether duplicates were allowed: the repeated request must be the same.
    """

    path: Path
    id: str
    at: str | None
    begun_at: float
    sent: bool | None = None
    # Whether an earlier, interrupted command has begun it.
    continues: bool = False

    def save(self) -> None:
        """Save the command. Without its file, it works, but cannot be continued."""
        content = {"id": self.id, "at": self.at, "begun_at": self.begun_at, "sent": self.sent}
        with suppress(OSError):
            write_private(self.path, json.dumps(content))

    @contextmanager
    def sending(self, allowed: bool) -> Iterator[None]:
        """Record that the block sends the post. If the server rejects it, the next command checks it anew."""
        from clipcast.sdk import ApiError

        self.sent = allowed
        self.save()
        try:
            yield
        except ApiError as error:
            if error.status < 500:
                self.sent = None
                self.save()
            raise

    def end(self) -> None:
        """Forget the command: the next one like it is another one."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


def begin(asked: dict[str, Any], files: Sequence[str], at: str | None) -> Repeatable:
    """Return the command that `asked` and the files describe: a new one, or the one that was interrupted."""
    facts = [asked, [_facts_of(file) for file in files]]
    name = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode("utf-8", "surrogateescape")).hexdigest()
    path, now = _folder() / f"{name[:32]}.json", clock.now().timestamp()
    with suppress(OSError, ValueError, KeyError, TypeError):
        saved = json.loads(path.read_text())
        if now - saved["begun_at"] < LIFETIME:
            return Repeatable(path, saved["id"], saved["at"], saved["begun_at"], saved["sent"], True)
    command = Repeatable(path, f"cli-{uuid.uuid4()}", at, now)
    command.save()
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
