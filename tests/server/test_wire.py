"""Requests as bytes on a socket, which no client library would send."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.types import Message

from clipcast.api.rate_limits import KeyLimiter
from clipcast.clock import clock
from clipcast.installation import Installation
from clipcast.server import bodies, middleware, protocol
from clipcast.server.protocol import HEAD_TIMEOUT, LimitedProtocol, limits
from clipcast.testing.harness import Caller, free_port
from clipcast.testing.loop_time import move_loop_time

Send = Callable[..., Awaitable[str]]


@pytest.fixture
async def send(application: FastAPI, installation: Installation) -> AsyncIterator[Send]:
    """Return a function that sends pieces of text over one connection to a real server, and returns the response.

    The response is everything that the server sends until it closes the connection.
    """
    application.state.installation, application.state.rate_limiter = installation, KeyLimiter()
    came_in = 0

    class Counting(LimitedProtocol):
        def data_received(self, data: bytes) -> None:
            nonlocal came_in
            super().data_received(data)
            came_in += len(data)

    options = limits() | {"http": Counting}
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="error", lifespan="off", **options))
    serving = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.005)

    async def exchange(
        *pieces: str | bytes | asyncio.Event, patience: float = 60, until: bytes | None = None, idle: float = 0
    ) -> str:
        """Send the pieces, each after the server has read the one before, and wait for events among them.

        `idle`: seconds that then pass without anything, in the loop's time.
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        came = bytearray()

        async def receive() -> None:
            with suppress(ConnectionError):
                while (until is None or until not in came) and (more := await reader.read(65536)):
                    came.extend(more)

        receiving = asyncio.create_task(receive())
        with suppress(ConnectionError):
            for piece in pieces:
                if isinstance(piece, asyncio.Event):
                    await piece.wait()
                    continue
                content = piece.encode("latin-1") if isinstance(piece, str) else piece
                expected = came_in + len(content)
                writer.write(content)
                await writer.drain()
                while came_in < expected and not receiving.done():
                    await asyncio.sleep(0.001)
        if idle:
            while server.server_state.tasks or not (server.server_state.connections or receiving.done()):
                await asyncio.sleep(0.001)
            move_loop_time(idle)
        async with asyncio.timeout(patience):
            await receiving
        writer.close()
        return came.decode("latin-1")

    yield exchange
    server.should_exit = True
    await serving


class Body:
    """What the server has read of a body."""

    size = 0

    async def has(self, size: int) -> None:
        """Wait until the application has so many bytes."""
        async with asyncio.timeout(60):
            while self.size < size:
                await asyncio.sleep(0.001)


@pytest.fixture
def body(monkeypatch: pytest.MonkeyPatch) -> Body:
    body = Body()

    class Watched(bodies.TimedBody):
        async def __call__(self) -> Message:
            message = await super().__call__()
            body.size += len(message.get("body", b""))
            return message

    monkeypatch.setattr(middleware, "TimedBody", Watched)
    return body


BODY_TIME = timedelta(seconds=bodies.BODY_TIMEOUT)
CLOSE = "Connection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\n", 303),
        ("GET /sign-in HTTP/1.0\r\nHost: localhost:80\r\n", 303),
        ("GET /sign-in HTTP/1.0\r\n", 400),
        ("GET /sign-in HTTP/1.1\r\n", 400),
        ("POST /sign-in HTTP/1.0\r\n", 400),
        ("GET /livez HTTP/1.0\r\n", 200),
        ("GET http://127.0.0.1:9/sign-in HTTP/1.1\r\nHost: evil.example\r\n", 303),
        ("GET http://evil.example/sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\n", 421),
        ("GET http://127.0.0.1 HTTP/1.1\r\nHost: 127.0.0.1\r\n", 400),
        ("GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n", 400),
        ("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n", 400),
        ("OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n", 404),
        ("GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: a\x00b\r\n", 400),
        ("GET /api/v1/posts/%00 HTTP/1.1\r\nHost: 127.0.0.1\r\n", 400),
        ("GET /api/v1/posts/%ED%A0%80 HTTP/1.1\r\nHost: 127.0.0.1\r\n", 400),
        ("GET /api/v1/posts?status=%00 HTTP/1.1\r\nHost: 127.0.0.1\r\n", 400),
        ("GET /api/v1/posts?status=%FF HTTP/1.1\r\nHost: 127.0.0.1\r\n", 400),
        ("GET /invitations/%00 HTTP/1.1\r\nHost: 127.0.0.1\r\n", 400),
        ("GET /sign-in?next=/%00 HTTP/1.1\r\nHost: 127.0.0.1\r\n", 400),
    ],
)
async def test_malformed_request_never_returns_500(send: Send, head: str, status: int) -> None:
    answer = await send(head + CLOSE)
    assert answer.startswith(f"HTTP/1.1 {status} "), answer


async def test_connection_without_a_request_is_closed(send: Send) -> None:
    assert await send("", idle=HEAD_TIMEOUT) == ""
    assert (await send("GET / HTTP/1.1\r\nHost: ", idle=HEAD_TIMEOUT)).startswith("HTTP/1.1 408 ")
    pieces = "GET / HTTP/1.1\r\n", "X-A: b\r\n", "X-C: d\r\n"
    assert (await send(*pieces, idle=HEAD_TIMEOUT)).startswith("HTTP/1.1 408 ")


async def test_next_request_of_a_connection_has_the_same_timeout(send: Send) -> None:
    first = "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    answer = await send(first, "GET /livez HT", idle=HEAD_TIMEOUT)
    assert answer.count("HTTP/1.1 ") == 2
    assert "HTTP/1.1 408 " in answer
    # Line ends between requests are no request, and hold no connection open.
    assert (await send(first, "\r\n", idle=HEAD_TIMEOUT)).count("HTTP/1.1 ") == 1


async def test_head_timeout_does_not_cut_off_a_slow_response(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(*_: object) -> dict[str, None]:
        move_loop_time(HEAD_TIMEOUT)
        await asyncio.sleep(0.01)  # in which the server's timers run
        return {}

    monkeypatch.setattr("clipcast.operations.health.Health.check", slow)
    answer = await send("GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n" + CLOSE)
    assert answer.startswith("HTTP/1.1 200 ")


@pytest.mark.parametrize("head", ["GET / HTTP/1.1\r\nX-Long: " + "x" * 70_000, "GET /" + "x" * 70_000])
async def test_endless_head_returns_431(send: Send, head: str) -> None:
    assert (await send(head)).startswith("HTTP/1.1 431 ")


async def test_slow_body_returns_408(send: Send, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PIECE_TIMEOUT", 0.1)
    monkeypatch.setattr(protocol, "REST_TIMEOUT", 0.1)
    head = f"POST /api/v1/posts HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Api-Key: {caller.key}\r\n"
    answer = await send(head + "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
    assert answer.startswith("HTTP/1.1 408 ")
    assert '"code":"request_timeout"' in answer
    form = "POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    assert (await send(form + "Content-Length: 100\r\n\r\nemail=")).startswith("HTTP/1.1 408 ")


async def test_body_in_very_small_pieces_returns_408(send: Send, caller: Caller, body: Body) -> None:
    head = f"POST /api/v1/posts HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Api-Key: {caller.key}\r\n"
    head += "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    late = asyncio.Event()
    exchange = asyncio.create_task(send(head, "1\r\n \r\n", late, "1\r\n \r\n", until=b"request_timeout"))
    await body.has(1)
    clock.move(BODY_TIME)
    late.set()
    assert (await exchange).startswith("HTTP/1.1 408 ")


async def test_upload_below_the_minimum_rate_returns_408(send: Send, caller: Caller, body: Body) -> None:
    started = (await caller.post("/videos/upload", {"file_name": "a.mp4", "file_size": 5_000_000})).json()
    path = started["upload_url"].split(":8000", 1)[1]
    head = f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5000000\r\n\r\n"
    video = b"\x00\x00\x00\x18ftypmp42" + bytes(200_000)
    late, too_late = asyncio.Event(), asyncio.Event()
    pieces = video * 3, late, b"x", b"x", too_late, b"x"
    exchange = asyncio.create_task(send(head, *pieces, until=b"request_timeout"))
    await body.has(3 * len(video))
    clock.move(BODY_TIME)
    late.set()
    await body.has(3 * len(video) + 2)
    assert not exchange.done()
    clock.move(BODY_TIME * 10)
    too_late.set()
    assert (await exchange).startswith("HTTP/1.1 408 ")


async def test_server_does_not_wait_for_the_rest_of_a_rejected_body(
    send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "REST_TIMEOUT", 0.2)
    head = "POST /api/v1/posts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    answer = await send(head + "Content-Length: 1000000\r\n\r\n", *[b"x" * 100] * 50)
    assert answer.startswith("HTTP/1.1 401 ")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/sign-in", "", 415),
        ("/setup", "", 415),
        ("/connect/bluesky/sign-in", "", 415),
        ("/w/0198c7a4-6a0e-7cc1-9c5e-1f2d3c4b5a69/developers/keys", "", 303),
        ("/w/0198c7a4-6a0e-7cc1-9c5e-1f2d3c4b5a69/developers/keys", "Origin: https://evil.example\r\n", 403),
        ("/sign-in", "Sec-Fetch-Site: cross-site\r\n", 403),
    ],
)
async def test_multipart_is_rejected_before_it_is_read(send: Send, path: str, headers: str, status: int) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}Content-Type: multipart/form-data; boundary=b\r\n"
    answer = await send(head + "Content-Length: 800000000\r\n\r\n--b\r\n", until=b"\r\n\r\n")
    assert answer.startswith(f"HTTP/1.1 {status} "), answer
