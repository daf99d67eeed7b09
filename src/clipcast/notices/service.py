"""A member's choices: which events by which channel, to which chat, and when. The callers of these functions commit."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.vault import Vault
from clipcast.database.hot_queries import from_session
from clipcast.database.models.notices import NoticeChannel, NoticeEntry, NoticeHabits
from clipcast.database.models.people import User
from clipcast.notices.channels import CHAT, EMAIL, PUSH
from clipcast.notices.chat import service_of
from clipcast.notices.fan_out import add_jobs
from clipcast.notices.habits import Habits, habits_of_row
from clipcast.notices.repository import ADD_SILENT_CHANNELS
from clipcast.notices.unsubscribe import Unsubscription
from clipcast.notices.words import EVENTS, defaults_of, may_choose, urgent_of


async def channels_of(session: AsyncSession, user_id: UUID, workspace_id: UUID) -> dict[str, NoticeChannel]:
    """Return the member's channels by kind. A kind without a choice yet may be missing."""
    query = select(NoticeChannel).where(NoticeChannel.user_id == user_id, NoticeChannel.workspace_id == workspace_id)
    return {one.channel: one for one in await session.scalars(query)}


def chosen_events(name: str, channel: NoticeChannel | None, role: str) -> list[str]:
    """Return the types of events that a member in this role gets by the channel of this name."""
    if channel is None or channel.events is None:
        return urgent_of(role) if name == PUSH else defaults_of(role)
    return [type for type in channel.events if type in EVENTS and may_choose(EVENTS[type], role)]


async def choose_events(
    session: AsyncSession, user_id: UUID, workspace_id: UUID, channel: str, types: Collection[str]
) -> None:
    """Set the types of events that the member gets by this channel. Unknown types are left out."""
    found = await _channel(session, user_id, workspace_id, channel)
    found.events = [type for type in EVENTS if type in types]


async def set_chat(session: AsyncSession, vault: Vault, user_id: UUID, workspace_id: UUID, address: str) -> None:
    """Set the address of the member's chat. Raise ChatAddressError."""
    service = service_of(address)
    found = await _channel(session, user_id, workspace_id, CHAT)
    found.address, found.service = vault.seal(address), service.name
    found.error = found.failing_since = found.sent_at = None


async def remove_chat(session: AsyncSession, user_id: UUID, workspace_id: UUID) -> None:
    """Forget the address of the member's chat, and what waits for it. Keep the choice of events."""
    found = await _channel(session, user_id, workspace_id, CHAT)
    found.address = found.service = found.error = found.failing_since = None
    await _drop_entries(session, [found.id])


async def send_test(session: AsyncSession, user_id: UUID, workspace_id: UUID, channel: str) -> None:
    """Have a test message sent, now or when the pause after the last message ends."""
    found = await _channel(session, user_id, workspace_id, channel)
    session.add(NoticeEntry(channel_id=found.id))
    await session.flush()
    await add_jobs(await from_session(session), {found.id: clock.now()}, hurry=True)


async def habits_of(session: AsyncSession, user_id: UUID) -> Habits:
    """Return when the person gets the notices that are not urgent."""
    query = select(User.zone.label("own_zone"), *NoticeHabits.__table__.columns).where(User.id == user_id)
    query = query.select_from(User).outerjoin(NoticeHabits, NoticeHabits.user_id == User.id)
    return habits_of_row(dict((await session.execute(query)).mappings().one()))


async def choose_habits(session: AsyncSession, user_id: UUID, habits: Habits) -> None:
    """Set when the person gets the notices that are not urgent, also those that wait already."""
    begins, ends = habits.quiet or (None, None)
    values = {
        "zone": habits.zone.key, "quiet_from": begins, "quiet_until": ends,
        "digest": habits.digest, "digest_at": habits.digest_at, "digest_day": habits.digest_day,
    }  # fmt: skip
    made = insert(NoticeHabits).values(user_id=user_id, **values)
    await session.execute(made.on_conflict_do_update(index_elements=["user_id"], set_=values))
    channels = select(NoticeChannel.id).where(NoticeChannel.user_id == user_id).order_by(NoticeChannel.id)
    await session.execute(channels.with_for_update(key_share=True))
    waiting = select(NoticeEntry, NoticeChannel.channel).join(NoticeChannel, NoticeChannel.id == NoticeEntry.channel_id)
    waiting = waiting.where(NoticeChannel.user_id == user_id, ~NoticeEntry.urgent, NoticeEntry.message_id.is_(None))
    now = clock.now()
    due: dict[UUID, datetime] = {}
    for entry, channel in await session.execute(waiting):
        entry.due_at = habits.due_at(channel, False, now)
        due[entry.channel_id] = min(entry.due_at, due.get(entry.channel_id, entry.due_at))
    await session.flush()
    await add_jobs(await from_session(session), due)


async def end_mails(session: AsyncSession, wanted: Unsubscription) -> None:
    """End the e-mails that an unsubscription names, and drop what waits.

    Workspaces that the person joins later have e-mails again.
    """
    values = {"user_id": wanted.user_id, "workspace_id": wanted.workspace_id, "now": clock.now()}
    await session.execute(ADD_SILENT_CHANNELS, values)
    query = select(NoticeChannel).where(NoticeChannel.user_id == wanted.user_id, NoticeChannel.channel == EMAIL)
    if wanted.workspace_id:
        query = query.where(NoticeChannel.workspace_id == wanted.workspace_id)
    found = list(await session.scalars(query.order_by(NoticeChannel.id).with_for_update(key_share=True)))
    for channel in found:
        channel.events = []
    await _drop_entries(session, [channel.id for channel in found])


async def _channel(session: AsyncSession, user_id: UUID, workspace_id: UUID, channel: str) -> NoticeChannel:
    """Return the member's channel, which is created if it is missing, and lock it."""
    values = {"id": new_id(), "user_id": user_id, "workspace_id": workspace_id, "channel": channel}
    created = insert(NoticeChannel).values(**values, created_at=clock.now()).on_conflict_do_nothing()
    await session.execute(created)
    query = select(NoticeChannel).where(
        NoticeChannel.user_id == user_id,
        NoticeChannel.workspace_id == workspace_id,
        NoticeChannel.channel == channel,
    )
    return (await session.execute(query.with_for_update(key_share=True))).scalar_one()


async def _drop_entries(session: AsyncSession, channel_ids: list[UUID]) -> None:
    await session.execute(delete(NoticeEntry).where(NoticeEntry.channel_id.in_(channel_ids)))
