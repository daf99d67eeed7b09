"""Errors of this installation itself, by layer. An item or a caller never causes them.

Each layer translates its driver's errors where they occur: `database/errors.py`, `storage`. These errors end by
themselves, or when the operator acts, so the same request can succeed later. The worker lets the item wait, and the
API returns 503. All other errors of a layer come from the request's data or from a bug in Clipcast.
"""

from typing import ClassVar


class Unavailable(Exception):
    """A part of the installation does not work at present. The message states its report, without secrets."""

    # The name of the layer in errors and log lines.
    layer: ClassVar[str]


class DatabaseUnavailable(Unavailable):
    """PostgreSQL is unreachable, starting, full, read-only or too slow. A pending commit may have taken effect."""

    layer = "database"

    def __init__(self, message: str, sqlstate: str | None = None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class StorageUnavailable(Unavailable):
    """The storage is unreachable or full, or it rejects this installation's credentials or clock."""

    layer = "storage"


class StorageFull(StorageUnavailable):
    """The disk of a local store is full."""
