"""Addresses that users, platforms and other servers supply."""

import pytest

from clipcast.platforms.addresses import parse_url
from clipcast.platforms.bluesky.identity import origin_of
from clipcast.platforms.errors import InvalidRequest

# Hosts that are no names: malformed Punycode, empty labels, and numbers that some systems take for IP addresses.
NO_HOSTS = [
    "xn--a", "xn--", "a.xn--", "xn--a.example", "a..b", ".example", "0", "2130706433", "127.1", "0x7f.1", "1.2.3.4.5",
    "a b", "a%00b", "[::1%25eth0]", "",
]  # fmt: skip


@pytest.mark.parametrize("host", NO_HOSTS)
def test_host_that_is_no_name_is_refused(host: str) -> None:
    for scheme in ("http", "https"):
        with pytest.raises(ValueError, match=r"^."):
            parse_url(f"{scheme}://{host}/a.mp4")
    with pytest.raises(InvalidRequest) as raised:
        origin_of(f"https://{host}")
    assert raised.value.code == "server_unknown"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("https://example.org./a", "example.org."),
        ("https://xn--e1afmkfd.example/", "xn--e1afmkfd.example"),
        ("https://\u4f8b\u3048.example/", "xn--r8jz45g.example"),
        ("http://127.0.0.1:8000/", "127.0.0.1"),
        ("https://[::ffff:1.2.3.4]/", "::ffff:1.2.3.4"),
        ("http://localhost/", "localhost"),
        ("http://my_service:9000/x?y=%2F", "my_service"),
    ],
)
def test_names_and_ip_addresses_are_hosts(text: str, host: str) -> None:
    assert parse_url(text).raw_host == host
