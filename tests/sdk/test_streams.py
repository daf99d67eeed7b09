"""Server-sent events are read from any split of the bytes, and a lost stream continues after its last event."""

import json
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from clipcast.sdk import AsyncClipcast, Clipcast, ConnectionFailed, Event, NotFound, Retries, UnexpectedResponse, calls
from clipcast.sdk.streams import MAX_BYTES, EventReader
from clipcast.sdk.transport import Request

TEXT = (
    ': alive\r\n\r\nevent: item\nid: 7\ndata: {"id": "a",\ndata: "status": "é"}\n\ndata: 1\n\n'
    'event: end\r\nid: 8\r\ndata: {"status": "completed"}\r\n\r\n'
).encode()
EVENTS = [
    Event("item", {"id": "a", "status": "é"}, "7"),
    Event("message", 1, "7"),
    Event("end", {"status": "completed"}, "8"),
]
STREAM: Request[str] = Request("streamPostEvents", "GET", "/posts/1/events", reads=True)
RETRIES = Retries(attempts=3, first=0, longest=0)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_are_the_same_for_any_split(size: int) -> None:
    reader = EventReader()
    found = [event for start in range(0, len(TEXT), size) for event in reader.feed(TEXT[start : start + size])]
    assert found == EVENTS
    assert (reader.last_id, reader.ended) == ("8", True)


def test_comments_have_no_limit_and_events_have_one() -> None:
    reader = EventReader()
    for _ in range(3):
        assert list(reader.feed(b":" + b"x" * (MAX_BYTES // 2) + b"\n\n")) == []
    for part in (b"x" * 1024, b"data: " + b"x" * 1024 + b"\n"):
        reader.restart()
        received = (event for _ in range(MAX_BYTES // 1024 + 1) for event in reader.feed(part))
        with pytest.raises(ValueError, match="too large"):
            list(received)


class Cut(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A stream that a proxy cuts after these bytes."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self.content
        raise httpx2.RemoteProtocolError("incomplete chunked read")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for received in self:
            yield received


class Server(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """A server that sends these parts, one for each request, and notes from which event it shall continue."""

    def __init__(
        self, *parts: bytes | int | Exception | Cut, kind: str | None = "text/event-stream; charset=utf-8"
    ) -> None:
        self.parts, self.continued = list(parts), []
        self.headers = {"Content-Type": kind} if kind else {}

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.continued.append(request.headers.get("last-event-id"))
        part = self.parts.pop(0)
        if isinstance(part, Exception):
            raise part
        if isinstance(part, Cut):
            return httpx2.Response(200, headers=self.headers, stream=part)
        if isinstance(part, int):
            return httpx2.Response(part, content=json.dumps({"code": "some_code", "detail": "Text."}).encode())
        return httpx2.Response(200, headers=self.headers, content=part)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return self.handle_request(request)

    def read(self) -> Iterator[Event]:
        return Clipcast("key", retries=RETRIES, http=httpx2.Client(transport=self))._stream(STREAM)

    async def read_async(self) -> list[Event]:
        client = AsyncClipcast("key", retries=RETRIES, http=httpx2.AsyncClient(transport=self))
        return [event async for event in client._stream(STREAM)]


async def test_lost_stream_continues_after_its_last_event() -> None:
    last = TEXT.index(b"event: end")
    parts = (TEXT[: last + 15], httpx2.ReadError("lost"), b": alive\n\n", b"data: 2\n\n", 503, b"", TEXT[last:])
    server, other = Server(*parts), Server(*parts)
    found = [*EVENTS[:2], Event("message", 2, "7"), EVENTS[2]]
    assert list(server.read()) == found
    assert await other.read_async() == found
    assert server.continued == other.continued == [None, *["7"] * 6]


async def test_errors_of_streams() -> None:
    for parts, kind in (
        ([404], NotFound),
        ([httpx2.ConnectError("no")] * 3, ConnectionFailed),
        ([b"data: {\n\n"], UnexpectedResponse),
    ):
        with pytest.raises(kind):
            list(Server(*parts).read())
        with pytest.raises(kind):
            await Server(*parts).read_async()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<html>Welcome</html>\n\n", "text/html"),
        (b"null", "application/json"),
        (b"", None),
        (b"<html>\n\nWelcome\n\n", "text/event-stream"),
        (b": alive\n\n", "text/event-stream"),
        (b"", "text/event-stream"),
    ],
)
async def test_stream_of_another_server_ends(content: bytes, kind: str | None) -> None:
    server, other = (Server(*[content] * 4, kind=kind) for _ in range(2))
    with pytest.raises(UnexpectedResponse):
        list(server.read())
    with pytest.raises(UnexpectedResponse):
        await other.read_async()
    requests = RETRIES.attempts if kind == "text/event-stream" else 1
    assert len(server.continued) == len(other.continued) == requests


async def test_stream_of_a_post_that_has_ended_is_empty() -> None:
    """The server returns 204 to a client that has the last event."""
    server, other = Server(204), Server(204)
    assert list(server.read()) == []
    assert await other.read_async() == []


def test_quiet_streams_that_a_proxy_ends_are_no_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A post that does not change sends comments alone."""
    monkeypatch.setattr(calls, "QUIET", 0.0)
    assert list(Server(*[b": alive\n\n"] * 5, TEXT).read()) == EVENTS


async def test_quiet_streams_that_a_proxy_cuts_are_no_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut soon, or without a connection, they are some."""
    parts = [*[Cut(b": alive\n\n") for _ in range(5)], TEXT]
    for server in (Server(*parts), Server(*parts)):
        with pytest.raises(ConnectionFailed):
            list(server.read())
        assert len(server.parts) == len(parts) - RETRIES.attempts
    monkeypatch.setattr(calls, "QUIET", 0.0)
    assert list(Server(*parts).read()) == EVENTS
    assert await Server(*parts).read_async() == EVENTS
    unreachable = [httpx2.ConnectTimeout("no")] * 3
    with pytest.raises(ConnectionFailed):
        list(Server(*unreachable, TEXT).read())
    with pytest.raises(ConnectionFailed):
        await Server(*unreachable, TEXT).read_async()
