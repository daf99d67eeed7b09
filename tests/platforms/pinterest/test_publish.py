"""What is special about Pinterest: a lost Pin is looked for, and never made again by itself."""

from datetime import timedelta

import pytest

from clipcast.clock import clock
from clipcast.jobs.queue import LEASE
from tests.conformance.pinterest import BASE
from tests.crash.crash_injection import Killed, killed_at
from tests.harness import Stage


async def lose_the_answer(stage: Stage, when: str = "after") -> str:
    """Posts a Pin whose worker dies around the call that makes it."""
    post_id = await stage.post(await stage.connect("pinterest"), "pinterest", BASE)
    with killed_at("pin", when), pytest.raises(Killed):  # type: ignore[arg-type]
        await stage.worker.run_due()
    clock.move(LEASE + timedelta(seconds=1))
    return post_id


async def test_a_lost_pin_is_found_on_its_board(stage: Stage) -> None:
    post_id = await lose_the_answer(stage)
    await stage.run_until_ended()
    [post] = await stage.sandbox.posts("pinterest")
    item = await stage.item(post_id)
    assert (item["status"], item["platform_post_id"]) == ("published", post["post_id"])


async def test_a_list_that_lags_is_asked_again(stage: Stage) -> None:
    await stage.sandbox.settings(pinterest={"listing_delay_seconds": 600})
    post_id = await lose_the_answer(stage)
    await stage.worker.run_due()
    waiting = await stage.item(post_id)
    assert (waiting["status"], waiting["error"]["class"]) == ("processing", "outcome_unknown")
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert len(await stage.sandbox.posts("pinterest")) == 1


async def test_a_pin_that_is_nowhere_is_a_persons_to_decide(stage: Stage) -> None:
    post_id = await lose_the_answer(stage, "before")
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]["class"], item["error"]["actor"]) == (
        "failed", "outcome_unknown", "account_owner",
    )  # fmt: skip
    assert (await stage.sandbox.requests("pinterest")).count("pin") == 0
    await stage.caller.post(f"/posts/{post_id}/items/{item['id']}/retry", params={"force": "true"})
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert len(await stage.sandbox.posts("pinterest")) == 1


async def test_the_pin_of_another_item_is_not_taken(stage: Stage) -> None:
    """The same texts went to the same board a minute ago: that Pin is the other item's."""
    other = await stage.post(await stage.connect("pinterest"), "pinterest", BASE)
    await stage.run_until_ended()
    assert (await stage.item(other))["status"] == "published"
    post_id = await lose_the_answer(stage, "before")
    await stage.worker.run_due()
    assert (await stage.item(post_id))["error"]["class"] == "outcome_unknown"


async def test_trial_access_is_the_operators_to_settle(stage: Stage) -> None:
    await stage.sandbox.settings(pinterest={"trial": True})
    post_id = await stage.post(await stage.connect("pinterest"), "pinterest", BASE)
    await stage.run_until_ended()
    error = (await stage.item(post_id))["error"]
    assert (error["class"], error["code"], error["actor"]) == ("policy", "trial_access", "operator")
