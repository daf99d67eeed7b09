"""Why a delivery got no response, in words: the certificate, the name and the time of a real receiver."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from clipcast.installation import Installation
from clipcast.platforms import names, transport
from clipcast.testing.loop_time import move_loop_time
from clipcast.webhooks import sending
from tests.certificates import Certificates
from tests.webhooks.hooks import Hooks
from tests.webhooks.receiver import Receiver, receiving

HOST = "hooks.example"


@pytest.fixture
def installation(installation: Installation) -> Installation:
    """Allow the host, which is this machine."""
    settings = installation.settings.model_copy(update={"webhook_hosts": (HOST,)})
    return replace(installation, settings=settings)


def look_up(monkeypatch: pytest.MonkeyPatch, find: Callable[[], list[str]]) -> None:
    def getaddrinfo(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in find()]

    monkeypatch.setattr(names, "getaddrinfo", getaddrinfo)


async def error_of(hooks: Hooks, url: str) -> str:
    """Send an event to a webhook once, and return why that failed, as its page and the API show it."""
    webhook = await hooks.create(url)
    await hooks.happen_to()
    await hooks.deliver()
    [delivery] = await hooks.deliveries(webhook)
    error: str = delivery["tries"][0]["error"]
    assert (await hooks.show(webhook))["last_error"] == error
    return error


def https(receiver: Receiver) -> str:
    return f"https://{HOST}:{receiver.port}/hooks"


@pytest.mark.parametrize(
    ("host", "age", "is_trusted", "why"),
    [
        (HOST, timedelta(days=-1), False, "self-signed certificate"),
        (HOST, timedelta(days=1), True, "certificate has expired"),
        ("other.example", timedelta(days=-1), True, f"Hostname mismatch, certificate is not valid for '{HOST}'"),
    ],
    ids=["self-signed", "expired", "of another host"],
)
async def test_certificate_that_is_not_valid_is_named_with_the_reason(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str, age: timedelta, is_trusted: bool, why: str
) -> None:
    look_up(monkeypatch, lambda: ["127.0.0.1"])
    certificates = Certificates(tmp_path, host, age)
    monkeypatch.setattr(transport, "_tls", lambda: certificates.client if is_trusted else ssl.create_default_context())
    async with receiving(tls=certificates.server) as receiver:
        error = await error_of(hooks, https(receiver))
    assert error == f"No connection could be made: its certificate is not valid ({why})."
    assert receiver.requests == []


async def test_server_without_tls_is_named(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    look_up(monkeypatch, lambda: ["127.0.0.1"])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    error = await error_of(hooks, f"https://{HOST}:{server.sockets[0].getsockname()[1]}/")
    assert error == "No connection could be made: the TLS handshake failed."
    server.close()


@pytest.mark.parametrize(
    ("host", "error"),
    [
        (HOST, "No connection could be made: its host was not found."),
        ("nowhere.example", "Nothing was sent: The host nowhere.example does not exist."),
    ],
    ids=["allowed", "public"],
)
async def test_host_that_no_name_server_knows_is_named(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch, host: str, error: str
) -> None:
    def unknown() -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    look_up(monkeypatch, unknown)
    assert await error_of(hooks, f"https://{host}/") == error


async def test_name_server_that_does_not_respond_is_named(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    looking, ended, loop = asyncio.Event(), threading.Event(), asyncio.get_running_loop()

    def hang() -> list[str]:
        loop.call_soon_threadsafe(looking.set)
        ended.wait(30)
        return []

    look_up(monkeypatch, hang)
    asking = asyncio.create_task(error_of(hooks, "https://slow.example/"))
    await looking.wait()
    move_loop_time(names.LOOKUP_TIME)
    assert await asking == "Nothing was sent: The DNS look-up of slow.example took over 8 s."
    ended.set()


@pytest.mark.parametrize(
    ("scheme", "after", "error"),
    [
        ("https", transport.CONNECT_TIME, "No connection could be made: it did not accept the connection within 10 s."),
        ("http", sending.TOTAL_TIME, "It did not respond within 15 s."),
    ],
)
async def test_receiver_that_is_too_slow_is_named_with_the_time(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch, scheme: str, after: float, error: str
) -> None:
    """It accepts the connection and stays silent: in the handshake, or after the request."""
    look_up(monkeypatch, lambda: ["127.0.0.1"])
    arrived, silent = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        arrived.set()
        await silent.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    asking = asyncio.create_task(error_of(hooks, f"{scheme}://{HOST}:{port}/"))
    await arrived.wait()
    move_loop_time(after)
    assert await asking == error
    silent.set()
    server.close()
