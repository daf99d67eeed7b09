"""URLs of users never reach private networks."""

import pytest

from clipcast.platforms.errors import InvalidRequest, TransientError
from clipcast.platforms.network import is_public, public_addresses
from clipcast.platforms.public_fetch import PublicFetcher
from clipcast.platforms.transport import HttpClient
from clipcast.testing.harness import Sandbox
from tests.platforms.raw_server import head, raw_server

PRIVATE = [
    # IPv4: this network, private, shared (CGNAT), loopback, link-local, protocols, documentation, AS 112, 6to4 relay,
    # benchmarks, multicast, reserved, broadcast
    "0.0.0.0", "0.1.2.3", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.0.1",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.170", "192.0.2.1", "192.31.196.1",
    "192.52.193.1", "192.88.99.1", "192.168.1.1", "192.175.48.1", "198.18.0.1", "198.19.255.255", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    # IPv6: unspecified, loopback, IPv4-compatible, mapped, translated (NAT64), local NAT64, discard-only
    "::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1",
    # Teredo, ORCHID, benchmarks, documentation, 6to4, segment routing, unique local, link-local, site-local, multicast
    "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1",
    "2002:7f00:1::", "2002:a00:1::1", "2002:808:808::1", "2620:4f:8000::1", "3fff::1", "5f00::1", "fc00::1",
    "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "feff::1", "ff02::1", "ff0e::1", "4000::1", "8000::1",
]  # fmt: skip
PUBLIC = [
    "8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1",
    "192.0.1.1", "198.17.0.1", "198.20.0.1", "223.255.255.255", "2606:4700::1111", "2001:4860:4860::8888",
    "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_special_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", ["", "localhost", "1.2.3", "0x7f.1", "::1::", "127.1"])
def test_is_public_with_invalid_address_raises_value_error(address: str) -> None:
    with pytest.raises(ValueError):
        is_public(address)


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://127.0.0.1:1/x", "address_not_public"), ("http://[::ffff:10.0.0.1]/", "address_not_public"),
        ("file:///etc/passwd", "fetch_failed"), ("http://[::1", "fetch_failed"), ("/again", "fetch_failed"),
    ],
)  # fmt: skip
async def test_redirect_to_private_or_invalid_address_is_rejected(location: str, code: str) -> None:
    answer = head(f"Location: {location}", "Content-Length: 0", "Connection: close", status="302 Found")
    async with raw_server(answer) as server, HttpClient() as client:
        with pytest.raises(InvalidRequest) as refused:
            await PublicFetcher(client, server).fetch(server + "/x.png", 1000)
    assert refused.value.code == code


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "0x7f.1", "2130706433", "no.such.host.invalid"])
async def test_host_names_are_resolved_before_check(host: str) -> None:
    with pytest.raises(InvalidRequest):
        await public_addresses(host.strip("[]"))


async def test_host_with_one_private_address_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", (ip, 80)) for ip in ("8.8.8.8", "10.0.0.1")]

    monkeypatch.setattr("clipcast.platforms.names.getaddrinfo", resolve)
    with pytest.raises(InvalidRequest) as refused:
        await public_addresses("rebinding.example")
    assert refused.value.code == "address_not_public"


async def test_only_trusted_origin_may_be_private(sandbox: Sandbox) -> None:
    async with HttpClient() as client:
        fetcher = PublicFetcher(client, sandbox.url)
        assert (await fetcher.fetch(f"{sandbox.url}/__sandbox/picture.png", 1000)).startswith(b"\x89PNG")
        with pytest.raises(InvalidRequest) as large:
            await fetcher.fetch(f"{sandbox.url}/__sandbox/picture.png", 10)
        assert large.value.code == "file_too_large"
        assert await fetcher.fetch(f"{sandbox.url}/__sandbox/picture.png", 1000, keep=4) == b"\x89PNG"
        with pytest.raises(InvalidRequest, match="file_too_large"):
            await fetcher.fetch(f"{sandbox.url}/__sandbox/picture.png", 10, keep=4)
        with pytest.raises(InvalidRequest):
            await fetcher.fetch(f"{sandbox.url}/nothing", 1000)
        with pytest.raises(InvalidRequest):
            await fetcher.fetch(sandbox.url.replace("127.0.0.1", "localhost") + "/__sandbox/picture.png", 1000)


@pytest.mark.parametrize(("status", "error"), [*((one, TransientError) for one in (408, 425, 429, 500, 503)),
                                               *((one, InvalidRequest) for one in (403, 404, 410))])  # fmt: skip
async def test_server_error_is_transient_and_client_error_is_invalid(status: int, error: type[Exception]) -> None:
    async with raw_server(head("Content-Length: 0", status=f"{status} Odd")) as server, HttpClient() as client:
        with pytest.raises(error):
            await PublicFetcher(client, server).fetch(server + "/a", 10)
