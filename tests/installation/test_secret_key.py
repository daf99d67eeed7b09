"""The secret key: a process starts only with the key of its database."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from clipcast.common.settings import Settings, load
from clipcast.common.vault import KEY_FILE, Vault, VaultError
from clipcast.database import Database
from clipcast.database.models.installation import InstallationRow
from clipcast.installation import Installation
from clipcast.installation.secret_key import unlock
from clipcast.jobs.kinds import PUBLISH
from clipcast.testing.harness import Stage
from clipcast.workspaces.service import create_workspace

OLD, NEW, OTHER = "o" * 32, "n" * 32, "x" * 32


def having(data_dir: Path, key: str | None = None) -> Settings:
    data_dir.mkdir(exist_ok=True)
    return load({}, data_dir=data_dir, secret_key=key)


def fingerprint(key: str) -> str:
    return Vault([key]).fingerprints[0]


async def with_rows(database: Database) -> None:
    async with database.begin() as session:
        await create_workspace(session, "Workspace")


async def test_new_installation_without_a_key_creates_and_keeps_one(database: Database, tmp_path: Path) -> None:
    first = await unlock(having(tmp_path), database)
    await with_rows(database)
    assert (await unlock(having(tmp_path), database)).open(first.seal("x")) == "x"


async def test_processes_that_start_together_agree_on_one_key(database: Database, tmp_path: Path) -> None:
    vaults = await asyncio.gather(*(unlock(having(tmp_path), database) for _ in range(10)))
    assert len({vault.fingerprints[0] for vault in vaults}) == 1


async def test_machines_that_start_together_without_a_key_do_not_both_start(database: Database, tmp_path: Path) -> None:
    starts = (unlock(having(tmp_path / str(number)), database) for number in range(4))
    results = await asyncio.gather(*starts, return_exceptions=True)
    assert [type(result) for result in results if not isinstance(result, Vault)] == [VaultError] * 3
    assert len(list(tmp_path.rglob(KEY_FILE))) == 1  # those who were refused leave nothing behind


async def test_wrong_key_is_rejected_with_both_fingerprints(database: Database, tmp_path: Path) -> None:
    await unlock(having(tmp_path, OLD), database)
    for settings in (having(tmp_path, OTHER), having(tmp_path, f"{OTHER},{NEW}")):
        with pytest.raises(VaultError) as caught:
            await unlock(settings, database)
        message = str(caught.value)
        assert "\n" not in message
        assert message.startswith("CLIPCAST_SECRET_KEY is not the key of this database")
        assert fingerprint(OLD) in message
        assert fingerprint(OTHER) in message
        assert OLD not in message
        assert OTHER not in message


async def test_missing_key_is_rejected_and_no_key_is_created(database: Database, tmp_path: Path) -> None:
    await with_rows(database)
    with pytest.raises(VaultError, match="CLIPCAST_SECRET_KEY is not set"):
        await unlock(having(tmp_path), database)
    await unlock(having(tmp_path, OLD), database)
    with pytest.raises(VaultError, match=fingerprint(OLD)):
        await unlock(having(tmp_path), database)
    assert not (tmp_path / KEY_FILE).exists()


async def test_key_is_rotated_in_either_order(database: Database, tmp_path: Path) -> None:
    await unlock(having(tmp_path, OLD), database)
    await unlock(having(tmp_path, f"{OLD},{NEW}"), database)
    await unlock(having(tmp_path, OLD), database)  # nothing is encrypted with the new one yet
    await unlock(having(tmp_path, f"{NEW},{OLD}"), database)
    with pytest.raises(VaultError, match=fingerprint(NEW)):
        await unlock(having(tmp_path, OLD), database)  # it could not read what the others write
    await unlock(having(tmp_path, f"{NEW}, {OLD}"), database)
    await unlock(having(tmp_path, NEW), database)


async def test_installation_without_a_fingerprint_is_checked_by_its_tokens(stage: Stage, tmp_path: Path) -> None:
    await stage.connect("tiktok")
    database = stage.installation.database
    with pytest.raises(VaultError, match="decrypts nothing in this database"):
        await unlock(having(tmp_path, OTHER), database)
    await unlock(having(tmp_path, "k" * 32), database)
    with pytest.raises(VaultError, match="is not the key of this database"):
        await unlock(having(tmp_path, OTHER), database)
    async with database.begin() as session:
        await session.execute(delete(InstallationRow))
    await unlock(having(tmp_path, f"{OTHER},{'k' * 32}"), database)


async def test_item_of_a_worker_with_a_wrong_key_waits_and_is_published_later(
    stage: Stage, installation: Installation
) -> None:
    """Keep the item intact in a worker that still has the old key while the others have a new one."""
    post = await stage.post(await stage.connect("tiktok"), "tiktok", {"title": "T", "privacyLevel": "SELF_ONLY"})
    strange = stage.new_worker()
    runner: Any = strange._runner._runners[PUBLISH]  # type: ignore[attr-defined]
    runner._vault = runner._tokens._vault = Vault([OTHER])
    await strange.run_due()
    item = await stage.item(post)
    assert (item["status"], item["error"]["code"], item["error"]["actor"]) == (
        "processing", "secret_key_mismatch", "operator",
    )  # fmt: skip
    await strange.close()
    await stage.run_until_ended()
    assert (await stage.item(post))["status"] == "published"
