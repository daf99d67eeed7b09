"""The demos that this user runs: each writes its address and key to a file, which the commands for posting find."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs


def folder() -> Path:
    return platformdirs.user_state_path("clipcast") / "demos"


@contextmanager
def announced(url: str, key: str) -> Iterator[None]:
    """Keep the file of this process's demo until the end of the block. A folder that cannot be written is no error."""
    path = folder() / f"{os.getpid()}.json"
    try:
        write_private(path, json.dumps({"url": url, "key": key}))
    except OSError:
        yield
        return
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def running() -> list[tuple[str, str]]:
    """Return the address and the key of each demo that runs, the newest first."""
    found = []
    for path in folder().glob("*.json"):
        try:
            os.kill(int(path.stem), 0)
            content = json.loads(path.read_text())
            found.append((path.stat().st_mtime, str(content["url"]), str(content["key"])))
        except (OSError, ValueError, KeyError):
            continue  # it was killed, or has just ended
    return [(url, key) for _, url, key in sorted(found, reverse=True)]


def write_private(path: Path, content: str) -> None:
    """Write a file that only this user can read, at once: a reader never sees a part of it. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
    fresh.replace(path)
