"""Responses as no platform documents them: bodies of any shape, and odd values and text at any place in them."""

import json
import random
from dataclasses import replace
from typing import Any

from clipcast.platforms import responses
from clipcast.platforms.responses import Response
from clipcast.platforms.transport import Incoming

BODIES = (
    b"", b"<html><h1>Bad gateway</h1>", b"[]", b"null", b'"x"', b"5", b"{}", b"NaN", b"[" * 5000, b'{"error": []}',
    b'{"error": {"code": ["a"], "message": {"b": 1}}}', b'{"data": 5, "error": null}', b"\xff\xfe\x00",
)  # fmt: skip
# What must never reach PostgreSQL, a header or an address as it is.
ODD_TEXT = (
    "", "\x00", "a\x00b", "\ud800", "x\udfff", "\u202e", "javascript:alert(1)", "https://\x00/", "\r\nX: y", "x" * 5000,
    "<script>", "\U0001f30a", "tök en", "https://[::1", "../..",
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (None, 5, -1, 1e308, 10**30, True, [], {}, [[1]], {"code": []}, *ODD_TEXT)


class Mutator:
    """Changes each response that it is asked to, from a seed, at one to three places."""

    def __init__(self, seed: int, values: tuple[Any, ...] = ODD_VALUES, bodies: tuple[bytes, ...] = BODIES) -> None:
        self.random = random.Random(seed)
        self._values = values
        self._bodies = bodies
        self.changed: list[str] = []

    def body(self, content: bytes) -> bytes:
        """Return an odd body: another one, or this one with odd values in it."""
        try:
            body = json.loads(content)
        except ValueError:
            body = None
        if self._bodies and (not isinstance(body, dict | list) or self.random.random() < 0.25):
            return self.random.choice(self._bodies)
        for _ in range(self.random.randint(1, 3)):
            self._change_one(body)
        return json.dumps(body).encode()

    def _change_one(self, body: Any) -> None:
        places = list(_places(body))
        if not places:
            return
        inside, key = self.random.choice(places)
        if self._bodies and self.random.random() < 0.3:
            del inside[key]
        elif self._bodies or isinstance(inside[key], str):
            inside[key] = self.random.choice(self._values)

    async def received(self, response: Incoming, most: int = responses.RESPONSE_MAX) -> Response:
        """Stand in for `responses.received`."""
        whole = await REAL(response, most)
        content = self.body(whole.content)
        self.changed.append(f"{whole.status_code} {whole.url}: {content[:300]!r}")
        odd = replace(whole, content=content)
        if seen := responses._seen.get():
            seen.response = odd
        return odd


def _places(body: Any) -> Any:
    if isinstance(body, dict):
        for key, value in body.items():
            yield body, key
            yield from _places(value)
    elif isinstance(body, list):
        for index, value in enumerate(body):
            yield body, index
            yield from _places(value)


REAL = responses.received
