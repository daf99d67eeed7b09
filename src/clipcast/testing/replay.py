"""The replay of a recording up to a crash: it brings an item and a simulator to the state that the recording had there.

The recorded program runs in place of the platform's: the real runner commits its entries, and the simulator gets its
requests. The process then dies at a point, and the platform's current program continues.
"""

import base64
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp
from clipcast.platforms.base import Platform, Published, PublishWarning, Unknown
from clipcast.testing.crash_injection import Killed
from clipcast.testing.recording import Event, values_of

REFERENCE = re.compile(r"\{\{(.+?)\}\}")
NONE_MISSING = PublishWarning("recorded", "A recorded step failed.", "Correct the recording.")


def crash_points(parts: dict[str, Any]) -> list[str]:
    """Return the points at which a replay can die, in order: after each intent, response and saved result."""
    points: list[str] = []
    for part, recorded in parts.items():
        points += [f"{part} begins"] if points else []
        for event in recorded["events"]:
            points += [f"{event['name']} intended"] if event["verb"] == "send_once" else []
            points += [f"{request['request']} received" for request in event.get("requests", ())]
            points += [f"{event['name']} saved"] if event["verb"] != "request" else []
    return points


class Replay:
    """A recorded program that dies at the crash point `at`, counted from 0."""

    def __init__(self, parts: dict[str, Any], at: int, sandbox: str) -> None:
        self._parts = parts
        self._left = at
        self._sandbox = sandbox
        self._began = clock.now()
        self._values: dict[str, Any] = {}

    def platform(self, platform: Platform[Any], version: int) -> Platform[Any]:
        """Return `platform` with the recorded program as its program of this version."""

        async def publish(p: Any) -> Published:
            return await self._play("publish", p)

        async def finish(p: Any, published: Published) -> Published:
            self._crash_point()
            return await self._play("finish", p)

        finish_too = finish if "finish" in self._parts else None
        return replace(platform, publish=publish, finish=finish_too, version=version, continues={})

    def _crash_point(self) -> None:
        if self._left == 0:
            raise Killed
        self._left -= 1

    async def _play(self, part: str, p: Any) -> Published:
        self._values |= {
            "sandbox": self._sandbox,
            "item": p.item_id,
            "account": p.account_id,
            "media_url": p.media_url(),
            "clip.size": p.clip.size,
            "clip.last": p.clip.size - 1,
        }
        for event in self._parts[part]["events"]:
            await self._event(p, event)
        returned = self._real(self._parts[part]["returns"])
        return Published(**returned | {"warnings": tuple(PublishWarning(**one) for one in returned["warnings"])})

    async def _event(self, p: Any, event: Event) -> None:
        async def call() -> Any:
            if event["verb"] == "send_once":
                self._crash_point()
            for number, request in enumerate(event["requests"]):
                await self._send(p, f"{event['name']}.{number}", request)
            return self._real(event.get("result"))

        match event["verb"]:
            case "request":
                await call()
                return
            case "step":
                await p.step(event["name"], call)
            case "send_once":
                await p.send_once(event["name"], call, _reconcile, timedelta(), event.get("publishes", True))
            case "optional":
                await p.optional(event["name"], call, NONE_MISSING)
        self._crash_point()

    async def _send(self, p: Any, name: str, request: Event) -> None:
        options = {key: value for key, value in request.items() if key not in ("request", "method", "url", "content")}
        if "content" in request:
            parts = [self._part(self._real(part)) for part in request["content"]]
            self._values["length"] = sum(end - start for _, start, end in parts)
            options["content"] = _bytes(p, parts) if any(text is None for text, _, _ in parts) else parts[0][0]
        response = await p.request(request["request"], request["method"], self._real(request["url"]),
                                   **self._real(options))  # fmt: skip
        self._values |= {f"{name}{path}": value for path, value in values_of(response).items()}
        self._crash_point()

    @staticmethod
    def _part(part: Any) -> tuple[bytes | None, int, int]:
        """Return the bytes of a part, or None for a range of the clip, and its first and last position."""
        if "clip" in part:
            start, end = part["clip"]
            return None, start, end
        content = part["text"].encode() if "text" in part else base64.b64decode(part["base64"])
        return content, 0, len(content)

    def _real(self, value: Any) -> Any:
        """Return `value` with the values of this replay in place of references."""
        match value:
            case str() if value.startswith("{{#") and value.endswith("}}"):
                return self._value(value[3:-2])
            case str():
                return REFERENCE.sub(lambda found: str(self._value(found.group(1))), value)
            case dict():
                return {key: self._real(one) for key, one in value.items()}
            case list():
                return [self._real(one) for one in value]
        return value

    def _value(self, name: str) -> Any:
        form, _, seconds = name.partition(" ")
        if form not in ("now", "epoch"):
            return self._values[name]
        instant = self._began + timedelta(seconds=float(seconds))
        return format_timestamp(instant) if form == "now" else int(instant.timestamp())


async def _reconcile() -> Unknown:
    return Unknown()


async def _bytes(p: Any, parts: list[tuple[bytes | None, int, int]]) -> AsyncIterator[bytes]:
    for content, start, end in parts:
        if content is not None:
            yield content
        else:
            async for piece in p.clip.read(start, end):
                yield piece
