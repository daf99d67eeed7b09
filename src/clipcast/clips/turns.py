"""The right to send a clip's bytes, which only the newest request has.

Several requests that send the same clip would each use storage for a whole clip. A browser that loses its connection
sends a new request immediately, so the older request must end.
"""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from sqlalchemy import update

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.problems import AppError
from clipcast.database.models.clips import Clip
from clipcast.installation import Installation

# In bytes. A request checks after this many that it still has the right.
CHECKED_EVERY = 8 * 1024 * 1024


class Turn:
    """One request's right to send a clip's bytes."""

    def __init__(self, installation: Installation, clip_id: UUID, turn_id: UUID) -> None:
        self._installation = installation
        self._clip_id = clip_id
        self.id = turn_id

    @classmethod
    async def take(cls, installation: Installation, clip: Clip) -> "Turn":
        """Claim the right for this request. The request that had it before loses it."""
        turn = cls(installation, clip.id, new_id())
        async with installation.database.begin() as session:
            await session.execute(update(Clip).where(Clip.id == clip.id).values(turn._now()))
        return turn

    def _now(self) -> dict[str, Any]:
        return {"receiving": self.id, "received_at": clock.now()}

    async def check(self) -> None:
        """Record that bytes have arrived. Raise AppError 409 if a newer request has the right."""
        mine = update(Clip).where(Clip.id == self._clip_id, Clip.receiving == self.id).values(self._now())
        async with self._installation.database.begin() as session:
            if (await session.execute(mine.returning(Clip.id))).one_or_none() is None:
                raise superseded()

    async def pieces(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the pieces of `stream` while this request has the right."""
        unchecked = 0
        async for piece in stream:
            unchecked += len(piece)
            if unchecked >= CHECKED_EVERY:
                await self.check()
                unchecked = 0
            yield piece


def superseded() -> AppError:
    """Return the error of a request that a newer one has replaced."""
    message = "A newer request sends this file. Request its offset with HEAD, then continue from there."
    return AppError(409, "upload_superseded", message)
