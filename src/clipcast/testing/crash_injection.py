"""Crashes of a run at one request, as if its process were killed: nothing after that point runs."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from clipcast.platforms.http import PlatformHttp
from clipcast.platforms.responses import Response

When = Literal["before", "after"]


class Killed(BaseException):
    """The crash of the process. No handler of Clipcast may catch this."""


@contextmanager
def killed_at(request_name: str, when: When, nth: int = 1) -> Iterator[None]:
    """End the run at the nth request of this name: before it is sent, or after its response has arrived."""
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
    """End a worker's run at each of these requests, numbered from 0 over all requests."""
    numbers = itertools.count()
    with _killed(lambda name: calls.get(next(numbers))):
        yield


@contextmanager
def _killed(dies: Callable[[str], When | None]) -> Iterator[None]:
    """Ask `dies` for each request, by its name, whether the run ends there."""
    original = PlatformHttp.request

    async def request(self: PlatformHttp, name: str, *arguments: Any, **options: Any) -> Response:
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
