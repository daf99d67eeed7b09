"""A receiver of webhooks on a real socket, which can be slow, broken, redirecting and endless."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook as Verifier


@dataclass(frozen=True)
class Reply:
    """A response. Without a status, the connection is closed, or kept without a response if `hangs`."""

    status: int | None = 200
    headers: tuple[str, ...] = ()
    body: bytes = b""
    # Declared instead of the body's own length.
    length: int | None = None
    hangs: bool = False
    # The body never ends.
    endless: bool = False


@dataclass
class Received:
    """A request, and whether its client has closed the connection."""

    path: str
    headers: dict[str, str]
    body: bytes
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> dict[str, Any]:
        """Return the event. Raise WebhookVerificationError for a wrong signature."""
        verified: dict[str, Any] = Verifier(secret).verify(self.body, self.headers)
        return verified


@dataclass
class Receiver:
    """It replies with the first of `replies` to the first request, and so on, and then with `usual`."""

    port: int = 0
    usual: Reply = field(default_factory=Reply)
    replies: list[Reply] = field(default_factory=list)
    requests: list[Received] = field(default_factory=list)
    # Set while requests get their responses at once.
    open: asyncio.Event = field(default_factory=asyncio.Event)
    # The bytes that it could send of endless bodies.
    sent: int = 0
    at_once: int = 0
    most_at_once: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    @property
    def types(self) -> list[str]:
        return [request.event["type"] for request in self.requests]

    async def until(self, number: int) -> None:
        """Wait until so many requests have arrived."""
        async with asyncio.timeout(30):
            while len(self.requests) < number:
                await asyncio.sleep(0.002)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                headers = {}
                while header := (await reader.readline()).decode().strip():
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                request = Received(line.decode().split()[1], headers, body)
                self.requests.append(request)
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                try:
                    await self.open.wait()
                    if not await self._reply(request, reader, writer):
                        return
                finally:
                    self.at_once -= 1
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _reply(self, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        reply = self.replies.pop(0) if self.replies else self.usual
        if reply.hangs:
            await reader.read(1)  # until the client closes
            request.lost.set()
            return False
        if reply.status is None:
            return False
        length = 10**12 if reply.endless else len(reply.body) if reply.length is None else reply.length
        head = [f"HTTP/1.1 {reply.status} Whatever", *reply.headers, f"Content-Length: {length}", "", ""]
        writer.write("\r\n".join(head).encode() + reply.body)
        await writer.drain()
        with suppress(ConnectionError):
            while reply.endless:
                writer.write(b"x" * 65536)
                await writer.drain()
                self.sent += 65536
        return reply.length is None and not reply.endless


@asynccontextmanager
async def receiving(usual: Reply | None = None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Run a receiver."""
    receiver = Receiver(usual=usual or Reply())
    receiver.open.set()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
