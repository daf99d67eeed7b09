"""Encryption of stored secrets, and signatures."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from clipcast.clock import clock
from clipcast.common.vault import Vault, VaultError, make_key, read_key

OLD, NEW = "o" * 32, "n" * 32


def test_sealed_value_is_unreadable_and_opens_to_the_same_value() -> None:
    vault = Vault([OLD])
    sealed = vault.seal({"token": "visible"})
    assert b"visible" not in sealed
    assert vault.open(sealed) == {"token": "visible"}
    assert vault.seal(1) != vault.seal(1)


def test_rotated_key_still_opens_and_verifies() -> None:
    sealed = Vault([OLD]).seal("x")
    assert Vault([NEW, OLD]).open(sealed) == "x"
    with pytest.raises(VaultError, match="CLIPCAST_SECRET_KEY"):
        Vault([NEW]).open(sealed)
    token = Vault([OLD]).sign({"a": 1}, timedelta(hours=1))
    assert Vault([NEW, OLD]).verify(token)


def test_expired_or_forged_token_is_rejected() -> None:
    vault = Vault([OLD])
    token = vault.sign({"put": "x"}, timedelta(minutes=5))
    assert vault.verify(token) == {"put": "x", "exp": vault.verify(token)["exp"]}  # type: ignore[index]
    # Not the last character: some of its bits mean nothing.
    content, _, signature = token.rpartition(".")
    assert vault.verify(f"{content}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}") is None
    assert vault.verify("nonsense") is None
    assert Vault([NEW]).verify(token) is None
    clock.move(timedelta(minutes=6))
    assert vault.verify(token) is None


def test_key_file_is_created_once_and_is_private(tmp_path: Path) -> None:
    assert read_key(tmp_path) is None
    made = make_key(tmp_path)
    assert make_key(tmp_path) == read_key(tmp_path) == made
    assert (tmp_path / "secret.key").stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_parallel_creation_gives_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len({key for [key] in pool.map(make_key, [tmp_path] * 64)}) == 1


def test_fingerprints_identify_keys() -> None:
    assert Vault([NEW, OLD]).fingerprints == Vault([NEW]).fingerprints + Vault([OLD]).fingerprints
    assert Vault([NEW]).fingerprints != Vault([OLD]).fingerprints
    assert len(Vault([NEW]).fingerprints[0]) == 16
