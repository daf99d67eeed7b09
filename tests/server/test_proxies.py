"""Who sent a request that came through proxies."""

from ipaddress import ip_network

import httpx2
import pytest

from clipcast.installation import Installation
from clipcast.server.proxies import client_of

TRUSTED = tuple(ip_network(text) for text in ("10.0.0.0/8", "127.0.0.1", "2001:db8::/32"))


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        ("10.0.0.2", {}, "10.0.0.2"),
        ("10.0.0.2", {"X-Forwarded-For": "203.0.113.7"}, "203.0.113.7"),
        ("203.0.113.9", {"X-Forwarded-For": "203.0.113.7"}, "203.0.113.9"),  # not from a proxy of ours
        ("10.0.0.2", {"X-Forwarded-For": "198.51.100.1, 203.0.113.7"}, "203.0.113.7"),  # the left one was made up
        ("10.0.0.2", {"X-Forwarded-For": "203.0.113.7, 10.9.9.9, 10.0.0.3"}, "203.0.113.7"),
        ("10.0.0.2", {"X-Forwarded-For": "10.9.9.9, 10.0.0.3"}, "10.9.9.9"),  # everybody is trusted: the first
        ("10.0.0.2", {"X-Forwarded-For": "203.0.113.7, unknown"}, "10.0.0.2"),
        ("10.0.0.2", {"X-Forwarded-For": "203.0.113.7, nonsense, 10.0.0.3"}, "10.0.0.3"),
        ("10.0.0.2", {"X-Forwarded-For": "203.0.113.7:51234"}, "203.0.113.7"),
        ("10.0.0.2", {"X-Forwarded-For": "[2001:4860::7]:51234"}, "2001:4860::7"),
        ("10.0.0.2", {"X-Forwarded-For": "2001:4860::7"}, "2001:4860::7"),
        ("10.0.0.2", {"X-Forwarded-For": "::ffff:203.0.113.7"}, "203.0.113.7"),
        ("10.0.0.2", {"X-Forwarded-For": ""}, "10.0.0.2"),
        ("2001:db8::5", {"Forwarded": 'for="[2001:4860::7]:4711";proto=https;by=203.0.113.43'}, "2001:4860::7"),
        ("10.0.0.2", {"Forwarded": "for=198.51.100.1, For=203.0.113.7;Proto=https, for=10.0.0.4"}, "203.0.113.7"),
        ("10.0.0.2", {"Forwarded": "for=_hidden"}, "10.0.0.2"),
        ("10.0.0.2", {"Forwarded": 'for="203.0.113.7'}, "10.0.0.2"),  # the quote never ends
        ("10.0.0.2", {"Forwarded": "for=203.0.113.7", "X-Forwarded-For": "203.0.113.7"}, "203.0.113.7"),
        ("10.0.0.2", {"Forwarded": "for=1.2.3.4", "X-Forwarded-For": "203.0.113.7"}, "10.0.0.2"),  # one is made up
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.7"}, "203.0.113.7"),
        ("testclient", {"X-Forwarded-For": "203.0.113.7"}, "testclient"),
    ],
)
def test_client_is_the_last_hop_that_is_not_a_trusted_proxy(peer: str, headers: dict[str, str], client: str) -> None:
    sent = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    assert client_of(peer, sent, TRUSTED)[0] == client


def test_loopback_is_trusted_only_if_it_is_configured() -> None:
    assert client_of("127.0.0.1", [(b"x-forwarded-for", b"203.0.113.7")], ())[0] == "127.0.0.1"


def test_repeated_headers_form_one_list() -> None:
    headers = [(b"x-forwarded-for", b"203.0.113.7"), (b"x-forwarded-for", b"10.0.0.3")]
    assert client_of("10.0.0.2", headers, TRUSTED)[0] == "203.0.113.7"


@pytest.mark.parametrize(
    ("headers", "is_https"),
    [
        ({"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}, True),
        ({"X-Forwarded-Proto": "https, http", "X-Forwarded-For": "203.0.113.7"}, False),
        ({"Forwarded": "for=203.0.113.7;proto=https"}, True),
        ({"Forwarded": "for=203.0.113.7;proto=https, for=10.0.0.3;proto=http"}, False),
        ({"X-Forwarded-For": "203.0.113.7"}, False),
    ],
)
def test_scheme_is_that_of_the_last_proxy(headers: dict[str, str], is_https: bool) -> None:
    sent = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    assert client_of("10.0.0.2", sent, TRUSTED)[1] is is_https
    assert client_of("203.0.113.9", sent, TRUSTED)[1] is False


async def test_audit_log_names_the_client_behind_a_proxy(http: httpx2.AsyncClient, installation: Installation) -> None:
    from sqlalchemy import text

    settings = installation.settings.model_copy(update={"trusted_proxies": TRUSTED})
    object.__setattr__(installation, "settings", settings)
    form = {"name": "O", "email": "o@example.org", "password": "copper-lantern-47-orchid", "workspace": "W"}
    sent = form | {"code": installation.vault.setup_code()}
    assert (await http.post("/setup", data=sent, headers={"X-Forwarded-For": "203.0.113.7"})).status_code == 303
    async with installation.database.connect() as connection:
        [address] = (await connection.execute(text("SELECT address FROM sign_in_sessions"))).scalars()
    assert address == "203.0.113.7"
