"""Accepted Host headers, and the errors for the others."""

import httpx2
import pytest

from clipcast.common.settings import load
from clipcast.installation import Installation
from clipcast.server.hosts import host_name, is_known
from clipcast.testing.harness import API


def rename(installation: Installation, **environ: str) -> None:
    """Give the installation other names."""
    named = load({f"CLIPCAST_{name.upper()}": value for name, value in environ.items()})
    update = {"public_url": named.public_url, "allowed_hosts": named.allowed_hosts}
    object.__setattr__(installation, "settings", installation.settings.model_copy(update=update))


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("clips.example.org", "clips.example.org"),
        ("CLIPS.Example.ORG:8443", "clips.example.org"),
        ("clips.example.org.", "clips.example.org"),
        ("clips.example.org.:80", "clips.example.org"),
        ("127.0.0.1:", "127.0.0.1"),
        ("[::1]:8000", "::1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("[::1", None),
        ("[fe80::1%eth0]", None),
        ("::1", None),
        ("user@clips.example.org", None),
        ("clips.example.org/path", None),
        ("clips.example.org, evil.example", None),
        ("clips.example.org:80:80", None),
        (".", None),
        ("", None),
        ("a\x00b", None),
        ("x" * 300, None),
    ],
)
def test_host_name_of_each_spelling(value: str, name: str | None) -> None:
    assert host_name(value) == name


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("localhost", True),
        ("clipcast.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("clips.example.org", True),
        ("10.0.0.5", True),
        ("2001:db8::1", True),
        ("one.preview.example.org", True),
        ("preview.example.org", False),
        ("evilpreview.example.org", False),
        ("10.0.0.6", False),
        ("0.0.0.0", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("evil.example", False),
    ],
)
def test_is_known_only_for_names_of_the_installation(name: str, known: bool) -> None:
    allowed = load({"CLIPCAST_ALLOWED_HOSTS": "10.0.0.5, [2001:db8::1] *.preview.example.org"}).allowed_hosts
    assert is_known(name, "clips.example.org", allowed) is known


async def test_unknown_host_returns_421(http: httpx2.AsyncClient) -> None:
    for path in ("/setup", "/", "/sign-in", API + "/posts", "/static/app.js", "/files/x", "/uploads/x", "/nothing"):
        answer = await http.get(path, headers={"Host": "rebound.example:8000"})
        assert answer.status_code == 421, path
        assert "CLIPCAST_ALLOWED_HOSTS" in answer.text, path
    problem = (await http.get(API + "/posts", headers={"Host": "rebound.example"})).json()
    assert (problem["code"], problem["status"]) == ("unknown_host", 421)
    assert (await http.post("/setup", headers={"Host": "rebound.example"}, data={})).status_code == 421


@pytest.mark.parametrize("value", ["", "a b", "evil@127.0.0.1", "[::1"])
async def test_invalid_host_returns_400(http: httpx2.AsyncClient, value: str) -> None:
    answer = await http.get(API + "/posts", headers={"Host": value})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_host")


async def test_two_hosts_return_400(http: httpx2.AsyncClient) -> None:
    answer = await http.get(API + "/posts", headers=[("Host", "127.0.0.1"), ("Host", "localhost")])
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_host")


async def test_health_checks_respond_under_every_host(http: httpx2.AsyncClient) -> None:
    assert (await http.get("/healthz", headers={"Host": "10.4.5.6:8000"})).status_code == 200


async def test_allowed_and_public_names_are_served(http: httpx2.AsyncClient, installation: Installation) -> None:
    rename(installation, public_url="https://clips.example.org", allowed_hosts="clips.internal, *.preview.example.org")
    for name in ("clips.example.org", "Clips.Example.org.:443", "clips.internal:8000", "pr-7.preview.example.org"):
        assert (await http.get("/sign-in", headers={"Host": name})).status_code == 303, name
    assert (await http.get("/sign-in", headers={"Host": "internal"})).status_code == 421
