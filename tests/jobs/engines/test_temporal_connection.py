"""Connections to a Temporal server: TLS, certificates of both sides, and the reasons of failures."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from clipcast.clock import clock
from clipcast.common.settings import load
from clipcast.jobs.engines.temporal.connection import TemporalUnavailable, check, connect
from tests.conftest import Temporal
from tests.tcp_proxy import tcp_proxy


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Make a certificate for localhost and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(clock.now() - timedelta(days=1)).not_valid_after(clock.now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def tls_of(certificate: tuple[Path, Path], clients: bool = False) -> ssl.SSLContext:
    """Return the context of a server. With `clients`, it accepts only clients with the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    context.set_alpn_protocols(["h2"])
    if clients:
        context.load_verify_locations(certificate[0])
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def connected(engine: str, **settings: str | Path) -> None:
    values = {f"CLIPCAST_TEMPORAL_{name.upper()}": str(value) for name, value in settings.items()}
    await check(await connect(load({"CLIPCAST_ENGINE": engine} | values), "test"))


async def test_certificate_of_the_server_must_be_trusted(
    temporal: Temporal, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with tcp_proxy(temporal.server.port, tls_of(certificate)) as proxy:
        engine = f"temporal://localhost:{proxy.port}/clipcast"
        with pytest.raises(
            TemporalUnavailable, match=r"its certificate is not valid \(UnknownIssuer\)\. SSL_CERT_FILE"
        ):
            await connected(f"{engine}?tls=1")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        await connected(f"{engine}?tls=1")
        await connected(engine, api_key="a key turns TLS on")
        with pytest.raises(TemporalUnavailable, match="If it needs TLS"):
            await connected(engine)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close the connection so that the other side finds it reset."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def send_alert(writer: asyncio.StreamWriter) -> None:
    """Respond as a server of TLS does to what is none."""
    writer.write(b"\x15\x03\x01\x00\x02\x02\x16")
    writer.write_eof()


@pytest.mark.parametrize(
    ("respond", "reads"),
    [
        (asyncio.StreamWriter.close, True),
        (asyncio.StreamWriter.close, False),
        (reset, True),
        (reset, False),
        (send_alert, True),
    ],
)
async def test_server_that_needs_tls_has_a_reason_whichever_way_it_ends_the_connection(
    respond: Callable[[asyncio.StreamWriter], None], reads: bool
) -> None:
    async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if reads:
            await reader.read(100)
        respond(writer)
        # What is unread at the end of the connection would reset it, and the client may not see the response.
        await reader.read()
        writer.close()

    server = await asyncio.start_server(end, "127.0.0.1", 0)
    async with server:
        with pytest.raises(TemporalUnavailable, match="If it needs TLS, write tls=1 in CLIPCAST_ENGINE"):
            await connected(f"temporal://localhost:{server.sockets[0].getsockname()[1]}/clipcast")


async def test_server_can_require_the_certificate_of_the_client(
    temporal: Temporal, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    async with tcp_proxy(temporal.server.port, tls_of(certificate, clients=True)) as proxy:
        engine = f"temporal://localhost:{proxy.port}/clipcast"
        await connected(engine, tls_cert=certificate[0], tls_key=certificate[1])
        with pytest.raises(TemporalUnavailable, match="cannot connect to localhost"):
            await connected(f"{engine}?tls=1")
        (tmp_path / "empty.pem").write_text("no certificate")
        with pytest.raises(TemporalUnavailable, match="CLIPCAST_TEMPORAL_TLS_CERT holds no certificate"):
            await connected(engine, tls_cert=tmp_path / "empty.pem", tls_key=certificate[1])


async def test_failed_connection_has_a_reason_of_one_line(temporal: Temporal) -> None:
    for engine, reason in (
        ("temporal://127.0.0.1:1/clipcast", "Connection refused"),
        ("temporal://no-such-host.invalid:7233/clipcast", "failed to lookup address information"),
        (f"temporal://127.0.0.1:{temporal.server.port}/clipcast?tls=1", "it does not use TLS. Write tls=0"),
        (f"temporal://127.0.0.1:{temporal.server.port}/absent", "the server has no namespace absent. Create it"),
    ):
        with pytest.raises(TemporalUnavailable) as error:
            await connected(engine)
        assert reason in str(error.value)
        assert "\n" not in str(error.value)
        assert "tonic" not in str(error.value)
