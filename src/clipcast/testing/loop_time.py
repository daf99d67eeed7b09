"""The event loop's time, which tests move instead of waiting for time-outs."""

import asyncio
from collections.abc import Callable


class MovedTime:
    """A loop's `time` with an offset. It is never taken back: a loop's time does not run backwards."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self.offset = 0.0

    def __call__(self) -> float:
        return self._time() + self.offset


def move_loop_time(seconds: float) -> None:
    """Move the running loop's time forward, so that all timers of the next `seconds` fire now."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop.time, MovedTime):
        loop.time = MovedTime(loop.time)  # type: ignore[method-assign]
    loop.time.offset += seconds
