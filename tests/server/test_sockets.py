"""Sockets listen where they are told, and no process has one that it does not serve."""

import errno
import os
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import psutil
import pytest

from clipcast.server.sockets import SOCKETS, close, inherited, listen, local_url, url_of

HAS_IPV6 = any(one.address == "::1" for found in psutil.net_if_addrs().values() for one in found)
needs_ipv6 = pytest.mark.skipif(not HAS_IPV6, reason="this machine has no IPv6")


@needs_ipv6
@pytest.mark.parametrize(
    ("host", "addresses"), [("127.0.0.1", {"127.0.0.1"}), ("::1", {"::1"}), ("::", {"::"}), ("", {"0.0.0.0", "::"})]
)
def test_each_address_of_the_host_accepts_connections(host: str, addresses: set[str]) -> None:
    sockets = listen(host, port_of_both_families())
    try:
        assert {one.getsockname()[0] for one in sockets} == addresses
        for one in sockets:
            place = urlsplit(url_of([one]))
            socket.create_connection((place.hostname, place.port)).close()
    finally:
        close(sockets)


@needs_ipv6
def test_port_that_is_taken_for_one_address_is_taken_for_none() -> None:
    port = port_of_both_families()
    taken = listen("::", port)
    with pytest.raises(OSError) as caught:
        listen("", port)
    assert caught.value.errno == errno.EADDRINUSE
    close(taken)
    close(listen("", port))


def test_address_of_a_family_that_the_machine_lacks_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `localhost` has two addresses in the hosts file of a machine without IPv6."""
    here = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))
    elsewhere = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("203.0.113.1", 0))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [elsewhere, here])
    [one] = listen("localhost", 0)
    assert one.getsockname()[0] == "127.0.0.1"
    one.close()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [elsewhere])
    with pytest.raises(OSError) as caught:
        listen("localhost", 0)
    assert caught.value.errno == errno.EADDRNOTAVAIL


def test_inherited_socket_is_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert inherited() is None
    [opened] = listen("127.0.0.1", 0)
    place, number = opened.getsockname(), opened.detach()
    os.set_inheritable(number, True)
    monkeypatch.setenv(SOCKETS, str(number))
    [found] = inherited() or []
    with found:
        assert found.getsockname() == place
        assert SOCKETS not in os.environ
        # Even a process that closes no descriptors.
        child = subprocess.run(
            [sys.executable, "-c", f"import os; os.fstat({number})"], close_fds=False, stderr=subprocess.DEVNULL
        )
        assert child.returncode == 1


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("2001:db8::7", "http://[2001:db8::7]:8000"),
        ("clips.lan", "http://clips.lan:8000"),
    ],
)
def test_local_url_can_be_requested(host: str, url: str) -> None:
    assert local_url(host, 8000) == url


def port_of_both_families() -> int:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as both:
        return int(both.getsockname()[1])
