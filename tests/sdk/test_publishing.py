"""One call publishes: it uploads, posts and waits, and returns what became of each item."""

import asyncio
import hashlib
import io
import os
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clipcast.clock import clock
from clipcast.sdk import (
    AsyncClipcast,
    AuthenticationError,
    Clipcast,
    ConnectionFailed,
    DuplicateContent,
    NotFound,
    Progress,
    PublishFailed,
    UsageError,
    ValidationError,
)
from clipcast.sdk.transport import Send
from clipcast.testing.harness import ACCOUNT, some_day
from tests.clips.test_imports import any_host, file_handler, serving
from tests.sdk.conftest import AT_ONCE, Served

__all__ = ["any_host"]

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
    with pytest.raises(PublishFailed, match="Not published: 1 of 1 items"):
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


async def test_repetition_is_no_double_of_itself(served: Served, accounts: list[str], clip: Path) -> None:
    """A workspace that refuses doubles, a caller who does, and one who decides: all get the post of the first call."""
    asked: list[int] = []

    def decide(problems: Any) -> bool:
        asked.append(len(problems))
        return True

    await served.client.update_workspace(duplicates="refuse")
    arguments: dict[str, Any] = {"to": accounts, "text": "First light", "at": f"{some_day()}T10:00Z"}
    ids = []
    for number, on_duplicate in enumerate(("refuse", decide, "allow", None)):
        keyed = arguments | {"on_duplicate": on_duplicate, "idempotency_key": f"plan-{number}"}
        if on_duplicate is None:
            keyed["text"] = "Last light"
        first = await served.client.publish(clip, **keyed)
        again = await served.client.publish(clip, **keyed)
        assert again.id == first.id
        ids.append(first.id)
    assert len(set(ids)) == 4
    assert asked == [2]
    uploaded = await served.client.upload(clip)
    for on_duplicate in ("refuse", lambda problems: False, None):
        with pytest.raises(DuplicateContent):
            await served.client.publish(uploaded, **arguments, on_duplicate=on_duplicate, idempotency_key="new")
    assert not (await served.client.validate(uploaded, **arguments))["valid"]
    assert (await served.client.validate(uploaded, **arguments, allow_duplicate=True))["valid"]
    # A clip that exists is a double before another file is uploaded: it is decided afterwards.
    mixed = await served.client.publish([uploaded, clip], **arguments | {"to": accounts[0]}, on_duplicate="allow")
    assert len(mixed.items) == 2


async def test_repetition_after_the_time_of_the_post_is_no_problem(
    served: Served, accounts: list[str], clip: Path
) -> None:
    at = clock.now() + timedelta(hours=2)
    arguments: dict[str, Any] = {"to": accounts, "text": "First light", "at": at, "idempotency_key": "plan-1"}
    first = await served.client.publish(clip, **arguments)
    clock.move(timedelta(hours=3))
    again = await served.client.publish(clip, **arguments)
    assert again.id == first.id
    with pytest.raises(ValidationError) as raised:
        await served.client.publish(clip, **arguments | {"idempotency_key": "plan-2"})
    assert [one["code"] for one in raised.value.errors] == ["in_the_past"]


@pytest.mark.parametrize("wait", [False, True])
async def test_error_after_the_creation_names_the_post(
    served: Served, accounts: list[str], clip: Path, wait: bool
) -> None:
    """Repeated with the key of the error, the call returns the post."""
    arguments: dict[str, Any] = {"to": accounts[0], "text": "First light", "on_duplicate": "refuse"}
    perform = AsyncClipcast._perform

    async def lose(self: AsyncClipcast, effect: Any) -> Any:
        if isinstance(effect, Send) and effect.request.operation == "getPost":
            raise ConnectionFailed("The connection is lost.", sent=True)
        return await perform(self, effect)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AsyncClipcast, "_perform", lose)
        with pytest.raises(ConnectionFailed) as raised:
            await served.client.publish(clip, **arguments, wait=wait)
        post_id, key = raised.value.post_id, raised.value.idempotency_key
        with pytest.raises(ConnectionFailed) as watched:
            await served.client.wait(str(post_id))
    assert watched.value.post_id == post_id
    assert post_id is not None
    again = await served.client.publish(clip, **arguments, idempotency_key=key)
    assert again.id == post_id
    assert (await served.client.list_posts())["pagination"]["total_count"] == 1
    with pytest.raises(ValidationError) as refused:
        await served.client.publish(clip, to="@nobody")
    assert refused.value.post_id is None


async def test_upload_that_is_gone_begins_anew(served: Served, accounts: list[str], clip: Path) -> None:
    """Its address has expired, its video was deleted, or its file had other bytes. Repetitions find the new one."""
    content = clip.read_bytes()
    half = len(content) // 2

    def stop(progress: Progress) -> None:
        if progress.sent >= half:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await served.call(served.blocking.upload, clip, progress=stop, piece_bytes=100_000, idempotency_key="a")
    clock.move(timedelta(hours=3))
    first = await served.client.upload(clip, idempotency_key="a")
    assert (await served.client.upload(clip, idempotency_key="a"))["video_id"] == first["video_id"]
    # Its address expires once more. The upload is complete, and stays.
    clock.move(timedelta(hours=3))
    assert (await served.client.upload(clip, idempotency_key="a"))["video_id"] == first["video_id"]
    await served.client.delete_video(first["video_id"])
    second = await served.client.upload(clip, idempotency_key="a")
    assert second["video_id"] != first["video_id"]
    other = content[:half] + bytes(len(content) - half)
    with pytest.raises(KeyboardInterrupt):
        await served.call(
            served.blocking.upload, other, name="x.mp4", progress=stop, piece_bytes=100_000, idempotency_key="b"
        )
    whole = await served.client.upload(content, name="x.mp4", idempotency_key="b")
    assert whole["sha256"] == hashlib.sha256(content).hexdigest()
    with pytest.raises(NotFound) as raised:
        await served.client.complete_upload(video_id=first["video_id"], file_name="x.mp4")
    assert raised.value.status == 404


@pytest.mark.usefixtures("any_host")
async def test_import_whose_video_was_deleted_begins_anew(served: Served, accounts: list[str], clip: Path) -> None:
    async with serving(file_handler(clip.read_bytes())) as address:
        first = await served.client.upload(f"{address}/a.mp4", idempotency_key="a")
        again = await served.client.upload(f"{address}/a.mp4", idempotency_key="a")
        assert again["edit_setting_id"] == first["edit_setting_id"]
        await served.client.delete_video(first["video_id"])
        ids = {(await served.client.upload(f"{address}/a.mp4", idempotency_key="a"))["video_id"] for _ in range(2)}
    assert len(ids) == 1
    assert first["video_id"] not in ids


async def test_file_that_changes_while_it_is_sent_is_an_error(
    served: Served, accounts: list[str], clip: Path, tmp_path: Path
) -> None:
    path = tmp_path / "render.mp4"
    path.write_bytes(clip.read_bytes())
    begun = path.stat().st_mtime_ns

    def change(progress: Progress) -> None:
        if progress.sent > 100_000 and path.stat().st_mtime_ns == begun:
            with path.open("r+b") as file:
                file.seek(50_000)
                file.write(b"x" * 100)
            os.utime(path, ns=(begun + 1, begun + 1))

    with pytest.raises(UsageError, match="has changed while it was sent"):
        await served.client.publish(path, to=accounts, progress=change, piece_bytes=100_000)
    assert (await served.client.list_posts())["posts"] == []
    assert (await served.client.upload(path))["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


async def test_settings_leave_a_name_of_several_platforms_to_the_server(
    served: Served, accounts: list[str], clip: Path
) -> None:
    with pytest.raises(ValidationError) as raised:
        await served.client.publish(clip, to=f"@{ACCOUNT}", settings={"bluesky": {"langs": ["en"]}})
    assert [one["code"] for one in raised.value.errors] == ["ambiguous_account"]
    assert all(name in str(raised.value) for name in accounts)


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
        await served.call(Clipcast("key", "http://127.0.0.1:1", retries=AT_ONCE).get_workspace)
    assert not failed.value.sent
