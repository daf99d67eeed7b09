"""A worker runs a round that another version of the program began only if that cannot publish a second video."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from clipcast.jobs.versions import Action, Entries, Program, decide, may_be_seen, pin, runnable_pins
from clipcast.platforms.base import SavedEntry
from clipcast.platforms.registry import PLATFORMS

AT = datetime(2026, 1, 1, tzinfo=UTC)
STEP = SavedEntry({"id": "v1"}, finished_at=AT)
INTENT = SavedEntry(intended_at=AT)
SENT = replace(INTENT, result="p1", finished_at=AT)
INVISIBLE = replace(INTENT, publishes=False)
OLD, CURRENT, NEWER = (Program("kelp.publish", version) for version in (1, 2, 3))


def rename(entries: Entries) -> Entries:
    return {{"send": "publish"}.get(name, name): entry for name, entry in entries.items()}


@pytest.mark.parametrize(
    ("pinned", "entries", "live", "action"),
    [
        (None, {}, False, Action.PIN),
        (None, {}, True, Action.PIN),
        (OLD, {}, False, Action.PIN),
        (CURRENT, {}, False, Action.RUN),
        (CURRENT, {"send": INTENT}, False, Action.RUN),
        (CURRENT, {"send": SENT}, True, Action.RUN),
        (OLD, {"video": STEP}, False, Action.NEW_ROUND),
        (OLD, {"video": STEP, "upload": INVISIBLE}, False, Action.NEW_ROUND),
        (OLD, {"video": STEP, "send": INTENT}, False, Action.LEAVE),
        (OLD, {"video": STEP, "send": SENT}, False, Action.LEAVE),
        (OLD, {"video": STEP, "send": SENT}, True, Action.LEAVE),
        (OLD, {"video": STEP}, True, Action.LEAVE),
        (OLD, {}, True, Action.LEAVE),
        (NEWER, {}, False, Action.LEAVE),
        (NEWER, {"video": STEP}, False, Action.LEAVE),
        (NEWER, {"send": SENT}, True, Action.LEAVE),
        (Program("weed.publish", 2), {}, False, Action.LEAVE),
    ],
)
def test_decision_without_continues_follows_the_entries(
    pinned: Program | None, entries: Entries, live: bool, action: Action
) -> None:
    assert decide(pinned, CURRENT, entries, live, {}).action == action


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("guard", [INTENT, SENT, replace(INTENT, exists=True)])
def test_declared_version_continues_with_its_entries(guard: SavedEntry, live: bool) -> None:
    decision = decide(OLD, CURRENT, {"video": STEP, "send": guard}, live, {1: rename})
    assert (decision.action, decision.entries) == (Action.CONTINUE, {"video": STEP, "publish": guard})


def test_declared_version_continues_steps_without_a_new_round() -> None:
    assert decide(OLD, CURRENT, {"video": STEP}, False, {1: rename}).action == Action.CONTINUE


def test_newer_version_is_left_alone_whatever_is_declared() -> None:
    assert decide(NEWER, CURRENT, {"send": INTENT}, False, {1: rename, 3: rename}).action == Action.LEAVE


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (INTENT, {}),
        (INTENT, {"publish": STEP}),
        (INTENT, {"publish": INVISIBLE}),
        (SENT, {"publish": INTENT}),
        (replace(INTENT, exists=True), {"publish": INTENT}),
    ],
)
def test_continue_that_loses_a_guarded_request_is_not_followed(before: SavedEntry, after: Entries) -> None:
    assert decide(OLD, CURRENT, {"send": before}, False, {1: lambda entries: after}).action == Action.LEAVE


def test_only_a_publishing_intent_may_be_seen() -> None:
    assert [may_be_seen({"one": entry}) for entry in (STEP, INVISIBLE, INTENT, SENT)] == [False, False, True, True]


def test_program_is_pinned_and_parsed() -> None:
    program = Program.of(PLATFORMS["tiktok"])
    assert [pin(program, seen) for seen in (False, True)] == ["tiktok.publish@1", "tiktok.publish@1!"]
    assert {Program.parse(pin(program, seen)) for seen in (False, True)} == {program}
    assert str(Program.of(PLATFORMS["tiktok"], 7)) == "tiktok.publish@7"


def test_worker_takes_older_rounds_that_it_continues_or_starts_over() -> None:
    platform = replace(PLATFORMS["tiktok"], version=3, continues={2: rename})
    assert runnable_pins([platform]) == [
        "tiktok.publish@1",
        "tiktok.publish@2",
        "tiktok.publish@2!",
        "tiktok.publish@3",
        "tiktok.publish@3!",
    ]
