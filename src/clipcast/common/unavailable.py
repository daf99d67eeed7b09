"""Trouble of this installation's own, by layer. It is never an item's fault, nor a caller's.

Each layer translates its driver's errors where they come in: `database/errors.py`, `storage`. What is raised
from here passes by itself or by an operator's work, so the same request may be tried again later: a worker lets the
item wait, the API answers 503. Everything else a layer raises is about the request's data, or is a mistake of ours.
"""

from typing import ClassVar


class Unavailable(Exception):
    """A part of the installation does not work now. The message says what it reported, without secrets."""

    # How errors and log lines name the layer.
    layer: ClassVar[str]


class DatabaseUnavailable(Unavailable):
    """PostgreSQL is away, starting, full, read-only, or too slow. A commit under way may have happened."""

    layer = "database"

    def __init__(self, message: str, sqlstate: str | None = None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class StorageUnavailable(Unavailable):
    """The store of clips is away or full, or refuses this installation (its credentials, or its clock)."""

    layer = "storage"
