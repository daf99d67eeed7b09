"""Secrets at rest: encryption with rotatable keys, and signatures for the addresses we hand out."""

import json
import os
import secrets
from base64 import b32encode, urlsafe_b64encode
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from itsdangerous import BadSignature, URLSafeSerializer

from clipcast.clock import clock


class VaultError(Exception):
    """A stored secret cannot be opened with the configured keys: CLIPCAST_SECRET_KEY was changed or lost."""


class Vault:
    """Encrypts with the first key and decrypts with any: prepend a new key to rotate, drop the old one later."""

    def __init__(self, keys: list[str]) -> None:
        self._first = keys[0]
        self._fernet = MultiFernet([Fernet(urlsafe_b64encode(_derive(key, b"encryption"))) for key in keys])
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


def open_vault(secret_key: str | None, data_dir: Path) -> Vault:
    """The vault of this installation. Without a configured key, one is made once and kept in the data directory."""
    if secret_key is None:
        path = data_dir / "secret.key"
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(48))
        except FileExistsError:
            pass
        secret_key = path.read_text()
    return Vault([key.strip() for key in secret_key.split(",")])


def _derive(key: str, purpose: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=b"clipcast " + purpose).derive(key.encode())
