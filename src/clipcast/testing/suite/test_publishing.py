"""What every platform must do when nothing, or something ordinary, goes wrong."""

from datetime import timedelta

from clipcast.clock import clock
from clipcast.testing.case import Case, MediaFailure
from clipcast.testing.checks import only_post
from clipcast.testing.harness import Stage


async def test_publishes_the_clip_once(stage: Stage, case: Case, connection: str) -> None:
    post_id = await stage.post(connection, case.platform, case.metadata)
    await stage.run_until_ended()
    item, post = await stage.item(post_id), await only_post(stage, case)
    assert (await stage.show(post_id))["status"] == "completed"
    assert (item["status"], item["progress"], item["error"], item["attempts"]) == ("published", 100, None, 1)
    assert item["warnings"] == []
    assert (item["platform_post_id"], item["platform_post_url"]) == (post["post_id"], post["url"])
    assert (case.caption_of(post), post["visibility"]) == (case.caption, case.visibility)
    assert await stage.sandbox.requests(case.platform) == [*case.asides, *case.requests]


async def test_every_field_arrives(stage: Stage, case: Case, connection: str) -> None:
    post_id = await stage.post(connection, case.platform, case.everything)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert case.full_caption == case.caption_of(await only_post(stage, case))


async def test_waits_while_the_platform_processes(stage: Stage, case: Case, connection: str) -> None:
    await stage.sandbox.settings(**{case.platform: {"processing_seconds": 90}})
    post_id = await stage.post(connection, case.platform, case.metadata)
    await stage.worker.run_due()
    item = await stage.item(post_id)
    assert (item["status"], item["stage"]) == ("processing", "waiting")
    assert item["next_attempt_at"] is not None
    await stage.run_until_ended()
    assert (await stage.item(post_id))["attempts"] == 1
    await only_post(stage, case)


async def test_processing_that_never_ends_is_an_unknown_outcome(stage: Stage, case: Case, connection: str) -> None:
    await stage.sandbox.settings(**{case.platform: {"never_finish": True}})
    post_id = await stage.post(connection, case.platform, case.metadata)
    await stage.run_until_ended(timedelta(days=4), least=timedelta(minutes=10))
    item = await stage.item(post_id)
    assert (item["status"], item["error"]["class"]) == ("failed", case.never_ends)
    assert (await stage.sandbox.requests(case.platform)).count(case.irreversible) <= 1


async def test_a_file_that_the_platform_refuses_fails_once(
    stage: Stage, case: Case, connection: str, media_failure: MediaFailure
) -> None:
    await stage.sandbox.change_account(case.platform, **media_failure.account)
    post_id = await stage.post(connection, case.platform, case.metadata)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    # What the owner can mend by connecting the account again is waited for.
    status = "processing" if media_failure.error_class == "reconnect" else "failed"
    assert (item["error"]["class"], item["error"]["code"]) == (media_failure.error_class, media_failure.code)
    assert (item["status"], (await stage.show(post_id))["status"]) == (status, status)
    assert (await stage.sandbox.requests(case.platform)).count(case.irreversible) <= 1
    assert len(await stage.sandbox.posts(case.platform)) == int(media_failure.leaves_object)


async def test_a_scheduled_post_starts_at_its_time(stage: Stage, case: Case, connection: str) -> None:
    edit = await stage.store(stage.clip)
    at = clock.now() + timedelta(hours=20)
    target = {"connectionId": connection, "metadata": {case.platform: case.metadata}}
    body = {"videos": [{"editId": edit, "targets": [target]}], "scheduled_at": at.isoformat()}
    post_id = (await stage.caller.post("/posts", body)).json()["post_id"]
    assert await stage.worker.run_due() == 0
    clock.move(timedelta(hours=19, minutes=59))
    assert await stage.worker.run_due() == 0
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    await only_post(stage, case)
