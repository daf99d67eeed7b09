"""Removing what has had its time: old idempotency answers, abandoned sign-ins, uploads that never came."""

from datetime import timedelta

from sqlalchemy import delete

from clipcast.api.models import AttemptLog, IdempotentAnswer, RateWindow
from clipcast.clips.models import Clip
from clipcast.clips.storage import Storage
from clipcast.clips.unwanted import delete_unwanted, record_unwanted
from clipcast.clock import clock
from clipcast.connections.models import ConnectAttempt, ConnectLink, UsedConnectLink
from clipcast.database import Database
from clipcast.people.models import Invitation, SignInSession
from clipcast.publishing.workers import forget_dead

IDEMPOTENCY_LIFETIME = timedelta(hours=24)
ABANDONED_UPLOAD = timedelta(days=2)


async def tidy(database: Database, storage: Storage) -> None:
    """Deletes it. Safe to run anywhere, at any time."""
    now = clock.now()
    async with database.begin() as session:
        await session.execute(delete(IdempotentAnswer).where(IdempotentAnswer.created_at < now - IDEMPOTENCY_LIFETIME))
        for table in (ConnectAttempt, ConnectLink, UsedConnectLink, SignInSession, Invitation, AttemptLog):
            await session.execute(delete(table).where(table.expires_at < now))
        two_minutes_ago = int(now.timestamp() // 60) - 2
        await session.execute(delete(RateWindow).where(RateWindow.minute < two_minutes_ago))
        abandoned = await session.execute(
            delete(Clip)
            .where(Clip.status != "ready", Clip.created_at < now - ABANDONED_UPLOAD)
            .returning(Clip.id, Clip.storage_key)
        )
        for clip_id, key in abandoned:
            await record_unwanted(session, f"uploads/{clip_id}/", *filter(None, [key]))
        await forget_dead(session)
    await delete_unwanted(database, storage)
