"""Pictures of connected accounts: small copies of what the platforms show, whose addresses expire.

The copy is made by a job (avatar_runner.py), so that nobody waits for it. Until it is there, lists show initials. A
trigger records a copy for deletion when its account has another one, or none, or ends.
"""

from hashlib import sha256
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database.models.connections import Connection
from clipcast.jobs.kinds import AVATAR, KINDS
from clipcast.jobs.wake import wake_workers

CONTENT_TYPE, FILE_NAME = "image/webp", "picture.webp"
# The end of a running job finds the account's new address itself.
ORDER = text("""
    INSERT INTO jobs (id, workspace_id, kind, subject_id, queue, priority, state, due_at, created_at, updated_at)
    VALUES (:id, :workspace_id, :kind, :connection_id, :queue, :priority, 'ready', :now, :now, :now)
    ON CONFLICT (kind, subject_id) WHERE state <> 'done' DO UPDATE SET
        state = 'ready', due_at = excluded.due_at, failures = 0, error = NULL, updated_at = excluded.updated_at
    WHERE jobs.state = 'waiting'
""")


async def order_avatar(session: AsyncSession, connection: Connection) -> None:
    """Have a worker fetch the picture at the account's `avatar_url` soon after the commit.

    Without an address, the account has no picture any more.
    """
    if connection.avatar_url is None:
        connection.avatar_key = None
        return
    kind = KINDS[AVATAR]
    values = {
        "id": new_id(), "workspace_id": connection.workspace_id, "kind": kind.name, "connection_id": connection.id,
        "queue": kind.queue, "priority": kind.priority, "now": clock.now(),
    }  # fmt: skip
    await session.execute(ORDER, values)
    wake_workers(session, kind.queue)


def new_key(connection_id: UUID, content: bytes) -> str:
    """Return a storage key for a picture. It names the content, and is never used again."""
    return f"{_beginning(connection_id, content)}-{new_id()}.webp"


def is_of(key: str, connection_id: UUID, content: bytes) -> bool:
    """Return whether the key is one of this picture."""
    return key.startswith(_beginning(connection_id, content))


def _beginning(connection_id: UUID, content: bytes) -> str:
    return f"avatars/{connection_id}/{sha256(content).hexdigest()}"
