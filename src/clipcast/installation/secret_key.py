"""The installation's secret key, and the check that a process has it.

Data that one key has encrypted cannot be decrypted by another. The database therefore stores the fingerprint of the
current key, and a process without that key does not start: it could read nothing, and no other process could read the
data that it writes.
"""

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.settings import Settings
from clipcast.common.vault import Vault, VaultError, make_key, read_key
from clipcast.database import Database
from clipcast.database.locks import TAKE, Lock
from clipcast.database.models.connections import Connection
from clipcast.database.models.installation import InstallationRow
from clipcast.database.models.workspaces import Workspace

# The number of connections whose tokens are decrypted as a check if no fingerprint is stored.
SAMPLE_SIZE = 20


async def unlock(settings: Settings, database: Database) -> Vault:
    """Return the vault of this installation. Create the key if the installation is new and has none.

    The current key must be among the configured ones. The first configured key then becomes the current one.

    Raise VaultError if the key is missing or wrong.
    """
    async with database.begin() as session:
        await session.execute(TAKE, {"lock": Lock.KEY})  # processes that start together agree on one key
        row = await session.get(InstallationRow, 1)
        stored = row.key_fingerprint if row else None
        configured = settings.secret_key
        keys = [key.strip() for key in configured.split(",")] if configured else read_key(settings.data_dir)
        if keys is None:
            if stored or await _has_rows(session):
                raise VaultError(
                    f"CLIPCAST_SECRET_KEY is not set, and {settings.data_dir} holds no key, but the database belongs "
                    f"to {_named(stored)}. Set CLIPCAST_SECRET_KEY to that key."
                )
            keys = make_key(settings.data_dir)
        vault = Vault(keys)
        if stored is None:
            await _check_decrypts(session, vault)
        elif stored not in vault.fingerprints:
            source = "CLIPCAST_SECRET_KEY" if configured else f"The key in {settings.data_dir}"
            given = " and ".join(vault.fingerprints)
            raise VaultError(
                f"{source} is not the key of this database: it has the fingerprint {given}, the database belongs to "
                f"{_named(stored)}. Set the key of the database, or NEW,OLD to rotate it."
            )
        if stored != vault.fingerprints[0]:
            former = [one for one in (*(row.former_fingerprints if row else ()), stored) if one]
            values = {
                "key_fingerprint": vault.fingerprints[0], "key_since": clock.now(),
                "sealed_by": None,
                "former_fingerprints": [one for one in dict.fromkeys(former) if one != vault.fingerprints[0]],
            }  # fmt: skip
            written = insert(InstallationRow).values(id=1, **values)
            await session.execute(written.on_conflict_do_update(index_elements=["id"], set_=values))
    return vault


def _named(fingerprint: str | None) -> str:
    return f"the key with the fingerprint {fingerprint}" if fingerprint else "another key"


async def _has_rows(session: AsyncSession) -> bool:
    return bool((await session.execute(select(func.count()).select_from(Workspace))).scalar_one())


async def _check_decrypts(session: AsyncSession, vault: Vault) -> None:
    """Raise VaultError if the tokens of an installation without a stored fingerprint belong to another key."""
    newest = (
        select(Connection.tokens)
        .where(Connection.tokens.is_not(None))
        .order_by(Connection.id.desc())
        .limit(SAMPLE_SIZE)
    )
    sealed = list((await session.execute(newest)).scalars())
    if sealed and not any(vault.can_open(one) for one in sealed):
        raise VaultError(
            f"The secret key with the fingerprint {vault.fingerprints[0]} decrypts nothing in this database, which "
            "belongs to another key. Set CLIPCAST_SECRET_KEY to that key."
        )
