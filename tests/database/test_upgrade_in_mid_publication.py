"""The migration to the table of jobs while items are published: each ends as one video, with its attempts."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from clipcast.clock import clock
from clipcast.database import Database
from clipcast.database.embedded import EmbeddedServer
from clipcast.database.models.connections import Connection
from clipcast.database.models.jobs import JobState, Worker
from clipcast.jobs.claimed import LEASE
from clipcast.testing.case import Case
from clipcast.testing.checks import exactly_one_video, only_post
from clipcast.testing.crash_injection import Killed, When, killed_at
from clipcast.testing.harness import Stage
from tests.database.databases import new_database
from tests.database.former_release import former_form

PROVING = "PROVE_EXAMPLES" in os.environ
# A lease outlasts the migrations, which take longer on a slow machine.
LONGER = timedelta(minutes=5)
# Platforms that differ most: pieces, a session, a URL. Without `make prove`, the others run what is most likely to
# publish twice.
USUAL = ("tiktok", "youtube", "instagram")


@pytest.fixture
async def database(server: EmbeddedServer) -> AsyncIterator[Database]:
    """Make a database for the test alone, because other tests need the current form of theirs."""
    async with new_database(server) as database:
        yield database


async def killed(stage: Stage, case: Case, connection: str, request: str, when: When) -> str:
    """Kill the worker at a request. Its lease is still valid."""
    post_id = await stage.post(connection, case.platform, case.metadata)
    with killed_at(request, when), pytest.raises(Killed):
        await stage.run_all()
    return post_id


async def killed_before_it_sent(stage: Stage, case: Case, connection: str) -> str:
    return await killed(stage, case, connection, case.irreversible, "before")


async def killed_after_it_sent(stage: Stage, case: Case, connection: str) -> str:
    return await killed(stage, case, connection, case.irreversible, "after")


async def killed_at_its_last_request(stage: Stage, case: Case, connection: str) -> str:
    return await killed(stage, case, connection, case.requests[-1], "after")


async def waits_for_processing(stage: Stage, case: Case, connection: str) -> str:
    await stage.sandbox.settings(**{case.platform: {"processing_seconds": 90}})
    post_id = await stage.post(connection, case.platform, case.metadata)
    await stage.worker.run_due()
    assert (await stage.item(post_id))["stage"] == "waiting"
    return post_id


async def waits_for_its_retry(stage: Stage, case: Case, connection: str) -> str:
    await stage.sandbox.fault(case.platform, case.irreversible, "before", "status", status=502)
    post_id = await stage.post(connection, case.platform, case.metadata)
    while (await stage.sandbox.client.get("/__sandbox/faults")).json():
        await stage.worker.run_due()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]["class"]) in [("processing", "transient"), ("processing", "outcome_unknown")]
    return post_id


async def waits_for_its_account(stage: Stage, case: Case, connection: str) -> str:
    post_id = await stage.post(connection, case.platform, case.metadata)
    async with stage.installation.database.begin() as session:
        row = await session.get_one(Connection, UUID(connection))
        row.status, row.status_reason = "needs_reconnect", "It was revoked."
    await stage.worker.run_due()
    assert (await stage.job(post_id)).state == JobState.HELD
    return post_id


async def is_scheduled(stage: Stage, case: Case, connection: str) -> str:
    target = {"connectionId": connection, "metadata": {case.platform: case.metadata}}
    at = (clock.now() + timedelta(hours=20)).isoformat()
    body = {"videos": [{"editId": await stage.caller.upload(stage.clip), "targets": [target]}], "scheduled_at": at}
    return str((await stage.caller.post("/posts", body)).json()["post_id"])


async def is_ready(stage: Stage, case: Case, connection: str) -> str:
    return await stage.post(connection, case.platform, case.metadata)


SITUATIONS = (
    killed_before_it_sent,
    killed_after_it_sent,
    killed_at_its_last_request,
    waits_for_processing,
    waits_for_its_retry,
    waits_for_its_account,
    is_scheduled,
    is_ready,
)


async def attempts(stage: Stage, post_id: str) -> list[dict[str, Any]]:
    path = f"/posts/{post_id}/items/{(await stage.item(post_id))['id']}/attempts"
    found: list[dict[str, Any]] = (await stage.caller.get(path)).json()["attempts"]
    return found


async def migrate(stage: Stage, post_id: str) -> Callable[[], Awaitable[None]]:
    """Migrate from the release before, and return a check that the item's attempts are kept."""
    before, shown = await attempts(stage, post_id), await stage.item(post_id)
    async with former_form(stage.installation.database):
        pass
    # A run under way becomes a wait for the end of its lease.
    changed = {"next_attempt_at", "updated_at", "can_delete"}
    after = await stage.item(post_id)
    assert {k: v for k, v in after.items() if k not in changed} == {k: v for k, v in shown.items() if k not in changed}

    async def kept() -> None:
        for old, new in zip(before, await attempts(stage, post_id), strict=False):
            assert (old["number"], old["started_at"]) == (new["number"], new["started_at"])
            assert old["decision"] is None or old["decision"] == new["decision"]
            assert new["events"][: len(old["events"])] == old["events"]
            assert new["decision"] is not None
        if (await stage.item(post_id))["status"] == "published":
            assert len(await attempts(stage, post_id)) <= len(before) + 2  # one that was lost, one that starts over

    return kept


@pytest.mark.default_methods
@pytest.mark.parametrize("situation", SITUATIONS)
async def test_item_in_flight_ends_as_one_video(
    stage: Stage, case: Case, connection: str, situation: Callable[[Stage, Case, str], Awaitable[str]]
) -> None:
    if not PROVING and case.platform not in USUAL and situation is not killed_after_it_sent:
        pytest.skip("It takes minutes: make prove.")
    post_id = await situation(stage, case, connection)
    held = (await stage.job(post_id)).state == JobState.HELD
    running = (await stage.job(post_id)).state == JobState.RUNNING
    if running:
        async with stage.installation.database.begin() as session:
            await session.execute(update(Worker).values(lease_until=Worker.lease_until + LONGER))
    kept = await migrate(stage, post_id)
    if running:  # the lease of the former worker is respected
        assert await stage.worker.run_due() == 0
        clock.move(LEASE + LONGER + timedelta(seconds=1))
    if held:
        assert (await stage.job(post_id)).state == JobState.HELD
        assert await case.connect(stage) == connection
    await stage.run_until_ended()
    await exactly_one_video(stage, case, post_id)
    await kept()


@pytest.mark.default_methods
async def test_live_video_gets_its_remaining_steps(stage: Stage, case: Case, connection: str) -> None:
    post_id = await stage.post(connection, case.platform, case.everything)
    while (await stage.item(post_id))["status"] != "published":
        if not await stage.worker.run_due():
            clock.move(timedelta(minutes=1))
    requests = await stage.sandbox.requests(case.platform)
    needs_finish = await stage.next_event() is not None
    kept = await migrate(stage, post_id)
    assert (await stage.next_event() is not None) == needs_finish
    await stage.run_until_ended()
    post, item = await only_post(stage, case), await stage.item(post_id)
    assert case.caption_of(post) == case.full_caption
    assert (item["status"], item["warnings"]) == ("published", [])
    assert (await stage.sandbox.requests(case.platform))[: len(requests)] == requests
    assert (await stage.sandbox.requests(case.platform)).count(case.irreversible) == requests.count(case.irreversible)
    assert len(await attempts(stage, post_id)) == 1
    await kept()


@pytest.mark.default_methods
async def test_failed_item_stays_failed_until_a_caller_retries_it(stage: Stage, case: Case, connection: str) -> None:
    if not PROVING and case.platform not in USUAL:
        pytest.skip("It takes minutes: make prove.")
    refusal = next(one for one in case.refusals if one.error_class in ("invalid", "policy", "media"))
    more = {"status": refusal.status, "body": refusal.body}
    await stage.sandbox.fault(case.platform, refusal.request, "before", "status", **more)
    post_id = await stage.post(connection, case.platform, case.metadata)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "failed"
    kept = await migrate(stage, post_id)
    assert await stage.next_event() is None
    item = await stage.item(post_id)
    assert (await stage.caller.post(f"/posts/{post_id}/items/{item['id']}/retry")).status_code == 202
    await stage.run_until_ended()
    await exactly_one_video(stage, case, post_id)
    await kept()


async def test_warnings_of_optional_steps_are_kept_and_added_once(stage: Stage) -> None:
    """Migrate between a step that was given up and one that has yet to be tried again."""
    connection = await stage.connect("youtube")
    await stage.sandbox.fault("youtube", "thumbnail", "before", "status", status=503, times=1)
    await stage.sandbox.settings(youtube={"playlist_size": 0})
    playlist = next(iter(stage.sandbox.simulators["youtube"].playlists))
    metadata = {"title": "Tide", "thumbnailUrl": stage.sandbox.url + "/__sandbox/picture.png", "playlistId": playlist}
    post_id = await stage.post(connection, "youtube", metadata)
    await stage.worker.run_due()
    await stage.worker.run_due()
    requests = await stage.sandbox.requests("youtube")
    assert (requests.count("thumbnail"), requests.count("playlist_insert")) == (1, 1)
    await migrate(stage, post_id)
    await stage.run_until_ended()
    item, requests = await stage.item(post_id), await stage.sandbox.requests("youtube")
    assert [warning["code"] for warning in item["warnings"]] == ["not_in_playlist"]
    assert (requests.count("thumbnail"), requests.count("playlist_insert")) == (2, 1)
    assert len(await stage.sandbox.posts("youtube")) == 1
    [attempt] = await attempts(stage, post_id)
    assert attempt["decision"] == "published"


@pytest.mark.skipif(not PROVING, reason="It takes minutes: make prove.")
@pytest.mark.parametrize("when", ["before", "after"])
async def test_item_killed_at_any_request_ends_as_one_video(
    stage: Stage, case: Case, connection: str, request_name: str, when: When
) -> None:
    post_id = await killed(stage, case, connection, request_name, when)
    kept = await migrate(stage, post_id)
    clock.move(LEASE + LONGER + timedelta(seconds=1))
    await stage.run_until_ended()
    await exactly_one_video(stage, case, post_id)
    await kept()
