"""Stopping a run dead at one request, as a killed process would: nothing after that point happens."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import httpx2

from clipcast.platforms.http import PlatformHttp

When = Literal["before", "after"]


class Killed(BaseException):
    """The process is gone. No handler of ours may see this."""


@contextmanager
def killed_at(request_name: str, when: When, nth: int = 1) -> Iterator[None]:
    """The nth request of this name ends the run: before it is sent, or once its answer has arrived."""
    seen = 0

    def dies(name: str) -> When | None:
        nonlocal seen
        seen += name == request_name
        return when if name == request_name and seen == nth else None

    with _killed(dies):
        yield
    assert seen >= nth, f"{request_name} was never sent"


@contextmanager
def killed_at_calls(calls: dict[int, When]) -> Iterator[None]:
    """A worker's death at each of these requests, counted from the first one, whatever they are."""
    numbers = itertools.count()
    with _killed(lambda name: calls.get(next(numbers))):
        yield


@contextmanager
def _killed(dies: Callable[[str], When | None]) -> Iterator[None]:
    """`dies` is asked about each request, by name, whether the run ends there."""
    original = PlatformHttp.request

    async def request(self: PlatformHttp, name: str, *arguments: Any, **options: Any) -> httpx2.Response:
        when = dies(name)
        if when == "before":
            raise Killed
        response = await original(self, name, *arguments, **options)
        if when == "after":
            raise Killed
        return response

    PlatformHttp.request = request  # type: ignore[method-assign]
    try:
        yield
    finally:
        PlatformHttp.request = original  # type: ignore[method-assign]
