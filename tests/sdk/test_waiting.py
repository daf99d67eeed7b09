"""A post is followed without missing its end, whether or not the server waits, and at a bounded pace."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from clipcast.jobs import stranded
from clipcast.sdk import PublishFailed
from clipcast.sdk.transport import Now, Pause, Response, Retries, Send
from clipcast.sdk.waiting import Watch, wait

POST: dict[str, Any] = {"post_id": "0198c7a4", "status": "processing", "scheduled_at": None, "version": 1}
ITEM: dict[str, Any] = {
    "id": "1", "platform": "bluesky", "account": {"username": "x", "display_name": "X"}, "connection_id": "2",
    "edit_id": "3", "status": "processing", "stage": None, "platform_post_url": None, "error": None, "attempts": 1,
    "metadata": {}, "warnings": [], "version": 1,
}  # fmt: skip
Answer = Callable[[dict[str, str]], tuple[dict[str, Any], float]]


def post(progress: int, status: str = "processing") -> dict[str, Any]:
    return POST | {"status": status, "items": [ITEM | {"progress": progress, "status": status}], "state_tag": status}


class Server:
    """A server whose clock the flow reads. `states` holds the post by the second from which it has that state."""

    def __init__(self, states: dict[float, dict[str, Any]], waits: bool) -> None:
        self.states, self.waits = states, waits
        self.now, self.queries, self.pauses = 0.0, [], []

    def run(self, flow: Any) -> Any:
        result: Any = None
        while True:
            try:
                effect = flow.send(result)
            except StopIteration as end:
                return end.value
            if isinstance(effect, Now):
                result = self.now
            elif isinstance(effect, Pause):
                self.pauses.append(effect.seconds)
                self.now += effect.seconds
            else:
                assert isinstance(effect, Send)
                self.queries.append(dict(effect.request.query))
                result = self._answer(float(effect.request.query.get("wait", 0)), effect.request.query.get("seen"))

    def _answer(self, seconds: float, seen: str | None) -> Response:
        import json

        ends_at = self.now + (seconds if self.waits else 0)
        while self.state["state_tag"] == seen and self.now < ends_at and self.state["status"] != "completed":
            self.now += 0.25
        self.now += 0.01
        return Response(200, {}, json.dumps(self.state).encode())

    @property
    def state(self) -> dict[str, Any]:
        return self.states[max(second for second in self.states if second <= self.now)]


STATES = {0.0: post(0), 10.0: post(50), 100.0: post(100, "completed")}


def test_wait_asks_a_server_that_waits_a_few_times() -> None:
    server = Server(STATES, waits=True)
    result = server.run(wait("0198c7a4", Retries(), None))
    assert result.published
    assert 100 <= server.now < 101
    assert server.queries[:2] == [{}, {"wait": "25.0", "seen": "processing"}]
    assert len(server.queries) <= 7


def test_wait_ends_where_only_a_person_can_make_the_post_go_on() -> None:
    """An item that goes on by itself is waited for. After the sign-in, the wait goes on."""
    error = {"code": "token_revoked", "message": "It ended.", "fix": "Connect it.", "actor": "account_owner"}
    error |= {"class": "reconnect", "retryable": True}
    held = ITEM | {"id": "2", "progress": 0, "error": error, "held_until": "2026-12-05T12:00:00.000Z"}
    stopped = ITEM | {"id": "3", "progress": 0, "error": error | {"code": stranded.CODE}}
    states = {0.0: post(0), 30.0: post(100, "published")}
    for one in states.values():
        one["items"] += [held, stopped]
        one["status"] = "processing"
    server = Server(states, waits=True)
    result = server.run(wait("0198c7a4", Retries(), 300))
    assert 30 <= server.now < 60
    assert (result.waits_for_person, result.timed_out, result.ok, result.done) == (True, False, False, False)
    assert [item.waits_for_person for item in result.items] == [False, True, True]
    assert result.items[1].waits_until == "2026-12-05T12:00:00.000Z"
    with pytest.raises(PublishFailed, match="It ended"):
        result.raise_for_failure()
    in_review = post(0, "pending") | {"review": "waiting"}
    result = Server({0.0: in_review}, waits=True).run(wait("0198c7a4", Retries(), 300))
    assert (result.waits_for_person, result.ok) == (True, False)
    # The error stays until the next attempt has an outcome.
    states[30.0]["items"][1:] = [held | {"held_until": None}]
    states[90.0] = post(100, "completed")
    assert Server(states, waits=True).run(wait("0198c7a4", Retries(), 300)).done


def test_wait_polls_a_server_that_does_not_wait() -> None:
    server = Server(STATES, waits=False)
    result = server.run(wait("0198c7a4", Retries(), None))
    assert result.published
    assert 100 <= server.now < 106
    assert len(server.queries) < 40


def test_wait_ends_at_its_timeout() -> None:
    for waits in (True, False):
        server = Server(STATES, waits)
        result = server.run(wait("0198c7a4", Retries(), 30))
        assert result.timed_out
        assert 30 <= server.now < 31


def test_watch_shows_each_change_once_at_a_bounded_pace() -> None:
    quick = {second / 20: post(second) for second in range(100)} | {5.0: post(100, "completed")}
    for waits in (True, False):
        server = Server(quick, waits)
        watch = Watch("0198c7a4", Retries(), None)
        seen = list(changes(server, watch))
        progress = [one.items[0].progress for one in seen]
        assert progress == sorted(set(progress))
        assert seen[-1].published
        assert len(server.queries) < 60


def changes(server: Server, watch: Watch) -> Iterator[Any]:
    while not watch.done:
        yield server.run(watch.change())


@pytest.mark.parametrize("seconds", [0, 0.001])
def test_shortest_timeout_returns_the_present_state(seconds: float) -> None:
    server = Server(STATES, waits=True)
    assert server.run(wait("0198c7a4", Retries(), seconds)).status == "processing"
    assert len(server.queries) == 1
