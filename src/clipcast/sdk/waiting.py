"""Wait for the changes of a post, without polling where the server holds the response back."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import TYPE_CHECKING

from clipcast.sdk import requests
from clipcast.sdk.errors import ClipcastError
from clipcast.sdk.results import PublishedPost
from clipcast.sdk.transport import Flow, Now, Pause, Request, Retries, call

if TYPE_CHECKING:
    from clipcast.sdk.models import Post

# The seconds for which one request waits for a change of status. Proxies end longer ones.
AT_ONCE = 25.0
# The same for a caller who wants to see progress, which does not end the server's wait.
AT_ONCE_FOR_PROGRESS = 2.0
# After a change, so that quick progress does not cause many requests.
BREATH = 0.1
# Between requests to a server that does not wait, at least and at most.
SHORTEST, LONGEST = 0.5, 5.0


class Watch:
    """A post under observation. Each call of `change` waits for its next state."""

    def __init__(
        self, post_id: str, retries: Retries, timeout: float | None, at_once: float = AT_ONCE_FOR_PROGRESS
    ) -> None:
        self._post_id, self._retries, self._timeout, self._at_once = post_id, retries, timeout, at_once
        self._seen: Hashable = None
        self._tag: str | None = None
        self._deadline: float | None = None
        self._pause = SHORTEST
        self.done = False

    def change(self) -> Flow[PublishedPost]:
        """Return the present state at first, and then each one that differs. At the time-out, return the last one.

        The last one is that in which every item has ended, or in which only a person can make the post go on.
        """
        now: float = yield Now()
        if self._deadline is None and self._timeout is not None:
            self._deadline = now + self._timeout
        first = self._seen is None
        while True:
            left = self._at_once if self._deadline is None else max(0.0, self._deadline - now)
            # The first request does not wait: it shows the present state.
            asked = 0.0 if first else min(self._at_once, left)
            try:
                post = yield from call(self._request(asked), self._retries)
            except ClipcastError as error:
                error.post_id = self._post_id
                raise
            self._tag = post.get("state_tag")
            before, now = now, (yield Now())
            state, result = state_of(post), PublishedPost.of(post)
            changed, self._seen = state != self._seen, state
            is_over = result.done or result.waits_for_person
            timed_out = not is_over and self._deadline is not None and now >= self._deadline
            self.done = is_over or timed_out
            if changed or self.done:
                self._pause = SHORTEST
                if asked and not self.done:
                    yield Pause(BREATH)
                return replace(result, timed_out=timed_out)
            if now - before < asked / 2:
                # The server answered at once though nothing changed: it does not wait.
                yield Pause(min(self._pause, left))
                now = yield Now()
                self._pause = min(LONGEST, self._pause * 1.5)

    def _request(self, wait: float) -> Request[Post]:
        if not wait:
            return requests.get_post(self._post_id)
        # Without the tag, the server waits from the state of now: a change since the last response would be missed.
        return requests.get_post(self._post_id, wait=round(wait, 3), seen=self._tag)


def wait(post_id: str, retries: Retries, timeout: float | None) -> Flow[PublishedPost]:
    """Return the post when every item has ended or waits for a person, or after `timeout` seconds."""
    watch = Watch(post_id, retries, timeout, AT_ONCE)
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
