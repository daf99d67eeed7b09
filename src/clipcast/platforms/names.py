"""DNS look-ups of hosts that users and operators name, in threads of their own.

A name server that is away holds a thread for up to a minute, whatever its caller's time-out. The event loop has two
threads for all look-ups, which belong to the platforms' hosts and the database.
"""

import asyncio
import socket
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from socket import getaddrinfo

from clipcast.clock import clock

# Seconds for a look-up. Shorter than the time for a whole connection.
LOOKUP_TIME = 8.0
THREADS_MAX = 64
# Seconds for which a failure is the answer.
FAILED_FOR = 60.0
FAILURES_MAX = 10_000


@dataclass
class _Lookup:
    host: str
    began: float = field(default_factory=clock.monotonic)
    has_thread: bool = False
    # An exception is a result: nobody may be there to retrieve it.
    found: Future[list[str] | Exception] = field(default_factory=Future)

    @property
    def is_late(self) -> bool:
        """Whether nobody waits for it any more who was there when it began."""
        return clock.monotonic() - self.began >= LOOKUP_TIME


class Lookups:
    """Look-ups at the same time, at most `threads_max`, one for each host. Others wait for a thread."""

    def __init__(self, threads_max: int = THREADS_MAX) -> None:
        self._free = threads_max
        self._lock = threading.Lock()
        self._unfinished: dict[str, _Lookup] = {}
        self._waiting: deque[_Lookup] = deque()
        # By host: until when it counts as failed, and how.
        self._failed: dict[str, tuple[float, type[OSError]]] = {}

    async def addresses(self, host: str) -> list[str]:
        """Return the IP addresses of a host within LOOKUP_TIME.

        Raises TimeoutError if that is too short, another OSError if the host has none, UnicodeError if it is no name.
        """
        failure = self._failed.get(host)
        if failure and clock.monotonic() < failure[0]:
            raise failure[1](f"The look-up of {host} failed less than {FAILED_FOR:.0f} s ago.")
        lookup = self._begin(host)
        try:
            async with asyncio.timeout(LOOKUP_TIME):
                found = await asyncio.shield(asyncio.wrap_future(lookup.found))
            if isinstance(found, Exception):
                raise found
            return found
        except OSError as error:
            if lookup.has_thread:  # else the host is not to blame
                self._remember(host, TimeoutError if isinstance(error, TimeoutError) else OSError)
            raise

    def _begin(self, host: str) -> _Lookup:
        """Return the look-up of this host that has not ended, or else a new one."""
        with self._lock:
            found = self._unfinished.get(host)
            if found and (found.has_thread or not found.is_late):
                return found
            lookup = self._unfinished[host] = _Lookup(host)
            self._waiting.append(lookup)
            if self._free:
                self._free -= 1
                # A daemon, for which the end of the process does not wait.
                threading.Thread(target=self._work, name="look-up", daemon=True).start()
            return lookup

    def _work(self) -> None:
        while lookup := self._next():
            found: list[str] | Exception
            try:
                found = [str(entry[4][0]) for entry in getaddrinfo(lookup.host, None, type=socket.SOCK_STREAM)]
            except Exception as error:
                found = error
            with self._lock:
                self._end(lookup)
            lookup.found.set_result(found)

    def _next(self) -> _Lookup | None:
        """Return a look-up for which somebody still waits; None, and free the thread, if there is none."""
        with self._lock:
            while self._waiting:
                lookup = self._waiting.popleft()
                lookup.found.set_running_or_notify_cancel()
                if not lookup.is_late:
                    lookup.has_thread = True
                    return lookup
                self._end(lookup)
                lookup.found.set_result(TimeoutError())
            self._free += 1
            return None

    def _end(self, lookup: _Lookup) -> None:
        if self._unfinished.get(lookup.host) is lookup:
            del self._unfinished[lookup.host]

    def _remember(self, host: str, kind: type[OSError]) -> None:
        now = clock.monotonic()
        if len(self._failed) >= FAILURES_MAX:
            self._failed = {name: failure for name, failure in self._failed.items() if failure[0] > now}
        if len(self._failed) < FAILURES_MAX:
            self._failed[host] = (now + FAILED_FOR, kind)


LOOKUPS = Lookups()
