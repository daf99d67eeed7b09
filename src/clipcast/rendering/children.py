"""Running jobs in child processes: a few at a time, each with bounded memory, CPU, time and reading."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import asdict, dataclass
from typing import Any

import structlog

from clipcast.common.unavailable import Unavailable
from clipcast.rendering.channel import HEAD, LENGTH, LONGEST_MESSAGE, MESSAGE, OUT_OF_MEMORY, PIECE, READ
from clipcast.rendering.confinement import Limits
from clipcast.rendering.errors import UnreadableMedia
from clipcast.rendering.places import Places

log = structlog.get_logger()

# Streams the bytes start..end-1 of the source file.
ReadSource = Callable[[int, int], AsyncIterator[bytes]]
MEBIBYTE = 1024 * 1024
COMMAND = (sys.executable, "-I", "-m", "clipcast.rendering.child")


@dataclass(frozen=True)
class Bounds:
    """What one job may use. A probe of an ordinary clip takes 0.2 s of CPU and 100 MB.

    `seconds` is the time that a child spends by itself: it does not run while our storage answers. `rereads` is how
    many times the file's size may be read in all.
    """

    memory: int = 1536 * MEBIBYTE
    cpu: int = 30
    seconds: float = 60
    rereads: int = 4


class ChildUnavailable(Unavailable):
    """A child cannot be started now, or too many files wait. This is not the file's fault."""

    layer = "media"


class Children:
    """The child processes of this process."""

    def __init__(self, at_once: int | None = None, patience: float = 60, command: Sequence[str] = COMMAND) -> None:
        """At most `at_once` run at a time; a job that waits longer than `patience` seconds is not done."""
        self._places = Places(at_once or max(2, (os.cpu_count() or 2) // 2))
        self._patience = patience
        self._command = command

    async def run(
        self, kind: str, read: ReadSource, size: int, bounds: Bounds | None = None, owner: Hashable = None
    ) -> "Outcome":
        """Do a job of this kind on a file of `size` bytes. Places go round among owners.

        Raises UnreadableMedia when the child dies or is killed of it, ChildUnavailable, and whatever `read` raises.
        """
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._places.place(owner, self._patience))
            except TimeoutError:
                raise ChildUnavailable("Too many files are being examined. Try again later.") from None
            return await _run(self._command, kind, read, size, bounds or Bounds())


@dataclass(frozen=True)
class Outcome:
    """What a child sent. `layers` are those of confinement.LAYERS that held it. It is not to be trusted."""

    layers: tuple[str, ...]
    result: dict[str, Any]


async def _run(command: Sequence[str], kind: str, read: ReadSource, size: int, bounds: Bounds) -> Outcome:
    ours, theirs = socket.socketpair()
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=theirs.fileno(),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        ours.close()
        raise ChildUnavailable(f"No process can be started: {error}.") from error
    finally:
        theirs.close()
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    child = _Child(process, reader, writer, read, size, bounds)
    try:
        job = {"kind": kind, "size": size, "parent": os.getpid(), "limits": asdict(Limits(bounds.memory, bounds.cpu))}
        content = json.dumps(job).encode()
        writer.write(LENGTH.pack(len(content)) + content)
        return await child.converse()
    finally:
        writer.close()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.shield(process.wait())


class _Child:
    """One child at work, and what it has used so far."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        read: ReadSource,
        size: int,
        bounds: Bounds,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._read = read
        self._size = size
        self._seconds_left = bounds.seconds
        self._bytes_left = bounds.rereads * size + 64 * MEBIBYTE
        self._layers: tuple[str, ...] | None = None

    async def converse(self) -> Outcome:
        """Answer what the child asks for until it sends the result."""
        while True:
            kind, offset, length = HEAD.unpack(await self._receive(HEAD.size))
            if kind == READ and length <= PIECE:
                await self._send_piece(offset, length)
            elif kind == MESSAGE and length <= LONGEST_MESSAGE:
                message = self._parsed(await self._receive(length))
                if "ready" in message:
                    self._layers = tuple(map(str, message["ready"]))
                elif isinstance(message.get("result"), dict):
                    return Outcome(self._layers or (), message["result"])
                else:
                    raise self._unreadable("it cannot be understood", broken=str(message.get("broken")))
            else:
                raise self._unreadable("it cannot be understood")

    def _parsed(self, content: bytes) -> dict[str, Any]:
        try:
            message = json.loads(content, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            raise self._unreadable("it cannot be understood")
        return message

    async def _receive(self, length: int) -> bytes:
        """The next bytes from the child. Raises when it dies or takes too long."""
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._seconds_left):
                return await self._reader.readexactly(length)
        except TimeoutError:
            raise self._unreadable("reading it takes too long") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise await self._death() from None
        finally:
            self._seconds_left -= asyncio.get_running_loop().time() - started

    async def _send_piece(self, offset: int, length: int) -> None:
        self._bytes_left -= length
        if self._bytes_left < 0:
            raise self._unreadable("reading it never ends")
        if offset + length > self._size:
            raise self._unreadable("it cannot be understood")
        async with aclosing(_generator(self._read(offset, offset + length))) as pieces:
            async for piece in pieces:
                self._writer.write(piece)
        with suppress(ConnectionError):  # its death is noticed at the next message
            await self._writer.drain()

    async def _death(self) -> Exception:
        """The error of a child that ended without a result."""
        code = await self._process.wait()
        if self._layers is None:
            return ChildUnavailable(f"The process that examines files did not start (exit code {code}).")
        if code == OUT_OF_MEMORY:
            return self._unreadable("reading it takes too much memory", code)
        if code == -signal.SIGXCPU:
            return self._unreadable("reading it takes too long", code)
        return self._unreadable("reading it broke the decoder", code)

    def _unreadable(self, why: str, code: int | None = None, broken: str | None = None) -> UnreadableMedia:
        log.warning("media_unreadable", reason=why, exit_code=code, trace=broken)
        message = f"The file cannot be read safely: {why}. Export it again, as MP4 with H.264 and AAC."
        return UnreadableMedia("media_unreadable", message)


async def _generator(pieces: AsyncIterator[bytes]) -> Any:
    async for piece in pieces:
        yield piece


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")
