"""Uploads in pieces (tus 1.0): whatever arrived before a lost connection is not sent again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, overload

from clipcast.sdk import requests
from clipcast.sdk.arguments import check_piece_bytes
from clipcast.sdk.errors import (
    ApiError,
    ClipcastError,
    ConnectionFailed,
    NotFound,
    PermissionDenied,
    UnexpectedResponse,
)
from clipcast.sdk.sources import File, Source, open_source
from clipcast.sdk.transport import (
    PASSING,
    Flow,
    Pause,
    Response,
    Retries,
    Run,
    SendPiece,
    call,
    content_of,
    error_of,
    exchange,
)

if TYPE_CHECKING:
    from clipcast.sdk.models import UploadStarted, VideoCompleted

# Proxies bound the size of a request. If a connection is lost without notice, the server may not keep its last piece.
PIECE_BYTES = 16 * 1024 * 1024
OFFSET_DIGITS = 20
TUS = {"Tus-Resumable": "1.0.0"}
# After these errors, the offset that the server names is the place to continue.
OTHER_OFFSET = ("wrong_offset", "upload_superseded", "upload_completed")

# The header of a response to a repeated request, and the statuses of an upload that has expired or was deleted.
REPLAYED, GONE = "idempotency-replayed", (403, 404)


@dataclass(frozen=True)
class Progress:
    """How much of a file has been sent, in bytes. After a lost connection, `sent` can decrease."""

    name: str
    sent: int
    size: int


OnProgress = Callable[[Progress], Any]


def upload(
    file: File,
    retries: Retries,
    *,
    name: str | None = None,
    progress: OnProgress | None = None,
    piece_bytes: int = PIECE_BYTES,
    key: str | None = None,
) -> Flow[VideoCompleted]:
    """Upload a file, or import it from its http address, and return the video.

    A post calls its `edit_setting_id` `editId`.

    With a `key`, a repetition continues the upload that an earlier call, or process, began with it. If that upload is
    gone, because its address has expired or its video was deleted, or if it has other bytes, it begins anew.

    Raises UsageError if the file changes meanwhile. A ClipcastError has the `key` as its `idempotency_key`.
    """
    check_piece_bytes(piece_bytes)
    if is_address(file):
        return (yield from _imported(str(file), retries, key))
    source: Source = yield Run(lambda: open_source(file, name))
    try:
        for number in count(1):
            own = _of_attempt(key, number)
            start = requests.start_upload(
                file_name=source.name, file_size=source.size, idempotency_key=part(own, "start")
            )
            response = yield from exchange(start, retries)
            # Only an upload of an earlier call can be gone.
            repeats = key is not None and REPLAYED in response.headers
            try:
                started = content_of(start, response)
                video = yield from _sent(source, started, retries, progress, piece_bytes, own, repeats)
            except (ApiError, UnexpectedResponse) as error:
                if not repeats or error.status not in GONE:
                    raise
            else:
                if not repeats or video["sha256"] == (yield Run(source.sha256)):
                    return video
        raise AssertionError("an upload that begins anew ends the loop")
    except ClipcastError as error:
        error.idempotency_key = key or error.idempotency_key
        raise
    finally:
        source.close()


def is_address(file: Any) -> bool:
    """Return whether a file is the http address of one."""
    return isinstance(file, str) and file.lower().startswith(("http://", "https://"))


def _imported(url: str, retries: Retries, key: str | None) -> Flow[VideoCompleted]:
    """Import a file. If the video of an earlier call was deleted, import it anew."""
    for number in count(1):
        own = _of_attempt(key, number)
        asked = requests.import_video(url=url, idempotency_key=own)
        response = yield from exchange(asked, retries)
        video = content_of(asked, response)
        if key is None or REPLAYED not in response.headers:
            return video
        with suppress(NotFound):
            again = requests.complete_upload(video_id=video["video_id"], file_name=video["file_name"])
            return (yield from call(again, retries))
    raise AssertionError("an import that begins anew ends the loop")


def _of_attempt(key: str | None, number: int) -> str | None:
    """Return the key of an upload: a repetition finds the last one that was begun."""
    return key if number == 1 else f"{key}:{number}"


def _sent(
    source: Source,
    started: UploadStarted,
    retries: Retries,
    progress: OnProgress | None,
    piece_bytes: int,
    key: str | None,
    repeats: bool,
) -> Flow[VideoCompleted]:
    # The response of an earlier call would be replayed, and its video stay in the bin.
    own = None if repeats else part(key, "complete")
    complete = requests.complete_upload(video_id=started["video_id"], file_name=source.name, idempotency_key=own)
    try:
        yield from send(source, started["upload_url"], retries, progress, piece_bytes, repeats)
    except PermissionDenied as expired:
        # The address of an earlier process has expired. Its upload may be complete.
        try:
            return (yield from call(complete, retries))
        except ApiError:
            raise expired from None
    yield Run(source.require_unchanged)
    return (yield from call(complete, retries))


@overload
def part(key: str, name: str) -> str: ...
@overload
def part(key: None, name: str) -> None: ...
@overload
def part(key: str | None, name: str) -> str | None: ...
def part(key: str | None, name: str) -> str | None:
    """Return the Idempotency-Key of one request of a call."""
    return f"{key}:{name}" if key else None


def send(
    source: Source,
    url: str,
    retries: Retries,
    progress: OnProgress | None = None,
    piece_bytes: int = PIECE_BYTES,
    resumes: bool = False,
) -> Flow[None]:
    """Send a file to its signed address, from the offset that has arrived. Raises ClipcastError.

    It gives up when `retries.attempts` requests in a row bring no byte, or when the server asks for more patience than
    `retries` has.
    """

    def tell(sent: int) -> None:
        if progress:
            progress(Progress(source.name, sent, source.size))

    offset, farthest, attempt, unsure = 0, 0, 0, resumes
    while True:
        error: ConnectionFailed | ApiError | UnexpectedResponse
        try:
            if unsure:
                offset = yield from _offset(url, source.size)
            if offset > farthest:
                farthest, attempt = offset, 0
            tell(offset)
            # Where all bytes have arrived, an empty piece makes the server join them, if it has not done so.
            end = min(source.size, offset + piece_bytes)
            response = yield SendPiece("PATCH", url, _headers(offset), source.read, offset, end, tell)
            if response.status == 204:
                before, offset, unsure = offset, _offset_of(response, source.size), False
                if offset == source.size:
                    tell(source.size)
                    return
                if offset > before:
                    continue
                raise _not_tus(response)
            error = error_of(response)
            if error.code == "upload_completed":
                tell(source.size)
                return
            if error.code not in OTHER_OFFSET and response.status not in PASSING:
                raise error
        except ConnectionFailed as failure:
            error = failure
        except _NotNow as failure:
            error = failure.error
        attempt += 1
        retry_after = getattr(error, "retry_after", None)
        if attempt >= retries.attempts or (retry_after or 0) > retries.patience:
            raise error
        yield Pause(retries.wait(attempt - 1, retry_after))
        unsure = True


class _NotNow(Exception):
    """The server does not say the offset now."""

    def __init__(self, error: ApiError | UnexpectedResponse) -> None:
        self.error = error


def _offset(url: str, size: int) -> Flow[int]:
    response: Response = yield SendPiece("HEAD", url, TUS)
    if response.status == 200:
        return _offset_of(response, size)
    if response.status == 403:
        # A response of HEAD has no body.
        detail = "The upload address has expired. Start a new upload."
        raise PermissionDenied(403, {"code": "upload_url_expired", "detail": detail}, response.headers)
    if response.status in PASSING:
        raise _NotNow(error_of(response))
    raise error_of(response)


def _offset_of(response: Response, size: int) -> int:
    """Return how many bytes have arrived, as the server says. Raises UnexpectedResponse."""
    found = response.headers.get("upload-offset", "")
    if not (found.isascii() and found.isdigit() and len(found) < OFFSET_DIGITS and int(found) <= size):
        raise _not_tus(response)
    return int(found)


def _not_tus(response: Response) -> UnexpectedResponse:
    found = response.headers.get("upload-offset", "")[:60]
    message = f"The response with status {response.status} is none to an upload: its Upload-Offset is {found!r}."
    return UnexpectedResponse(message, status=response.status)


def _headers(offset: int) -> Mapping[str, str]:
    return TUS | {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
