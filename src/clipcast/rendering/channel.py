"""The protocol between a child and its parent, over one socket that is the child's standard input.

The parent sends the job: four bytes of length, then JSON. The child sends messages, each with a head: either a request
for bytes of a source file, to which the parent responds with these bytes alone, or JSON of a given length.
"""

import json
import socket
import struct
from collections import OrderedDict
from typing import Any

LENGTH = struct.Struct(">I")
# Kind, number of the source and offset in it (of requests), length.
HEAD = struct.Struct(">cBQI")
READ, MESSAGE = b"R", b"M"
# The most bytes of one request, and of one message.
PIECE = 512 * 1024
LONGEST_MESSAGE = 4 * 1024 * 1024
# Bytes of one block of the source file, and the most blocks that the child caches (32 MB).
BLOCK, BLOCKS_KEPT = 64 * 1024, 512
# The exit code of a child that ran out of memory.
OUT_OF_MEMORY = 77


class Channel:
    """The child's end of the socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def job(self) -> dict[str, Any]:
        """Return the job that the parent sends."""
        (length,) = LENGTH.unpack(self._receive(LENGTH.size))
        job: dict[str, Any] = json.loads(self._receive(length))
        return job

    def send(self, message: dict[str, Any]) -> None:
        """Send one message."""
        content = json.dumps(message).encode()
        self._connection.sendall(HEAD.pack(MESSAGE, 0, 0, len(content)) + content)

    def read(self, source: int, offset: int, length: int) -> bytes:
        """Return `length` bytes of the source file of this number, at most `PIECE`."""
        self._connection.sendall(HEAD.pack(READ, source, offset, length))
        return self._receive(length)

    def _receive(self, length: int) -> bytes:
        received = bytearray(length)
        left = memoryview(received)
        while left:
            count = self._connection.recv_into(left)
            if not count:
                raise EOFError("the parent closed the socket")
            left = left[count:]
        return bytes(received)


class SourceFile:
    """A source file, whose bytes the parent sends: the child needs no access to the store.

    It requests whole blocks and caches the latest ones, because FFmpeg alternates between pictures and sound, and
    between the many small fragments of a recording.
    """

    def __init__(self, channel: Channel, number: int, size: int) -> None:
        self._channel = channel
        self._number = number
        self.size = size
        self._at = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def read(self, size: int = -1, /) -> bytes:
        left = max(0, self.size - self._at)
        wanted = left if size < 0 else min(size, left)
        pieces = []
        while wanted:
            number, skipped = divmod(self._at, BLOCK)
            piece = self._block(number, skipped + wanted)[skipped : skipped + wanted]
            pieces.append(piece)
            self._at += len(piece)
            wanted -= len(piece)
        return b"".join(pieces)

    def _block(self, number: int, wanted: int) -> bytes:
        """Return a block. Request it together with the next uncached blocks of the `wanted` bytes from its start."""
        if number not in self._blocks:
            count = 1
            while count * BLOCK < min(wanted, PIECE) and number + count not in self._blocks:
                count += 1
            start = number * BLOCK
            content = self._channel.read(self._number, start, min(count * BLOCK, self.size - start))
            for index in range(count):
                self._blocks[number + index] = content[index * BLOCK : (index + 1) * BLOCK]
            while len(self._blocks) > BLOCKS_KEPT:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def seek(self, offset: int, whence: int = 0, /) -> int:
        at = offset + (0, self._at, self.size)[whence]
        if at < 0:
            raise ValueError("before the beginning of the file")
        self._at = at
        return at

    def tell(self) -> int:
        return self._at
