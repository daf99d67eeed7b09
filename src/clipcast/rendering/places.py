"""A limit of concurrent jobs, shared fairly among owners."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class Places:
    """A semaphore of `number` places. A free place goes to the owner who was served least recently."""

    def __init__(self, number: int) -> None:
        self._free = number
        # By owner, in the order of service: a served owner moves to the end.
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def place(self, owner: Hashable, patience: float) -> AsyncIterator[None]:
        """Hold a place during the block. Raise TimeoutError if none is free within `patience` seconds."""
        await self._acquire(owner, patience)
        try:
            yield
        finally:
            self._release()

    async def _acquire(self, owner: Hashable, patience: float) -> None:
        if self._free:
            self._free -= 1
            return
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(granted)
        try:
            async with asyncio.timeout(patience):
                await granted
        except BaseException:
            if granted.done() and not granted.cancelled():
                self._release()  # the place was granted at the same moment
            raise
        finally:
            self._remove(owner, granted)

    def _remove(self, owner: Hashable, granted: "asyncio.Future[None]") -> None:
        waiting = self._waiting.get(owner)
        if waiting is not None and granted in waiting:
            waiting.remove(granted)
            if not waiting:
                del self._waiting[owner]

    def _release(self) -> None:
        for owner, waiting in list(self._waiting.items()):
            del self._waiting[owner]
            while waiting:
                granted = waiting.popleft()
                if not granted.done():
                    granted.set_result(None)
                    if waiting:
                        self._waiting[owner] = waiting
                    return
        self._free += 1
