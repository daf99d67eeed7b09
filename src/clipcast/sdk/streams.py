"""Server-sent events, read from bytes as they arrive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

# The largest event that is kept; a server that sends more is not Clipcast.
MAX_BYTES = 16 * 1024 * 1024
LAST = "end"


@dataclass(frozen=True)
class Event:
    """An event of a stream: its type, its data (JSON), and its id, from which a new stream continues."""

    type: str
    data: Any
    id: str | None


@dataclass
class EventReader:
    """A parser of a stream. `last_id` is the id of the last complete event, `ended` whether the stream is complete."""

    last_id: str | None = None
    ended: bool = False
    _rest: bytes = b""
    _type: str = ""
    _data: list[str] = field(default_factory=list)

    def restart(self) -> None:
        """Forget an incomplete event: the next bytes are those of a new stream."""
        self._rest, self._type, self._data = b"", "", []

    def feed(self, received: bytes) -> Iterator[Event]:
        """Yield the events that these bytes complete. Raises ValueError if one is too large or no JSON."""
        *lines, self._rest = (self._rest + received).replace(b"\r\n", b"\n").split(b"\n")
        if len(self._rest) > MAX_BYTES:
            raise ValueError("The event is too large.")
        for line in lines:
            if line:
                self._read(line.decode())
            elif self._type or self._data:
                event = Event(self._type or "message", json.loads("\n".join(self._data) or "null"), self.last_id)
                self._type, self._data = "", []
                self.ended |= event.type == LAST
                yield event

    def _read(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._type = value
        elif name == "data":
            self._data.append(value)
        elif name == "id":
            self.last_id = value
