"""Pinterest's own behaviour: Clipcast searches for a lost Pin and never creates it again by itself."""

from datetime import timedelta

import pytest

from clipcast.clock import clock
from clipcast.jobs.claimed import LEASE
from clipcast.testing.crash_injection import Killed, killed_at
from clipcast.testing.harness import Stage
from tests.conformance.pinterest import BASE


async def lose_response(stage: Stage, when: str = "after") -> str:
    """Create a post whose worker dies before or after the request for the Pin."""
    post_id = await stage.post(await stage.connect("pinterest"), "pinterest", BASE)
    with killed_at("pin", when), pytest.raises(Killed):  # type: ignore[arg-type]
        await stage.worker.run_due()
    clock.move(LEASE + timedelta(seconds=1))
    return post_id


async def test_lost_pin_is_found_on_its_board(stage: Stage) -> None:
    """After a lost response, the board shows the Pin."""
    post_id = await lose_response(stage)
    await stage.run_until_ended()
    [post] = await stage.sandbox.posts("pinterest")
    item = await stage.item(post_id)
    assert (item["status"], item["platform_post_id"]) == ("published", post["post_id"])


async def test_lagging_board_is_searched_again(stage: Stage) -> None:
    """An item with an unknown outcome is published once the board shows its Pin."""
    await stage.sandbox.settings(pinterest={"listing_delay_seconds": 600})
    post_id = await lose_response(stage)
    await stage.worker.run_due()
    waiting = await stage.item(post_id)
    assert (waiting["status"], waiting["error"]["class"]) == ("processing", "outcome_unknown")
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert len(await stage.sandbox.posts("pinterest")) == 1


async def test_missing_pin_is_created_only_with_force(stage: Stage) -> None:
    """The item ends as `outcome_unknown`; only `force=true` creates the Pin."""
    post_id = await lose_response(stage, "before")
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


async def test_similar_pin_of_other_item_is_not_matched(stage: Stage) -> None:
    """A Pin with the same texts on the same board belongs to another item."""
    other = await stage.post(await stage.connect("pinterest"), "pinterest", BASE)
    await stage.run_until_ended()
    assert (await stage.item(other))["status"] == "published"
    post_id = await lose_response(stage, "before")
    await stage.worker.run_due()
    assert (await stage.item(post_id))["error"]["class"] == "outcome_unknown"


async def test_trial_access_is_an_error_for_the_operator(stage: Stage) -> None:
    """An app with trial access cannot create Pins: the operator must act."""
    await stage.sandbox.settings(pinterest={"trial": True})
    post_id = await stage.post(await stage.connect("pinterest"), "pinterest", BASE)
    await stage.run_until_ended()
    error = (await stage.item(post_id))["error"]
    assert (error["class"], error["code"], error["actor"]) == ("policy", "trial_access", "operator")
