"""The application behind a real TLS proxy, set up as the docs say: attributes of cookies, and the client's address."""

import asyncio
import re
import shutil
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import httpx2
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fastapi import FastAPI
from pydantic import AnyHttpUrl
from sqlalchemy import text

from clipcast.api.rate_limits import KeyLimiter
from clipcast.clips.imports import IMPORT_TIME
from clipcast.installation import Installation
from clipcast.server.protocol import limits
from clipcast.testing.harness import API, Caller, free_port
from tests.web.conftest import PASSWORD

# Debian puts it where only root's PATH leads.
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx on this machine (Debian: apt install nginx-light)")

NAME = "localhost"
PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
[LOCATION] = re.findall(r"^    location / \{\n.*?^    \}\n", PAGE, re.MULTILINE | re.DOTALL)
CONFIG = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/certificate.pem;
        ssl_certificate_key {folder}/key.pem;
        client_max_body_size 0;
{location}    }}
}}
"""


def write_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@dataclass
class Proxied:
    base: str
    certificate: Path
    upstream: str

    def browser(self) -> httpx2.AsyncClient:
        trusting = ssl.create_default_context(cafile=str(self.certificate))
        headers = {"Sec-Fetch-Site": "same-origin"}
        return httpx2.AsyncClient(base_url=self.base, verify=trusting, headers=headers, trust_env=False)


@pytest.fixture
async def proxied(application: FastAPI, installation: Installation, tmp_path: Path) -> AsyncIterator[Proxied]:
    """Serve the application behind nginx, on https."""
    assert NGINX is not None
    port, upstream = free_port(), free_port()
    base = f"https://{NAME}:{port}"
    proxies = (ip_network("127.0.0.1"),)
    update = {"public_url": AnyHttpUrl(base), "trusted_proxies": proxies}
    object.__setattr__(installation, "settings", installation.settings.model_copy(update=update))
    application.state.installation, application.state.rate_limiter = installation, KeyLimiter()
    write_certificate(tmp_path)
    location = LOCATION.replace("127.0.0.1:8000", f"127.0.0.1:{upstream}")
    (tmp_path / "nginx.conf").write_text(CONFIG.format(folder=tmp_path, port=port, location=location))
    nginx = await asyncio.create_subprocess_exec(
        NGINX, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-e", str(tmp_path / "error.log")
    )
    server = uvicorn.Server(uvicorn.Config(application, port=upstream, log_level="error", lifespan="off", **limits()))
    serving = asyncio.create_task(server._serve())
    found = Proxied(base, tmp_path / "certificate.pem", f"http://127.0.0.1:{upstream}")
    async with found.browser() as browser, asyncio.timeout(60):
        while True:
            try:
                if (await browser.get("/healthz")).status_code == 200:
                    break
            except httpx2.TransportError:
                pass
            await asyncio.sleep(0.02)
    yield found
    server.should_exit = application.state.stopping = True
    await serving
    application.state.stopping = False
    nginx.terminate()
    await nginx.wait()


def test_proxy_waits_longer_than_any_request_takes() -> None:
    [seconds] = re.findall(r"proxy_read_timeout (\d+)s;", LOCATION)
    assert int(seconds) >= IMPORT_TIME + 60  # and some time to store the file


async def set_up(browser: httpx2.AsyncClient, installation: Installation, **headers: str) -> httpx2.Response:
    form = {"name": "Owner", "email": "owner@example.org", "password": PASSWORD, "workspace": "W"}
    return await browser.post("/setup", data=form | {"code": installation.vault.setup_code()}, headers=headers)


async def test_session_cookie_is_secure_and_bound_to_the_host(proxied: Proxied, installation: Installation) -> None:
    async with proxied.browser() as browser:
        answer = await set_up(browser, installation)
        assert answer.status_code == 303
        name, *attributes = [part.strip() for part in answer.headers["set-cookie"].split(";")]
        assert name.startswith("__Host-clipcast_session=")
        # What browsers demand of the prefix: Secure, Path=/ and no Domain.
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(attributes)
        assert not any(one.lower().startswith("domain") for one in attributes)
        assert (await browser.get(answer.headers["location"])).status_code == 200
        ended = await browser.post("/sign-out")
        assert "__Host-clipcast_session=" in ended.headers["set-cookie"]
        assert "Secure" in ended.headers["set-cookie"]


async def test_connect_cookie_is_secure(proxied: Proxied, installation: Installation, caller: Caller) -> None:
    from uuid import UUID

    from clipcast.connections.links import make_link

    link = make_link(installation, UUID(caller.workspace_id), "youtube")
    link = link if isinstance(link, str) else await link
    async with proxied.browser() as browser:
        answer = await browser.get(link)
        assert answer.status_code == 303, answer.text
        cookie = answer.headers["set-cookie"]
        assert all(part in cookie for part in ("Secure", "HttpOnly", "SameSite=lax"))


async def test_audit_log_names_the_clients_address_and_not_the_proxys(
    proxied: Proxied, installation: Installation
) -> None:
    async with proxied.browser() as browser:
        # A client that makes up hops: nginx adds the one that it sees, and that one is a trusted proxy here.
        assert (
            await set_up(browser, installation, **{"X-Forwarded-For": "198.51.100.1, 203.0.113.7"})
        ).status_code == 303
        async with installation.database.connect() as connection:
            [address] = (await connection.execute(text("SELECT address FROM sign_in_sessions"))).scalars()
        assert address == "203.0.113.7"
        codes = [
            (
                await browser.post(
                    "/sign-in",
                    data={"email": f"somebody{number}@example.org", "password": "guess"},
                    headers={"X-Forwarded-For": f"203.0.113.{number % 2 + 1}"},
                )
            ).status_code
            for number in range(24)
        ]
        assert codes == [422] * 24  # 12 from each of two addresses, while one may try 20 times a minute
    async with installation.database.connect() as connection:
        logged = (await connection.execute(text("SELECT count(*) FROM attempt_logs"))).scalar_one()
    assert logged > 24


async def test_forwarded_header_of_the_client_is_ignored(proxied: Proxied, installation: Installation) -> None:
    async with proxied.browser() as browser:
        assert (await set_up(browser, installation, Forwarded="for=198.51.100.9;proto=https")).status_code == 303
    async with installation.database.connect() as connection:
        [address] = (await connection.execute(text("SELECT address FROM sign_in_sessions"))).scalars()
    assert address == "127.0.0.1"


async def test_files_and_uploads_go_through_the_public_url(
    proxied: Proxied, installation: Installation, clip: Path
) -> None:
    async with proxied.browser() as browser:
        caller = await Caller.create(installation, browser, "W")
        content = clip.read_bytes()
        started = (await caller.post("/videos/upload", {"file_name": "a.mp4", "file_size": len(content)})).json()
        assert started["upload_url"].startswith(proxied.base + "/uploads/")
        assert (await browser.put(started["upload_url"], content=content)).status_code == 200
        video = {"video_id": started["video_id"], "file_name": "a.mp4"}
        assert (await caller.post("/videos/upload/complete", video)).status_code == 200
        render = (await caller.post("/renders", {"video_id": started["video_id"]})).json()
        download = (await caller.get(f"/renders/{render['render_id']}/download")).json()["url"]
        part = await browser.get(download, headers={"Range": "bytes=0-99"})
        assert (part.status_code, part.content) == (206, content[:100])


async def test_unknown_host_behind_the_proxy_returns_421(proxied: Proxied) -> None:
    async with proxied.browser() as browser:
        answer = await browser.get(API + "/posts", headers={"Host": "rebound.example"})
        assert answer.status_code == 421
