"""Stopping a run dead at one request, as a killed process would: nothing after that point happens."""

from collections.abc import Iterator
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
    original = PlatformHttp.request
    left, done = nth, list[str]()

    async def request(self: PlatformHttp, name: str, *arguments: Any, **options: Any) -> httpx2.Response:
        nonlocal left
        if left and name == request_name:
            left -= 1
        hit = not left and name == request_name and not done
        if hit:
            done.append(name)
            if when == "before":
                raise Killed
        response = await original(self, name, *arguments, **options)
        if hit:
            raise Killed
        return response

    PlatformHttp.request = request  # type: ignore[method-assign]
    try:
        yield
    finally:
        PlatformHttp.request = original  # type: ignore[method-assign]
    assert not left, f"{request_name} was never sent"


@contextmanager
def killed_at_calls(calls: dict[int, When]) -> Iterator[None]:
    """A worker's death at each of these requests, counted from the first one, whatever they are."""
    original = PlatformHttp.request
    count = 0

    async def request(self: PlatformHttp, name: str, *arguments: Any, **options: Any) -> httpx2.Response:
        nonlocal count
        when, count = calls.get(count), count + 1
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
