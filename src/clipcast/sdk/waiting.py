"""Wait for the changes of a post, without polling where the server holds the response back."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from clipcast.sdk import requests
from clipcast.sdk.models import Post
from clipcast.sdk.results import PublishedPost
from clipcast.sdk.transport import Flow, Now, Pause, Request, Retries, call

# The seconds for which one request waits. Proxies end longer ones.
AT_ONCE = 25.0
# Between requests to a server that does not wait, at least and at most.
SHORTEST, LONGEST = 0.5, 5.0


class Watch:
    """A post under observation. Each call of `change` waits for its next state."""

    def __init__(self, post_id: str, retries: Retries, timeout: float | None) -> None:
        self._post_id, self._retries, self._timeout = post_id, retries, timeout
        self._seen: Hashable = None
        self._deadline: float | None = None
        self._pause = SHORTEST
        self.done = False

    def change(self) -> Flow[PublishedPost]:
        """Return the present state at first, and then each one that differs. At the time-out, return the last one."""
        now: float = yield Now()
        if self._deadline is None and self._timeout is not None:
            self._deadline = now + self._timeout
        first = self._seen is None
        while True:
            left = AT_ONCE if self._deadline is None else max(0.0, self._deadline - now)
            # The first request does not wait: it shows the present state.
            asked = 0.0 if first else min(AT_ONCE, left)
            post = yield from call(_get(self._post_id, asked), self._retries)
            before, now = now, (yield Now())
            state, result = state_of(post), PublishedPost.of(post)
            changed, self._seen = state != self._seen, state
            timed_out = not result.done and self._deadline is not None and now >= self._deadline
            self.done = result.done or timed_out
            if changed or timed_out:
                self._pause = SHORTEST
                return replace(result, timed_out=timed_out)
            if now - before < asked / 2:
                # The server answered at once though nothing changed: it does not wait.
                yield Pause(min(self._pause, left))
                now = yield Now()
                self._pause = min(LONGEST, self._pause * 1.5)


def wait(post_id: str, retries: Retries, timeout: float | None) -> Flow[PublishedPost]:
    """Return the post when every item has ended, or after `timeout` seconds."""
    watch = Watch(post_id, retries, timeout)
    while True:
        result = yield from watch.change()
        if watch.done:
            return result


def state_of(post: Post) -> Hashable:
    """Return what a person sees of a post: a change of anything else is none."""
    return (
        post["status"],
        post["version"],
        tuple(
            (item["id"], item["status"], item["stage"], item["progress"], item["attempts"], str(item["error"]))
            for item in post["items"]
        ),
    )


def _get(post_id: str, wait: float) -> Request[Post]:
    request = requests.get_post(post_id)
    return replace(request, query={**request.query, "wait": f"{wait:g}"}) if wait else request
