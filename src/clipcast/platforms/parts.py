"""Uploads in parts that may arrive in any order: `AT_ONCE` at a time, each in its own step."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from clipcast.platforms.base import Publication

T = TypeVar("T")
# Like Bluesky's own app.
AT_ONCE = 3


async def send_parts(p: Publication[Any], count: int, send: Callable[[int], Awaitable[T]]) -> list[T]:
    """Run `send(0)` to `send(count - 1)` and return their results in this order. Each result is saved at once.

    If one fails, cancel the parts in transfer and raise its error.
    """
    slots, done = asyncio.Semaphore(AT_ONCE), 0

    async def one(number: int) -> T:
        nonlocal done
        async with slots:
            result = await p.step(f"part {number}", lambda: send(number))
        done += 1
        await p.report_progress("uploading", 5 + 70 * done // count)
        return result

    parts = [asyncio.create_task(one(number)) for number in range(count)]
    try:
        return await asyncio.gather(*parts)
    finally:
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
