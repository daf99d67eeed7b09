"""HTTP requests that use little CPU: they are written as bytes to open connections. No HTTP client is faster."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Answer:
    status: int
    head: bytes
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)

    def header(self, name: str) -> str:
        start = self.head.lower().index(f"\r\n{name}:".encode()) + len(name) + 3
        return self.head[start : self.head.index(b"\r\n", start)].strip().decode()


class RawConnection:
    """One connection to a server. It sends one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, url: str) -> "RawConnection":
        parsed = urlsplit(url)
        return cls(*await asyncio.open_connection(parsed.hostname, parsed.port))

    async def request(self, message: bytes) -> Answer:
        """Send the bytes of a request. Raise RuntimeError on a status of 400 or more."""
        self._writer.write(message)
        head = await self._reader.readuntil(b"\r\n\r\n")
        answer = Answer(int(head.split(b" ", 2)[1]), head, b"")
        answer.content = await self._reader.readexactly(int(answer.header("content-length")))
        if answer.status >= 400:
            raise RuntimeError(f"{answer.status}: {answer.content[:500]!r}")
        return answer

    def close(self) -> None:
        self._writer.close()


def message(method: str, url: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Return the bytes of a request."""
    parsed = urlsplit(url)
    target = parsed.path + (f"?{parsed.query}" if parsed.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parsed.netloc}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def hammer(url: str, body: bytes, headers: dict[str, str], callers: int, requests: int) -> list[float]:
    """Send `requests` POSTs over `callers` connections. Return the seconds of each.

    Raises RuntimeError on a status of 400 or more.
    """
    sent = message("POST", url, headers | {"Content-Type": "application/json"}, body)
    seconds: list[float] = []
    left = requests

    async def one_caller() -> None:
        nonlocal left
        connection = await RawConnection.open(url)
        while left > 0:
            left -= 1
            start = time.perf_counter()
            await connection.request(sent)
            seconds.append(time.perf_counter() - start)
        connection.close()

    await asyncio.gather(*(one_caller() for _ in range(callers)))
    return seconds
