"""A TCP proxy that tests put before a server, to cut the connection or to let it hang."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path


class TcpProxy:
    """A proxy to a port of the loopback address, or to a Unix socket."""

    def __init__(self, target: int | Path, before_each: Callable[[], Awaitable[object]] | None = None) -> None:
        self._target = target
        self._before_each = before_each
        self._cut = False
        self._passes_requests, self._passes_responses = asyncio.Event(), asyncio.Event()
        self._passes_requests.set()
        self._passes_responses.set()
        self._writers: set[asyncio.StreamWriter] = set()
        # The bytes of requests and of responses that still pass before a connection is cut, and those before the next.
        self._left: dict[str, int | None] = {"requests": None, "responses": None}
        self._next: int | None = None
        self.passed = {"requests": 0, "responses": 0}
        self.cuts = 0
        self.port = 0

    def cut(self) -> None:
        """Close all connections, and every new one at once."""
        self._cut = True
        for writer in self._writers:
            writer.transport.abort()

    def hang(self) -> None:
        """Keep all connections and pass on no more bytes."""
        self._passes_requests.clear()
        self._passes_responses.clear()

    def hang_responses(self) -> None:
        """Keep all connections and pass on requests only."""
        self._passes_responses.clear()

    def cut_after(self, side: str, passed: int, again: bool = False) -> None:
        """Cut the connection that passes this many more bytes of `requests` or `responses`; `again`: later ones too."""
        self._left[side], self._next = passed, passed if again else None

    def restore(self) -> None:
        self._cut = False
        self._passes_requests.set()
        self._passes_responses.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.transport.abort()
            return
        if self._before_each:
            await self._before_each()
        try:
            far_reader, far_writer = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        both = {writer, far_writer}
        self._writers |= both
        await asyncio.gather(
            self._pass("requests", reader, far_writer, self._passes_requests, both),
            self._pass("responses", far_reader, writer, self._passes_responses, both),
        )
        self._writers -= both

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, Path):
            return await asyncio.open_unix_connection(str(self._target))
        return await asyncio.open_connection("127.0.0.1", self._target)

    async def _pass(
        self,
        side: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        passes: asyncio.Event,
        both: set[asyncio.StreamWriter],
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await passes.wait()
                left = self._left[side]
                if left is not None and len(data) >= left:
                    self._left[side], self.cuts = self._next, self.cuts + 1
                    # Closed, not aborted: the server receives every byte that passed.
                    writer.write(data[:left])
                    for one in both:
                        one.close()
                    return
                if left is not None:
                    self._left[side] = left - len(data)
                self.passed[side] += len(data)
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def tcp_proxy(
    target: int | Path,
    tls: ssl.SSLContext | None = None,
    before_each: Callable[[], Awaitable[object]] | None = None,
) -> AsyncIterator[TcpProxy]:
    """Run a proxy to `target`, which ends TLS if a context is given. Each connection first waits for `before_each`."""
    proxy = TcpProxy(target, before_each)
    server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0, ssl=tls)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        proxy.restore()
        proxy.cut()
        server.close()
