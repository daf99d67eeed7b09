"""Housekeeping: expired rows and files are deleted, and held jobs go on whose account is connected again."""

from datetime import timedelta

from sqlalchemy import delete

from clipcast.audit.requests import delete_old_requests
from clipcast.clips.addresses import ABANDONED_UPLOAD
from clipcast.clips.unwanted import delete_unwanted, record_unwanted
from clipcast.clock import clock
from clipcast.database import Database
from clipcast.database.models.clips import BulkDownload, Clip
from clipcast.database.models.connections import ClientLink, ConnectAttempt, ConnectLink, UsedConnectLink
from clipcast.database.models.jobs import DrainedWorker
from clipcast.database.models.people import Invitation, SignInSession
from clipcast.database.models.plans import StoredPlan
from clipcast.database.models.requests import AttemptLog, IdempotentResponseRow, RateWindow
from clipcast.jobs.queue import requeue_held
from clipcast.storage import Storage

IDEMPOTENCY_LIFETIME = timedelta(hours=24)
# A worker that was frozen for longer has lost its order to stop.
FROZEN_MAX = timedelta(days=7)


async def delete_expired(database: Database, storage: Storage) -> None:
    """Delete expired rows and files. Safe to run concurrently."""
    now = clock.now()
    async with database.begin() as session:
        await session.execute(
            delete(IdempotentResponseRow).where(IdempotentResponseRow.created_at < now - IDEMPOTENCY_LIFETIME)
        )
        for table in (
            ConnectAttempt,
            ConnectLink,
            ClientLink,
            UsedConnectLink,
            SignInSession,
            Invitation,
            AttemptLog,
            BulkDownload,
            StoredPlan,
        ):
            await session.execute(delete(table).where(table.expires_at < now))
        await session.execute(delete(DrainedWorker).where(DrainedWorker.ended_at < now - FROZEN_MAX))
        two_minutes_ago = int(now.timestamp() // 60) - 2
        await session.execute(delete(RateWindow).where(RateWindow.minute < two_minutes_ago))
        abandoned = await session.execute(
            delete(Clip)
            .where(Clip.status != "ready", Clip.created_at < now - ABANDONED_UPLOAD)
            .returning(Clip.id, Clip.storage_key)
        )
        for clip_id, key in abandoned:
            await record_unwanted(session, f"uploads/{clip_id}/", *filter(None, [key]))
        await delete_old_requests(session)
        await requeue_held(session, None)
    await delete_unwanted(database, storage)
