"""Certificates of servers in tests."""

import ssl
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from clipcast.clock import clock


class Certificates:
    """A certificate for one host, and a context that trusts it. `age`: how long ago it ended, if it has."""

    def __init__(self, folder: Path, host: str, age: timedelta = timedelta(days=-1)) -> None:
        key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(clock.now() - age - timedelta(days=2))
            .not_valid_after(clock.now() - age)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .sign(key, hashes.SHA256())
        )  # fmt: skip
        files = folder / "certificate.pem", folder / "key.pem"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(*files)
        self.asked: list[str | None] = []
        self.server.sni_callback = lambda _, name, __: self.asked.append(name)
        self.client = ssl.create_default_context(cafile=files[0])
