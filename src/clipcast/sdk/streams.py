"""Server-sent events, read from bytes as they arrive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

# The largest event that is kept, in bytes; a server that sends more is not Clipcast.
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
    # The parts of a line that is not complete.
    _rest: list[bytes] = field(default_factory=list)
    _type: str = ""
    _data: list[str] = field(default_factory=list)
    _held: int = 0

    def restart(self) -> None:
        """Forget an incomplete event: the next bytes are those of a new stream."""
        self._rest, self._type, self._data, self._held = [], "", [], 0

    def feed(self, received: bytes) -> Iterator[Event]:
        """Yield the events that these bytes complete. Raises ValueError if one is too large or no JSON."""
        first, *others = received.split(b"\n")
        self._hold(first)
        for next_line in others:
            line = b"".join(self._rest).removesuffix(b"\r")
            self._rest = []
            self._hold(next_line)
            if line:
                self._read(line.decode())
                continue
            name, data = self._type, self._data
            self._type, self._data, self._held = "", [], len(next_line)
            if name or data:
                event = Event(name or "message", json.loads("\n".join(data) or "null"), self.last_id)
                self.ended |= event.type == LAST
                yield event

    def _hold(self, part: bytes) -> None:
        self._rest.append(part)
        self._held += len(part)
        if self._held > MAX_BYTES:
            raise ValueError("The event is too large.")

    def _read(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._type = value
        elif name == "data":
            self._data.append(value)
        elif name == "id":
            self.last_id = value
