"""The crash matrix: a failure at each request leaves exactly one video with the right bytes, and a correct item."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from clipcast.clock import clock
from clipcast.database.hot_queries import Statement
from clipcast.jobs.claimed import LEASE, LeaseLost
from clipcast.jobs.journal import WRITE, Journal
from clipcast.jobs.timeline import Timeline
from clipcast.jobs.versions import Program
from clipcast.platforms.base import Absent
from clipcast.platforms.http import RESPONSE_TIME, PlatformHttp
from clipcast.platforms.registry import PLATFORMS
from clipcast.publishing.publication import PublicationRun
from clipcast.testing.case import Case
from clipcast.testing.checks import exactly_one_video
from clipcast.testing.crash_injection import Killed, When, killed_at
from clipcast.testing.harness import Stage
from clipcast.testing.loop_time import move_loop_time

# Seconds from the client's time-out to the platform's response.
LATE = 30


@pytest.mark.parametrize("when", ["before", "after"])
async def test_worker_killed_at_a_request_leaves_one_video(
    stage: Stage, case: Case, connection: str, request_name: str, when: When
) -> None:
    post_id = await stage.post(connection, case.platform, case.metadata)
    with killed_at(request_name, when), pytest.raises(Killed):
        await stage.run_all()
    assert await stage.worker.run_due() == 0  # its lease is still valid
    clock.move(LEASE + timedelta(seconds=1))
    await stage.run_until_ended()
    await exactly_one_video(stage, case, post_id)
    item = await stage.item(post_id)
    started_over = when == "before" and request_name in case.starts_over
    assert item["attempts"] == (3 if started_over else 2) or item["status"] == "failed"


@pytest.mark.parametrize("kind", ["reset", "status"])
@pytest.mark.parametrize("when", ["before", "within", "after"])
async def test_lost_response_leaves_one_video(
    stage: Stage, case: Case, connection: str, request_name: str, when: str, kind: str
) -> None:
    more = {"bytes": 100_000} if when == "within" else {}
    await stage.sandbox.fault(case.platform, request_name, when, kind, status=502, **more)
    post_id = await stage.post(connection, case.platform, case.metadata)
    await stage.run_until_ended()
    await exactly_one_video(stage, case, post_id)


async def test_response_after_the_timeout_leaves_one_video(
    stage: Stage, case: Case, connection: str, request_name: str
) -> None:
    """Publish one video if the platform does its work, but responds later than the client's time-out."""
    await stage.sandbox.fault(case.platform, request_name, "after", "delay", seconds=RESPONSE_TIME + LATE)
    post_id = await stage.post(connection, case.platform, case.metadata)
    run = asyncio.create_task(stage.run_until_ended())
    while (await stage.sandbox.client.get("/__sandbox/faults")).json() and not run.done():
        await asyncio.sleep(0.01)
    move_loop_time(RESPONSE_TIME)
    await run
    move_loop_time(LATE)
    await exactly_one_video(stage, case, post_id)
    path = f"/posts/{post_id}/items/{(await stage.item(post_id))['id']}/attempts"
    events = [event for attempt in (await stage.caller.get(path)).json()["attempts"] for event in attempt["events"]]
    assert [e for e in events if (e["kind"], e["name"], e["http_status"]) == ("request", request_name, None)]


async def test_token_rejected_at_a_request_leaves_one_video(
    stage: Stage, case: Case, connection: str, request_name: str
) -> None:
    """Reject the token at one request, after earlier ones succeeded. Some tokens only a person can renew."""
    if case.refresh_after:
        clock.move(case.refresh_after / 4)  # a token that is rejected right after it was issued is not refreshed
    status, body = case.token_refused
    await stage.sandbox.fault(case.platform, request_name, "before", "status", status=status, body=body)
    post_id = await stage.post(connection, case.platform, case.metadata)
    await stage.run_until_ended()
    if case.refresh_after is None:
        if request_name in case.afterwards:
            assert (await stage.item(post_id))["status"] == "published"  # without a URL of its own
            assert len(await stage.sandbox.posts(case.platform)) == 1
            return
        assert (await stage.item(post_id))["error"]["code"] == "token_refused"
        assert await case.connect(stage) == connection
        await stage.run_until_ended()
    await exactly_one_video(stage, case, post_id)


async def test_every_response_lost_twice_leaves_one_video(stage: Stage, case: Case, connection: str) -> None:
    for request in case.requests:
        await stage.sandbox.fault(case.platform, request, "after", "reset", times=2)
    post_id = await stage.post(connection, case.platform, case.metadata)
    await stage.run_until_ended()
    await exactly_one_video(stage, case, post_id)


async def test_frozen_worker_neither_writes_nor_sends(
    stage: Stage, case: Case, connection: str, request_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Freeze a worker with the response received, while another worker reclaims and ends the item."""
    frozen, thaw = asyncio.Event(), asyncio.Event()
    original = PlatformHttp.request

    async def request(self, name, *arguments, **options):  # type: ignore[no-untyped-def]
        response = await original(self, name, *arguments, **options)
        if name == request_name and not frozen.is_set():
            frozen.set()
            await thaw.wait()
        return response

    monkeypatch.setattr(PlatformHttp, "request", request)
    post_id = await stage.post(connection, case.platform, case.metadata)
    first = asyncio.create_task(stage.run_all())
    await frozen.wait()
    clock.move(LEASE + timedelta(seconds=1))
    second = Stage(stage.installation, stage.caller, stage.sandbox, stage.clip)
    await second.run_until_ended()
    await exactly_one_video(stage, case, post_id)
    sent = len(await stage.sandbox.requests(case.platform))
    thaw.set()
    await first
    await second.close()
    assert len(await stage.sandbox.requests(case.platform)) == sent
    await exactly_one_video(stage, case, post_id)


async def test_two_workers_run_each_item_once(stage: Stage, case: Case, connection: str) -> None:
    posts = [await stage.post(connection, case.platform, case.metadata) for _ in range(5)]
    other = stage.new_worker()
    await asyncio.gather(*(worker.run_due() for worker in (stage.worker, other) for _ in range(2)))
    await other.close()
    await stage.run_until_ended()
    assert {(await stage.item(post))["status"] for post in posts} == {"published"}
    assert len(await stage.sandbox.posts(case.platform)) == 5


async def test_without_the_journal_the_matrix_reports_two_videos(
    stage: Stage, case: Case, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prove that the matrix can fail: without the journal, it finds two videos."""

    async def forget(self: Journal, name: str, entry: object) -> None:
        pass

    monkeypatch.setattr(Journal, "_write", forget)
    monkeypatch.setattr(Journal, "time_since", lambda self, name: timedelta())
    post_id = await stage.post(connection, case.platform, case.metadata)
    with killed_at(case.irreversible, "after"), pytest.raises(Killed):
        await stage.worker.run_due()
    clock.move(LEASE + timedelta(seconds=1))
    await stage.run_until_ended()
    assert len(await stage.sandbox.posts(case.platform)) == 2
    with pytest.raises(AssertionError):
        await exactly_one_video(stage, case, post_id)


async def test_without_reconciling_the_matrix_reports_two_videos(
    stage: Stage, case: Case, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prove that only `reconcile` prevents a second video, if the platform does not prevent it."""
    send_once = PublicationRun.send_once

    async def blind(self: PublicationRun, name: str, send: Any, reconcile: Any, *rest: Any, **more: Any) -> Any:
        async def absent() -> Absent:
            return Absent()

        return await send_once(self, name, send, absent, *rest, **more)

    monkeypatch.setattr(PublicationRun, "send_once", blind)
    post_id = await stage.post(connection, case.platform, case.metadata)
    with killed_at(case.irreversible, "after"), pytest.raises(Killed):
        await stage.run_all()
    clock.move(LEASE + timedelta(seconds=1))
    await stage.run_until_ended()
    assert len(await stage.sandbox.posts(case.platform)) == (2 if case.looked_for else 1)
    if case.looked_for:
        with pytest.raises(AssertionError):
            await exactly_one_video(stage, case, post_id)


async def test_without_the_fencing_token_a_frozen_worker_writes(
    stage: Stage, case: Case, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prove that without the check of the token a late worker overwrites another worker's result."""
    post_id = await stage.post(connection, case.platform, case.metadata)
    [claimed] = await stage.claim()
    clock.move(LEASE + timedelta(seconds=1))
    await stage.run_until_ended()
    claimed.lease.worker.good_until = clock.monotonic() + 1000  # it does not notice that its lease has ended
    timeline, program = Timeline(claimed.attempt_id), Program.of(PLATFORMS[case.platform])
    journal = Journal(stage.installation.database, stage.installation.vault, claimed, timeline, program)
    journal.progress = 3
    with pytest.raises(LeaseLost):
        await journal.finish("late", "worker")
    unfenced = Statement(WRITE.named.replace("AND fence = :fence AND state = 'running'", ""))
    monkeypatch.setattr("clipcast.jobs.journal.WRITE", unfenced)
    await journal.finish("late", "worker")
    assert (await stage.item(post_id))["progress"] == 3
