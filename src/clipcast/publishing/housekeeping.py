"""Housekeeping: expired rows and files are deleted, and held jobs go on whose account is connected again."""

from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import Delete, delete, exists

from clipcast.audit.requests import delete_old_requests
from clipcast.clips.addresses import ABANDONED_UPLOAD
from clipcast.clips.unwanted import delete_unwanted, record_unwanted
from clipcast.clock import clock
from clipcast.common.unavailable import StorageUnavailable
from clipcast.database import Database
from clipcast.database.models.clients import ClientReviewer
from clipcast.database.models.clips import BulkDownload, Clip
from clipcast.database.models.connections import ClientLink, ConnectAttempt, ConnectLink, UsedConnectLink
from clipcast.database.models.jobs import DrainedWorker
from clipcast.database.models.people import Invitation, SignInSession
from clipcast.database.models.plans import StoredPlan
from clipcast.database.models.requests import AttemptLog, IdempotentResponseRow, RateWindow
from clipcast.database.models.reviews import Reviewer, ReviewLink
from clipcast.installation.storage_mark import may_delete
from clipcast.jobs.queue import requeue_held
from clipcast.storage import Storage

IDEMPOTENCY_LIFETIME = timedelta(hours=24)
# A worker that was frozen for longer has lost its order to stop.
FROZEN_MAX = timedelta(days=7)
# Of a review link that has ended: a transaction that began before may still name it.
ENDED_LINK = timedelta(days=1)


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
        await session.execute(_ended_review_links(now - ENDED_LINK))
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
    with suppress(StorageUnavailable):
        await may_delete(database, storage)  # renews the mark, also while there is nothing to delete
    await delete_unwanted(database, storage)


def _ended_review_links(before: datetime) -> Delete:
    """Return the deletion of review links that ended before this instant, except those of a review or of a rule."""
    ended = (ReviewLink.expires_at < before) | (ReviewLink.revoked_at < before)
    used = exists().where(Reviewer.link_id == ReviewLink.id) | exists().where(ClientReviewer.link_id == ReviewLink.id)
    return delete(ReviewLink).where(ended, ~used).execution_options(synchronize_session=False)
