"""The HTTP client against servers that misbehave: nothing is sent twice, and a request that was not sent is known."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from clipcast.common.unavailable import StorageUnavailable
from clipcast.platforms import names, transport
from clipcast.platforms.errors import InvalidRequest, TransientError
from clipcast.platforms.http import RESPONSE_TIME, PlatformHttp
from clipcast.platforms.public_fetch import PublicFetcher
from clipcast.platforms.responses import Response
from clipcast.platforms.transport import CONNECT_TIME, HEADER_MAX, KEEP_ALIVE, PIECE, HttpClient
from clipcast.testing.loop_time import move_loop_time
from tests.certificates import Certificates
from tests.platforms.raw_server import head

HOST = "platform.example"
OK = head("Content-Length: 2") + b"{}"

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


class Connected:
    """What a server saw: the head and the body of each request, the connections, and whether one ended."""

    def __init__(self) -> None:
        self.requests: list[tuple[bytes, bytes]] = []
        self.connections = 0
        self.received = asyncio.Event()
        self.ended = asyncio.Event()
        self.url = ""

    async def next_request(self, reader: Reader) -> bytes:
        """Read one request and return its head."""
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        body = await reader.readexactly(int(lengths[0].split(b":")[1]) if lengths else 0)
        self.requests.append((head, body))
        self.received.set()
        return head


Script = Callable[[Connected, Reader, Writer], Awaitable[None]]


@asynccontextmanager
async def serving(
    script: Script, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Connected]:
    """Run `script` for each connection."""
    seen = Connected()
    tasks = set()

    async def serve(reader: Reader, writer: Writer) -> None:
        tasks.add(asyncio.current_task())
        seen.connections += 1
        try:
            await script(seen, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            seen.ended.set()
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, host, 0, ssl=tls)
    seen.url = f"http://{f'[{host}]' if ':' in host else host}:{server.sockets[0].getsockname()[1]}"
    try:
        yield seen
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def answers(seen: Connected, reader: Reader, writer: Writer) -> None:
    """Answer each request of the connection."""
    while True:
        await seen.next_request(reader)
        writer.write(OK)


async def waits(seen: Connected, reader: Reader, writer: Writer) -> None:
    """Receive a request and never answer."""
    await seen.next_request(reader)
    await reader.readexactly(1)


def responds(answer: bytes) -> Script:
    async def script(seen: Connected, reader: Reader, writer: Writer) -> None:
        await seen.next_request(reader)
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return script


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    async with HttpClient() as client:
        yield client


async def ask(client: HttpClient, url: str, method: str = "GET", **options: object) -> Response:
    """Send a request to a platform whose host is at `url`."""
    path = options.pop("path", "/x")
    return await PlatformHttp(client, (HOST,), url).request("look", method, f"https://{HOST}{path}", **options)  # type: ignore[arg-type]


async def error_of(asking: Awaitable[Response]) -> TransientError:
    with pytest.raises(TransientError) as caught:
        await asking
    return caught.value


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
async def test_request_on_a_connection_that_the_server_closes_is_not_repeated(client: HttpClient, method: str) -> None:
    async def closes_at_the_second(seen: Connected, reader: Reader, writer: Writer) -> None:
        await seen.next_request(reader)
        writer.write(OK)
        await seen.next_request(reader)

    async with serving(closes_at_the_second) as seen:
        await ask(client, seen.url)
        error = await error_of(ask(client, seen.url, method, content=b"x" if method in ("PUT", "POST") else None))
    assert (len(seen.requests), seen.connections) == (2, 1)
    assert not error.rejected


def keep_alive_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiohttp.connector.monotonic", lambda: time.monotonic() + KEEP_ALIVE + 1)


async def test_connection_is_used_again_until_it_is_old(client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(answers) as seen:
        for _ in range(3):
            await ask(client, seen.url, "POST", json={})
        assert seen.connections == 1
        keep_alive_passes(monkeypatch)
        await ask(client, seen.url)
    assert (len(seen.requests), seen.connections) == (4, 2)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_is_returned(client: HttpClient, status: int) -> None:
    answer = head("Location: https://elsewhere.example/", "Content-Length: 0", status=f"{status} Away")
    async with serving(responds(answer)) as seen:
        response = await ask(client, seen.url, "POST", json={})
    assert (response.status_code, response.headers["location"]) == (status, "https://elsewhere.example/")
    assert len(seen.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\nContent-Le", head("Content-Length: 5") + b"{}", b"nonsense\r\n\r\n",
        head("Transfer-Encoding: chunked") + b"zz\r\n{}\r\n0\r\n\r\n", head("Transfer-Encoding: chunked") + b"5\r\n{}",
        head("Content-Length: 2", "Content-Length: 3") + b"{}", head("Content-Length: x") + b"{}",
        head("X-Large: " + "x" * (HEADER_MAX + 1), "Content-Length: 2") + b"{}",
        head(*(f"X-{n}: x" for n in range(200)), "Content-Length: 2") + b"{}",
    ],
)  # fmt: skip
async def test_response_that_is_not_complete_http_is_lost(client: HttpClient, answer: bytes) -> None:
    """The request may have taken effect, so it does not count as rejected."""
    async with serving(responds(answer)) as seen:
        error = await error_of(ask(client, seen.url, "POST", json={}))
    assert (error.code, error.rejected, len(seen.requests)) == ("network", False, 1)


async def test_headers_of_a_usual_length_are_read(client: HttpClient) -> None:
    async with serving(responds(head("X-Large: " + "x" * 16_000, "Content-Length: 2") + b"{}")) as seen:
        assert len((await ask(client, seen.url)).headers["x-large"]) == 16_000


async def test_reset_after_the_request_is_a_lost_response(client: HttpClient) -> None:
    async def resets(seen: Connected, reader: Reader, writer: Writer) -> None:
        await seen.next_request(reader)
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    async with serving(resets) as seen:
        error = await error_of(ask(client, seen.url, "PUT", content=b"x"))
    assert (error.code, error.rejected, len(seen.requests)) == ("network", False, 1)


async def test_host_that_refuses_connections_received_nothing(client: HttpClient) -> None:
    async with serving(answers) as seen:
        pass
    assert (await error_of(ask(client, seen.url, "POST", json={}))).rejected


async def test_host_without_an_address_received_nothing(client: HttpClient) -> None:
    assert (await error_of(ask(client, "http://no.such.host.invalid", "POST", json={}))).rejected


async def test_connection_that_takes_too_long_received_nothing(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    connecting = asyncio.Event()

    async def sock_connect(*_: object) -> None:
        connecting.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", sock_connect)
    asking = asyncio.create_task(error_of(ask(client, "http://127.0.0.1:9", "POST", json={})))
    await connecting.wait()
    move_loop_time(CONNECT_TIME + 1)
    assert (await asking).rejected


async def test_response_time_follows_the_event_loop(client: HttpClient) -> None:
    async with serving(waits) as seen:
        asking = asyncio.create_task(error_of(ask(client, seen.url, "POST", json={})))
        await seen.received.wait()
        move_loop_time(RESPONSE_TIME)
        error = await asking
        assert "took over" in error.message
        assert not error.rejected
        await seen.ended.wait()


async def test_cancelled_request_closes_its_connection(client: HttpClient) -> None:
    async with serving(waits) as seen:
        asking = asyncio.create_task(ask(client, seen.url, "POST", json={}))
        await seen.received.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await seen.ended.wait()


async def test_upload_is_streamed_with_its_length(client: HttpClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(4):
            yield bytes([number]) * 100_000

    async with serving(answers) as seen:
        await ask(client, seen.url, "PUT", content=pieces(), headers={"Content-Length": "400000"})
        await ask(client, seen.url, "PUT", content=bytes(3 * PIECE + 1))
    [(first, body), (second, rest)] = seen.requests
    assert body == b"".join([bytes([number]) * 100_000 for number in range(4)])
    assert rest == bytes(3 * PIECE + 1)
    for one in (first, second):
        assert b"transfer-encoding" not in one.lower()
        assert one.lower().count(b"content-length") == 1


async def test_error_of_an_upload_passes_through_and_closes_the_connection(client: HttpClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        raise StorageUnavailable("gone")

    async with serving(answers) as seen:
        with pytest.raises(StorageUnavailable, match="gone"):
            await ask(client, seen.url, "PUT", content=pieces(), headers={"Content-Length": "5000"})
        await seen.ended.wait()
    assert seen.requests == []


async def test_response_before_the_end_of_an_upload_is_returned(client: HttpClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65_536

    async def refuses(seen: Connected, reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head("Content-Length: 2", status="413 Too Large") + b"{}")
        while await reader.read(1_000_000):
            pass
        seen.ended.set()

    async with serving(refuses) as seen:
        response = await ask(client, seen.url, "PUT", content=endless(), headers={"Content-Length": str(10**12)})
        assert response.status_code == 413
        await seen.ended.wait()


async def test_upload_that_the_server_stops_reading_ends(client: HttpClient) -> None:
    stopped = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65_536
            stopped.set()

    async def stops(seen: Connected, reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    async with serving(stops) as seen:
        headers = {"Content-Length": str(10**12)}
        asking = asyncio.create_task(error_of(ask(client, seen.url, "PUT", content=endless(), headers=headers)))
        while stopped.is_set() or not seen.connections:  # until no more pieces are taken
            stopped.clear()
            await asyncio.sleep(0.2)
        move_loop_time(RESPONSE_TIME)
        assert "took over" in (await asking).message


async def test_headers_and_url_are_sent_as_given(client: HttpClient) -> None:
    path = "/a%7Eb%2f/%c3%a4?sig=A%2bB%3d&x=1+2&e=#part"
    headers = {
        "X-RestLi-Method": "FINDER",
        "authorization": "Bearer {token}",
        "X-Left-Out": "",
        "Content-Type": "video/mp4",
    }
    async with serving(answers) as seen:
        await ask(client, seen.url, "POST", path=path, headers=headers, content=b"x")
        await ask(client, seen.url, "POST")
        await ask(client, seen.url, path="/ä ö")
        await ask(client, seen.url, path="/a?b=c", params={"q": "1,2 3"})
    line, *lines = seen.requests[0][0].decode().strip().split("\r\n")
    assert line == f"POST /{HOST}/a%7Eb%2f/%c3%a4?sig=A%2bB%3d&x=1+2&e= HTTP/1.1"
    sent = dict(one.split(": ", 1) for one in lines)
    names = {"Host", "Accept", "Accept-Encoding", "User-Agent", "Content-Length"}
    assert set(sent) == names | set(headers) - {"X-Left-Out"}
    assert len(sent) == len(lines)
    assert (sent["X-RestLi-Method"], sent["Content-Type"]) == ("FINDER", "video/mp4")
    assert sent["Accept-Encoding"] == "gzip"
    line, *lines = seen.requests[1][0].decode().strip().split("\r\n")
    assert {one.split(": ")[0] for one in lines} == names
    assert "Content-Length: 0" in lines
    assert seen.requests[2][0].startswith(f"GET /{HOST}/%C3%A4%20%C3%B6 HTTP/1.1\r\n".encode())
    assert seen.requests[3][0].startswith(f"GET /{HOST}/a?b=c&q=1%2C2+3 HTTP/1.1\r\n".encode())


async def test_json_and_forms_are_sent_with_their_type(client: HttpClient) -> None:
    async with serving(answers) as seen:
        await ask(client, seen.url, "POST", json={"a": "ä", "b": [1]})
        await ask(client, seen.url, "POST", json={}, headers={"Content-Type": "application/json; charset=UTF-8"})
        await ask(client, seen.url, "POST", form={"a": "ä b", "c": "&"})
    bodies = [body for _, body in seen.requests]
    types = [next(x for x in one.split(b"\r\n") if x.startswith(b"Content-Type")) for one, _ in seen.requests]
    assert bodies == ['{"a":"ä","b":[1]}'.encode(), b"{}", b"a=%C3%A4+b&c=%26"]
    assert [one.decode().split(": ")[1] for one in types] == [
        "application/json", "application/json; charset=UTF-8", "application/x-www-form-urlencoded",
    ]  # fmt: skip


async def test_header_with_a_line_break_is_not_sent(client: HttpClient) -> None:
    async with serving(answers) as seen:
        with pytest.raises(ValueError):
            await ask(client, seen.url, headers={"X-Token": "a\r\nHost: evil.example"})
    assert seen.requests == []


async def test_headers_of_a_response_are_found_in_either_case(client: HttpClient) -> None:
    async with serving(responds(head("X-One: 1", "x-one: 2", "ETag: \xe4", "Content-Length: 0"))) as seen:
        headers = (await ask(client, seen.url)).headers
    assert (headers["x-ONE"], headers.get("X-One"), "X-one" in headers, "x-two" in headers) == (
        "1, 2",
        "1, 2",
        True,
        False,
    )
    assert headers["etag"] == "\xc3\xa4"  # its bytes, one character for each


async def test_credentials_in_a_url_are_refused(client: HttpClient) -> None:
    http = PlatformHttp(client, (HOST,), None)
    error = await error_of(http.request("look", "GET", f"https://user:password@{HOST}/"))
    assert (error.code, error.rejected) == ("foreign_address", True)


async def test_proxy_settings_are_ignored(client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serving(answers) as seen:
        assert (await ask(client, seen.url)).json() == {}


async def test_ipv6_host_is_reached(client: HttpClient) -> None:
    async with serving(answers, "::1") as seen:
        assert (await ask(client, seen.url)).json() == {}


class Internet:
    """Name servers and routes of the test: each look-up returns the next addresses, each connection goes to `url`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seen: Connected, *found: list[str]) -> None:
        self.looked_up: list[str] = []
        self.reached: list[str] = []
        loop, left = asyncio.get_running_loop(), list(found)
        sock_connect, port = loop.sock_connect, int(seen.url.rsplit(":", 1)[1])

        def getaddrinfo(host: str, port: None, **_: object) -> list[tuple[object, ...]]:
            self.looked_up.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in left.pop(0)]

        async def connect(sock: socket.socket, address: tuple[str, int]) -> None:
            self.reached.append(address[0])
            await sock_connect(sock, ("127.0.0.1", port))

        async def of_platform(host: str, port: None, **_: object) -> list[tuple[object, ...]]:
            return getaddrinfo(host, port)

        monkeypatch.setattr(names, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(loop, "getaddrinfo", of_platform)
        monkeypatch.setattr(loop, "sock_connect", connect)


async def test_public_host_is_requested_at_the_address_that_was_checked(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A name server that returns another address each time gains nothing."""
    certificates = Certificates(tmp_path, "rebinding.example")
    monkeypatch.setattr(transport, "_tls", lambda: certificates.client)
    async with serving(answers, tls=certificates.server) as seen:
        internet = Internet(monkeypatch, seen, ["8.8.8.8"], ["127.0.0.1"])
        http = PlatformHttp(client, (HOST,), None, federated=True)
        for _ in range(2):
            assert await PublicFetcher(client).fetch("https://rebinding.example/x.png", 100) == b"{}"
            assert (await http.request("did", "GET", "https://rebinding.example/did.json")).json() == {}
        assert (internet.looked_up, internet.reached) == (["rebinding.example"], ["8.8.8.8"])
        assert (certificates.asked, seen.connections) == (["rebinding.example"], 1)
        assert b"\r\nHost: rebinding.example\r\n" in seen.requests[0][0]
        keep_alive_passes(monkeypatch)
        with pytest.raises(InvalidRequest, match="private network"):
            await http.request("did", "GET", "https://rebinding.example/did.json")
    assert (len(seen.requests), internet.reached) == (4, ["8.8.8.8"])


@pytest.mark.parametrize("public", [True, False])
async def test_certificate_of_another_host_is_refused_before_the_request(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, public: bool
) -> None:
    certificates = Certificates(tmp_path, "other.example")
    monkeypatch.setattr(transport, "_tls", lambda: certificates.client)
    async with serving(answers, tls=certificates.server) as seen:
        internet = Internet(monkeypatch, seen, ["8.8.8.8"], ["8.8.8.8"])
        http = PlatformHttp(client, () if public else (HOST,), None, federated=public)
        asking = http.request("did", "POST", f"https://{HOST}/did.json", headers={"Authorization": "secret"})
        error = await error_of(asking)
    assert (error.rejected, seen.requests, internet.reached) == (True, [], ["8.8.8.8"])


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("127.0.0.1", "address_not_public"), ("[::1]", "address_not_public"), ("localhost", "address_not_public"),
        ("169.254.169.254", "address_not_public"), ("[::ffff:10.0.0.1]", "address_not_public"),
        ("１２７.0.0.1", "address_not_public"), ("[fe80::1%25eth0]", "fetch_failed"),
        ("2130706433", "fetch_failed"), ("127.1", "fetch_failed"),
        ("0x7f.1", "fetch_failed"), ("0177.0.0.1", "fetch_failed"), ("a\\b", "fetch_failed"),
    ],
)  # fmt: skip
async def test_private_host_is_never_connected(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch, host: str, code: str
) -> None:
    """Neither as a name, nor as an address in any spelling."""
    connected = []

    async def sock_connect(_: object, address: object) -> None:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", sock_connect)
    with pytest.raises((InvalidRequest, TransientError)) as refused:
        await PublicFetcher(client).fetch(f"http://{host}/x.png", 100)
    assert (refused.value.code, connected) == (code, [])


async def test_public_host_is_reached_at_another_address_if_one_fails(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(answers) as seen:
        internet = Internet(monkeypatch, seen, ["8.8.8.8", "1.1.1.1"])
        connect = asyncio.get_running_loop().sock_connect

        async def sock_connect(sock: socket.socket, address: tuple[str, int]) -> None:
            if address[0] == "8.8.8.8":
                raise ConnectionRefusedError
            await connect(sock, address)

        monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", sock_connect)
        assert await PublicFetcher(client).fetch("http://files.example/x.png", 100) == b"{}"
    assert internet.reached == ["1.1.1.1"]


async def test_look_up_that_takes_too_long_received_nothing(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, ended, loop = asyncio.Event(), threading.Event(), asyncio.get_running_loop()

    def getaddrinfo(*_: object, **__: object) -> list[object]:
        loop.call_soon_threadsafe(looking.set)
        ended.wait(30)
        return []

    monkeypatch.setattr(names, "getaddrinfo", getaddrinfo)
    http = PlatformHttp(client, (), None, federated=True)
    asking = asyncio.create_task(error_of(http.request("did", "GET", "https://slow.example/did.json")))
    await looking.wait()
    move_loop_time(names.LOOKUP_TIME)
    assert (await asking).rejected
    ended.set()
