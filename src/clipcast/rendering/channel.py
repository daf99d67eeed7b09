"""How a child and its parent speak: over one socket, which is the child's standard input.

The parent sends the job: four bytes of length, then JSON. The child sends messages, each with a head that says what
it is: a request for bytes of the source file, which the parent answers with just these bytes, or JSON of some length.
"""

import json
import socket
import struct
from collections import OrderedDict
from typing import Any

LENGTH = struct.Struct(">I")
# Kind, offset (of requests), length.
HEAD = struct.Struct(">cQI")
READ, MESSAGE = b"R", b"M"
# The most that one request asks for, and the longest message.
PIECE = 512 * 1024
LONGEST_MESSAGE = 4 * 1024 * 1024
# How the source file is read, and how much of it the child keeps (32 MB).
BLOCK, BLOCKS_KEPT = 64 * 1024, 512
# The exit code of a child whose memory did not suffice.
OUT_OF_MEMORY = 77


class Channel:
    """The child's end."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def job(self) -> dict[str, Any]:
        """Return what is to be done."""
        (length,) = LENGTH.unpack(self._receive(LENGTH.size))
        job: dict[str, Any] = json.loads(self._receive(length))
        return job

    def send(self, message: dict[str, Any]) -> None:
        """Send one message."""
        content = json.dumps(message).encode()
        self._connection.sendall(HEAD.pack(MESSAGE, 0, len(content)) + content)

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes of the source file, at most `PIECE`."""
        self._connection.sendall(HEAD.pack(READ, offset, length))
        return self._receive(length)

    def _receive(self, length: int) -> bytes:
        received = bytearray(length)
        left = memoryview(received)
        while left:
            count = self._connection.recv_into(left)
            if not count:
                raise EOFError("the parent has gone")
            left = left[count:]
        return bytes(received)


class SourceFile:
    """The source file, whose bytes come from the parent: whatever store it is in, the child needs no access to it.

    Bytes are asked for in blocks, of which the last ones are kept: FFmpeg goes back and forth between picture and
    sound, and through the many small fragments of a recording.
    """

    def __init__(self, channel: Channel, size: int) -> None:
        self._channel = channel
        self._size = size
        self._at = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def read(self, size: int = -1, /) -> bytes:
        left = max(0, self._size - self._at)
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
        """A block; with it come those behind it that are not here yet, of the `wanted` bytes from its start on."""
        if number not in self._blocks:
            count = 1
            while count * BLOCK < min(wanted, PIECE) and number + count not in self._blocks:
                count += 1
            start = number * BLOCK
            content = self._channel.read(start, min(count * BLOCK, self._size - start))
            for index in range(count):
                self._blocks[number + index] = content[index * BLOCK : (index + 1) * BLOCK]
            while len(self._blocks) > BLOCKS_KEPT:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def seek(self, offset: int, whence: int = 0, /) -> int:
        at = offset + (0, self._at, self._size)[whence]
        if at < 0:
            raise ValueError("before the beginning of the file")
        self._at = at
        return at

    def tell(self) -> int:
        return self._at
