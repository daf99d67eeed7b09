"""Jobs in child processes: a few at a time, each with bounded memory, CPU, time, reads and writes."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import structlog

from clipcast.common.unavailable import Unavailable
from clipcast.rendering.channel import HEAD, LENGTH, LONGEST_MESSAGE, MESSAGE, OUT_OF_MEMORY, PIECE, READ
from clipcast.rendering.confinement import Limits
from clipcast.rendering.errors import UnreadableMedia
from clipcast.rendering.places import Places

log = structlog.get_logger()

# A function that streams the bytes start..end-1 of a source file.
ReadSource = Callable[[int, int], AsyncIterator[bytes]]
MEBIBYTE = 1024 * 1024
COMMAND = (sys.executable, "-I", "-m", "clipcast.rendering.child")


@dataclass(frozen=True)
class Bounds:
    """The limits of one job. A probe of an ordinary clip takes 0.2 s of CPU and 100 MB.

    `seconds` limits the child's own time, without the time of the storage's responses. `rereads` limits the bytes read,
    as a multiple of the files' size. `written` limits the size of each file that the child writes. `reserved` is
    address space that a driver may take beside `memory`.
    """

    memory: int = 1536 * MEBIBYTE
    cpu: int = 30
    seconds: float = 60
    rereads: int = 4
    written: int = 0
    reserved: int = 0


@dataclass(frozen=True)
class Source:
    """A file that a child reads."""

    read: ReadSource
    size: int


@dataclass(frozen=True)
class ChildJob:
    """A job of a child. It may read beneath `readable`, and write beneath `writable`.

    `progress` is called with the share that is done, which the child reports: it may be any number from 0 to 1.
    """

    kind: str
    sources: tuple[Source, ...]
    bounds: Bounds = Bounds()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    progress: Callable[[float], None] | None = None

    def written(self) -> bytes:
        """Return the job as the child reads it."""
        limits = Limits(self.bounds.memory, self.bounds.cpu, self.bounds.written, self.bounds.reserved)
        job = {
            "kind": self.kind,
            "sizes": [source.size for source in self.sources],
            "arguments": dict(self.arguments),
            "readable": [*map(str, self.readable)],
            "writable": [*map(str, self.writable)],
            "parent": os.getpid(),
            "limits": asdict(limits),
        }
        return json.dumps(job).encode()


class ChildUnavailable(Unavailable):
    """No child can be started now, or too many files wait. The file itself may be valid."""

    layer = "media"


class ChildFailed(Exception):
    """A child that ended without a result: it crashed, exceeded a limit, or broke the protocol."""

    def __init__(self, kind: Literal["crash", "time", "memory", "reads", "invalid"], detail: str | None = None) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail


# The reasons of ChildFailed for a file that cannot be read.
REASONS = {
    "crash": "it crashes the decoder",
    "time": "reading it takes too long",
    "memory": "reading it takes too much memory",
    "reads": "its reader requests too many bytes",
    "invalid": "its reader returned invalid data",
}


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
        try:
            return await self.run_job(ChildJob(kind, (Source(read, size),), bounds or Bounds()), owner)
        except ChildFailed as failure:
            reason = REASONS[failure.kind]
            message = f"The file cannot be read safely: {reason}. Export it again, as MP4 with H.264 and AAC."
            raise UnreadableMedia("media_unreadable", message) from failure

    async def run_job(self, job: ChildJob, owner: Hashable = None) -> "Outcome":
        """Run a job. Owners get places in turn. Raise ChildFailed, ChildUnavailable, and the errors of its sources."""
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._places.place(owner, self._patience))
            except TimeoutError:
                raise ChildUnavailable("Clipcast examines too many files now. Try again later.") from None
            return await _run(self._command, job)


@dataclass(frozen=True)
class Outcome:
    """The untrusted result of a child. `layers` are those of confinement.LAYERS that were in effect."""

    layers: tuple[str, ...]
    result: dict[str, Any]


async def _run(command: Sequence[str], job: ChildJob) -> Outcome:
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
    closing: asyncio.StreamWriter | socket.socket = parent_end
    try:
        reader, writer = await asyncio.open_unix_connection(sock=parent_end)
        closing = writer
        content = job.written()
        writer.write(LENGTH.pack(len(content)) + content)
        return await _Child(process, reader, writer, job).converse()
    finally:
        closing.close()
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
        job: ChildJob,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._job = job
        self._seconds_left = job.bounds.seconds
        self._bytes_left = job.bounds.rereads * sum(source.size for source in job.sources) + 64 * MEBIBYTE
        self._layers: tuple[str, ...] | None = None

    async def converse(self) -> Outcome:
        """Respond to the child's requests until it sends the result, and return that."""
        while True:
            kind, source, offset, length = HEAD.unpack(await self._receive(HEAD.size))
            if kind == READ and length <= PIECE and source < len(self._job.sources):
                await self._send_piece(self._job.sources[source], offset, length)
            elif kind == MESSAGE and length <= LONGEST_MESSAGE:
                message = self._parsed(await self._receive(length))
                if "ready" in message:
                    self._layers = tuple(map(str, message["ready"]))
                elif "progress" in message:
                    self._report(message["progress"])
                elif isinstance(message.get("result"), dict):
                    return Outcome(self._layers or (), message["result"])
                else:
                    raise self._failed("invalid", detail=str(message.get("broken")))
            else:
                raise self._failed("invalid")

    def _report(self, share: Any) -> None:
        if not isinstance(share, int | float) or not 0 <= share <= 1:
            raise self._failed("invalid")
        if self._job.progress is not None:
            self._job.progress(float(share))

    def _parsed(self, content: bytes) -> dict[str, Any]:
        try:
            message = json.loads(content, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            raise self._failed("invalid")
        return message

    async def _receive(self, length: int) -> bytes:
        """Return the next bytes from the child. Raise ChildFailed if it dies or exceeds its time."""
        try:
            async with self._timed():
                return await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise await self._death() from None

    @asynccontextmanager
    async def _timed(self) -> AsyncIterator[None]:
        """Count the time of the block as the child's. Raise ChildFailed when it has none left."""
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._seconds_left):
                yield
        except TimeoutError:
            raise self._failed("time") from None
        finally:
            self._seconds_left -= asyncio.get_running_loop().time() - started

    async def _send_piece(self, source: Source, offset: int, length: int) -> None:
        self._bytes_left -= length
        if self._bytes_left < 0:
            raise self._failed("reads")
        if offset + length > source.size:
            raise self._failed("invalid")
        async with aclosing(_generator(source.read(offset, offset + length))) as pieces:
            async for piece in pieces:
                self._writer.write(piece)
        with suppress(ConnectionError):  # a dead child is detected at the next message
            async with self._timed():
                await self._writer.drain()

    async def _death(self) -> Exception:
        """Return the error of a child that ended without a result."""
        code = await self._process.wait()
        if self._layers is None:
            return ChildUnavailable(f"The process that examines files did not start (exit code {code}).")
        if code == OUT_OF_MEMORY:
            return self._failed("memory", code)
        if code == -signal.SIGXCPU:
            return self._failed("time", code)
        return self._failed("crash", code)

    def _failed(
        self,
        kind: Literal["crash", "time", "memory", "reads", "invalid"],
        code: int | None = None,
        detail: str | None = None,
    ) -> ChildFailed:
        log.warning("child_failed", job=self._job.kind, reason=kind, exit_code=code, trace=detail)
        return ChildFailed(kind, detail)


async def _generator(pieces: AsyncIterator[bytes]) -> Any:
    async for piece in pieces:
        yield piece


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")
