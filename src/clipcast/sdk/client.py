"""The clients: `Clipcast` blocks, `AsyncClipcast` awaits. Both do the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx2

from clipcast.sdk.async_operations import AsyncOperations
from clipcast.sdk.configuration import Configuration
from clipcast.sdk.operations import Operations
from clipcast.sdk.publishing import Account, Clip, Duplicates, Publication, publish, validate
from clipcast.sdk.results import PublishedPost
from clipcast.sdk.sources import File
from clipcast.sdk.transport import Retries
from clipcast.sdk.uploads import PIECE_BYTES, OnProgress, upload
from clipcast.sdk.waiting import Watch, wait

if TYPE_CHECKING:
    from clipcast.sdk.models import ValidationResult, VideoCompleted

TIMEOUT = 60.0


class Clipcast(Operations):
    """A client of one Clipcast installation. Threads may share it.

    `key` is an API key, by default CLIPCAST_API_KEY. `url` is the installation's address, by default CLIPCAST_URL, or
    that of `make demo`. `workspace` is the id of one, by default CLIPCAST_WORKSPACE; only keys of several workspaces
    need it. `timeout` is in seconds. `http` is a client of httpx2 with settings of your own, such as a proxy.

    Raises UsageError if there is no key, or no valid address.
    """

    def __init__(
        self,
        key: str | None = None,
        url: str | None = None,
        workspace: str | None = None,
        timeout: float = TIMEOUT,
        *,
        retries: Retries | None = None,
        http: httpx2.Client | None = None,
    ) -> None:
        super().__init__(Configuration.of(key, url, workspace, timeout), retries or Retries(), http)

    def publish(
        self,
        files: File | Clip | Sequence[File | Clip],
        *,
        to: Account | Iterable[Account],
        text: str | None = None,
        title: str | None = None,
        tags: Sequence[str] | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        at: str | datetime | None = None,
        timezone: str | None = None,
        wait: bool | float = False,
        progress: OnProgress | None = None,
        on_duplicate: Duplicates | None = None,
        check: bool = True,
        idempotency_key: str | None = None,
        piece_bytes: int = PIECE_BYTES,
    ) -> PublishedPost:
        """Upload files, and publish each to all accounts, now or at a time.

        - `files`: a path, bytes, a binary file object, an http address, or a clip that exists (the result of `upload`
          or `create_render`); or several of them.
        - `to`: accounts as `platform:@name`, `@name`, connection ids, or connections of `list_connections`.
        - `text`, `title`, `tags`: for every account, in its platform's own fields.
        - `settings`: fields of one platform or account, such as `{"youtube": {"privacyStatus": "unlisted"}}`.
        - `at`: when to publish. A time without an offset is one of `timezone`, an IANA name.
        - `wait`: wait until every item has ended or waits for a person, or for so many seconds.
        - `progress`: called with the Progress of each file.
        - `on_duplicate`: what to do if the same clip and text went to the same account recently. "allow" posts it,
          "refuse" raises DuplicateContent, a function gets the problems and returns whether to post. By default the
          workspace's setting decides.
        - `check`: report the problems of accounts, texts and times before the upload, not after it.
        - `idempotency_key`: repeat the call with the same key and arguments, also from another process, and it
          continues the same upload and post. By default, each call is another one.

        A failed item is no exception: look at `ok` and `items` of the result, or call its `raise_for_failure`. Raises
        ClipcastError. If its `post_id` is set, the post exists. Otherwise it was not created; after ConnectionFailed,
        nobody knows. Its `idempotency_key` is the one that continues the call.
        """
        asked = Publication(
            files, to, text, title, tags, settings, at, timezone, wait, progress, on_duplicate, check, idempotency_key,
            piece_bytes,
        )  # fmt: skip
        return self._run(publish(asked, self._retries))

    def validate(
        self,
        files: File | Clip | Sequence[File | Clip],
        *,
        to: Account | Iterable[Account],
        text: str | None = None,
        title: str | None = None,
        tags: Sequence[str] | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        at: str | datetime | None = None,
        timezone: str | None = None,
        allow_duplicate: bool = False,
    ) -> ValidationResult:
        """Return the problems that `publish` would have with these arguments. Upload and create nothing.

        Files are not read: pass clips that are uploaded to have them checked against the platforms' limits.
        `allow_duplicate`: what went to the same account recently is no problem.
        """
        allowed: Duplicates | None = "allow" if allow_duplicate else None
        asked = Publication(files, to, text, title, tags, settings, at, timezone, on_duplicate=allowed)
        return self._run(validate(asked, self._retries))

    def upload(
        self,
        file: File,
        *,
        name: str | None = None,
        progress: OnProgress | None = None,
        piece_bytes: int = PIECE_BYTES,
        idempotency_key: str | None = None,
    ) -> VideoCompleted:
        """Upload a file, or import it from its http address, and return the video.

        After a lost connection, the upload continues where it was. A later call with the same `idempotency_key`
        continues it, too; if the upload is gone, it begins anew.

        Raises ValidationError if the file is no video that Clipcast reads, and UsageError if it cannot be opened, or
        changes meanwhile.
        """
        flow = upload(file, self._retries, name=name, progress=progress, piece_bytes=piece_bytes, key=idempotency_key)
        return self._run(flow)

    def wait(self, post_id: str, timeout: float | None = None) -> PublishedPost:
        """Return the post when every item has ended or waits for a person, or after `timeout` seconds."""
        return self._run(wait(post_id, self._retries, timeout))

    def watch(self, post_id: str, timeout: float | None = None) -> Iterator[PublishedPost]:
        """Yield the post now and after each change, until `wait` would return, or for `timeout` seconds."""
        watch = Watch(post_id, self._retries, timeout)
        while not watch.done:
            yield self._run(watch.change())


class AsyncClipcast(AsyncOperations):
    """A client like Clipcast, whose methods are coroutines of asyncio."""

    def __init__(
        self,
        key: str | None = None,
        url: str | None = None,
        workspace: str | None = None,
        timeout: float = TIMEOUT,
        *,
        retries: Retries | None = None,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        super().__init__(Configuration.of(key, url, workspace, timeout), retries or Retries(), http)

    async def publish(
        self,
        files: File | Clip | Sequence[File | Clip],
        *,
        to: Account | Iterable[Account],
        text: str | None = None,
        title: str | None = None,
        tags: Sequence[str] | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        at: str | datetime | None = None,
        timezone: str | None = None,
        wait: bool | float = False,
        progress: OnProgress | None = None,
        on_duplicate: Duplicates | None = None,
        check: bool = True,
        idempotency_key: str | None = None,
        piece_bytes: int = PIECE_BYTES,
    ) -> PublishedPost:
        """Upload files, and publish each to all accounts. See `Clipcast.publish`."""
        asked = Publication(
            files, to, text, title, tags, settings, at, timezone, wait, progress, on_duplicate, check, idempotency_key,
            piece_bytes,
        )  # fmt: skip
        return await self._run(publish(asked, self._retries))

    async def validate(
        self,
        files: File | Clip | Sequence[File | Clip],
        *,
        to: Account | Iterable[Account],
        text: str | None = None,
        title: str | None = None,
        tags: Sequence[str] | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        at: str | datetime | None = None,
        timezone: str | None = None,
        allow_duplicate: bool = False,
    ) -> ValidationResult:
        """Return the problems that `publish` would have with these arguments. See `Clipcast.validate`."""
        allowed: Duplicates | None = "allow" if allow_duplicate else None
        asked = Publication(files, to, text, title, tags, settings, at, timezone, on_duplicate=allowed)
        return await self._run(validate(asked, self._retries))

    async def upload(
        self,
        file: File,
        *,
        name: str | None = None,
        progress: OnProgress | None = None,
        piece_bytes: int = PIECE_BYTES,
        idempotency_key: str | None = None,
    ) -> VideoCompleted:
        """Upload a file and return the video. See `Clipcast.upload`."""
        flow = upload(file, self._retries, name=name, progress=progress, piece_bytes=piece_bytes, key=idempotency_key)
        return await self._run(flow)

    async def wait(self, post_id: str, timeout: float | None = None) -> PublishedPost:  # noqa: ASYNC109
        """Return the post when every item has ended or waits for a person, or after `timeout` seconds."""
        return await self._run(wait(post_id, self._retries, timeout))

    async def watch(self, post_id: str, timeout: float | None = None) -> AsyncIterator[PublishedPost]:  # noqa: ASYNC109
        """Yield the post now and after each change, until `wait` would return, or for `timeout` seconds."""
        watch = Watch(post_id, self._retries, timeout)
        while not watch.done:
            yield await self._run(watch.change())
