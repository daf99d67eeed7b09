"""The arguments of a publication, checked before anything is sent: a text is no list of its letters."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from clipcast.sdk.errors import UsageError


def accounts_of(value: Any) -> list[Any]:
    """Return the accounts that `to` names, one or several. Raises UsageError."""
    found = [value] if isinstance(value, str | Mapping) else _listed("to", value)
    for one in found:
        if not isinstance(one, str) and not (isinstance(one, Mapping) and {"id", "platform"} <= one.keys()):
            raise UsageError(f"`to` has {str(one)[:60]!r}. Pass names such as 'youtube:@harbour', ids or connections.")
    return found


def tags_of(value: Any) -> list[str] | None:
    """Return the tags. Raises UsageError."""
    if value is None:
        return None
    if isinstance(value, str):
        raise UsageError(f"`tags` is the text {value[:60]!r}. Pass a list, such as [{value[:60]!r}].")
    found = _listed("tags", value)
    for one in found:
        if not isinstance(one, str):
            raise UsageError(f"`tags` has {str(one)[:60]!r}, which is no text.")
    return found


def files_of(value: Any) -> list[Any]:
    """Return the files, one or several. Raises UsageError."""
    if isinstance(value, str | bytes | os.PathLike | Mapping) or hasattr(value, "read"):
        return [value]
    return _listed("files", value)


def check_settings(value: Any) -> None:
    """Raise UsageError unless the settings are fields by platform or account."""
    if value is None:
        return
    if not isinstance(value, Mapping) or not all(isinstance(one, Mapping) for one in value.values()):
        raise UsageError("`settings` must hold fields by platform, such as {'youtube': {'privacyStatus': 'unlisted'}}.")


def check_wait(value: Any) -> None:
    """Raise UsageError unless `wait` is whether to wait, or for how many seconds."""
    if not isinstance(value, int | float) or not value >= 0:
        raise UsageError(f"`wait` is {value!r}. Pass True, False or a number of seconds.")


def check_on_duplicate(value: Any) -> None:
    """Raise UsageError unless `on_duplicate` is one of its choices."""
    if value not in (None, "allow", "refuse") and not callable(value):
        raise UsageError(f"`on_duplicate` is {str(value)[:60]!r}. Pass 'allow', 'refuse' or a function.")


def check_piece_bytes(value: Any) -> None:
    """Raise UsageError unless `piece_bytes` is a size of pieces."""
    if not isinstance(value, int) or value < 1:
        raise UsageError(f"`piece_bytes` is {value!r}. Pass a number of bytes, at least 1.")


def _listed(name: str, value: Any) -> list[Any]:
    if not isinstance(value, Iterable) or isinstance(value, bytes | bytearray | memoryview):
        raise UsageError(f"`{name}` is {str(value)[:60]!r}. Pass one or a list.")
    return list(value)
