"""The browsers that show a person's push messages. The callers of these functions commit."""

from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.vault import Vault
from clipcast.database.models.notices import PushDevice, PushKey
from clipcast.notices.push import Subscription, make_key

# The devices of a person. The oldest one ends when there is one more.
DEVICES_MAX = 20


async def signing_key(session: AsyncSession, vault: Vault) -> str:
    """Return the installation's private key for push messages, which is created at first use. Raise VaultError."""
    if (found := await session.scalar(select(PushKey.private))) is None:
        made = insert(PushKey).values(id=1, private=vault.seal(make_key()), created_at=clock.now())
        await session.execute(made.on_conflict_do_nothing())
        found = (await session.execute(select(PushKey.private))).scalar_one()
    return str(vault.open(found))


async def devices_of(session: AsyncSession, user_id: UUID) -> list[PushDevice]:
    """Return the person's devices, newest first."""
    query = select(PushDevice).where(PushDevice.user_id == user_id)
    return list(await session.scalars(query.order_by(PushDevice.created_at.desc(), PushDevice.id.desc())))


async def add_device(
    session: AsyncSession, vault: Vault, user_id: UUID, session_id: UUID, agent: str, subscription: Subscription
) -> None:
    """Add the browser of a session. A browser that somebody else used before is the person's from now on."""
    values = {
        "user_id": user_id, "session_id": session_id, "subscription": vault.seal(subscription.as_json()),
        "host": subscription.host, "agent": agent, "error": None,
    }  # fmt: skip
    made = insert(PushDevice).values(id=new_id(), digest=subscription.digest, created_at=clock.now(), **values)
    await session.execute(
        delete(PushDevice).where(PushDevice.session_id == session_id, PushDevice.digest != subscription.digest)
    )
    await session.execute(made.on_conflict_do_update(index_elements=["digest"], set_=values))
    for device in (await devices_of(session, user_id))[DEVICES_MAX:]:
        await session.delete(device)


async def remove_device(session: AsyncSession, user_id: UUID, device_id: UUID) -> None:
    """Remove one of the person's devices, if it is one."""
    await session.execute(delete(PushDevice).where(PushDevice.user_id == user_id, PushDevice.id == device_id))
