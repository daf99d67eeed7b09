"""Secrets at rest: encryption with rotatable keys, and signatures for the addresses we hand out."""

import json
import os
import secrets
import tempfile
from base64 import b32encode, urlsafe_b64encode
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from itsdangerous import BadSignature, URLSafeSerializer

from clipcast.clock import clock

# In the data directory, where no key is configured.
KEY_FILE = "secret.key"


class VaultError(Exception):
    """A stored secret cannot be opened with the configured keys: CLIPCAST_SECRET_KEY was changed or lost."""


class Vault:
    """Encrypts with the first key and decrypts with any: prepend a new key to rotate, drop the old one later."""

    def __init__(self, keys: list[str]) -> None:
        self._first = keys[0]
        self._fernet = MultiFernet([Fernet(urlsafe_b64encode(_derive(key, b"encryption"))) for key in keys])
        # Each tells a key from others, and nothing about it.
        self.fingerprints = [_derive(key, b"fingerprint")[:8].hex() for key in keys]
        self._signers = [URLSafeSerializer(_derive(key, b"signature"), salt="clipcast") for key in keys]

    def seal(self, value: Any) -> bytes:
        """Encrypts any JSON value."""
        return self._fernet.encrypt(json.dumps(value, separators=(",", ":")).encode())

    def open(self, sealed: bytes) -> Any:
        """The value that `seal` was given. Raises VaultError when no configured key fits."""
        try:
            return json.loads(self._fernet.decrypt(sealed))
        except InvalidToken:
            raise VaultError(VaultError.__doc__) from None

    def can_open(self, sealed: bytes) -> bool:
        """Return whether a configured key fits."""
        try:
            self._fernet.decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def secret(self, purpose: str) -> bytes:
        """32 bytes that are the same as long as the first key is, and that tell nothing about it."""
        return _derive(self._first, purpose.encode())

    def setup_code(self) -> str:
        """What proves to a new installation that somebody is its operator."""
        return b32encode(self.secret("first run")[:10]).decode()

    def sign(self, claim: dict[str, Any], lifetime: timedelta) -> str:
        """A URL-safe token that says `claim` until `lifetime` has passed."""
        expires = int((clock.now() + lifetime).timestamp())
        return str(self._signers[0].dumps(claim | {"exp": expires}))

    def verify(self, token: str) -> dict[str, Any] | None:
        """The claim of a token that we signed and that has not expired; otherwise None."""
        for signer in self._signers:
            try:
                claim = signer.loads(token)
            except BadSignature:
                continue
            if isinstance(claim, dict) and claim.get("exp", 0) > clock.now().timestamp():
                return claim
        return None


def read_key(data_dir: Path) -> list[str] | None:
    """Return the key that the data directory holds; None where it holds none."""
    try:
        return [(data_dir / KEY_FILE).read_text().strip()]
    except FileNotFoundError:
        return None


def make_key(data_dir: Path) -> list[str]:
    """Make a key and keep it in the data directory. Where another process was faster, its key is returned."""
    with tempfile.NamedTemporaryFile("w", dir=data_dir, prefix=f"{KEY_FILE}.") as file:  # private: 0600
        file.write(secrets.token_urlsafe(48))
        file.flush()
        os.fsync(file.fileno())
        # Linked when it is whole, so that nobody reads half of it; a link never replaces a file.
        with suppress(FileExistsError):
            os.link(file.name, data_dir / KEY_FILE)
    made = read_key(data_dir)
    assert made is not None
    return made


def _derive(key: str, purpose: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=b"clipcast " + purpose).derive(key.encode())
