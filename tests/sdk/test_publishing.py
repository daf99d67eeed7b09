"""One call publishes: it uploads, posts and waits, and returns what became of each item."""

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from clipcast.sdk import (
    AuthenticationError,
    Clipcast,
    ConnectionFailed,
    Progress,
    PublishFailed,
    UsageError,
    ValidationError,
)
from clipcast.testing.harness import ACCOUNT, free_port, some_day
from tests.sdk.conftest import AT_ONCE, Served

ACCOUNTS = [f"bluesky:@{ACCOUNT}", f"threads:@{ACCOUNT}"]


@pytest.fixture
async def accounts(served: Served) -> list[str]:
    for platform in ("bluesky", "threads"):
        await served.stage.connect(platform)
    found = (await served.client.list_connections())["connections"]
    return [f"{one['platform']}:@{one['username']}" for one in found]


async def test_publish_uploads_posts_and_waits(served: Served, accounts: list[str], clip: Path) -> None:
    """The call of the README returns the addresses of the live videos."""
    seen: list[Progress] = []
    async with served.publishing():
        post = await served.call(
            served.blocking.publish,
            clip,
            to=accounts,
            text="First light",
            settings={"bluesky": {"langs": ["en"]}},
            wait=True,
            progress=seen.append,
        )
    assert post.ok
    assert post.done
    assert post.published
    assert not post.timed_out
    assert sorted(item.account for item in post.items) == sorted(accounts)
    assert all(item.url in post.urls and item.url.startswith("http") for item in post.items)
    [bluesky] = await served.stage.sandbox.posts("bluesky")
    [threads] = await served.stage.sandbox.posts("threads")
    assert "First light" in str(bluesky)
    assert "First light" in str(threads)
    assert [one.sent for one in seen] == sorted(one.sent for one in seen)
    assert seen[-1] == Progress(clip.name, clip.stat().st_size, clip.stat().st_size)


async def test_asynchronous_client_follows_each_change(served: Served, accounts: list[str], clip: Path) -> None:
    content = clip.read_bytes()
    async with served.publishing():
        post = await served.client.publish(io.BytesIO(content), to=accounts[0], text="First light")
        assert not post.done
        states, events = await asyncio.gather(
            _all(served.client.watch(post.id)), _all(served.client.stream_post_events(post.id))
        )
    assert states[-1].published
    assert events[0].type == "item"
    assert (events[-1].type, events[-1].data["status"]) == ("end", "completed")
    again = await served.call(list, served.blocking.stream_post_events(post.id))
    assert [event.type for event in again] == ["item", "post", "end"]
    assert [one.data for one in states] == list({str(one.data): one.data for one in states}.values())


async def _all(found: AsyncIterator[Any]) -> list[Any]:
    return [one async for one in found]


async def test_later_post_of_several_clips_waits_for_its_time(served: Served, accounts: list[str], clip: Path) -> None:
    """Bare names and ids have their platforms' settings, too; a clip may be uploaded already."""
    uploaded = await served.client.upload(clip, name="second.mp4")
    connections = (await served.client.list_connections())["connections"]
    bluesky = next(one for one in connections if one["platform"] == "bluesky")
    day = some_day()
    post = await served.client.publish(
        [clip.read_bytes(), uploaded],
        to=[bluesky["id"]],
        text="First light",
        settings={"bluesky": {"alt": "A harbour"}},
        at=f"{day} 18:00",
        timezone="America/Sao_Paulo",
    )
    assert post.status == "pending"
    assert post.ok
    assert post.scheduled_at == f"{day}T21:00:00.000Z"
    assert [item.data["metadata"]["bluesky"]["alt"] for item in post.items] == ["A harbour"] * 2
    other = await served.client.publish(
        uploaded,
        to=bluesky,
        at=datetime.fromisoformat(f"{day}T20:00"),
        timezone="UTC",
        settings={bluesky["id"]: {"text": "x"}},
    )
    assert other.scheduled_at == f"{day}T20:00:00.000Z"
    assert other.items[0].data["metadata"]["bluesky"]["text"] == "x"


async def test_problems_are_reported_before_the_upload(served: Served, accounts: list[str], clip: Path) -> None:
    seen: list[Progress] = []
    with pytest.raises(ValidationError) as raised:
        await served.client.publish(
            clip, to=[f"@{ACCOUNT}", "bluesky:@nobody"], at="2020-01-01T00:00:00Z", progress=seen.append
        )
    error = raised.value
    assert {one["code"] for one in error.errors} == {"ambiguous_account", "not_found", "in_the_past"}
    assert (error.status, error.code, error.actor) == (422, "validation_failed", "caller")
    assert accounts[0] in str(error)
    assert not seen
    assert (await served.client.list_videos())["clips"] == []
    result = await served.client.validate(clip, to=accounts, text="First light")
    assert result["valid"]


async def test_failed_item_is_a_result_with_its_fix(served: Served, accounts: list[str], clip: Path) -> None:
    await served.stage.sandbox.change_account("bluesky", takedown=True)
    async with served.publishing():
        post = await served.client.publish(clip, to=accounts, text="First light", wait=60)
    assert (post.status, post.ok, post.done, post.published) == ("partial", False, True, False)
    [failed] = [item for item in post.items if item.failed]
    assert failed.platform == "bluesky"
    assert failed.error is not None
    assert failed.error.fix
    assert failed.needs_action
    with pytest.raises(PublishFailed) as raised:
        post.raise_for_failure()
    assert (raised.value.code, raised.value.fix) == (failed.error.code, failed.error.fix)
    assert raised.value.post is post


async def test_wait_ends_at_its_limit(served: Served, accounts: list[str], clip: Path) -> None:
    """No worker runs."""
    post = await served.client.publish(clip, to=accounts[0], text="First light", wait=0.01)
    assert post.timed_out
    assert not post.ok
    with pytest.raises(PublishFailed, match="1 of 1 items are not published"):
        post.raise_for_failure()


async def test_repetition_with_the_same_key_continues_the_same_post(
    served: Served, accounts: list[str], clip: Path
) -> None:
    arguments: dict[str, Any] = {"to": accounts, "text": "First light", "idempotency_key": "plan-1"}
    first = await served.client.publish(clip, **arguments)
    again = await served.call(served.blocking.publish, clip, **arguments)
    assert again.id == first.id
    assert (await served.client.list_posts())["pagination"]["total_count"] == 1
    with pytest.raises(ValidationError) as raised:
        await served.client.publish(clip, **arguments | {"text": "Last light"})
    assert raised.value.code == "idempotency_key_reused"


async def test_arguments_that_do_not_fit_send_nothing(served: Served, accounts: list[str], clip: Path) -> None:
    for arguments, message in (
        ({"to": []}, "at least one account"),
        ({"to": accounts, "settings": {"youtube": {}}}, "`settings` has youtube"),
    ):
        with pytest.raises(UsageError, match=message):
            await served.client.publish(clip, **arguments)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        await served.client.publish("missing.mp4", to=accounts)
    assert (await served.client.list_videos())["clips"] == []


async def test_wrong_key_and_wrong_address_are_errors_of_their_own(served: Served) -> None:
    with pytest.raises(AuthenticationError) as raised:
        await served.call(Clipcast("clipcast_wrong", f"http://127.0.0.1:{served.port}").get_workspace)
    assert raised.value.request_id
    assert "CLIPCAST_API_KEY" in raised.value.fix
    with pytest.raises(ConnectionFailed) as failed:
        await served.call(Clipcast("key", f"http://127.0.0.1:{free_port()}", retries=AT_ONCE).get_workspace)
    assert not failed.value.sent
