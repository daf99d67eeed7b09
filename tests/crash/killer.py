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
def killed_at(request_name: str, when: When) -> Iterator[None]:
    """The first request of this name ends the run: before it is sent, or once its answer has arrived."""
    original = PlatformHttp.request
    left = 1

    async def request(self: PlatformHttp, name: str, *arguments: Any, **options: Any) -> httpx2.Response:
        nonlocal left
        hit = left and name == request_name
        if hit:
            left = 0
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
