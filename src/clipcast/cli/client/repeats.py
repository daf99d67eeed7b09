"""Commands that can be repeated: a saved id makes the server continue what an interrupted command began."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from clipcast.cli.demos import write_private
from clipcast.clock import clock

# The server keeps an Idempotency-Key for 24 hours. A command that begins shortly before would outlive it.
LIFETIME = 23 * 3600.0
# The statuses with which the server rejects a post.
REJECTED = (400, 404, 409, 413, 422)


@dataclass
class Repeatable:
    """A command under way.

    `id` is the base of its Idempotency-Keys, `at` the instant that its `--at` means. `sent` is None until the post may
    exist, and then whether duplicates were allowed. From then on, `at` and `clips` are those of the first request: the
    repeated one must be the same.
    """

    path: Path
    id: str
    at: str | None
    begun_at: float
    sent: bool | None = None
    clips: Any = None

    def save(self) -> None:
        """Save the command before something is sent. Without its file, it works, but cannot be continued."""
        content = {"id": self.id, "begun_at": self.begun_at, "at": self.at, "sent": self.sent, "clips": self.clips}
        with suppress(OSError):
            write_private(self.path, json.dumps(content))

    @contextmanager
    def sending(self, allowed: bool, clips: Any) -> Iterator[None]:
        """Record that the block sends the post of these clips. If nothing exists, the next command checks it anew."""
        from clipcast.sdk import ClipcastError

        continues = self.sent is not None
        self.sent, self.clips = allowed, clips
        self.save()
        try:
            yield
        except ClipcastError as error:
            if error.post_id is None and _is_rejected(error, continues):
                self.sent = self.clips = None
                self.save()
            raise

    def end(self) -> None:
        """Forget the command: the next one like it is another one."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


def begin(asked: Mapping[str, Any], files: Sequence[str], at: str | None, allow_duplicate: bool = False) -> Repeatable:
    """Return the command that `asked` and the files describe: a new one, or the one that was interrupted.

    One that allows duplicates is another than the same one without that: it means another post.
    """
    facts = [dict(asked) | ({"allow_duplicate": True} if allow_duplicate else {}), [_facts_of(file) for file in files]]
    name = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode("utf-8", "surrogateescape")).hexdigest()
    path, now = _folder() / f"{name[:32]}.json", clock.now().timestamp()
    with suppress(OSError, ValueError, KeyError, TypeError):
        saved = json.loads(path.read_text())
        if now - saved["begun_at"] < LIFETIME:
            if saved["sent"] is None:
                return Repeatable(path, saved["id"], at, saved["begun_at"])
            return Repeatable(path, saved["id"], saved["at"], saved["begun_at"], saved["sent"], saved["clips"])
    _delete_old()
    return Repeatable(path, f"cli-{uuid.uuid4()}", at, now)


def upload_key(installation: str, caller: str, file: str) -> str:
    """Return the Idempotency-Key of a file's upload, which all commands of a caller share until the file changes."""
    facts = json.dumps([installation, caller, platform.node(), *_facts_of(file)]).encode("utf-8", "surrogateescape")
    return f"cli-file-{hashlib.sha256(facts).hexdigest()[:32]}"


def _is_rejected(error: Any, continues: bool) -> bool:
    """Return whether no request of the command has created a post."""
    from clipcast.sdk import ApiError, ConnectionFailed, UsageError

    if isinstance(error, ApiError):
        # Those of the others say nothing about an attempt before them, whose response was lost.
        return error.status in REJECTED and error.code != "idempotency_in_progress"
    if continues:
        return False
    return not error.sent if isinstance(error, ConnectionFailed) else isinstance(error, UsageError)


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
