"""`python -m benchmarks.webhook_receiver PORT`: a receiver. GET returns the number and last time of POSTs."""

import asyncio
import json
import sys
import time

OK = b"HTTP/1.1 204 No Content\r\n\r\n"
LENGTH = b"content-length:"


class Receiver(asyncio.Protocol):
    """One connection. It reads a request, responds, and reads the next one."""

    # Of all connections.
    count = 0
    last = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._data = b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end].lower()
            at = head.find(LENGTH)
            size = int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._data) < end + 4 + size:
                return
            self._data = self._data[end + 4 + size :]
            if head.startswith(b"post"):
                Receiver.count, Receiver.last = Receiver.count + 1, time.time()
                self._transport.write(OK)
            else:
                body = json.dumps([self.count, self.last]).encode()
                self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


asyncio.run(main())
