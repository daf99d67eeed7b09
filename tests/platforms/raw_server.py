"""A server on a real socket that responds with exactly these bytes, valid or not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

Respond = Callable[[asyncio.StreamWriter], "asyncio.Future[None] | object"]


def head(*headers: str, status: str = "200 OK") -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *headers, "", "")).encode()


@asynccontextmanager
async def raw_server(*pieces: bytes, every: float = 0, for_ever: bytes = b"", reads: int = 0) -> AsyncIterator[str]:
    """Serve `pieces` at intervals of `every` seconds, then repeat `for_ever`. Yield the server's URL.

    `reads`: the bytes of a request's body that come before.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(reads)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(every)
            while for_ever:
                writer.write(for_ever)
                await writer.drain()
                await asyncio.sleep(every)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
