"""Places for work of which little fits on a machine, shared out fairly among its owners."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class Places:
    """So many places. A place that becomes free goes to the owner who has waited longest for a turn."""

    def __init__(self, number: int) -> None:
        self._free = number
        # By owner, in the order of their turns; an owner who was served goes to the end.
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def place(self, owner: Hashable, patience: float) -> AsyncIterator[None]:
        """Hold a place. Raises TimeoutError when there is none within `patience` seconds."""
        await self._take(owner, patience)
        try:
            yield
        finally:
            self._give_back()

    async def _take(self, owner: Hashable, patience: float) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(turn)
        try:
            async with asyncio.timeout(patience):
                await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._give_back()  # it came in the moment in which this ended
            raise
        finally:
            self._forget(owner, turn)

    def _forget(self, owner: Hashable, turn: "asyncio.Future[None]") -> None:
        waiting = self._waiting.get(owner)
        if waiting is not None and turn in waiting:
            waiting.remove(turn)
            if not waiting:
                del self._waiting[owner]

    def _give_back(self) -> None:
        for owner, waiting in list(self._waiting.items()):
            del self._waiting[owner]
            while waiting:
                turn = waiting.popleft()
                if not turn.done():
                    turn.set_result(None)
                    if waiting:
                        self._waiting[owner] = waiting
                    return
        self._free += 1
