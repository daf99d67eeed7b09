"""Recordings of programs: the verbs that one publication calls, its requests and its saved results.

A recording replaces what differs between two publications by references: to the clip, to the item, to the time, and to
earlier responses. `testing/replay.py` plays it against another simulator.
"""

import base64
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from clipcast.clock import clock
from clipcast.platforms.base import ClipFile, Platform, Published, PublishWarning
from clipcast.platforms.responses import Response

Event = dict[str, Any]
# A shorter text of a response, such as "job6", is replaced only where it is a whole value. Short words are not.
SHORT = 6
# The response headers whose values programs use.
HEADERS = re.compile("location|etag|x-.*")
# An instant is recorded as the seconds since the beginning if it is this near.
NEAR = timedelta(days=2)
INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"
EPOCH = r"(?<!\d)\d{10}(?!\d)"


class Piece(bytes):
    """Bytes of the clip from `start`."""

    start: int


class Recording:
    """The recording of one publication. Use `platform` in place of the platform whose program is recorded."""

    def __init__(self, platform: Platform[Any], sandbox: str) -> None:
        # By `publish` and `finish`: the events of the run that ended it, and its result.
        self.parts: dict[str, dict[str, Any]] = {}
        self.began = clock.now()
        self._known = {sandbox: "{{sandbox}}"}
        self._sizes: dict[int, str] = {}
        # The item's own texts, which responses repeat.
        self._own = ""
        # What the call of each verb sent and returned, in whichever run it ended.
        self._called: dict[tuple[str, str], Event] = {}

        async def publish(p: Any) -> Published:
            return await self._record("publish", p, platform.publish)

        async def finish(p: Any, published: Published) -> Published:
            assert platform.finish is not None
            program = platform.finish
            return await self._record("finish", p, lambda p: program(p, published))

        self.platform = replace(platform, publish=publish, finish=finish if platform.finish else None)

    async def _record(self, part: str, p: Any, program: Callable[[Any], Awaitable[Published]]) -> Published:
        self.know(p.item_id, "item")
        self.know(p.account_id, "account")
        self._own = p.username + p.metadata.model_dump_json(by_alias=True)
        self._sizes = {p.clip.size: "clip.size", p.clip.size - 1: "clip.last"}
        run = RecordedRun(p, self, part)
        published = await program(run)
        shown = vars(published) | {"warnings": [vars(warning) for warning in published.warnings]}
        events = [event | self._called.get((part, event["name"]), {}) for event in run.events]
        self.parts[part] = {"events": events, "returns": self.symbolic(shown)}
        return published

    def know(self, value: str, name: str) -> None:
        """Replace `value` by a reference to `name` from now on."""
        self._known.setdefault(value, f"{{{{{name}}}}}")

    def learn(self, name: str, response: Response) -> None:
        """Replace the values of this response from now on."""
        for path, value in values_of(response).items():
            text = str(value)
            if text not in self._own and (len(text) >= SHORT or re.search("[a-z].*[0-9]", text)):
                self.know(text, f"{name}{path}")

    def call_ended(self, part: str, name: str, event: Event) -> None:
        """Keep what the call of a verb sent and returned."""
        self._called[part, name] = event

    def symbolic(self, value: Any) -> Any:
        """Return `value`, any JSON, with references in place of what is known."""
        match value:
            case str():
                return self._symbolic_text(value)
            case int() if type(value) is int and (found := self._sizes.get(value) or self._known.get(str(value))):
                return f"{{{{#{found.strip('{}')}}}}}"
            case dict():
                return {key: self.symbolic(one) for key, one in value.items()}
            case list() | tuple():
                return [self.symbolic(one) for one in value]
        return value

    def _symbolic_text(self, text: str) -> str:
        if text in self._known:
            return self._known[text]
        known = sorted((one for one in self._known if len(one) >= SHORT), key=len, reverse=True)
        sizes = [rf"(?<!\d){size}(?!\d)" for size in self._sizes]
        pattern = "|".join([*map(re.escape, known), *sizes, INSTANT, EPOCH])
        return re.sub(pattern, lambda found: self._reference(found.group()), text)

    def _reference(self, text: str) -> str:
        if text in self._known:
            return self._known[text]
        if not text.isdigit():
            return self._time("now", datetime.fromisoformat(text)) or text
        if size := self._sizes.get(int(text)):
            return f"{{{{{size}}}}}"
        return self._time("epoch", datetime.fromtimestamp(int(text), UTC)) or text

    def _time(self, form: str, instant: datetime) -> str | None:
        since = instant - self.began
        return f"{{{{{form} {since.total_seconds():.3f}}}}}" if abs(since) < NEAR else None


class RecordedRun:
    """A Publication that records the calls of its program."""

    def __init__(self, p: Any, recording: Recording, part: str) -> None:
        self.events: list[Event] = []
        self.clip: ClipFile = replace(p.clip, read=lambda start, end: _pieces(p.clip, start, end))
        self._p = p
        self._recording = recording
        self._part = part
        # The verb whose call sends the request. Calls can run at the same time.
        self._calling: ContextVar[Event | None] = ContextVar("calling", default=None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._p, name)

    def media_url(self) -> str:
        url = str(self._p.media_url())
        self._recording.know(url, "media_url")
        return url

    async def step(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        return await self._p.step(name, self._recorded("step", name, call))

    async def send_once(
        self,
        name: str,
        send: Callable[[], Awaitable[Any]],
        reconcile: Callable[[], Awaitable[Any]],
        resend_after: timedelta = timedelta(minutes=5),
        publishes: bool = True,
    ) -> Any:
        recorded = self._recorded("send_once", name, send, {} if publishes else {"publishes": False})
        return await self._p.send_once(name, recorded, reconcile, resend_after, publishes)

    async def optional(self, name: str, call: Callable[[], Awaitable[Any]], missing: PublishWarning) -> Any:
        return await self._p.optional(name, self._recorded("optional", name, call), missing)

    def _recorded(
        self, verb: str, name: str, call: Callable[[], Awaitable[Any]], about: Event | None = None
    ) -> Callable[[], Awaitable[Any]]:
        """Record the verb, and what its call sends and returns if it runs."""
        self.events.append({"verb": verb, "name": name} | (about or {}))

        async def recorded() -> Any:
            event: Event = {"name": name, "requests": []}
            token = self._calling.set(event)
            try:
                result = await call()
            finally:
                self._calling.reset(token)
            self._recording.call_ended(self._part, name, event | {"result": self._recording.symbolic(result)})
            return result

        return recorded

    async def request(self, name: str, method: str, url: str, **options: Any) -> Response:
        calling = self._calling.get()
        content = options.get("content")
        if content is not None and not isinstance(content, bytes):
            pieces = [piece async for piece in content]
            options["content"] = _again(pieces)
            content = pieces
        about = {name: one for name, one in options.items() if one is not None and name != "content"}
        headers = dict(about.pop("headers", {}))
        if "Content-Length" in headers:
            headers["Content-Length"] = "{{length}}"
        event = {"request": name, "method": method} | self._recording.symbolic({"url": url, "headers": headers} | about)
        if content is not None:
            event["content"] = self._recording.symbolic(_content(content))
        response: Response = await self._p.request(name, method, url, **options)
        if calling is None:
            of = f"{self._part}{len(self.events)}"
            self.events.append({"verb": "request", "name": of, "requests": [event]})
            self._recording.learn(f"{of}.0", response)
        else:
            self._recording.learn(f"{calling['name']}.{len(calling['requests'])}", response)
            calling["requests"].append(event)
        return response


def values_of(response: Response) -> dict[str, Any]:
    """Return the leaves of a JSON response by their path, such as `/data/id`, and the headers, such as `#etag`."""
    found: dict[str, Any] = {}

    def walk(path: str, value: Any) -> None:
        if isinstance(value, dict | list):
            for key, one in value.items() if isinstance(value, dict) else enumerate(value):
                walk(f"{path}/{key}", one)
        else:
            found[path] = value

    try:
        walk("", response.json())
    except ValueError:
        found.clear()
    headers = {name: value for name, value in response.headers.items() if HEADERS.fullmatch(name)}
    return found | {f"#{name}": value.strip('"') for name, value in headers.items()}


async def _pieces(clip: ClipFile, start: int, end: int) -> AsyncIterator[bytes]:
    async for piece in clip.read(start, end):
        marked = Piece(piece)
        marked.start = start
        start += len(piece)
        yield marked


async def _again(pieces: list[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def _content(content: bytes | list[bytes]) -> list[Any]:
    """Return the content as texts, Base64 of other bytes, and ranges of the clip."""
    parts: list[Any] = []
    for piece in [content] if isinstance(content, bytes) else content:
        if isinstance(piece, Piece) and parts and "clip" in parts[-1]:
            parts[-1]["clip"][1] = piece.start + len(piece)
        elif isinstance(piece, Piece):
            parts.append({"clip": [piece.start, piece.start + len(piece)]})
        else:
            parts.append(_text(piece))
    return parts


def _text(piece: bytes) -> dict[str, str]:
    try:
        return {"text": piece.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(piece).decode()}
