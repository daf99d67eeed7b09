"""Addresses that users give never reach our own network."""

import httpx2
import pytest

from clipcast.network import is_public, public_address
from clipcast.platforms.errors import InvalidRequest
from clipcast.publishing.outside import OutsideFetcher
from tests.harness import Sandbox


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::",
        "64:ff9b:1::1", "ff02::1",
    ],
)  # fmt: skip
def test_private_addresses(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "0x7f.1", "2130706433", "no.such.host.invalid"])
async def test_names_are_resolved_before_they_are_trusted(host: str) -> None:
    with pytest.raises(InvalidRequest):
        await public_address(host.strip("[]"), 80)


async def test_one_private_address_among_several_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", (ip, 80)) for ip in ("8.8.8.8", "10.0.0.1")]

    monkeypatch.setattr("asyncio.base_events.BaseEventLoop.getaddrinfo", resolve)
    with pytest.raises(InvalidRequest) as refused:
        await public_address("rebinding.example", 80)
    assert refused.value.code == "address_not_public"


async def test_the_one_trusted_origin_and_nothing_beside_it(sandbox: Sandbox) -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        fetcher = OutsideFetcher(client, sandbox.url)
        assert (await fetcher.fetch(f"{sandbox.url}/__sandbox/picture.png", 1000)).startswith(b"\x89PNG")
        with pytest.raises(InvalidRequest) as large:
            await fetcher.fetch(f"{sandbox.url}/__sandbox/picture.png", 10)
        assert large.value.code == "file_too_large"
        with pytest.raises(InvalidRequest):
            await fetcher.fetch(f"{sandbox.url}/nothing", 1000)
        with pytest.raises(InvalidRequest):
            await fetcher.fetch(sandbox.url.replace("127.0.0.1", "localhost") + "/__sandbox/picture.png", 1000)
