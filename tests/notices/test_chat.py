"""Chat messages: only to the services on the list, only to public addresses, by Clipcast's own client."""

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import select
from yarl import URL

from clipcast.clock import clock
from clipcast.database.models.notices import NoticeChannel
from clipcast.notices import service
from clipcast.notices.chat import SERVICES, ChatAddressError, masked, send_chat, service_of
from clipcast.notices.outcome import Delayed, Refused
from clipcast.platforms import network
from clipcast.platforms.transport import HttpClient, Incoming
from tests.notices.conftest import Office

SECRET = "TIiajkdnlazkcOXrIdevi7FQ"
# An address of each service, and the part of its request that must hold the text.
ADDRESSES = {
    "slack": f"https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/{SECRET}",
    "discord": f"https://discord.com/api/webhooks/1234567890/{SECRET}",
    "workflows": "https://prod-12.westus.logic.azure.com:443/workflows/643e69f83c8944/triggers/manual/paths/invoke"
    f"?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={SECRET}",
    "google_chat": f"https://chat.googleapis.com/v1/spaces/harbour/messages?key=K1&token={SECRET}",
    "telegram": f"tgram://123456789:{SECRET}/12315544",
    "ntfy": f"https://ntfy.sh/{SECRET}",
    "pushover": f"pover://uuuuuuuuuuuuuuuuuuuuuuuuuuuuuu@aaaaaa{SECRET}",
}
FORBIDDEN = (
    "file:///etc/passwd", "json://127.0.0.1/x", "mailto://user:password@example.org", "http://127.0.0.1:8000/",
    "https://hooks.slack.com.example.org/services/a/b/c", "https://hooks.slack.com@127.0.0.1/services/a/b/c",
    f"slack://T1JJ3T3L2/A1BRTD4JD/{SECRET}?template=/etc/passwd", f"discord://1/{SECRET}?template=file:///etc/passwd",
    "ntfy://user:password@10.0.0.1/topic", "ntfy://10.0.0.1:80/topic", "workflow://127.0.0.1/a/b",
    f"https://127.0.0.1/workflows/a/triggers/manual/paths/invoke?sig={SECRET}",
    f"https://a.logic.azure.com/workflows/a/triggers/manual/paths/invoke?sig={SECRET}&template=/etc/passwd",
    f"https://example.org/a.logic.azure.com/workflows/a/triggers/manual/paths/invoke?sig={SECRET}",
    "matrix://user:password@localhost/room", "tgram://1:a/1/2?image=file:///etc/passwd", "slack://" + "a" * 2000,
    f"https://hooks.slack.com/services/T1/B1/{SECRET}\r\nHost: evil.example.org", "",
)  # fmt: skip


@dataclass
class Chat:
    """All chat services at once, on a real socket: the path begins with the host."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    requests: list[tuple[str, str]] = field(default_factory=list)

    async def respond(self, request: web.Request) -> web.Response:
        self.requests.append((str(request.rel_url), (await request.read()).decode()))
        body = b"ok" if "hooks.slack.com" in request.path else b'{"ok": true}'
        return web.Response(body=self.body or body, status=self.status, headers=self.headers)


class Rerouted(HttpClient):
    """The client with every host at one port of this machine."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    async def send(
        self, method: str, url: URL, headers: Any, content: Any = None, public_only: bool = False
    ) -> Incoming:
        assert public_only, "a chat's host is not checked"
        assert url.scheme == "https"
        local = URL(f"http://127.0.0.1:{self._port}/{url.host}{url.raw_path_qs}", encoded=True)
        return await super().send(method, local, headers, content)


@pytest.fixture
async def chat() -> AsyncIterator[Chat]:
    made = Chat()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", made.respond)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


@pytest.fixture
async def client(chat: Chat) -> AsyncIterator[HttpClient]:
    async with Rerouted(chat.port) as client:
        yield client


async def test_each_service_gets_the_message(chat: Chat, client: HttpClient) -> None:
    """One request to the service's own host, which holds title and text."""
    assert set(ADDRESSES) == set(SERVICES)
    for name, address in ADDRESSES.items():
        chat.requests.clear()
        assert service_of(address) is SERVICES[name]
        await send_chat(client, address, "2 items have failed", "First light")
        [(path, body)] = chat.requests
        assert SERVICES[name].has(path.split("/")[1]), name
        assert "First light" in body.replace("+", " "), name
        assert "2 items have failed" in body.replace("+", " "), name


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(429, Delayed), (503, Delayed), (404, Refused), (403, Refused), (302, Refused)],
)
async def test_status_decides_about_a_repetition(
    chat: Chat, client: HttpClient, status: int, outcome: type[Exception]
) -> None:
    """A redirect is not followed, and no error shows the address. A rate limit's wait is not slept."""
    chat.status, chat.headers = status, {
        "Location": "http://127.0.0.1/", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4102444800",
    }  # fmt: skip
    for address in (ADDRESSES["slack"], ADDRESSES["discord"]):
        with pytest.raises(outcome) as raised:
            await send_chat(client, address, "Title", "Text")
        assert SECRET not in str(raised.value)
    assert len(chat.requests) <= 4


async def test_endless_response_is_cut_off(chat: Chat, client: HttpClient) -> None:
    chat.body = b"x" * 1_000_000
    with pytest.raises(Delayed):
        await send_chat(client, ADDRESSES["slack"], "Title", "Text")


@pytest.mark.parametrize("address", FORBIDDEN)
async def test_other_addresses_are_refused(address: str) -> None:
    """No address has a host, a file or an option of its own; the refusal does not show it."""
    with pytest.raises(ChatAddressError) as raised:
        service_of(address)
    assert SECRET not in str(raised.value)


async def test_host_with_a_private_address_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The addresses of the host are checked at each message, after the look-up."""

    async def lie(host: str) -> list[str]:
        network.require_public("10.0.0.1", host)
        return ["10.0.0.1"]

    monkeypatch.setattr("clipcast.platforms.transport.public_addresses", lie)
    async with HttpClient() as client:
        with pytest.raises(Delayed, match="private network"):
            await send_chat(client, ADDRESSES["slack"], "Title", "Text")


async def test_chat_needs_no_thread_of_the_event_loop(chat: Chat, client: HttpClient) -> None:
    """Look-ups of platforms, and files, may hold all of them."""
    busy, threads = threading.Event(), ThreadPoolExecutor(1)
    asyncio.get_running_loop().set_default_executor(threads)
    threads.submit(busy.wait, 60)
    try:
        await asyncio.gather(*(send_chat(client, ADDRESSES["slack"], "Title", "Text") for _ in range(12)))
    finally:
        busy.set()
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
    assert len(chat.requests) == 12


async def test_plugin_reaches_no_other_host(chat: Chat, client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request to a host that is not the service's is not sent."""
    from apprise.plugins.discord import NotifyDiscord

    monkeypatch.setattr(NotifyDiscord, "notify_url", "https://example.org/api/webhooks")
    with pytest.raises(Delayed, match="foreign address"):
        await send_chat(client, ADDRESSES["discord"], "Title", "Text")
    assert not chat.requests


def test_masked_address_hides_the_secret() -> None:
    shown = {name: masked(address) for name, address in ADDRESSES.items()}
    assert shown["slack"] == "https://hooks.slack.com/…7FQ"
    assert masked("ntfy://topic") == "ntfy://…"
    assert not [one for one in shown.values() if SECRET[:-3] in one]


async def test_member_gets_notices_in_a_chat(office: Office, chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    """The address is encrypted at rest and absent from logs; texts of people are no mentions, links or formats."""
    caplog.set_level(logging.DEBUG)
    # The test's own server logs its requests.
    caplog.set_level(logging.ERROR, "aiohttp.access")
    office.client = lambda: Rerouted(chat.port)
    mine, owner = office.workspaces["Night Bakery"], office.users["owner"]
    vault = office.installation.vault
    async with office.installation.database.begin() as session:
        await service.set_chat(session, vault, owner, mine, ADDRESSES["discord"])
        await service.choose_events(session, owner, mine, "chat", ["item.failed"])
        await service.choose_events(session, owner, mine, "email", [])
    await office.tell("item.failed", error={"message": "@everyone [a](https://evil.example.org)\n<@1>"})
    clock.move(timedelta(seconds=10))
    await office.send()
    [(path, body)] = chat.requests
    content = json.loads(body)["content"]
    assert path.startswith(f"/discord.com/api/webhooks/1234567890/{SECRET}")
    assert "- An item: @\u200beveryone (a)(https://evil.example.org) ‹@\u200b1›" in content
    assert f"https://clips.example.org/w/{mine}/posts/" in content
    async with office.installation.database.session() as session:
        found = (await session.scalars(select(NoticeChannel).where(NoticeChannel.channel == "chat"))).one()
    assert found.sent_at
    assert found.address
    assert SECRET.encode() not in found.address
    chat.status = 404
    async with office.installation.database.begin() as session:
        await service.send_test(session, owner, mine, "chat")
    clock.move(timedelta(minutes=1))
    await office.send()
    async with office.installation.database.session() as session:
        found = (await session.scalars(select(NoticeChannel).where(NoticeChannel.channel == "chat"))).one()
    assert found.error == "Discord rejects the message with 404. Check the address."
    assert SECRET not in caplog.text
