"""Perform the effects of flows: this is where the client waits, reads files and sends requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2

from clipcast.sdk.configuration import CONNECT, FILE, USER_AGENT, Configuration
from clipcast.sdk.errors import ConnectionFailed, UnexpectedResponse, UsageError
from clipcast.sdk.streams import Event, EventReader
from clipcast.sdk.transport import (
    PASSING,
    Effect,
    Flow,
    Now,
    Pause,
    Request,
    Response,
    Retries,
    Run,
    Send,
    SendPiece,
    call,
    error_of,
    exchange,
    without_secrets,
)

T = TypeVar("T")
# A file is read and sent in pieces of this many bytes.
READ = 256 * 1024
NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)
# Seconds of silence after which a stream is taken for lost; the server sends a comment each 15 s.
SILENCE = 60.0
# A stream that ends within these seconds without an event has failed, and so has one that an error ends without bytes
# after them.
QUIET = 10.0
EVENTS = "text/event-stream"


class _StreamRefused(Exception):
    """The response to the request of a stream is an error."""

    def __init__(self, response: Response) -> None:
        self.response = response


class Calls:
    """The blocking client without its operations."""

    def __init__(self, configuration: Configuration, retries: Retries, http: httpx2.Client | None) -> None:
        self._configuration, self._retries, self._owned = configuration, retries, http is None
        self._http = http or httpx2.Client(trust_env=not configuration.is_local)

    def call(self, request: Request[T]) -> T:
        """Send a request of `clipcast.sdk.requests` and return the content of its response. Raises ClipcastError."""
        return self._run(call(request, self._retries))

    _call = call

    def exchange(self, request: Request[Any]) -> Response:
        """Send a request as `call` does, and return its whole response, with the headers. Raises ClipcastError."""
        return self._run(exchange(request, self._retries))

    def _run(self, flow: Flow[T]) -> T:
        try:
            effect = next(flow)
            while True:
                try:
                    result = self._perform(effect)
                except Exception as error:
                    effect = flow.throw(error)
                else:
                    effect = flow.send(result)
        except StopIteration as end:
            value: T = end.value
            return value
        finally:
            flow.close()

    def _perform(self, effect: Effect) -> Any:
        match effect:
            case Send(request):
                return self._exchange(**_arguments(self._configuration, request))
            case SendPiece(method, url, headers, read, start, end, sent):
                content = _pieces(read, start, end, sent) if read else None
                return self._exchange(**_file_arguments(method, url, headers, content, end - start))
            case Pause(seconds):
                return time.sleep(seconds)
            case Run(function):
                return function()
            case Now():
                return time.monotonic()

    def _exchange(self, **arguments: Any) -> Response:
        _require_open(self._http)
        try:
            return _response(self._http.request(**arguments))
        except (httpx2.RequestError, httpx2.InvalidURL) as error:
            raise failure_of(error, arguments["url"]) from error

    def _pages(self, request: Callable[[int], Request[Any]], name: str) -> Iterator[Any]:
        page, more = 1, True
        while more:
            listed = self.call(request(page))
            yield from listed[name]
            page, more = page + 1, listed["pagination"]["has_next_page"]

    def _stream(self, request: Request[Any]) -> Iterator[Event]:
        reader, attempts = EventReader(request.headers.get("Last-Event-Id")), _StreamAttempts(self._retries)
        while not reader.ended:
            attempts.begin()
            _require_open(self._http)
            try:
                with self._http.stream(**_stream_arguments(self._configuration, request, reader)) as response:
                    if response.status_code == httpx2.codes.NO_CONTENT:
                        return
                    if response.status_code != httpx2.codes.OK:
                        response.read()
                        raise _StreamRefused(_response(response))
                    _require_events(response)
                    for received in response.iter_bytes():
                        attempts.heard()
                        for event in reader.feed(received):
                            attempts.received()
                            yield event
                failure: Exception | None = None
            except (httpx2.RequestError, _StreamRefused, ValueError) as error:
                failure = error
            if not reader.ended:
                time.sleep(attempts.pause(failure, self._configuration))
                reader.restart()

    def close(self) -> None:
        """Close the connections, unless `http` was passed."""
        if self._owned:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncCalls:
    """The asynchronous client without its operations."""

    def __init__(self, configuration: Configuration, retries: Retries, http: httpx2.AsyncClient | None) -> None:
        self._configuration, self._retries, self._owned = configuration, retries, http is None
        self._http = http or httpx2.AsyncClient(trust_env=not configuration.is_local)

    async def call(self, request: Request[T]) -> T:
        """Send a request of `clipcast.sdk.requests` and return the content of its response. Raises ClipcastError."""
        return await self._run(call(request, self._retries))

    _call = call

    async def exchange(self, request: Request[Any]) -> Response:
        """Send a request as `call` does, and return its whole response, with the headers. Raises ClipcastError."""
        return await self._run(exchange(request, self._retries))

    async def _run(self, flow: Flow[T]) -> T:
        try:
            effect = next(flow)
            while True:
                try:
                    result = await self._perform(effect)
                except Exception as error:
                    effect = flow.throw(error)
                else:
                    effect = flow.send(result)
        except StopIteration as end:
            value: T = end.value
            return value
        finally:
            flow.close()

    async def _perform(self, effect: Effect) -> Any:
        match effect:
            case Send(request):
                return await self._exchange(**_arguments(self._configuration, request))
            case SendPiece(method, url, headers, read, start, end, sent):
                content = _pieces_beside(read, start, end, sent) if read else None
                return await self._exchange(**_file_arguments(method, url, headers, content, end - start))
            case Pause(seconds):
                return await asyncio.sleep(seconds)
            case Run(function):
                return await asyncio.to_thread(function)
            case Now():
                return time.monotonic()

    async def _exchange(self, **arguments: Any) -> Response:
        _require_open(self._http)
        try:
            return _response(await self._http.request(**arguments))
        except (httpx2.RequestError, httpx2.InvalidURL) as error:
            raise failure_of(error, arguments["url"]) from error

    async def _pages(self, request: Callable[[int], Request[Any]], name: str) -> AsyncIterator[Any]:
        page, more = 1, True
        while more:
            listed = await self.call(request(page))
            for one in listed[name]:
                yield one
            page, more = page + 1, listed["pagination"]["has_next_page"]

    async def _stream(self, request: Request[Any]) -> AsyncIterator[Event]:
        reader, attempts = EventReader(request.headers.get("Last-Event-Id")), _StreamAttempts(self._retries)
        while not reader.ended:
            attempts.begin()
            _require_open(self._http)
            try:
                async with self._http.stream(**_stream_arguments(self._configuration, request, reader)) as response:
                    if response.status_code == httpx2.codes.NO_CONTENT:
                        return
                    if response.status_code != httpx2.codes.OK:
                        await response.aread()
                        raise _StreamRefused(_response(response))
                    _require_events(response)
                    async for received in response.aiter_bytes():
                        attempts.heard()
                        for event in reader.feed(received):
                            attempts.received()
                            yield event
                failure: Exception | None = None
            except (httpx2.RequestError, _StreamRefused, ValueError) as error:
                failure = error
            if not reader.ended:
                await asyncio.sleep(attempts.pause(failure, self._configuration))
                reader.restart()

    async def close(self) -> None:
        """Close the connections, unless `http` was passed."""
        if self._owned:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _require_open(http: httpx2.Client | httpx2.AsyncClient) -> None:
    """Raise UsageError if the client is closed."""
    if http.is_closed:
        raise UsageError("The client is closed.", fix="Make another one, or call before `close` and the end of `with`.")


def _arguments(configuration: Configuration, request: Request[Any]) -> dict[str, Any]:
    return {
        "method": request.method,
        "url": configuration.address_of(request),
        "params": dict(request.query) or None,
        "content": request.content(),
        "headers": configuration.headers_of(request),
        "timeout": _timeout(configuration.timeout, configuration.patience_of(request)),
        "follow_redirects": False,
    }


def _stream_arguments(configuration: Configuration, request: Request[Any], reader: EventReader) -> dict[str, Any]:
    arguments = _arguments(configuration, request)
    arguments["headers"] |= {"Accept": EVENTS}
    if reader.last_id is not None:
        arguments["headers"] |= {"Last-Event-Id": reader.last_id}
    return arguments | {"timeout": _timeout(configuration.timeout, max(configuration.timeout, SILENCE))}


def _file_arguments(method: str, url: str, headers: Mapping[str, str], content: Any, size: int) -> dict[str, Any]:
    # The address is signed. The API key does not go with the file, which may go to another host.
    headers = {"User-Agent": USER_AGENT, **headers} | ({"Content-Length": str(size)} if content is not None else {})
    arguments = {"method": method, "url": url, "content": content, "headers": headers}
    return arguments | {"timeout": _timeout(60.0, FILE), "follow_redirects": False}


def _timeout(timeout: float, read: float) -> httpx2.Timeout:
    return httpx2.Timeout(timeout, connect=min(CONNECT, timeout), read=read)


def _pieces(read: Callable[[int, int], bytes], start: int, end: int, sent: Callable[[int], None]) -> Iterator[bytes]:
    while start < end:
        piece = read(start, min(READ, end - start))
        yield piece
        start += len(piece)
        sent(start)


async def _pieces_beside(
    read: Callable[[int, int], bytes], start: int, end: int, sent: Callable[[int], None]
) -> AsyncIterator[bytes]:
    while start < end:
        piece = await asyncio.to_thread(read, start, min(READ, end - start))
        yield piece
        start += len(piece)
        sent(start)


def _response(response: httpx2.Response) -> Response:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Response(response.status_code, headers, response.content)


class _StreamAttempts:
    """How often in a row a stream failed: it brought no event, and did not last."""

    def __init__(self, retries: Retries) -> None:
        self._retries, self._failed, self._began, self._was_good = retries, 0, 0.0, False

    def begin(self) -> None:
        """Note when a stream begins."""
        self._began, self._was_good = time.monotonic(), False

    def heard(self) -> None:
        """Note bytes, which may be a comment. After a while, they show that the stream lasts."""
        if time.monotonic() - self._began >= QUIET:
            self.received()

    def received(self) -> None:
        """Note an event."""
        self._failed, self._was_good = 0, True

    def pause(self, error: Exception | None, configuration: Configuration) -> float:
        """Return the seconds until the next stream. Raise the client's error if there must be none."""
        if isinstance(error, ValueError):
            raise UnexpectedResponse(f"The stream is not Clipcast's: {error}", status=200) from None
        if isinstance(error, _StreamRefused) and error.response.status not in PASSING:
            raise error_of(error.response) from None
        # A proxy ends long streams, also those of a post that does not change, and not all of them cleanly.
        if not self._was_good and (error or time.monotonic() - self._began < QUIET):
            self._failed += 1
        if self._failed < self._retries.attempts:
            return self._retries.wait(max(0, self._failed - 1), None)
        if isinstance(error, _StreamRefused):
            raise error_of(error.response) from None
        if error:
            raise failure_of(error, configuration.url) from error
        raise UnexpectedResponse("The server ends each stream without an event.", status=200)


def _require_events(response: httpx2.Response) -> None:
    """Raise ValueError unless the response is a stream of events."""
    found = response.headers.get("content-type", "")
    if found.split(";")[0].strip().lower() != EVENTS:
        raise ValueError(f"its content type is {found[:60]!r}, not {EVENTS}.")


def _place(url: httpx2.URL) -> str:
    """Return the host of an address, with its port if the address names one."""
    host = f"[{url.host}]" if ":" in url.host else url.host
    return host if url.port is None else f"{host}:{url.port}"


def failure_of(error: Exception, url: str) -> ConnectionFailed | UsageError:
    """Return the client's error for one of the HTTP library, after a request to `url`."""
    host = _place(httpx2.URL(url)) if not isinstance(error, httpx2.InvalidURL) else without_secrets(url)
    if isinstance(error, httpx2.InvalidURL | httpx2.UnsupportedProtocol | httpx2.LocalProtocolError):
        return UsageError(f"The request to {host} cannot be sent: {error}.")
    sent, timed_out = not isinstance(error, NEVER_SENT), isinstance(error, httpx2.TimeoutException)
    words = str(error).rstrip(".") or type(error).__name__
    if timed_out:
        reason = "did not respond in time"
    elif sent:
        reason = f"closed the connection before its response: {words}"
    else:
        reason = f"is not reachable: {words}"
    return ConnectionFailed(f"{host} {reason}.", sent=sent, timed_out=timed_out)
