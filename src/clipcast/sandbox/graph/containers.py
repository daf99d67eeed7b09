"""Containers of Threads and Instagram. The simulator fetches each video's address and publishes it at most once."""

import itertools
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clipcast.clock import clock
from clipcast.sandbox.graph.answers import graph_error
from clipcast.sandbox.graph.oauth import MetaAuthorization
from clipcast.sandbox.graph.rupload import FILE_MAX
from clipcast.sandbox.inputs import form_texts
from clipcast.sandbox.knobs import Count
from clipcast.sandbox.media.reading import Reading
from clipcast.sandbox.simulator import MEDIA_KINDS, MEDIA_SETTINGS
from clipcast.sandbox.state import Account, Post, Upload

DAY = timedelta(hours=24)
FETCHER = "facebookexternalhit/1.1"


@dataclass
class Container:
    container_id: str
    account_id: str
    form: dict[str, str]
    upload: Upload
    created_at: datetime
    # The platform's own name of the failure.
    failure: str | None = None
    media_id: str | None = None
    # The app sends the bytes: their announced number, and the time at which all were received.
    resumable: bool = False
    size: int | None = None
    whole_at: datetime | None = None


class Containers(MetaAuthorization):
    """The life of a container on both platforms. Each platform declares its names and rules."""

    further_requests: ClassVar[tuple[str, ...]] = ("permalink",)
    not_ready: ClassVar[tuple[int, int, str]]
    scope_publish: ClassVar[str]
    # The scope that reading the quota requires.
    scope_limit: ClassVar[str]
    container_flags: ClassVar[dict[str, Any]] = {
        "restricted": False,
        # The failure of the next containers, and their number; None: all containers.
        "container_failure": None,
        "container_failure_times": None,
    }
    kinds: ClassVar[dict[str, Any]] = MEDIA_KINDS | {
        "container_failure": str | None,
        "container_failure_times": Count | None,
    }
    container_settings: ClassVar[dict[str, Any]] = {
        "processing_seconds": 2.0,
        "publish_quota": 250,
        "never_finish": False,
        **MEDIA_SETTINGS,
        # During this time after publishing, the container's status is still FINISHED.
        "finished_after_publish_seconds": 0.0,
        "listing_delay_seconds": 0.0,
    }

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.containers: dict[str, Container] = {}
        self.published_at: dict[str, datetime] = {}
        # The posts of each account, newest first, and the times of those of the last day, oldest first.
        self._published: dict[str, deque[Container]] = defaultdict(deque)
        self._counted: dict[str, deque[datetime]] = defaultdict(deque)
        self.numbers = itertools.count(17_900_000_000_000_001)

    async def request_name(self, request: Request, name: str) -> str:
        """Return the request's name: the path of a container and of a post differ by the id alone."""
        if name == "status" and request.path_params["node"] not in self.containers:
            return "permalink"
        return name

    async def fetch(self, url: str, upload: Upload) -> str | None:
        """Download the video as Meta's fetcher does. Returns the error as a short text, or None."""
        with upload.open() as file:
            return await self.state.fetch(url, FETCHER, lambda piece: upload.add(file, piece), FILE_MAX)

    async def make(self, account_id: str, form: dict[str, str]) -> Container:
        container = Container(
            str(next(self.numbers)),
            account_id,
            form,
            self.state.new_upload(),
            clock.now(),
            self._injected_failure(account_id),
        )
        container.resumable = form.get("upload_type") == "resumable"
        self.containers[container.container_id] = container
        if container.resumable:
            return container
        if await self.fetch(form["video_url"], container.upload):
            container.failure = container.failure or self.fetch_failure()
        else:
            await self.probe_file(container)
        return container

    async def probe_file(self, container: Container) -> None:
        """Read the file and set the failure with which its processing will end."""
        if self.settings["check_media"]:
            failure = self.media_failure(await self.read_upload(container.upload), container.form)
            container.failure = container.failure or failure

    def _injected_failure(self, account_id: str) -> str | None:
        flags = self.account(account_id).flags
        failure: str | None = flags["container_failure"]
        if failure is not None and flags["container_failure_times"] is not None:
            flags["container_failure_times"] -= 1
            if flags["container_failure_times"] <= 0:
                flags |= {"container_failure": None, "container_failure_times": None}
        return failure

    def fetch_failure(self) -> str:
        raise NotImplementedError

    def media_failure(self, media: Reading | None, form: dict[str, str]) -> str | None:
        raise NotImplementedError

    def status_of(self, container: Container) -> str:
        age = clock.now() - container.created_at
        if container.media_id:
            hidden = timedelta(seconds=self.settings["finished_after_publish_seconds"])
            return "FINISHED" if clock.now() < self.published_at[container.media_id] + hidden else "PUBLISHED"
        if age > DAY:
            return "EXPIRED"
        if container.resumable:
            if container.whole_at is None:
                return "IN_PROGRESS"
            age = clock.now() - container.whole_at
        if age < timedelta(seconds=self.settings["processing_seconds"]) or self.settings["never_finish"]:
            return "IN_PROGRESS"
        return "ERROR" if container.failure else "FINISHED"

    async def publish_container(self, request: Request) -> Response:
        grant = self.caller(request, self.scope_publish)
        if isinstance(grant, Response):
            return grant
        container = self.containers.get((await form_texts(request)).get("creation_id", ""))
        account = self.account(grant.account_id)
        if container is None or container.account_id != account.account_id:
            code, subcode, message = self.not_ready
            return graph_error(code, message, subcode)
        if container.media_id:
            return JSONResponse({"id": container.media_id})  # one container never becomes a second post
        if self.status_of(container) != "FINISHED":
            code, subcode, message = self.not_ready
            return graph_error(code, message, subcode)
        if error := self.account_error(account):
            return error
        if self._recent(account) >= self.settings["publish_quota"]:
            return self.over_quota()
        container.media_id = str(next(self.numbers))
        self.published_at[container.media_id] = clock.now()
        self._published[account.account_id].appendleft(container)
        self._counted[account.account_id].append(clock.now())
        self.state.add_post(self.post_of(container, account, container.media_id))
        return JSONResponse({"id": container.media_id})

    async def limit(self, request: Request) -> Response:
        """Return the account's posts of the last 24 h and their limit."""
        grant = self.caller(request, self.scope_limit)
        if isinstance(grant, Response):
            return grant
        config = {"quota_total": self.settings["publish_quota"], "quota_duration": 86_400}
        return JSONResponse({"data": [{"quota_usage": self._recent(self.account(grant.account_id)), "config": config}]})

    def _recent(self, account: Account) -> int:
        counted = self._counted[account.account_id]
        while counted and counted[0] <= clock.now() - DAY:
            counted.popleft()
        return len(counted)

    def account_error(self, account: Account) -> Response | None:
        if account.flags["restricted"]:
            return self.restricted()
        return None

    def restricted(self) -> Response:
        raise NotImplementedError

    def over_quota(self) -> Response:
        raise NotImplementedError

    def post_of(self, container: Container, account: Account, media_id: str) -> Post:
        raise NotImplementedError

    def listed(self, account_id: str, since: int) -> list[tuple[Container, Post]]:
        """List the account's posts since a UNIX time in seconds, newest first.

        Posts younger than `listing_delay_seconds` are missing.
        """
        lag = clock.now() - timedelta(seconds=self.settings["listing_delay_seconds"])
        found = []
        for container in self._published[account_id]:
            post = self.state.posts.get((self.platform, container.media_id or ""))
            if post is None or self.published_at[post.post_id] > lag:
                continue
            if self.published_at[post.post_id].timestamp() >= since:
                found.append((container, post))
        return found
