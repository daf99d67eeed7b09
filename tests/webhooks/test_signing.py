"""The secrets that sign after a lost key."""

from datetime import timedelta

import pytest

from clipcast.clock import clock
from clipcast.common.vault import Vault, VaultError
from clipcast.database.models.events import Webhook
from clipcast.webhooks.signing import new_secret, signers_of


def test_secret_rotated_after_a_lost_key_signs_alone() -> None:
    lost, vault, secret = Vault(["l" * 32]), Vault(["n" * 32]), new_secret()
    webhook = Webhook(
        secret=vault.seal(secret), former_secret=lost.seal(new_secret()), older_secrets=[], older_until=[],
        former_until=clock.now() + timedelta(days=1),
    )  # fmt: skip
    assert len(signers_of(webhook, vault, clock.now())) == 1
    assert len(signers_of(webhook, Vault(["n" * 32, "l" * 32]), clock.now())) == 2
    with pytest.raises(VaultError):
        signers_of(webhook, lost, clock.now())
