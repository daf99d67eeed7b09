"""Listening sockets: the process that starts others opens them, and its child processes inherit them.

A port that was only found free could be taken before a child listens on it, at its start and at each restart. And while
no child runs, connections wait in the socket's queue.
"""

import errno
import os
import socket
from collections.abc import Iterable, Sequence

# The numbers of the sockets that a child process inherits.
SOCKETS = "CLIPCAST_SOCKETS"
# The length of the queue: as uvicorn's.
BACKLOG = 2048
# A host may have an IPv6 address on a machine without IPv6.
ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
LOOPBACK = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not listened on


def listen(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen on the port, one for each address of `host` that this machine has.

    An empty `host` stands for all addresses. Raises OSError if the machine has none of them, or the port is taken.
    """
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    absent = None
    for family, _, _, _, address in found:
        try:
            sockets.append(socket.create_server(address, family=family, backlog=BACKLOG))
        except OSError as error:
            if error.errno not in ABSENT:
                close(sockets)
                raise
            absent = error
    if absent and not sockets:
        raise absent
    return sockets


def inherited() -> list[socket.socket] | None:
    """Return the sockets that this process inherits, or None. The processes that it starts do not inherit them."""
    numbers = os.environ.pop(SOCKETS, None)
    if numbers is None:
        return None
    sockets = [socket.socket(fileno=int(number)) for number in numbers.split()]
    for one in sockets:
        one.set_inheritable(False)
    return sockets


def close(sockets: Iterable[socket.socket]) -> None:
    for one in sockets:
        one.close()


def url_of(sockets: Sequence[socket.socket]) -> str:
    """Return the address at which this machine reaches the first of `sockets`."""
    host, port = sockets[0].getsockname()[:2]
    return local_url(host, port)


def local_url(host: str, port: int) -> str:
    """Return the address at which this machine reaches a server that listens on `host`, which may stand for all."""
    return url_at(LOOPBACK.get(host, host), port)


def url_at(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
