"""The installation's secret key, and the proof that a process has the right one.

What one key has encrypted, no other opens. The database therefore keeps the fingerprint of the key that encrypts now,
and a process without that key does not start: it would read nothing, and what it wrote nobody else could read.
"""

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.settings import Settings
from clipcast.common.vault import Vault, VaultError, make_key, read_key
from clipcast.database import Database
from clipcast.database.models.connections import Connection
from clipcast.database.models.installation import InstallationRow
from clipcast.database.models.workspaces import Workspace

# Any number: it only has to be the same in every process, so that two which start together agree on one key.
KEY_LOCK = 7_236_012
# Connections whose tokens are tried where no fingerprint is known yet.
TRIED = 20


async def unlock(settings: Settings, database: Database) -> Vault:
    """Return the vault of this installation; on an empty one without a key, make the key.

    The key that encrypts now must be among the configured ones. Then the first of these encrypts from now on.

    Raises VaultError when the key is missing or another one.
    """
    async with database.begin() as session:
        await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": KEY_LOCK})
        row = await session.get(InstallationRow, 1)
        known = row.key_fingerprint if row else None
        configured = settings.secret_key
        keys = [key.strip() for key in configured.split(",")] if configured else read_key(settings.data_dir)
        if keys is None:
            if known or await _has_rows(session):
                raise VaultError(
                    f"CLIPCAST_SECRET_KEY is not set, and there is no key in {settings.data_dir}, but the database "
                    f"belongs to {_named(known)}. Give the key that this installation had."
                )
            keys = make_key(settings.data_dir)
        vault = Vault(keys)
        if known is None:
            await _require_opens(session, vault)
        elif known not in vault.fingerprints:
            source = "CLIPCAST_SECRET_KEY" if configured else f"The key in {settings.data_dir}"
            given = " and ".join(vault.fingerprints)
            raise VaultError(
                f"{source} is not the key of this database: it has the fingerprint {given}, the database belongs to "
                f"{_named(known)}. Give the key that this installation had; to rotate it, NEW,OLD."
            )
        if known != vault.fingerprints[0]:
            values = {"key_fingerprint": vault.fingerprints[0], "key_since": clock.now()}
            written = insert(InstallationRow).values(id=1, **values)
            await session.execute(written.on_conflict_do_update(index_elements=["id"], set_=values))
    return vault


def _named(fingerprint: str | None) -> str:
    return f"the key with the fingerprint {fingerprint}" if fingerprint else "another key"


async def _has_rows(session: AsyncSession) -> bool:
    return bool((await session.execute(select(func.count()).select_from(Workspace))).scalar_one())


async def _require_opens(session: AsyncSession, vault: Vault) -> None:
    """Raise VaultError when an installation from before there were fingerprints was encrypted with another key."""
    newest = select(Connection.tokens).where(Connection.tokens.is_not(None)).order_by(Connection.id.desc()).limit(TRIED)
    sealed = list((await session.execute(newest)).scalars())
    if sealed and not any(vault.can_open(one) for one in sealed):
        raise VaultError(
            f"The secret key, with the fingerprint {vault.fingerprints[0]}, opens nothing in this database: it belongs "
            "to another key. Give the key that this installation had as CLIPCAST_SECRET_KEY."
        )
