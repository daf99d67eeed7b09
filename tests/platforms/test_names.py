"""Look-ups of hosts that users name delay no others."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from clipcast.clock import clock
from clipcast.platforms import names
from clipcast.platforms.names import FAILED_FOR, LOOKUP_TIME, Lookups
from clipcast.testing.loop_time import move_loop_time


class NameServers:
    """Name servers of which those of `dead` hosts never respond, and which `missing` hosts do not have."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.heard = threading.Semaphore(0)
        self.ended = threading.Event()

    def getaddrinfo(self, host: str, port: None, **_: object) -> list[tuple[object, ...]]:
        self.asked.append(host)
        self.heard.release()
        if host.startswith("dead"):
            self.ended.wait(30)
        if host.startswith("missing"):
            raise OSError
        return [(2, 1, 6, "", ("192.0.2.1", 0))]

    async def hear(self, count: int) -> None:
        for _ in range(count):
            assert await asyncio.to_thread(self.heard.acquire, timeout=30)


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServers]:
    made = NameServers()
    monkeypatch.setattr(names, "getaddrinfo", made.getaddrinfo)
    yield made
    made.ended.set()


async def test_dead_name_servers_delay_no_other_look_up(servers: NameServers) -> None:
    lookups = Lookups()
    dead = [asyncio.create_task(lookups.addresses(f"dead{number}.example")) for number in range(40)]
    await servers.hear(40)
    assert await lookups.addresses("files.example") == ["192.0.2.1"]
    assert await asyncio.get_running_loop().getaddrinfo("localhost", 80)
    assert not [task for task in dead if task.done()]
    move_loop_time(LOOKUP_TIME)
    assert {type(result) for result in await asyncio.gather(*dead, return_exceptions=True)} == {TimeoutError}


async def test_failed_name_is_remembered_for_a_minute(servers: NameServers) -> None:
    lookups = Lookups()
    for host, kind in (("dead.example", TimeoutError), ("missing.example", OSError)):
        failing = asyncio.create_task(lookups.addresses(host))
        await servers.hear(1)
        if kind is TimeoutError:
            move_loop_time(LOOKUP_TIME)
        for attempt in (failing, lookups.addresses(host)):
            with pytest.raises(OSError) as raised:
                await attempt
            assert type(raised.value) is kind
    assert servers.asked == ["dead.example", "missing.example"]
    servers.ended.set()
    clock.move(timedelta(seconds=FAILED_FOR))
    assert await lookups.addresses("dead.example") == ["192.0.2.1"]


async def test_look_up_without_a_thread_does_not_count_against_its_host(servers: NameServers) -> None:
    lookups = Lookups(threads_max=1)
    first = asyncio.create_task(lookups.addresses("dead.example"))
    await servers.hear(1)
    others = [asyncio.create_task(lookups.addresses("files.example")) for _ in range(2)]
    await asyncio.sleep(0)
    move_loop_time(LOOKUP_TIME)
    results = await asyncio.gather(first, *others, return_exceptions=True)
    assert {type(result) for result in results} == {TimeoutError}
    clock.move(timedelta(seconds=LOOKUP_TIME))
    servers.ended.set()
    assert await lookups.addresses("files.example") == ["192.0.2.1"]
    assert servers.asked == ["dead.example", "files.example"]
