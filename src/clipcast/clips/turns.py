"""Whose turn it is to send a clip's bytes: the newest request's.

Requests that send the same clip at the same time would each hold as many bytes as it may have. A browser that has lost
its connection tries again at once, so that it is the older request that ends.
"""

from collections.abc import AsyncIterator
from uuid import UUID

from sqlalchemy import select, update

from clipcast.common.ids import new_id
from clipcast.common.problems import AppError
from clipcast.database.models.clips import Clip
from clipcast.installation import Installation

# How much a request may still receive before it notices that another one has its turn.
CHECKED_EVERY = 8 * 1024 * 1024


class Turn:
    """One request's turn to send a clip's bytes."""

    def __init__(self, installation: Installation, clip_id: UUID, turn_id: UUID) -> None:
        self._installation = installation
        self._clip_id = clip_id
        self.id = turn_id

    @classmethod
    async def take(cls, installation: Installation, clip: Clip) -> "Turn":
        """Take the turn from whoever has it."""
        turn = cls(installation, clip.id, new_id())
        async with installation.database.begin() as session:
            await session.execute(update(Clip).where(Clip.id == clip.id).values(receiving=turn.id))
        return turn

    async def check(self) -> None:
        """Raise AppError 409 when another request has taken the turn."""
        async with self._installation.database.session() as session:
            query = select(Clip.receiving).where(Clip.id == self._clip_id)
            if (await session.execute(query)).scalar_one_or_none() != self.id:
                raise superseded()

    async def pieces(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pass on what `stream` sends, as long as it is this request's turn."""
        unchecked = 0
        async for piece in stream:
            unchecked += len(piece)
            if unchecked >= CHECKED_EVERY:
                await self.check()
                unchecked = 0
            yield piece


def superseded() -> AppError:
    return AppError(409, "upload_superseded", "A newer request sends this file. HEAD tells how much of it has arrived.")
