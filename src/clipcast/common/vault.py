"""Encryption of stored secrets with rotatable keys, and signatures for URLs."""

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

# A file in the data directory, used if CLIPCAST_SECRET_KEY is not set.
KEY_FILE = "secret.key"


class VaultError(Exception):
    """The configured keys cannot decrypt a stored secret: CLIPCAST_SECRET_KEY was changed or lost."""


class Vault:
    """Encryption with the first key and decryption with any. To rotate keys, prepend a new one, drop the old later."""

    def __init__(self, keys: list[str]) -> None:
        self._first = keys[0]
        fernets = [Fernet(urlsafe_b64encode(_derive(key, b"encryption"))) for key in keys]
        self._newest, self._fernet = fernets[0], MultiFernet(fernets)
        # A fingerprint identifies a key and reveals nothing about it.
        self.fingerprints = [_derive(key, b"fingerprint")[:8].hex() for key in keys]
        self._signers = [URLSafeSerializer(_derive(key, b"signature"), salt="clipcast") for key in keys]

    def seal(self, value: Any) -> bytes:
        """Encrypt a JSON value."""
        return self._fernet.encrypt(json.dumps(value, separators=(",", ":")).encode())

    def open(self, sealed: bytes) -> Any:
        """Decrypt a value of `seal`. Raises VaultError if no configured key fits."""
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

    def is_of_first_key(self, sealed: bytes) -> bool:
        """Return whether the first key, which encrypts now, has encrypted this."""
        try:
            self._newest.decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def seal_again(self, sealed: bytes) -> bytes:
        """Encrypt a value of `seal` with the first key. Raises VaultError if no configured key fits."""
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken:
            raise VaultError(VaultError.__doc__) from None

    def secret(self, purpose: str) -> bytes:
        """Return 32 bytes derived from the first key, which they do not reveal. They change with the key."""
        return _derive(self._first, purpose.encode())

    def setup_code(self) -> str:
        """Return the code of the setup link, which proves that a person is the operator."""
        return b32encode(self.secret("first run")[:10]).decode()

    def sign(self, claim: dict[str, Any], lifetime: timedelta) -> str:
        """Return a signed, URL-safe token with `claim`, valid for `lifetime`."""
        expires = int((clock.now() + lifetime).timestamp())
        return str(self._signers[0].dumps(claim | {"exp": expires}))

    def verify(self, token: str, late: timedelta = timedelta()) -> dict[str, Any] | None:
        """Return the claim of a valid token. Return None for a wrong signature or an expired token.

        A token that expired less than `late` ago is valid, too. The claim's `exp` says when it expires.
        """
        for signer in self._signers:
            try:
                claim = signer.loads(token)
            except BadSignature:
                continue
            if isinstance(claim, dict) and claim.get("exp", 0) > (clock.now() - late).timestamp():
                return claim
        return None


def read_key(data_dir: Path) -> list[str] | None:
    """Return the key in the data directory, or None if it has no key."""
    try:
        return [(data_dir / KEY_FILE).read_text().strip()]
    except FileNotFoundError:
        return None


def make_key(data_dir: Path) -> list[str]:
    """Create a key in the data directory and return it. If another process created one first, return that key."""
    with tempfile.NamedTemporaryFile("w", dir=data_dir, prefix=f"{KEY_FILE}.") as file:  # private: 0600
        file.write(secrets.token_urlsafe(48))
        file.flush()
        os.fsync(file.fileno())
        # The file is linked when it is complete, so no process reads half of it. A link never replaces a file.
        with suppress(FileExistsError):
            os.link(file.name, data_dir / KEY_FILE)
    made = read_key(data_dir)
    assert made is not None
    return made


def _derive(key: str, purpose: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=b"clipcast " + purpose).derive(key.encode())
