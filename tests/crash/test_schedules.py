"""Random schedules of faults and crashes, for every platform: never two videos, and a correct item.

`make test` runs the same few schedules each time, so that only a change can make it fail. `make prove` draws new ones
each time and prints the seed; SOAK=1 runs for hours.
"""

import hashlib
import os
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from clipcast.clock import clock
from clipcast.jobs.claimed import LEASE
from clipcast.testing.case import Case
from clipcast.testing.crash_injection import Killed, When, killed_at_calls
from clipcast.testing.harness import Stage

PROVING = "PROVE_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("PROVE_EXAMPLES", "8"))
# Longer than all delays of retries together with every wait that a platform may require.
MOST = timedelta(days=40)

# A platform may fail in any way during its work, but it rejects too many requests (429) before it does anything.
ANY_TIME = {
    "when": st.sampled_from(["before", "within", "after"]),
    "kind": st.sampled_from(["reset", "status"]),
    "status": st.sampled_from([500, 502, 503]),
    "bytes": st.sampled_from([0, 1000, 50_000]),
}
BEFORE = {"when": st.just("before"), "kind": st.just("status"), "status": st.just(429)}
EACH = {"request": st.integers(0, 100), "times": st.integers(1, 3)}
FAULTS = st.lists(st.fixed_dictionaries(EACH | ANY_TIME) | st.fixed_dictionaries(EACH | BEFORE), max_size=6)
DEATHS = st.dictionaries(st.integers(0, 25), st.sampled_from(["before", "after"]), max_size=3)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=not PROVING,
    database=None,
    print_blob=True,
    phases=[Phase.explicit, Phase.generate],  # shrinking a failure takes far longer than finding it
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(faults=FAULTS, deaths=DEATHS)
async def test_random_faults_and_crashes_leave_at_most_one_video(
    stage: Stage, case: Case, connection: str, faults: list[dict[str, Any]], deaths: dict[int, When]
) -> None:
    before = {post["post_id"] for post in await stage.sandbox.posts(case.platform)}
    await stage.sandbox.clear_faults()
    assert await case.connect(stage) == connection  # the previous example may have moved the clock by weeks
    for fault in faults:
        name = case.requests[fault["request"] % len(case.requests)]
        await stage.sandbox.fault(case.platform, name, **{k: v for k, v in fault.items() if k != "request"})
    post_id = await stage.post(connection, case.platform, case.metadata)
    with killed_at_calls(deaths):
        await _run_until_ended(stage)
    await stage.sandbox.clear_faults()
    item = await stage.item(post_id)
    posts = [post for post in await stage.sandbox.posts(case.platform) if post["post_id"] not in before]
    note(f"{case.name}: {item['status']} {item['error']}, {len(posts)} videos")
    assert len(posts) <= 1
    if item["status"] == "published":
        assert [post["sha256"] for post in posts] == [hashlib.sha256(stage.clip.read_bytes()).hexdigest()]
        assert (case.caption_of(posts[0]), posts[0]["visibility"]) == (case.caption, case.visibility)
        return
    assert item["status"] == "failed"
    # Unless the outcome is unknown, a failed item has no visible video.
    seen = [post for post in posts if post["visibility"] == case.visibility]
    assert item["error"]["class"] == "outcome_unknown" or seen == []


async def _run_until_ended(stage: Stage) -> None:
    """Run as `Stage.run_until_ended` does, with workers that may die."""
    moved = timedelta()
    while moved < MOST:
        try:
            if await stage.worker.run_due():
                continue
            due = await stage.next_event()
            if due is None:
                return
            step = max(due - clock.now(), timedelta()) + timedelta(milliseconds=5)
        except Killed:
            step = LEASE + timedelta(seconds=1)
        moved += step
        clock.move(step)
    raise AssertionError("the item did not come to an end")
