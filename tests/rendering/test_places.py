"""Places: their number is limited, and owners get them in turn."""

import asyncio

import pytest

from clipcast.rendering.places import Places

PATIENCE = 60.0


async def test_places_are_shared_among_owners() -> None:
    """Serve owners in turn: one with many jobs waits for those with one."""
    places, served = Places(1), []

    async def work(owner: str, number: int) -> None:
        async with places.place(owner, PATIENCE):
            served.append(f"{owner}{number}")
            await asyncio.sleep(0)

    async with places.place("first", PATIENCE):
        work_of_all = [asyncio.create_task(work(owner, n)) for owner, count in (("a", 3), ("b", 1), ("c", 2))
                       for n in range(count)]  # fmt: skip
        await asyncio.sleep(0)
    await asyncio.gather(*work_of_all)
    assert served == ["a0", "b0", "c0", "a1", "c1", "a2"]


async def test_place_without_a_free_one_in_time_raises_timeout() -> None:
    places = Places(1)
    async with places.place("a", PATIENCE):
        with pytest.raises(TimeoutError):
            async with places.place("b", 0.01):
                pass
    assert places._waiting == {}
    async with places.place("c", 0.01):
        pass


async def test_place_of_a_cancelled_job_goes_to_the_next() -> None:
    places = Places(1)
    entered = asyncio.Event()

    async def work() -> None:
        async with places.place("a", PATIENCE):
            entered.set()
            await asyncio.Event().wait()

    async with places.place("first", PATIENCE):
        waiting, cancelled = asyncio.create_task(work()), asyncio.create_task(work())
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
    await entered.wait()
    # One is cancelled in the very moment in which it is given the place.
    last = asyncio.create_task(work())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    last.cancel()
    await asyncio.gather(last, return_exceptions=True)
    async with places.place("b", 0.01):
        pass
