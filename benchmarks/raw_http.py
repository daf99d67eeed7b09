"""A load generator that uses little CPU: it writes requests as bytes to open connections."""

import asyncio
import time
from urllib.parse import urlsplit


async def hammer(url: str, body: bytes, headers: dict[str, str], callers: int, requests: int) -> list[float]:
    """Send `requests` POSTs over `callers` connections. Return the seconds of each.

    Raises RuntimeError on a status of 400 or more.
    """
    parsed = urlsplit(url)
    lines = [f"POST {parsed.path} HTTP/1.1", f"Host: {parsed.netloc}", f"Content-Length: {len(body)}"]
    lines += ["Content-Type: application/json", *(f"{name}: {value}" for name, value in headers.items())]
    message = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
    seconds: list[float] = []
    left = requests

    async def one_caller() -> None:
        nonlocal left
        reader, writer = await asyncio.open_connection(parsed.hostname, parsed.port)
        while left > 0:
            left -= 1
            start = time.perf_counter()
            writer.write(message)
            await _read_response(reader)
            seconds.append(time.perf_counter() - start)
        writer.close()

    await asyncio.gather(*(one_caller() for _ in range(callers)))
    return seconds


async def _read_response(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    length = next(
        int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
    )
    content = await reader.readexactly(length)
    if status >= 400:
        raise RuntimeError(f"{status}: {content[:500]!r}")
