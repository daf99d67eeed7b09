"""Jobs in child processes: a few at a time, each with bounded memory, CPU, time and reads."""

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

# A function that streams the bytes start..end-1 of the source file.
ReadSource = Callable[[int, int], AsyncIterator[bytes]]
MEBIBYTE = 1024 * 1024
COMMAND = (sys.executable, "-I", "-m", "clipcast.rendering.child")


@dataclass(frozen=True)
class Bounds:
    """The limits of one job. A probe of an ordinary clip takes 0.2 s of CPU and 100 MB.

    `seconds` limits the child's own time, without the time of the storage's responses. `rereads` limits the bytes read,
    as a multiple of the file's size.
    """

    memory: int = 1536 * MEBIBYTE
    cpu: int = 30
    seconds: float = 60
    rereads: int = 4


class ChildUnavailable(Unavailable):
    """No child can be started now, or too many files wait. The file itself may be valid."""

    layer = "media"


class Children:
    """The child processes of this process, limited in number."""

    def __init__(self, at_once: int | None = None, patience: float = 60, command: Sequence[str] = COMMAND) -> None:
        """Run at most `at_once` jobs at a time; reject a job after it has waited `patience` seconds."""
        self._places = Places(at_once or max(2, (os.cpu_count() or 2) // 2))
        self._patience = patience
        self._command = command

    async def run(
        self, kind: str, read: ReadSource, size: int, bounds: Bounds | None = None, owner: Hashable = None
    ) -> "Outcome":
        """Run a job of this kind on a file of `size` bytes. Owners get places in turn.

        Raise UnreadableMedia if the file crashes the child or exceeds its limits. Raise ChildUnavailable, and the
        errors of `read`.
        """
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._places.place(owner, self._patience))
            except TimeoutError:
                raise ChildUnavailable("Clipcast examines too many files now. Try again later.") from None
            return await _run(self._command, kind, read, size, bounds or Bounds())


@dataclass(frozen=True)
class Outcome:
    """The untrusted result of a child. `layers` are those of confinement.LAYERS that were in effect."""

    layers: tuple[str, ...]
    result: dict[str, Any]


async def _run(command: Sequence[str], kind: str, read: ReadSource, size: int, bounds: Bounds) -> Outcome:
    parent_end, child_end = socket.socketpair()
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=child_end.fileno(),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        parent_end.close()
        raise ChildUnavailable(f"Clipcast cannot start a process: {error}.") from error
    finally:
        child_end.close()
    reader, writer = await asyncio.open_unix_connection(sock=parent_end)
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
    """One running child, and the rest of its limits."""

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
        """Respond to the child's requests until it sends the result, and return that."""
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
                    raise self._unreadable("its reader returned invalid data", broken=str(message.get("broken")))
            else:
                raise self._unreadable("its reader returned invalid data")

    def _parsed(self, content: bytes) -> dict[str, Any]:
        try:
            message = json.loads(content, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            raise self._unreadable("its reader returned invalid data")
        return message

    async def _receive(self, length: int) -> bytes:
        """Return the next bytes from the child. Raise UnreadableMedia if it dies or exceeds its time."""
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
            raise self._unreadable("its reader requests too many bytes")
        if offset + length > self._size:
            raise self._unreadable("its reader returned invalid data")
        async with aclosing(_generator(self._read(offset, offset + length))) as pieces:
            async for piece in pieces:
                self._writer.write(piece)
        with suppress(ConnectionError):  # a dead child is detected at the next message
            await self._writer.drain()

    async def _death(self) -> Exception:
        """Return the error of a child that ended without a result."""
        code = await self._process.wait()
        if self._layers is None:
            return ChildUnavailable(f"The process that examines files did not start (exit code {code}).")
        if code == OUT_OF_MEMORY:
            return self._unreadable("reading it takes too much memory", code)
        if code == -signal.SIGXCPU:
            return self._unreadable("reading it takes too long", code)
        return self._unreadable("it crashes the decoder", code)

    def _unreadable(self, reason: str, code: int | None = None, broken: str | None = None) -> UnreadableMedia:
        log.warning("media_unreadable", reason=reason, exit_code=code, trace=broken)
        message = f"The file cannot be read safely: {reason}. Export it again, as MP4 with H.264 and AAC."
        return UnreadableMedia("media_unreadable", message)


async def _generator(pieces: AsyncIterator[bytes]) -> Any:
    async for piece in pieces:
        yield piece


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")
