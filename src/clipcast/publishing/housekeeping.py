"""Removing what has had its time: old idempotency answers, abandoned sign-ins, uploads that never came."""

from datetime import timedelta

from sqlalchemy import delete

from clipcast.api.models import IdempotentAnswer
from clipcast.clips.models import Clip
from clipcast.clips.storage import Storage
from clipcast.clock import clock
from clipcast.connections.models import ConnectAttempt
from clipcast.database import Database

IDEMPOTENCY_LIFETIME = timedelta(hours=24)
ABANDONED_UPLOAD = timedelta(days=2)


async def tidy(database: Database, storage: Storage) -> None:
    """Deletes it. Safe to run anywhere, at any time."""
    now = clock.now()
    async with database.begin() as session:
        await session.execute(delete(IdempotentAnswer).where(IdempotentAnswer.created_at < now - IDEMPOTENCY_LIFETIME))
        await session.execute(delete(ConnectAttempt).where(ConnectAttempt.expires_at < now))
        abandoned = await session.execute(
            delete(Clip)
            .where(Clip.status != "ready", Clip.created_at < now - ABANDONED_UPLOAD)
            .returning(Clip.storage_key)
        )
        keys = list(abandoned.scalars())
    for key in filter(None, keys):
        await storage.delete(key)
