"""What every platform's refusals must become: a class, a code, who must act, and never a second video."""

from datetime import timedelta

import pytest

from clipcast.clock import clock
from clipcast.common.timestamps import parse_instant
from clipcast.testing.case import Case, Refusal
from clipcast.testing.crash_injection import Killed, killed_at
from clipcast.testing.harness import Stage

FINAL = ("invalid", "media", "policy")


async def test_each_refusal_is_classified(stage: Stage, case: Case, connection: str, refusal: Refusal) -> None:
    await stage.sandbox.fault(
        case.platform, refusal.request, "before", "status", status=refusal.status, body=refusal.body, times=100
    )
    post_id = await stage.post(connection, case.platform, case.metadata)
    before = clock.now()
    await stage.worker.run_due()
    item = await stage.item(post_id)
    error = item["error"]
    assert (error["class"], error["code"]) == (refusal.error_class, refusal.code)
    assert error["platform"]["http_status"] == refusal.status
    assert error["message"]
    assert error["fix"]
    assert error["actor"] in ("nobody", "caller", "account_owner", "operator", "platform")
    if refusal.error_class in FINAL:
        assert (item["status"], item["next_attempt_at"]) == ("failed", None)
    else:
        assert item["status"] == "processing"
        assert parse_instant(item["next_attempt_at"]) > before
    status = (await stage.caller.get(f"/connections/{connection}")).json()["status"]
    assert status == ("needs_reconnect" if refusal.error_class == "reconnect" else "active")


async def test_a_passing_trouble_passes(stage: Stage, case: Case, connection: str, request_name: str) -> None:
    await stage.sandbox.fault(case.platform, request_name, "before", "status", status=503, times=3)
    post_id = await stage.post(connection, case.platform, case.metadata)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    if request_name == case.irreversible and not case.certain:
        assert (item["status"], item["error"]["class"]) == ("failed", "outcome_unknown")
        return
    attempts = 1 if request_name in case.afterwards else 4
    # Where it cannot be resumed, looking for what was lost and starting over is an attempt of its own.
    assert item["attempts"] == (2 * attempts - 1 if request_name in case.starts_over else attempts)
    assert (item["status"], item["error"]) == ("published", None)
    assert len(await stage.sandbox.posts(case.platform)) == 1


async def test_trouble_with_an_aside_changes_nothing(stage: Stage, case: Case, connection: str, aside: str) -> None:
    await stage.sandbox.fault(case.platform, aside, "before", "status", status=503)
    post_id = await stage.post(connection, case.platform, case.metadata)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], item["error"], item["attempts"]) == ("published", None, 1)
    assert aside in await stage.sandbox.requests(case.platform)


async def test_a_lasting_trouble_ends(stage: Stage, case: Case, connection: str) -> None:
    await stage.sandbox.fault(case.platform, case.requests[0], "before", "status", status=503, times=1000)
    post_id = await stage.post(connection, case.platform, case.metadata)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]["class"], item["error"]["retryable"]) == ("failed", "transient", True)
    assert 2 < item["attempts"] < 20
    await stage.sandbox.clear_faults()
    retried = await stage.caller.post(f"/posts/{post_id}/items/{item['id']}/retry")
    assert (retried.status_code, retried.json()["status"]) == (202, "processing")
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"


async def test_trouble_that_lasts_after_sending_is_an_unknown_outcome(
    stage: Stage, case: Case, connection: str
) -> None:
    """The video may be live, so the item must not end as a mere failure; retried, it is looked for first."""
    post_id = await stage.post(connection, case.platform, case.metadata)
    with killed_at(case.irreversible, "after"), pytest.raises(Killed):
        await stage.worker.run_due()
    await stage.sandbox.fault(case.platform, "*", "before", "status", status=503, times=1000)
    clock.move(timedelta(seconds=10))
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]["class"]) == ("failed", "outcome_unknown")
    await stage.sandbox.clear_faults()
    await stage.caller.post(f"/posts/{post_id}/items/{item['id']}/retry")
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert item["status"] == "published" or not case.certain
    assert len(await stage.sandbox.posts(case.platform)) == 1


async def test_retry_after_is_obeyed(stage: Stage, case: Case, connection: str) -> None:
    limited = case.rate_limited
    await stage.sandbox.fault(
        case.platform, limited.request, "before", "status", status=limited.status, body=limited.body,
        headers={"Retry-After": "7200"},
    )  # fmt: skip
    post_id = await stage.post(connection, case.platform, case.metadata)
    before = clock.now()
    await stage.worker.run_due()
    item = await stage.item(post_id)
    assert item["error"]["class"] == "rate_limited"
    assert parse_instant(item["next_attempt_at"]) >= before + timedelta(seconds=7200)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"


async def test_a_rate_limit_without_retry_after_waits_by_itself(stage: Stage, case: Case, connection: str) -> None:
    limited = case.rate_limited
    await stage.sandbox.fault(
        case.platform, limited.request, "before", "status", status=limited.status, body=limited.body
    )
    post_id = await stage.post(connection, case.platform, case.metadata)
    before = clock.now()
    await stage.worker.run_due()
    item = await stage.item(post_id)
    assert parse_instant(item["next_attempt_at"]) >= before + timedelta(seconds=30)
    await stage.run_until_ended()
    assert len(await stage.sandbox.posts(case.platform)) == 1
