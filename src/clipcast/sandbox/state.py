"""The sandbox's state: accounts, posts, received requests, and the settings of each platform."""

import hashlib
import shutil
import tempfile
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import httpx2

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp

REQUESTS_KEPT = 5000


@dataclass
class Account:
    platform: str
    account_id: str
    username: str
    display_name: str
    # PATCH /__sandbox/accounts changes these. Each platform declares its own.
    flags: dict[str, Any] = field(default_factory=dict)


@dataclass
class Post:
    """A video that exists on the platform, public or not."""

    platform: str
    account_id: str
    post_id: str
    url: str
    caption: str
    visibility: str
    file: Path
    sha256: str
    size: int
    created_at: datetime
    metadata: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return {
            "platform": self.platform,
            "account_id": self.account_id,
            "post_id": self.post_id,
            "url": self.url,
            "caption": self.caption,
            "visibility": self.visibility,
            "sha256": self.sha256,
            "bytes": self.size,
            "created_at": format_timestamp(self.created_at),
            "metadata": self.metadata,
        }


@dataclass
class Upload:
    """Received bytes on disk, with their running digest."""

    path: Path
    size: int = 0
    _digest: Any = field(default_factory=hashlib.sha256)

    def open(self) -> IO[bytes]:
        return self.path.open("ab")

    def add(self, file: IO[bytes], piece: bytes) -> None:
        file.write(piece)
        self._digest.update(piece)
        self.size += len(piece)

    def mark(self) -> tuple[int, Any]:
        """Return the current position, for `rewind`."""
        return self.size, self._digest.copy()

    def rewind(self, mark: tuple[int, Any]) -> None:
        """Remove the bytes after the mark."""
        self.size, self._digest = mark
        with self.path.open("r+b") as file:
            file.truncate(self.size)

    @property
    def sha256(self) -> str:
        return str(self._digest.hexdigest())


class Windows:
    """Sliding windows that count calls."""

    def __init__(self) -> None:
        self._calls: dict[Any, deque[datetime]] = defaultdict(deque)

    def hit(self, key: Any, limit: int, window: timedelta) -> bool:
        """Count one call. Returns False, without counting, if the limit is reached."""
        calls = self._calls[key]
        while calls and calls[0] <= clock.now() - window:
            calls.popleft()
        if len(calls) >= limit:
            return False
        calls.append(clock.now())
        return True


class SandboxState:
    """The data that all simulators share."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self.folder = Path(tempfile.mkdtemp(prefix="clipcast-sandbox-"))
        self.accounts: dict[tuple[str, str], Account] = {}
        self.posts: dict[tuple[str, str], Post] = {}
        self.requests: deque[dict[str, Any]] = deque(maxlen=REQUESTS_KEPT)
        self.settings: dict[str, dict[str, Any]] = {}
        self.windows = Windows()
        # Simulators fetch public addresses with it. A test may replace it.
        self.client = httpx2.AsyncClient(trust_env=False, follow_redirects=False, timeout=60)
        self._uploads = 0

    async def fetch(
        self, url: str, agent: str, receive: Callable[[bytes], None] = lambda piece: None, at_most: int = 32_000_000
    ) -> str | None:
        """Fetch an address as a platform does and pass its content to `receive`.

        Returns the error as a short text, or None.
        """
        headers, size = {"User-Agent": agent, "Accept-Encoding": "identity"}, 0
        try:
            async with self.client.stream("GET", url, headers=headers) as response:
                if response.status_code != 200:
                    return str(response.status_code)
                async for piece in response.aiter_bytes():
                    size += len(piece)
                    if size > at_most:
                        return "too large"
                    receive(piece)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            return type(error).__name__
        return None

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_upload(self) -> Upload:
        self._uploads += 1
        path = self.folder / f"upload-{self._uploads}"
        path.touch()
        return Upload(path)

    def add_post(self, post: Post) -> None:
        self.posts[post.platform, post.post_id] = post

    def remove_post(self, post: Post) -> None:
        self.posts.pop((post.platform, post.post_id), None)

    def posts_of(self, platform: str | None = None, account_id: str | None = None) -> list[Post]:
        return [
            post
            for post in self.posts.values()
            if platform in (None, post.platform) and account_id in (None, post.account_id)
        ]

    def public_url(self, host: str, path: str) -> str:
        """Return the sandbox's address for https://host/path of the real platform."""
        return f"{self.base_url}/{host}{path}"

    def avatar_url(self, host: str, username: str, lifetime: timedelta | None = None) -> str:
        """Return the address of an account's picture, which works for `lifetime`; None: for ever."""
        expires = f"?expires={(clock.now() + lifetime).timestamp():.0f}" if lifetime else ""
        return self.public_url(host, f"/@{quote(username)}/avatar.jpg{expires}")
