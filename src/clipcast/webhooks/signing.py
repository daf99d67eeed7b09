"""Secrets of webhooks, and signatures by Standard Webhooks (https://www.standardwebhooks.com)."""

import secrets
from base64 import b64encode
from datetime import datetime
from typing import Protocol
from uuid import UUID

from standardwebhooks import Webhook as Signer

from clipcast.common.vault import Vault

PREFIX = "whsec_"
SECRET_BYTES = 32


class HasSecrets(Protocol):
    """The columns of a webhook that hold its secrets."""

    @property
    def secret(self) -> bytes: ...

    @property
    def former_secret(self) -> bytes | None: ...

    @property
    def former_until(self) -> datetime | None: ...

    @property
    def older_secrets(self) -> list[bytes]: ...

    @property
    def older_until(self) -> list[datetime]: ...


def new_secret() -> str:
    """Return a new secret, with which a receiver verifies signatures."""
    return PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signers_of(webhook: HasSecrets, vault: Vault, now: datetime) -> list[Signer]:
    """Return what signs the requests of a webhook now: its secret, and the former ones that a key decrypts.

    Raise VaultError if none decrypts the secret.
    """
    former = [sealed for sealed, _ in former_secrets(webhook, now) if vault.can_open(sealed)]
    return [Signer(vault.open(one)) for one in (webhook.secret, *former)]


def former_secrets(webhook: HasSecrets, now: datetime) -> list[tuple[bytes, datetime]]:
    """Return the former secrets of a webhook that still sign, the newest first, each with the time of its end."""
    found = list(zip(webhook.older_secrets, webhook.older_until, strict=True))
    if webhook.former_secret is not None and webhook.former_until is not None:
        found.insert(0, (webhook.former_secret, webhook.former_until))
    return [(sealed, until) for sealed, until in found if now < until]


def headers_of(signers: list[Signer], event_id: UUID, at: datetime, body: str) -> dict[str, str]:
    """Return the headers of a request that delivers `body`. Each attempt has a timestamp of its own."""
    return {
        "content-type": "application/json",
        "webhook-id": str(event_id),
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signer.sign(str(event_id), at, body) for signer in signers),
    }
