"""Uploading in parts that may come in any order: a few at a time, each in a step of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from clipcast.platforms.base import Publication

T = TypeVar("T")
# What Bluesky's own app does.
AT_ONCE = 3


async def send_parts(p: Publication[Any], count: int, send: Callable[[int], Awaitable[T]]) -> list[T]:
    """The results of `send(0)` to `send(count - 1)`, in this order. Each is saved when it is there.

    When one fails, those under way are given up, and its error is raised.
    """
    turns, done = asyncio.Semaphore(AT_ONCE), 0

    async def one(number: int) -> T:
        nonlocal done
        async with turns:
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
